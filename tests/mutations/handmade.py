"""Changes that a person has thought of, each with what a user would lose by it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Handmade:
    """A change of a file.

    Attributes:
        file: from the root, with slashes.
        old: the text that it replaces; the file has it once.
        new: the text that takes its place.
        loses: what a user would lose.
        tests: the tests that notice it in a process which they start.
    """

    file: str
    old: str
    new: str
    loses: str
    tests: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Harmless:
    """A change that no test needs to notice, and why. Without ``new``: whatever takes its place."""

    file: str
    old: str
    why: str
    new: str = ""


C: Final = "jobs/consumer"
L: Final = "jobs/lifecycle"
S: Final = "jobs/submission"
POOL: Final = f"{C}/task_process/pool.py"
ENDS: Final = (
    "tests/unit/test_task_pool.py::test_a_child_and_what_it_has_started_end_with_their_consumer"
)
CHILDREN: Final = "tests/processes/test_isolation.py"
INSERTED: Final = "Django inserts a new row of a model whose key has a default"
MOMENT: Final = "no clock shows the very moment twice"
SOUGHT: Final = (
    "the storages of Django seek the beginning themselves; the disk is full a moment later"
)

HANDMADE: Final[tuple[Handmade, ...]] = (
    # The batch writer and maintenance.
    Handmade(
        f"{C}/pruner.py",
        "except Exception as error:",
        "except ZeroDivisionError as error:",
        "retention ends at the first locked database",
    ),
    Handmade(
        f"{C}/pending_writes.py",
        "batch.updates, batch.artifacts = list(self._updates), list(self._artifacts)",
        "batch.updates, batch.artifacts = self._updates, self._artifacts\n"
        "        self._updates, self._artifacts = [], []",
        "log lines, progress and files are lost with a transaction that failed",
    ),
    Handmade(
        f"{C}/batch_writer.py",
        "written = write_one_by_one(batch, self._registration.id)",
        "raise",
        "one value that the database refuses is tried again for ever, with its whole batch",
    ),
    Handmade(
        f"{C}/batch.py",
        "    for outcome in batch.outcomes:\n        written.superseded += _write_or_fail(",
        "    for outcome in batch.outcomes[:1]:\n        written.superseded += _write_or_fail(",
        "the other outcomes of a batch with a refused value are dropped",
    ),
    Handmade(
        f"{C}/attempt.py",
        "clean(outcome.error_type)[:MAX_ERROR_TYPE]",
        "clean(outcome.error_type)",
        "PostgreSQL refuses the name of an exception over 200 characters",
    ),
    Handmade(
        f"{C}/attempt.py",
        "clean(outcome.traceback)[-MAX_TRACEBACK:]",
        "clean(outcome.traceback)[:MAX_TRACEBACK]",
        "a long traceback does not say what was raised",
    ),
    Handmade(
        f"{C}/batch_writer.py",
        '            logger.exception("Maintenance failed; it is tried again.")',
        "            raise",
        "a fault of maintenance keeps outcomes from being written",
    ),
    Handmade(
        f"{C}/batch_writer.py",
        "        connection().close_if_unusable_or_obsolete()\n",
        "",
        "a broken connection is kept: nothing is written until a restart",
    ),
    Handmade(
        f"{C}/batch_writer.py",
        "        self._failures += 1\n",
        "",
        "a server that comes back meets twenty attempts a second of each consumer",
    ),
    Handmade(
        f"{C}/batch.py",
        "            if not written.committed or fault_of(error) is None:\n                raise\n"
        "            break",
        "            raise",
        "an outage between the claims of two queues: jobs that nobody runs until the next rescue",
    ),
    Handmade(
        f"{C}/batch_writer.py",
        "                if is_lock_timeout(error):\n",
        "                if False:\n",
        "a consumer that waits for somebody's lock is declared dead",
    ),
    # Children.
    Handmade(
        f"{C}/task_process/run.py",
        "        os.killpg(os.getpid(), signal.SIGKILL)  # ends what the task has started too",
        "        pass",
        "what a task has started lives on after its consumer was killed",
        (ENDS,),
    ),
    Handmade(
        f"{C}/task_process/run.py",
        "        os.killpg(os.getpid(), signal.SIGKILL)  # ends what the task has started too\n"
        "    os._exit(0)",
        "        pass",
        "the child of a silent task lives on after its consumer was killed",
        (ENDS,),
    ),
    Handmade(
        f"{C}/task_process/exit_status.py",
        "                os.killpg(process.pid, signal.SIGKILL)",
        "                pass",
        "what a task has started outlives its time limit",
    ),
    Handmade(
        POOL,
        "if alone or child.is_spent or",
        "if child.is_spent or",
        "a job runs in the child of one that may have killed a consumer",
    ),
    Handmade(
        POOL,
        "child = TaskProcess() if alone else self._borrow()",
        "child = self._borrow()",
        "a job that may have killed a consumer runs in the child of another",
    ),
    Handmade(
        POOL,
        "                if child.is_alive():\n                    return child",
        "                return child",
        "a job fails because an idle child was killed by somebody",
    ),
    Handmade(
        f"{C}/task_process/attempt.py",
        "if self._child.is_alive() or self._child.has_unread_messages():",
        "if self._child.is_alive():",
        "the result of a child that ended at once is lost, and its last lines",
    ),
    Handmade(
        f"{C}/task_process/main.py",
        "    os.dup2(2, 1)\n",
        "",
        "what C code prints is between our messages: the job dies",
        (f"{CHILDREN}::test_the_pipes_of_a_child_are_nobody_elses",),
    ),
    # The supervisor, and how a job begins.
    Handmade(
        f"{C}/supervised_process.py",
        "        if quick and not self._options.restart(self._quick_deaths):\n"
        "            return False\n",
        "",
        "a site that cannot start is started for ever, and nobody is told",
    ),
    Handmade(
        f"{C}/supervised_process.py",
        "            self._start_at = 0.0\n            return True\n        quick",
        "        quick",
        "a process that asks to be replaced counts as one that died",
    ),
    Handmade(
        f"{C}/supervised_process.py",
        "self._quick_deaths = self._quick_deaths + 1 if quick else 0",
        "self._quick_deaths += quick",
        "eight deaths in a year, and a consumer is given up",
    ),
    Handmade(
        f"{C}/deploy_skew.py",
        "    if claim.attempt > MAX_ATTEMPTS:\n        return outcome\n",
        "",
        "a job of a task that nobody knows is handed back for ever",
    ),
    Handmade(
        f"{C}/call.py",
        "        attempt=claim.attempt,",
        "        attempt=1,",
        "a task cannot tell that it was tried before",
    ),
    Handmade(
        "jobs/submission/signals.py",
        "    signal.send_robust(",
        "    signal.send(",
        "a receiver of task_started that raises fails the job",
        ("tests/integration/test_executor.py",),
    ),
)
HARMLESS: Final[tuple[Harmless, ...]] = (
    Harmless(f"{C}/attempt.py", "time.monotonic() < limit", "no clock shows the very moment twice"),
    Harmless(f"{C}/registration.py", "200", "no host has such a name", "(201)"),
    Harmless(
        f"{C}/duration_stats.py",
        "self._mean < SHORT_SECONDS",
        "no mean of seconds is the very limit",
        "(self._mean <= SHORT_SECONDS)",
    ),
    Harmless(f"{C}/queue_polls.py", "0", "one poll more or less at the start", "(1)"),
    Harmless(
        f"{C}/coroutine.py",
        "task.add_done_callback(self._started_beside.discard)",
        "those that have ended are kept until the job ends, no longer",
    ),
    Harmless(
        f"{C}/supervised_process.py",
        "time.monotonic() - self._started_at < QUICK_SECONDS",
        "no clock shows the very moment twice",
        "(time.monotonic() - self._started_at <= QUICK_SECONDS)",
    ),
    Harmless(f"{C}/batch_writer.py", "0.0", "the clock is past both", "(1.0)"),
    # jobs/lifecycle
    Harmless(
        f"{L}/claim.py",
        'return bool(connection().vendor == "postgresql")',
        "None is as false; where it is true, the tests of brokers notice",
        "return None",
    ),
    Harmless(f"{L}/consumers.py", "True", INSERTED, "(False)"),
    Harmless(f"{L}/counter_folding.py", "1", "it asks whether there is a row at all", "(2)"),
    Harmless(
        f"{L}/counters.py",
        "zone is not None and due.tzinfo is None",
        "a time that has a zone has this one",
    ),
    Harmless(
        f"{L}/file_gc.py",
        "any(_listed(folders[key]))",
        "a folder that is not empty cannot be removed",
    ),
    Harmless(f"{L}/file_gc.py", "moment < now - DAY", MOMENT),
    Harmless(
        f"{L}/file_gc.py",
        "begin + FOLDER_SPAN",
        "a day is longer than twice the span",
        "(begin - FOLDER_SPAN)",
    ),
    Harmless(f"{L}/insert.py", "500", "rows of a statement", "(501)"),
    Harmless(f"{L}/insert.py", "job.run_after > job.created_at", "due at once either way"),
    Harmless(f"{L}/log_chunks.py", "16", "how large a piece is", "(17)"),
    Harmless(f"{L}/log_chunks.py", "0", "a gap of one character", "(1)"),
    Harmless(f"{L}/log_chunks.py", "max(1, limit // 16)", "how large a piece is"),
    Harmless(f"{L}/log_chunks.py", "1", "how large a piece is", "(2)"),
    Harmless(
        f"{L}/log_chunks.py", "self.size > limit", "there is no middle yet", "(self.size >= limit)"
    ),
    # jobs/submission
    Harmless(
        f"{S}/resumable/joining.py",
        'super().__init__(f"The piece at {offset} is damaged.")',
        "nobody is shown it",
        "pass",
    ),
    Harmless(f"{S}/resumable/joining.py", "True", INSERTED, "(False)"),
    Harmless(f"{S}/resumable/rows.py", "True", INSERTED, "(False)"),
    Harmless(f"{S}/resumable/rows.py", "0", "it asks again whether it is there", "(1)"),
    Harmless(f"{S}/resumable/pieces.py", "file.seek(0)", SOUGHT, "pass"),
    Harmless(f"{S}/resumable/pieces.py", "0", SOUGHT, "(1)"),
    Harmless(f"{S}/submit.py", 'raise AssertionError("unreachable")', "it is not reached", "pass"),
    Harmless(
        f"{S}/submit_many.py",
        "False",
        "the values of a task are not above its own",
        "(True)",
    ),
    Harmless(f"{S}/uploads.py", "True", INSERTED, "(False)"),
    Harmless(
        f"{S}/uploads.py",
        'super().__init__(_NO_FILE, name="upload")',
        "Django's storages read its chunks alone",
        "pass",
    ),
    Harmless(f"{S}/uploads.py", "file.seek(0)", SOUGHT, "pass"),
    Harmless(f"{S}/uploads.py", "0", SOUGHT, "(1)"),
)
