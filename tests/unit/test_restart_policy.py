"""The pause before a consumer process is started again."""

from jobs.consumer.restart_policy import LONGEST_PAUSE, pause_after


def test_it_doubles_up_to_its_limit() -> None:
    assert [pause_after(deaths) for deaths in range(4)] == [0.25, 0.5, 1.0, 2.0]
    assert pause_after(7) == LONGEST_PAUSE


def test_it_holds_however_often_a_process_died() -> None:
    assert pause_after(5000) == LONGEST_PAUSE
