"""A parent of consumer processes: starts them (spawned, never forked), replaces the dead."""

from __future__ import annotations

import logging
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from jobs.conf import get_conf

from .process import DRAINED, ConsumerOptions
from .restart_policy import QUICK_SECONDS, REPLACE, pause_after
from .shutdown import Shutdown

logger = logging.getLogger("jobs")

LOOK_SECONDS = 0.5
DRAIN_LOOK_SECONDS = 0.05
GIVE_UP_AFTER = 8
GAVE_UP = 1


def child_command(options: ConsumerOptions) -> list[str]:
    """Return the command of one consumer process."""
    command = [
        sys.executable,
        *_python_options(),
        "runconsumers",
        "--parent-pipe",
        f"--queues={','.join(options.queues)}",
        f"--concurrency={options.concurrency}",
    ]
    return [*command, "--until-idle"] if options.until_idle else command


def _python_options() -> list[str]:
    """How this project's ``manage.py`` was started; ``python -m django`` otherwise."""
    script = Path(sys.argv[0])
    return [str(script.resolve())] if script.name == "manage.py" else ["-m", "django"]


class ChildSlot:
    """One of the parent's places for a child."""

    def __init__(self, command: Sequence[str], number: int) -> None:
        self._command = command
        self.number = number
        self.finished = False
        self._may_finish = "--until-idle" in command
        self._process: subprocess.Popen[bytes] | None = None
        self._started = 0.0
        self._quick_deaths = 0
        self._start_at = 0.0

    def tend(self) -> bool:
        """Start, replace or leave the child; False when this place is given up."""
        if self.finished:
            return True
        if self._process is None:
            if time.monotonic() >= self._start_at:
                self._start()
            return True
        code = self._process.poll()
        return True if code is None else self._ended(code)

    def _start(self) -> None:
        self._started = time.monotonic()
        self._process = subprocess.Popen(self._command, stdin=subprocess.PIPE)

    def _ended(self, code: int) -> bool:
        self.close()
        if code == DRAINED and self._may_finish:
            self.finished = True
            return True
        if code == REPLACE:
            logger.warning("A task's thread could not be stopped: its process is replaced.")
            self._start_at = 0.0
            return True
        quick = time.monotonic() - self._started < QUICK_SECONDS
        self._quick_deaths = self._quick_deaths + 1 if quick else 0
        if self._quick_deaths >= GIVE_UP_AFTER:
            return False
        pause = pause_after(self._quick_deaths) if quick else 0.0
        self._start_at = time.monotonic() + pause
        logger.warning(
            "Consumer process %d ended (%s); another starts in %.2g s.",
            self.number,
            f"signal {-code}" if code < 0 else f"exit code {code}",
            pause,
        )
        return True

    def drain(self) -> None:
        """Ask the child to finish what it runs."""
        self.finished = self._process is None
        if self._process is not None and self._process.stdin is not None:
            try:
                self._process.stdin.write(b"drain\n")
                self._process.stdin.flush()
            except OSError:
                logger.info("Consumer process %d is already gone.", self.number)

    def close(self) -> None:
        """Close the child's pipe: if it still lives, it leaves at once."""
        process, self._process = self._process, None
        if process is not None and process.stdin is not None:
            process.stdin.close()

    def has_ended(self) -> bool:
        """Whether no child runs here."""
        return self._process is None or self._process.poll() is not None


class Supervisor:
    """Keeps a number of consumer processes running."""

    def __init__(self, command: Sequence[str], processes: int, stop: Shutdown) -> None:
        self._places = [ChildSlot(command, number + 1) for number in range(processes)]
        self._stop = stop

    def run(self) -> int:
        """Tend the places until told to stop, or until all are done; return the exit code."""
        pause = 0.0
        while not self._stop.wait(pause):
            pause = LOOK_SECONDS
            tended = [place.tend() for place in self._places]
            if not all(tended):
                logger.error(
                    "Consumer processes die as soon as they start. Giving up; "
                    "see their messages above, and `python manage.py doctor`."
                )
                self._drain()
                return GAVE_UP
            if all(place.finished for place in self._places):
                return DRAINED
        self._drain()
        return DRAINED

    def _drain(self) -> None:
        for place in self._places:
            place.drain()
        # A child hands back its jobs after the grace time; longer than that and it is stuck.
        end = time.monotonic() + get_conf().grace_seconds + QUICK_SECONDS
        while time.monotonic() < end and not all(p.has_ended() for p in self._places):
            time.sleep(DRAIN_LOOK_SECONDS)
        for place in self._places:
            place.close()
