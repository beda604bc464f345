"""What ``runconsumers`` does: one process that consumes, or a parent with several."""

from __future__ import annotations

import logging

from .process import ConsumerOptions, ConsumerProcess, leave_now
from .restart_policy import REPLACE
from .shutdown import Shutdown
from .supervisor import Supervisor, child_command

logger = logging.getLogger("jobs")

BROKE_OFF = 1


def serve(options: ConsumerOptions, *, processes: int, parent_pipe: bool) -> int:
    """Consume until told to stop; return the exit code (or leave the process with it)."""
    stop = Shutdown()
    stop.install(parent_pipe=parent_pipe)
    if processes > 1:
        return Supervisor(child_command(options), processes, stop).run()
    consumer = ConsumerProcess(options, stop)
    try:
        code = consumer.run()
    except Exception:
        # An ordinary exit would wait for funboost's threads, which never end.
        logger.exception("The consumer broke off; its jobs run again.")
        code = BROKE_OFF
    if code == REPLACE and not parent_pipe:
        # A task's thread could not be stopped. It stays here, harmless; another process consumes.
        code = Supervisor(child_command(options), 1, stop).run()
    leave_now(code)
    return code
