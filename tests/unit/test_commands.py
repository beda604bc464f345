"""Commands of tasks: what they write, how they end, and that nothing of them is left."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from jobs.core.command import posix_tree
from jobs.core.command.output import OutputReader
from jobs.errors import (
    AttemptEnded,
    CommandFailed,
    CommandTimedOut,
    JobCancelled,
    TimeLimitReached,
)
from tests.living import Watch, watched_command
from tests.subprocesses import ROOT
from tests.waiting import wait_until

from .recorder import Recorder, context_for

SECONDS = 20.0


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def test_what_it_writes_comes_line_by_line_and_is_returned() -> None:
    recorder = Recorder()

    result = context_for(recorder).run(
        python("import sys; print('a'); print('b', file=sys.stderr); print('c', end='')")
    )

    assert (result.returncode, sorted(result.output.split())) == (0, ["a", "b", "c"])
    assert sorted("\n".join(recorder.lines).split()) == ["a", "b", "c"]
    assert result.seconds > 0


def test_a_line_that_is_drawn_again_becomes_lines() -> None:
    recorder = Recorder()
    context_for(recorder).run(python(r"print('1 %\r2 %\r3 %')"))
    assert "\n".join(recorder.lines).split("\n") == ["1 %", "2 %", "3 %"]


def test_it_reads_the_input_and_runs_in_the_folder(tmp_path: Path) -> None:
    code = "import os, sys; print(sys.stdin.read().upper(), os.path.basename(os.getcwd()))"
    result = context_for(Recorder()).run(
        python(code), input="größe", cwd=tmp_path, encoding="utf-8", env=None
    )
    assert result.output.split() == ["GRÖSSE", tmp_path.name]


def test_it_has_no_input_and_need_not_read_one() -> None:
    context = context_for(Recorder())
    assert context.run(python("print(repr(input()))"), check=False).returncode == 1
    assert context.run(python("pass"), input="x" * 1_000_000).returncode == 0


def test_its_environment_is_the_one_given() -> None:
    code = "import os; print(os.environ.get('COLOUR'))"
    assert context_for(Recorder()).run(python(code), env={"COLOUR": "red"}).output == "red\n"


def test_an_exit_code_is_an_error_that_says_why() -> None:
    context = context_for(Recorder())
    failing = python("import sys; print('no such table'); sys.exit(3)")

    with pytest.raises(CommandFailed, match="ended with exit code 3: no such table") as caught:
        context.run(failing)

    assert (caught.value.returncode, caught.value.command) == (3, failing)
    assert context.run(failing, check=False).returncode == 3


@pytest.mark.skipif(sys.platform == "win32", reason="there are no signals")
def test_a_signal_is_told() -> None:
    with pytest.raises(CommandFailed, match="was ended by signal 9"):
        context_for(Recorder()).run(python("import os; os.kill(os.getpid(), 9)"))


def test_the_end_of_much_output_is_kept() -> None:
    result = context_for(Recorder()).run(python("print('x' * 3_000_000); print('the end')"))
    assert len(result.output) == 1_000_000
    assert result.output.endswith("x\nthe end\n")


def test_lines_end_as_on_windows_also_between_two_reads() -> None:
    read_end, write_end = os.pipe()
    lines: list[str] = []
    with os.fdopen(read_end, "rb") as pipe:
        reader = OutputReader(pipe, "utf-8", lines.append)
        os.write(write_end, b"a\r")
        wait_until(lambda: lines == ["a"])
        os.write(write_end, b"\nb\r\n")
        os.close(write_end)
        assert reader.finish() == "a\nb\n"
    assert lines == ["a", "b"]


def test_what_is_not_valid_text_does_no_harm() -> None:
    code = r"import sys; sys.stdout.buffer.write(b'\xff\xc3\xa9\n')"
    assert context_for(Recorder()).run(python(code), encoding="utf-8").output == "\ufffdé\n"


@pytest.mark.parametrize(
    ("wrong", "shell", "words"),
    [
        ("ls -l", False, r"a list, \['sleep', '43'\], or one text with shell=True"),
        (["ls", "-l"], True, "a command is one text"),
        ("  ", True, "a command is one text"),
        ([], False, "list of texts and paths"),
        (["sleep", 43], False, "list of texts and paths"),
    ],
)
def test_what_is_no_command_is_refused_in_words(wrong: list[str], shell: bool, words: str) -> None:
    with pytest.raises(TypeError, match=words):
        context_for(Recorder()).run(wrong, shell=shell)


def test_a_text_is_for_the_shell() -> None:
    assert context_for(Recorder()).run("echo one&& echo two", shell=True).output.split() == [
        "one",
        "two",
    ]


@pytest.mark.parametrize("cwd", [None, "/no/such/folder"])
def test_one_that_cannot_start_is_an_error_at_once(cwd: str | None) -> None:
    with pytest.raises(FileNotFoundError):
        context_for(Recorder()).run(["no-such-program-here" if cwd is None else "echo"], cwd=cwd)


def test_its_own_time_limit_ends_it_and_what_it_started() -> None:
    with Watch() as watch:
        command = watched_command(watch.port, own_session=sys.platform in ("linux", "win32"))
        with pytest.raises(CommandTimedOut, match="took longer than 5 s"):
            context_for(Recorder()).run(command, timeout=5)
        watch.wait_started(2)
        watch.wait_ended()


def test_the_attempts_time_limit_ends_it() -> None:
    recorder = Recorder(deadline=time.monotonic() + 0.2)
    with Watch() as watch, pytest.raises(TimeLimitReached):
        context_for(recorder).run(watched_command(watch.port), timeout=SECONDS)


@pytest.mark.parametrize("own_session", [False, True])
def test_what_it_leaves_in_the_background_ends_with_it(own_session: bool) -> None:
    if own_session and sys.platform == "darwin":
        pytest.skip("no subreapers")
    with Watch() as watch:
        inner = watched_command(watch.port)
        code = (
            f"import subprocess; p = subprocess.Popen({inner!r}, start_new_session={own_session},"
            " stdout=subprocess.PIPE); p.stdout.readline()"
        )
        assert context_for(Recorder()).run(python(code)).returncode == 0
        watch.wait_started(1)
        watch.wait_ended()


class Running:
    """A command in a thread, as it runs in a task."""

    def __init__(self, recorder: Recorder, command: list[str]) -> None:
        self.error: BaseException | None = None
        self._recorder = recorder
        self._command = command
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        try:
            context_for(self._recorder).run(self._command)
        except BaseException as error:  # noqa: BLE001  (the test looks at it)
            self.error = error

    def join(self) -> BaseException | None:
        self._thread.join(SECONDS)
        assert not self._thread.is_alive()
        return self.error


@pytest.mark.skipif(sys.platform == "win32", reason="a job object ends it at once")
def test_one_that_may_tidy_up_does_and_one_that_ignores_sigterm_is_killed() -> None:
    ready = "print('ready', flush=True); signal.pause()"
    tidy = f"import signal, sys; signal.signal(15, lambda *a: (print('tidy'), sys.exit())); {ready}"
    deaf = f"import signal; signal.signal(15, signal.SIG_IGN); {ready}"
    lines = []
    for code in (tidy, deaf):
        recorder = Recorder()
        running = Running(recorder, python(code))
        wait_until(lambda: recorder.lines, what="the command to be ready")  # noqa: B023
        recorder.resources.end()
        assert isinstance(running.join(), AttemptEnded)
        lines += recorder.lines
    assert lines == ["ready", "tidy", "ready"]


def test_a_cancel_ends_it_and_is_what_the_task_sees() -> None:
    recorder = Recorder()
    with Watch() as watch:
        running = Running(recorder, watched_command(watch.port))
        watch.wait_started(2)
        recorder.cancelled = "ada"
        recorder.resources.cancel()
        watch.wait_ended()
        assert isinstance(running.join(), JobCancelled)


def test_an_attempt_that_is_over_ends_it_and_starts_no_other() -> None:
    recorder = Recorder()
    with Watch() as watch:
        running = Running(recorder, watched_command(watch.port))
        watch.wait_started(2)
        recorder.resources.end()
        watch.wait_ended()
        assert isinstance(running.join(), AttemptEnded)
    with pytest.raises(AttemptEnded):
        context_for(recorder).run(python("print('never')"))


def test_a_coroutine_waits_without_holding_up_the_others() -> None:
    async def both() -> list[int]:
        context = context_for(Recorder())
        with pytest.raises(RuntimeError, match=r"await context\.arun"):
            context.run(python("pass"))
        # Each ends when the other has connected: they run at the same time.
        meet = "import socket; s = socket.create_connection(('127.0.0.1', {})); s.recv(1)"
        met = asyncio.Event()
        writers = []

        def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writers.append(writer)
            if len(writers) == 10:
                met.set()
                for one in writers:
                    one.close()

        server = await asyncio.start_server(connected, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        runs = [context.arun(python(meet.format(port))) for _ in range(10)]
        results = await asyncio.wait_for(asyncio.gather(*runs), SECONDS)
        assert met.is_set()
        server.close()
        return [result.returncode for result in results]

    assert asyncio.run(both()) == [0] * 10


def test_a_coroutine_that_is_cancelled_ends_it() -> None:
    async def cancelled(watch: Watch) -> None:
        run = asyncio.create_task(context_for(Recorder()).arun(watched_command(watch.port)))
        await asyncio.to_thread(watch.wait_started, 2)
        run.cancel()
        with pytest.raises(asyncio.CancelledError):
            await run
        await asyncio.to_thread(watch.wait_ended)

    with Watch() as watch:
        asyncio.run(cancelled(watch))


@pytest.mark.skipif(sys.platform == "win32", reason="there is no guard")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP] if os.name != "nt" else [])
def test_a_guard_that_is_killed_or_stuck_leaves_no_command_and_holds_up_nobody(
    number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(posix_tree, "CLOSE_SECONDS", 0.1)
    with Watch() as watch:
        tree = posix_tree.PosixTree(
            watched_command(watch.port), cwd=None, env=None, takes_input=False
        )
        watch.wait_started(2)
        os.kill(tree._guard.pid, number)
        if number == signal.SIGKILL:
            assert tree.wait(SECONDS) == -9
        tree.end()
        tree.close()
        watch.wait_ended()


def test_it_ends_when_the_process_that_wanted_it_is_killed() -> None:
    with Watch() as watch:
        own_session = sys.platform != "darwin"
        code = (
            "from jobs.core.command import Command\n"
            f"Command({watched_command(watch.port, own_session=own_session)!r}).run(print, None)"
        )
        parent = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT)
        try:
            watch.wait_started(2)
        finally:
            parent.kill()
            parent.wait()
        watch.wait_ended()
