"""The metrics, their documentation and the alert rules agree; promtool checks each of them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from django.utils import timezone

from jobs.api import metrics
from jobs.api.metrics import exposition
from jobs.queries.queue_states import queue_states
from tests.consumers import ROOT
from tests.factories import end, make_consumer, record, take_one
from tests.prometheus import declared, promtool

DOCS = ROOT / "jobs" / "docs"
ALERTS = DOCS / "monitoring" / "alerts.yml"
DASHBOARD = DOCS / "monitoring" / "dashboard.json"


def expressions() -> list[str]:
    """Those of the dashboard, with Grafana's variables filled in."""
    panels = json.loads(DASHBOARD.read_text(encoding="utf-8"))["panels"]
    found = [target["expr"] for panel in panels for target in panel["targets"]]
    return [one.replace("$__rate_interval", "5m").replace("$queue", ".*") for one in found]


@pytest.fixture
def output(db: None, monkeypatch: pytest.MonkeyPatch) -> str:
    """Metrics of everything that there is to show."""
    monkeypatch.setattr(metrics, "known_depths", lambda queues: dict.fromkeys(queues, 1))
    make_consumer()
    record()
    end(take_one(), seconds=0.5)
    now = timezone.now()
    return exposition(queue_states(now), now)


def test_the_table_lists_every_metric_with_its_type(output: str) -> None:
    text = (DOCS / "monitoring.md").read_text(encoding="utf-8")
    table = text.partition("<!-- the metrics -->")[2].partition("\n## ")[0]
    rows = [line.split(" | ") for line in table.splitlines() if line.startswith("| `")]
    listed = {name: row[1] for row in rows for name in re.findall(r"`(\w+)`", row[0])}
    assert listed == declared(output)


def test_the_rules_name_metrics_that_exist(output: str) -> None:
    known = set(declared(output))
    expressions = ALERTS.read_text(encoding="utf-8").replace("queue:jobdesk_jobs_submitted", "")
    named = set(re.findall(r"\bjobdesk_\w+", expressions))
    assert len(named) > 8
    assert named - known == set()


@pytest.mark.promtool
def test_promtool_finds_nothing_in_the_metrics(output: str) -> None:
    assert promtool("check", "metrics", text=output) == ""


@pytest.mark.promtool
def test_promtool_accepts_the_rules() -> None:
    assert "SUCCESS" in promtool("check", "rules", ALERTS)


SERIES = {
    "JobdeskDown": {'up{job="jobdesk"}': "0x120"},
    "JobdeskNotReady": {"jobdesk_ready": "1x60 0x60"},
    "JobdeskNoConsumer": {
        'jobdesk_jobs{queue="q",status="queued"}': "3x120",
        'jobdesk_queue_consumers{queue="q"}': "0x120",
    },
    "JobdeskHeartbeatStale": {"jobdesk_last_heartbeat_timestamp_seconds": "0x120"},
    "JobdeskWaitsTooLong": {'jobdesk_oldest_waiting_seconds{queue="q"}': "1000x120"},
    "JobdeskFailing": {
        'jobdesk_jobs_finished_total{task="t",queue="q",status="failed"}': "0+5x120",
        'jobdesk_jobs_finished_total{task="t",queue="q",status="succeeded"}': "0+5x120",
    },
    "JobdeskBacklogGrows": {'jobdesk_jobs{queue="q",status="queued"}': "2000+10x120"},
    "JobdeskSlotsBusy": {
        'jobdesk_queue_slots_busy{queue="q"}': "4x120",
        'jobdesk_queue_slots{queue="q"}': "4x120",
    },
    "JobdeskAttemptsLost": {'jobdesk_attempts_total{task="t",queue="q",outcome="lost"}': "0+1x120"},
    "JobdeskQuarantine": {"jobdesk_quarantined_messages": "1x120"},
    "JobdeskPruneOverdue": {"jobdesk_prune_overdue_seconds": "90000x120"},
}

NEARLY = {
    "JobdeskDown": {'up{job="jobdesk"}': "1x120", 'up{job="other"}': "0x120"},
    "JobdeskNotReady": {"jobdesk_ready": "1x108 0 1x20"},
    "JobdeskNoConsumer": {
        'jobdesk_jobs{queue="q",status="queued"}': "3x120",
        'jobdesk_queue_consumers{queue="q"}': "1x120",
        'jobdesk_queue_consumers{queue="empty"}': "0x120",
    },
    "JobdeskHeartbeatStale": {"jobdesk_last_heartbeat_timestamp_seconds": "-60+60x120"},
    "JobdeskWaitsTooLong": {
        'jobdesk_oldest_waiting_seconds{queue="q"}': "899x120",
        'jobdesk_oldest_waiting_seconds{queue="paused"}': "9000x120",
        'jobdesk_queue_paused{queue="paused"}': "1x120",
    },
    "JobdeskFailing": {
        'jobdesk_jobs_finished_total{task="t",queue="q",status="failed"}': "0+5x120",
        'jobdesk_jobs_finished_total{task="t",queue="q",status="succeeded"}': "0+50x120",
    },
    "JobdeskBacklogGrows": {
        'jobdesk_jobs{queue="q",status="queued"}': "9000-10x120",
        'jobdesk_jobs{queue="q",status="scheduled"}': "2000+10x120",
    },
    "JobdeskSlotsBusy": {
        'jobdesk_queue_slots_busy{queue="q"}': "3x120",
        'jobdesk_queue_slots{queue="q"}': "4x120",
        'jobdesk_queue_slots_busy{queue="unserved"}': "0x120",
        'jobdesk_queue_slots{queue="unserved"}': "0x120",
    },
    "JobdeskAttemptsLost": {
        'jobdesk_attempts_total{task="t",queue="q",outcome="lost"}': "0x105 2x15",
        'jobdesk_attempts_total{task="t",queue="q",outcome="released"}': "0+1x120",
    },
    "JobdeskQuarantine": {"jobdesk_quarantined_messages": "0x120"},
    "JobdeskPruneOverdue": {"jobdesk_prune_overdue_seconds": "86400x120"},
}
"""What is no reason to alert, though it comes close."""


def rule_test(alert: str, series: dict[str, str], *, fires: bool) -> str:
    inputs = "".join(
        f"      - series: '{name}'\n        values: '{values}'\n" for name, values in series.items()
    )
    # How many alerts there are is all that is asked: their texts are for people.
    one = "exp_samples: [{labels: '{}', value: 1}]"
    value = one if fires else "exp_samples: []"
    return f"""
rule_files: ['{ALERTS.as_posix()}']
evaluation_interval: 1m
tests:
  - interval: 1m
    input_series:
{inputs}    promql_expr_test:
      - expr: count(ALERTS{{alertname="{alert}",alertstate="firing"}})
        eval_time: 110m
        {value}
"""


@pytest.mark.promtool
def test_each_alert_fires_when_it_should_and_only_then(tmp_path: Path) -> None:
    alerts = re.findall(r"- alert: (\w+)", ALERTS.read_text(encoding="utf-8"))
    assert set(alerts) == set(SERIES) == set(NEARLY)
    files = []
    for alert, series in SERIES.items():
        for fires, values in ((True, series), (False, NEARLY[alert])):
            path = tmp_path / f"{alert}-{fires}.yml"
            path.write_text(rule_test(alert, values, fires=fires), encoding="utf-8")
            files.append(path)
    assert "FAILED" not in promtool("test", "rules", *files)


def test_the_dashboard_names_metrics_that_exist(output: str) -> None:
    known = declared(output)
    series = {name + end for name in known for end in ("", "_bucket")}
    named = [set(re.findall(r"\bjobdesk_\w+", one)) for one in expressions()]
    assert len(named) > 8
    assert all(named)
    assert set().union(*named) - series == set()


@pytest.mark.promtool
def test_promtool_accepts_the_expressions_of_the_dashboard(tmp_path: Path) -> None:
    rules = [{"record": f"panel:{n}", "expr": one} for n, one in enumerate(expressions())]
    path = tmp_path / "dashboard.yml"  # JSON is YAML
    path.write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}))
    assert f"{len(rules)} rules found" in promtool("check", "rules", path)
