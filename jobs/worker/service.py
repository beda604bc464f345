"""What ``runconsumers`` does: one process that consumes, or a parent with several."""

from __future__ import annotations

from .process import ConsumerProcess, Options, leave_now
from .replacing import REPLACE
from .stop import Stop
from .supervisor import Supervisor, child_command


def serve(options: Options, *, processes: int, parent_pipe: bool) -> int:
    """Consume until told to stop; return the exit code (or leave the process with it)."""
    stop = Stop()
    stop.install(parent_pipe=parent_pipe)
    if processes > 1:
        return Supervisor(child_command(options), processes, stop).run()
    code = ConsumerProcess(options, stop).run()
    if code == REPLACE and not parent_pipe:
        # A task's thread could not be stopped. It stays here, harmless; another process consumes.
        code = Supervisor(child_command(options), 1, stop).run()
    leave_now(code)
    return code
