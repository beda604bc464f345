"""funboost's own SQLite queue, which Jobdesk does not use; it needs all that funboost requires."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from tests.benchmarks import task_functions
from tests.benchmarks.sandbox import Sandbox
from tests.benchmarks.systems.base import SITE, System

CONFIG = """
from funboost.utils.simple_data_class import DataClassBase
class BrokerConnConfig(DataClassBase):
    SQLLITE_QUEUES_PATH = {queues!r}
class FunboostCommonConfig(DataClassBase):
    TIMEZONE = "UTC"
"""


class Funboost(System):
    """One function for all the work, so that there are two processes and not two a queue."""

    name = "funboost"
    title = "funboost, own SQLite queue"
    note = "multi_process_consume(2) x 50 threads, as shipped; records no results"
    works = frozenset({"start", "pickup", "burst", "submit", "compute"})

    def settings(self, values: dict[str, Any], sandbox: Sandbox) -> None:
        """It finds its configuration on the path, or writes one there."""
        queues = sandbox.folder / "queues"
        queues.mkdir(exist_ok=True)
        (sandbox.folder / "nb_log_config.py").write_text("", "utf-8")
        config = CONFIG.format(queues=str(queues))
        (sandbox.folder / "funboost_config.py").write_text(config, "utf-8")

    def environment(self, sandbox: Sandbox) -> dict[str, str]:
        """It writes logs to a folder that is the home's unless told."""
        return {**super().environment(sandbox), "LOG_PATH": str(sandbox.folder / "logs")}

    def task(self, function: Callable[..., Any]) -> Any:
        """Only one becomes a booster."""
        if function.__name__ != "noop":
            return function
        from funboost import BoosterParams, BrokerEnum, boost

        kind = BrokerEnum.SQLITE_QUEUE

        def run(kind: str, args: list[Any]) -> Any:
            return getattr(task_functions, kind)(*args)

        return boost(BoosterParams(queue_name="bench", broker_kind=kind))(run)

    def workers(self) -> list[list[str]]:
        """A script: it has no command."""
        return [[sys.executable, "-m", f"{SITE}.funboost_worker"]]

    def enqueue(self, kind: str, ident: str, *args: Any) -> None:
        """Through the one booster."""
        from tests.benchmarks.peers.tasks import MADE

        MADE["noop"].push(kind, [ident, *args])


SYSTEMS = (Funboost(),)
