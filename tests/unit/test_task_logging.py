"""A task's log records are kept with its job; the project's output is as it would be without."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from jobs.consumer.capture import captured, current_attempt
from tests.unit.recorded_output import Capture, RecordedOutput


@pytest.fixture
def console() -> io.StringIO:
    """Standard error, as the process has it."""
    return io.StringIO()


class FreshLogging(Capture):
    """With the root logger as Python has it at first: pytest's handlers are away."""

    def begin(self) -> None:
        super().begin()
        root = logging.getLogger()
        if any(type(handler).__module__.startswith("_pytest") for handler in root.handlers):
            self._kept = root.level, list(root.handlers)
            root.handlers[:] = []
            root.setLevel(logging.WARNING)

    def end(self) -> None:
        root = logging.getLogger()
        root.setLevel(self._kept[0])
        root.handlers[:] = self._kept[1]
        super().end()


@pytest.fixture
def output(console: io.StringIO) -> Iterator[RecordedOutput]:
    capture = FreshLogging(stderr=console)
    yield RecordedOutput(capture)
    capture.end()


@pytest.fixture
def logger(request: pytest.FixtureRequest) -> logging.Logger:
    return logging.getLogger(f"{request.node.name}.child")


class Hostile:
    def __str__(self) -> str:
        raise ValueError("no text")

    __repr__ = __str__


@pytest.mark.parametrize(
    ("message", "arguments", "said"),
    [
        ("%d items", ("three",), "'%d items' cannot be formatted with ('three',): TypeError"),
        ("%s", (), "%s"),
        ("%s %s", ("a",), "'%s %s' cannot be formatted with ('a',): TypeError"),
        ("%s", (Hostile(),), "cannot be formatted with <tuple: its repr raised ValueError>"),
        (Hostile(), (), "<Hostile: its repr raised ValueError> cannot be formatted with ()"),
        ("%(a)s", ({"b": 1},), "'%(a)s' cannot be formatted with {'b': 1}: KeyError"),
    ],
    ids=range(6),
)
def test_a_record_that_cannot_be_formatted_does_not_fail_the_task(
    output: RecordedOutput, logger: logging.Logger, message: Any, arguments: Any, said: str
) -> None:
    def task() -> str:
        logger.info(message, *arguments)
        return "went on"

    assert output.run(task) == "went on"
    assert said in output.text
    assert output.text.startswith(f"INFO {logger.name}: ")


def test_the_projects_handler_still_reports_such_a_record_on_the_console(
    output: RecordedOutput, logger: logging.Logger, console: io.StringIO
) -> None:
    output.run(lambda: logger.warning("%d items", "three"))
    assert "--- Logging error ---" in console.getvalue()
    assert "--- Logging error ---" not in output.text


def test_a_handler_of_the_project_that_fails_fails_as_without_us(
    output: RecordedOutput, logger: logging.Logger
) -> None:
    class Broken(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            raise OSError("disk full")

    logger.addHandler(Broken())
    with pytest.raises(OSError, match="disk full"):
        output.run(lambda: logger.warning("kept"))
    assert output.text == f"WARNING {logger.name}: kept\n"


def no_propagation(logger: logging.Logger) -> None:
    logger.propagate = False
    logger.addHandler(logging.NullHandler())


def high_level(logger: logging.Logger) -> None:
    logger.setLevel(logging.ERROR)


def high_level_of_the_parent(logger: logging.Logger) -> None:
    assert logger.parent is not None
    logger.parent.setLevel(logging.CRITICAL)


def disabled(logger: logging.Logger) -> None:
    logger.disabled = True


def unset(logger: logging.Logger) -> None:
    assert logger.level == logging.NOTSET


@pytest.mark.parametrize(
    "project",
    [
        no_propagation,
        high_level,
        high_level_of_the_parent,
        disabled,
        unset,
    ],
)
def test_info_is_kept_whatever_the_projects_logging(
    output: RecordedOutput, logger: logging.Logger, project: Any, console: io.StringIO
) -> None:
    project(logger)
    output.run(lambda: logger.info("kept %d", 7))
    output.run(lambda: logging.LoggerAdapter(logger, {}).info("too"))
    output.run(lambda: logger.debug("not this"))
    assert output.text == f"INFO {logger.name}: kept 7\nINFO {logger.name}: too\n"
    assert console.getvalue() == ""


def test_the_last_resort_still_reaches_the_console_and_not_the_log_twice(
    output: RecordedOutput, logger: logging.Logger, console: io.StringIO
) -> None:
    output.capture.begin()
    logger.warning("from outside")
    output.run(lambda: logger.warning("from a task"))
    assert console.getvalue() == "from outside\nfrom a task\n"
    assert output.text == f"WARNING {logger.name}: from a task\n"


def test_a_console_handler_that_a_task_makes_writes_to_the_console(
    output: RecordedOutput, logger: logging.Logger, console: io.StringIO
) -> None:
    def task() -> None:
        logging.basicConfig(level=logging.INFO, format="%(message)s")
        logger.info("once")

    output.run(task)
    assert console.getvalue() == "once\n"
    assert output.text == f"INFO {logger.name}: once\n"


def test_handlers_get_the_records_that_they_would_get_and_no_others(
    output: RecordedOutput, logger: logging.Logger
) -> None:
    got: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: got.append(record.getMessage())  # type: ignore[method-assign]
    logger.addHandler(handler)
    output.run(lambda: logger.info("info"))
    output.run(lambda: logger.error("error"))
    assert got == ["error"]
    assert "info" in output.text


def test_a_formatter_of_the_project_makes_its_own_traceback(
    output: RecordedOutput, logger: logging.Logger
) -> None:
    class Short(logging.Formatter):
        def formatException(self, ei: Any) -> str:  # noqa: N802
            return "short"

    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(Short("%(message)s"))
    logger.addHandler(handler)

    def task() -> None:
        try:
            raise KeyError("gone")
        except KeyError:
            logger.exception("failed", stack_info=True)

    output.run(task)
    assert stream.getvalue().startswith("failed\nshort\n")
    assert "Traceback (most recent call last):" in output.text
    assert "KeyError: 'gone'" in output.text
    assert "Stack (most recent call last):" in output.text


def test_filters_of_a_logger_hold_for_the_jobs_log(
    output: RecordedOutput, logger: logging.Logger
) -> None:
    def hide(record: logging.LogRecord) -> bool:
        record.msg = str(record.msg).replace("secret", "***")
        return "nothing" not in record.msg

    logger.addFilter(hide)
    output.run(lambda: logger.info("secret"))
    output.run(lambda: logger.info("nothing"))
    logger.disabled = True
    output.run(lambda: logger.info("secret"))
    output.run(lambda: logger.info("nothing"))
    assert output.text == f"INFO {logger.name}: ***\n" * 2


def test_disable_holds_for_the_whole_process(
    output: RecordedOutput, logger: logging.Logger
) -> None:
    logging.disable(logging.INFO)
    try:
        output.run(lambda: logger.info("no"))
        output.run(lambda: logger.error("yes"))
    finally:
        logging.disable(logging.NOTSET)
    assert output.text == f"ERROR {logger.name}: yes\n"


def test_the_level_can_be_set(
    output: RecordedOutput, logger: logging.Logger, settings: Any
) -> None:
    settings.JOBS = {"LOG_LEVEL": "DEBUG"}
    output.run(lambda: logger.debug("fine"))
    assert output.text == f"DEBUG {logger.name}: fine\n"


def test_afterwards_logging_is_as_before() -> None:
    names = ("isEnabledFor", "handle", "callHandlers")
    before = [getattr(logging.Logger, name) for name in names]
    with captured():
        assert [getattr(logging.Logger, name) for name in names] != before
    assert [getattr(logging.Logger, name) for name in names] == before


def test_a_log_that_cannot_be_kept_fails_no_task(
    output: RecordedOutput, logger: logging.Logger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A child's pipe to its parent may be closed; logging says so where it always does."""
    reported: list[Any] = []

    def refuse(text: str) -> None:
        raise BrokenPipeError

    def report(handler: logging.Handler, record: logging.LogRecord) -> None:
        reported.append((record.getMessage(), current_attempt.get()))

    monkeypatch.setattr(logging.Handler, "handleError", report)

    def task() -> None:
        sink: Any = SimpleNamespace(log=refuse, settled=False)
        token = current_attempt.set(sink)
        try:
            logger.warning("lost")
            assert current_attempt.get() is sink
        finally:
            current_attempt.reset(token)

    output.run(task)
    assert ("lost", None) in reported, "what is said there is not kept either"


def test_a_text_of_an_exception_that_somebody_has_formatted_is_kept(
    output: RecordedOutput, logger: logging.Logger
) -> None:
    """As a queue's handler does it, whose records come from another process."""
    record = logger.makeRecord("n", logging.ERROR, "f", 1, "message", (), None)
    record.exc_text = "Traceback: of another process"
    record.stack_info = "Stack: here"
    output.run(lambda: logger.handle(record))
    assert "message\nTraceback: of another process\nStack: here" in output.text
