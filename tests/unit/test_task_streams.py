"""Standard output in a task is a whole text stream that writes to the job's log."""

from __future__ import annotations

import codecs
import contextlib
import io
import sys
import threading
import traceback
from collections.abc import Iterator
from typing import Any

import pytest

from jobs.consumer.capture import captured
from jobs.consumer.replaced import replaced
from jobs.consumer.task_streams import put_back_streams
from tests.unit.recorded_output import Capture, RecordedOutput


@pytest.fixture
def real() -> io.TextIOWrapper:
    """The process's own standard output, with an encoding that is not ours."""
    return io.TextIOWrapper(io.BytesIO(), encoding="latin-1", write_through=True)


@pytest.fixture
def output(real: io.TextIOWrapper) -> Iterator[RecordedOutput]:
    capture = Capture(stdout=real)
    yield RecordedOutput(capture)
    capture.end()


def written(stream: Any) -> bytes:
    found: bytes = stream.buffer.getvalue()
    return found


def test_bytes_and_text_reach_the_log_in_order(
    output: RecordedOutput, real: io.TextIOWrapper
) -> None:
    def task() -> None:
        print("text")
        assert sys.stdout.buffer.write(b"bytes \xe2\x82\xac\n") == 10
        stream: Any = sys.stdout.buffer
        stream.raw.write(bytearray(b"raw\n"))
        sys.stdout.writelines(["two\n", "lines\n"])
        print("flushed", file=sys.stdout, flush=True)
        sys.stderr.write("error\n")

    output.run(task)
    assert output.text == "text\nbytes \u20ac\nraw\ntwo\nlines\nflushed\nerror\n"
    assert written(real) == b""


def test_a_character_may_come_in_pieces_and_bad_bytes_are_replaced(
    output: RecordedOutput,
) -> None:
    def task() -> None:
        for byte in "\u20ac".encode():
            sys.stdout.buffer.write(bytes([byte]))
        sys.stdout.buffer.write(b"\xff\n")

    output.run(task)
    assert output.text == "\u20ac\ufffd\n"


def test_two_tasks_do_not_share_the_pieces_of_a_character(output: RecordedOutput) -> None:
    other = RecordedOutput(output.capture)
    output.run(lambda: sys.stdout.buffer.write(b"\xe2\x82"))
    other.run(lambda: sys.stdout.buffer.write(b"x"))
    output.run(lambda: sys.stdout.buffer.write(b"\xac"))
    assert (output.text, other.text) == ("\u20ac", "x")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("name", ""),
        ("mode", "w"),
        ("encoding", "utf-8"),
        ("errors", "replace"),
        ("newlines", None),
        ("line_buffering", True),
        ("write_through", True),
        ("closed", False),
    ],
)
def test_the_attributes_of_a_text_stream_are_there(
    output: RecordedOutput, name: str, value: Any
) -> None:
    assert output.run(lambda: getattr(sys.stdout, name)) == value
    assert output.run(lambda: isinstance(sys.stdout, io.TextIOWrapper))


def test_a_task_asks_no_terminal_and_reads_nothing(output: RecordedOutput) -> None:
    def task() -> None:
        assert not sys.stdout.isatty()
        assert not sys.stdout.buffer.isatty()
        assert (sys.stdout.writable(), sys.stdout.readable(), sys.stdout.seekable()) == (
            True,
            False,
            False,
        )
        with pytest.raises(io.UnsupportedOperation):
            sys.stdout.read()

    output.run(task)


def test_a_task_changes_nothing_for_others(output: RecordedOutput, real: io.TextIOWrapper) -> None:
    def task() -> None:
        sys.stdout.reconfigure(encoding="ascii", errors="strict", line_buffering=True)  # type: ignore[union-attr]
        print("\u20ac")
        with pytest.raises(LookupError):
            sys.stdout.reconfigure(encoding="no-such-encoding")  # type: ignore[union-attr]
        sys.stdout.close()
        sys.stdout.buffer.close()
        print("still there")
        io.TextIOWrapper(sys.stdout.detach(), encoding="utf-8").write("wrapped\n")  # type: ignore[union-attr]
        codecs.getwriter("utf-8")(sys.stdout.buffer).write("written\n")

    output.run(task)
    assert output.text == "\u20ac\nstill there\nwrapped\nwritten\n"
    assert real.encoding == "latin-1"
    print("\xfc")
    assert written(real) == b"\xfc\n"


def test_what_a_task_assigns_is_put_back_for_the_next_job() -> None:
    with captured():
        out, err = sys.stdout, sys.stderr
        for stream in (io.StringIO(), None):
            sys.stdout = sys.stderr = stream
            put_back_streams()
            assert (sys.stdout, sys.stderr) == (out, err)


def test_without_a_consumer_no_stream_is_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stdout", stream)
    put_back_streams()
    assert sys.stdout is stream


def test_outside_a_task_it_is_the_real_stream(real: io.TextIOWrapper) -> None:
    with replaced(sys, "stdout", real), captured():
        assert (sys.stdout.encoding, sys.stdout.errors) == ("latin-1", "strict")
        sys.stdout.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
        assert real.encoding == "utf-8"
        print("\u20ac", flush=True)
        sys.stdout.buffer.write(b"\xff")
    assert written(real) == b"\xe2\x82\xac\n\xff"
    assert not real.closed


def test_what_is_no_text_is_refused_as_python_does(output: RecordedOutput) -> None:
    def task() -> None:
        with pytest.raises(TypeError, match="must be str, not bytes"):
            sys.stdout.write(b"x")  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="bytes-like"):
            sys.stdout.buffer.write("x")  # type: ignore[call-overload]

    output.run(task)
    assert output.text == ""


@pytest.mark.parametrize("stream", [None, io.StringIO()], ids=["none", "StringIO"])
def test_a_process_without_a_console_can_print(stream: Any) -> None:
    capture = Capture(stdout=stream)
    capture.begin()
    print("outside")
    sys.stdout.buffer.write(b"bytes\n")
    output = RecordedOutput(capture)
    output.run(lambda: print("inside"))
    capture.end()
    assert output.text == "inside\n"
    assert stream is None or stream.getvalue() == "outside\nbytes\n"


def test_libraries_that_print_are_kept(output: RecordedOutput) -> None:
    def task() -> None:
        try:
            raise ValueError("shown")
        except ValueError:
            traceback.print_exc()
        print("sum:", 1, 2, sep=" ", end="!\n")

    output.run(task)
    assert "ValueError: shown" in output.text
    assert output.text.endswith("sum: 1 2!\n")


def test_a_redirection_concerns_the_task_that_made_it(
    output: RecordedOutput, real: io.TextIOWrapper
) -> None:
    """Python's own replaces the stream of all threads, and puts back what it finds at the end."""
    other = RecordedOutput(output.capture)
    first, second = io.StringIO(), io.StringIO()
    one, two = contextlib.redirect_stdout(first), contextlib.redirect_stdout(second)
    output.capture.begin()
    output.run(one.__enter__)
    other.run(lambda: print("not redirected"))
    other.run(two.__enter__)
    output.run(lambda: print("to the first"))
    other.run(lambda: print("to the second"))
    output.run(lambda: one.__exit__(None, None, None))
    other.run(lambda: print("still to the second"))
    other.run(lambda: two.__exit__(None, None, None))
    for each in (output, other):
        each.run(lambda: print("to the log"))
    print("outside")

    assert first.getvalue() == "to the first\n"
    assert second.getvalue() == "to the second\nstill to the second\n"
    assert (output.text, other.text) == ("to the log\n", "not redirected\nto the log\n")
    assert written(real) == b"outside\n"


def test_redirections_nest_and_hold_for_the_tasks_threads(output: RecordedOutput) -> None:
    outer, inner = io.StringIO(), io.StringIO()

    def task() -> None:
        redirect = contextlib.redirect_stderr(outer)
        with redirect as target, redirect:
            assert target is outer
            with contextlib.redirect_stderr(inner):
                print("inner", file=sys.stderr)
            thread = threading.Thread(target=lambda: print("thread", file=sys.stderr))
            thread.start()
            thread.join()
        print("log", file=sys.stderr)

    output.run(task)
    assert (outer.getvalue(), inner.getvalue(), output.text) == ("thread\n", "inner\n", "log\n")


def test_a_redirection_outside_a_task_is_pythons_own(
    output: RecordedOutput, real: io.TextIOWrapper
) -> None:
    output.capture.begin()
    target = io.StringIO()
    with contextlib.redirect_stdout(target):
        print("x")
    print("y")
    assert (target.getvalue(), written(real)) == ("x\n", b"y\n")


@pytest.mark.parametrize("name", ["stdout", "stderr"])
def test_each_stream_is_put_back_though_the_other_was_not_assigned(name: str) -> None:
    with captured():
        routed = getattr(sys, name)
        setattr(sys, name, io.StringIO())
        put_back_streams()
        assert getattr(sys, name) is routed


def test_streams_are_routed_only_as_long_as_there_is_a_consumer() -> None:
    out, err = sys.stdout, sys.stderr
    with captured():
        assert sys.stdout is not out
        assert sys.stdout.name == getattr(out, "name", "")
        assert sys.stdout.buffer.name == getattr(out, "name", "")  # type: ignore[attr-defined,unused-ignore]
    assert (sys.stdout, sys.stderr) == (out, err)
