"""What ``runconsumers`` does: one process that consumes, or a parent with several."""

from __future__ import annotations

import logging
import sys
import threading
from pathlib import Path

from jobs.conf import get_conf
from jobs.core.shortages import shortage
from jobs.lifecycle.followers import DELIVERIES

from .health.reports import HealthReports
from .own_job import children_end_with_us
from .process import ConsumerOptions, ConsumerProcess, leave_now
from .restart_policy import BROKEN_OFF, DRAINED, REPLACE, STOPPED
from .shutdown import Shutdown
from .supervised_process import ProcessOptions
from .supervisor import Supervisor

logger = logging.getLogger("jobs")

RELEASE_SECONDS = 10.0
"""How long a process may take after the grace time, to release its jobs and to write that. Longer,
and it is stuck."""


def serve(options: ConsumerOptions, *, processes: int, parent_pipe: bool) -> int:
    """Consume until told to stop; return the exit code (or leave the process with it).

    Raises:
        HealthError: its health cannot be shown as it was asked for.
    """
    reports = HealthReports(options.health)
    stop = Shutdown(before_exit=reports.close)
    stop.install(parent_pipe=parent_pipe)
    if processes > 1:
        try:
            with children_end_with_us():
                return _supervisor(options, processes, stop, reports).run()
        finally:
            reports.close()
    with children_end_with_us():
        code = _consume(options, stop, reports, parent_pipe=parent_pipe)
    reports.close()
    leave_now(code)
    return code


def _consume(
    options: ConsumerOptions, stop: Shutdown, reports: HealthReports, *, parent_pipe: bool
) -> int:
    consumer = ConsumerProcess(options, stop, reports)
    try:
        code = consumer.run()
    except Exception as error:
        # An ordinary exit would wait for funboost's threads, which never end.
        if why := shortage(error):
            logger.error("The consumer broke off, and its jobs run again: %s.", why)
        else:
            logger.exception("The consumer broke off; its jobs run again.")
        code = BROKEN_OFF
    if code == STOPPED and not parent_pipe:
        code = DRAINED
    if code == REPLACE and not parent_pipe:
        # A task's thread could not be stopped. It stays here, harmless; another process consumes.
        code = _supervisor(options, 1, stop, reports).run()
    return code


def serve_embedded(options: ConsumerOptions, *, processes: int) -> int:
    """Consume in a process that goes on afterwards; return the exit code.

    Nothing is left behind: no thread (but one that a task is stuck in), no connection of theirs, no
    signal handler. Off the main thread, which alone gets signals, only ``until_idle`` ends it.

    Raises:
        HealthError: as ``serve``.
    """
    reports = HealthReports(options.health)
    stop = Shutdown(embedded=True)
    on_main_thread = threading.current_thread() is threading.main_thread()
    if on_main_thread:
        stop.install()
    try:
        if processes > 1:
            return _supervisor(options, processes, stop, reports).run()
        while (code := ConsumerProcess(options, stop, reports).run()) == REPLACE:
            # A task's thread could not be stopped. Here, no other process can take its place.
            if stop.wait(0):
                return DRAINED
        return DRAINED if code == STOPPED else code
    finally:
        reports.close()
        if on_main_thread:
            stop.uninstall()


def _supervisor(
    options: ConsumerOptions, processes: int, stop: Shutdown, reports: HealthReports
) -> Supervisor:
    health = reports.of_processes(processes)
    return Supervisor(
        ProcessOptions(
            command=_command(options),
            until_idle=options.until_idle,
            health_files=() if health is None else health.files,
        ),
        processes,
        stop,
        drain_seconds=get_conf().grace_seconds + RELEASE_SECONDS,
        health=health,
    )


def _command(options: ConsumerOptions) -> list[str]:
    """Return the command of one consumer process."""
    command = [
        sys.executable,
        *_python_options(),
        "runconsumers",
        "--parent-pipe",
        f"--concurrency={options.concurrency}",
    ]
    if not options.any_queue:
        queues = [*options.queues, *([DELIVERIES] if options.deliveries else [])]
        command.append(f"--queues={','.join(queues)}")
    return [*command, "--until-idle"] if options.until_idle else command


def _python_options() -> list[str]:
    """How this project's ``manage.py`` was started; ``python -m django`` otherwise."""
    script = Path(sys.argv[0])
    return [str(script.resolve())] if script.name == "manage.py" else ["-m", "django"]
