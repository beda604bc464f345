"""How ``runconsumers`` ends when its consumer breaks off."""

from __future__ import annotations

from typing import Any

import pytest

from jobs.consumer import main
from jobs.consumer.process import ConsumerOptions
from jobs.consumer.shutdown import Shutdown


class Broken:
    """A consumer process that trips over a fault of ours."""

    def __init__(self, *arguments: Any) -> None:
        """Nothing is registered."""

    def run(self) -> int:
        raise RuntimeError("a fault of ours")


def test_a_consumer_that_breaks_off_ends_its_process(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Not by an exception: the interpreter would wait for threads that never end."""
    left: list[int] = []
    monkeypatch.setattr(main, "ConsumerProcess", Broken)
    monkeypatch.setattr(main, "leave_now", left.append)
    monkeypatch.setattr(Shutdown, "install", lambda self, parent_pipe: None)

    main.serve(ConsumerOptions(queues=["q"], concurrency=1), processes=1, parent_pipe=False)

    assert left == [1]
    assert "a fault of ours" in caplog.text


@pytest.mark.parametrize(("any_queue", "named"), [(False, ["--queues=a,b"]), (True, [])])
def test_a_process_of_several_serves_what_was_asked_for(any_queue: bool, named: list[str]) -> None:
    """Queues that nobody listed are served by no ``--queues``."""
    options = ConsumerOptions(
        queues=["a", "b"], concurrency=3, any_queue=any_queue, until_idle=any_queue
    )
    command = main._command(options)
    assert [one for one in command if one.startswith("--queues")] == named
    assert ("--until-idle" in command) is any_queue
    assert {"runconsumers", "--parent-pipe", "--concurrency=3"} <= set(command)
