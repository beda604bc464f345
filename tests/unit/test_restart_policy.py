"""When a consumer process is started again, and what supervising it costs the site."""

import subprocess
import sys

from jobs.consumer.restart_policy import (
    GIVE_UP_AFTER,
    LONGEST_PAUSE,
    is_worth_a_restart,
    pause_after,
)


def test_the_pause_doubles_up_to_its_limit() -> None:
    assert [pause_after(deaths) for deaths in range(4)] == [0.25, 0.5, 1.0, 2.0]
    assert pause_after(7) == LONGEST_PAUSE


def test_the_limit_holds_however_often_a_process_died() -> None:
    assert pause_after(5000) == LONGEST_PAUSE


def test_a_process_that_always_dies_at_once_is_given_up() -> None:
    assert is_worth_a_restart(GIVE_UP_AFTER - 1)
    assert not is_worth_a_restart(GIVE_UP_AFTER)


def test_a_supervisor_loads_no_part_of_a_consumer_nor_django() -> None:
    """It runs in the site's process too."""
    code = "import sys, jobs.consumer.supervisor; print(*sys.modules)"
    loaded = subprocess.check_output([sys.executable, "-c", code], text=True).split()
    assert "jobs.consumer.process" not in loaded
    assert "django" not in loaded
