"""Standard output and error: inside a task they write to its job's log."""

from __future__ import annotations

import codecs
import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO
from weakref import WeakKeyDictionary

from .output_sink import OutputSink, current_sink


class RoutedBytes(io.BufferedIOBase):
    """``sys.stdout.buffer``: inside a task bytes become text of the job's log, as UTF-8.

    Args:
        stream: the real text stream.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        # A character may come in pieces.
        self._decoders: WeakKeyDictionary[OutputSink, codecs.IncrementalDecoder]
        self._decoders = WeakKeyDictionary()

    def write(self, data: Any, /) -> int:
        """Write to the job's log inside a task, else to the real stream."""
        raw = memoryview(data).tobytes()
        sink = current_sink()
        if sink is not None:
            sink.print(self._decoder(sink).decode(raw))
        elif hasattr(self._stream, "buffer"):
            self._stream.buffer.write(raw)
        else:  # a StringIO, for instance
            self._stream.write(raw.decode("utf-8", "replace"))
        return len(raw)

    def _decoder(self, sink: OutputSink) -> codecs.IncrementalDecoder:
        found = self._decoders.get(sink)
        if found is None:
            found = codecs.getincrementaldecoder("utf-8")("replace")
            found = self._decoders.setdefault(sink, found)
        return found

    def flush(self) -> None:
        """Flush the real stream; a job's log holds nothing back."""
        if current_sink() is None:
            self._stream.flush()

    def close(self) -> None:
        """Do nothing: the stream belongs to the process, not to a task that wrapped it."""

    def writable(self) -> bool:
        """Always true."""
        return True

    def fileno(self) -> int:
        """Return the real stream's descriptor."""
        return self._stream.fileno()

    def isatty(self) -> bool:
        """False inside a task, whose output goes to a log."""
        return current_sink() is None and self._stream.isatty()

    @property
    def raw(self) -> RoutedBytes:
        """Itself: there is no buffer in between."""
        return self

    @property
    def name(self) -> Any:
        """The real stream's: "<stdout>"."""
        return getattr(self._stream, "name", "")

    @property
    def mode(self) -> str:
        """Bytes are written."""
        return "wb"


def _inside(value: Any, name: str) -> Any:
    """Return a property: the value inside a task, the real stream's elsewhere."""

    def get(self: RoutedStream) -> Any:
        return value if current_sink() is not None else getattr(self.real, name, value)

    return property(get, doc=f"Inside a task {value!r}, elsewhere the real stream's.")


class RoutedStream(io.TextIOWrapper):
    """Standard output or error. Libraries find what they expect of one: ``buffer``,
    ``reconfigure``, ``encoding``; what they change holds for nobody else.

    Args:
        real: the stream of the process.
    """

    def __init__(self, real: TextIO) -> None:
        self.real = real
        self._targets: dict[OutputSink, list[TextIO]] = {}
        super().__init__(RoutedBytes(real), encoding="utf-8", write_through=True)

    encoding = _inside("utf-8", "encoding")
    errors = _inside("replace", "errors")
    newlines = _inside(None, "newlines")
    line_buffering = _inside(True, "line_buffering")
    write_through = _inside(True, "write_through")
    mode = _inside("w", "mode")

    @property
    def name(self) -> Any:
        """The real stream's: "<stdout>"."""
        return getattr(self.real, "name", "")

    def write(self, text: str, /) -> int:
        """Write to the job's log inside a task, else to the real stream."""
        sink = current_sink()
        if sink is None:
            return self.real.write(text)
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        if self._targets and (targets := self._targets.get(sink)):
            return targets[-1].write(text)
        sink.print(text)
        return len(text)

    def flush(self) -> None:
        """Flush the real stream; a job's log holds nothing back."""
        if current_sink() is None:
            self.real.flush()

    def isatty(self) -> bool:
        """False inside a task, whose output goes to a log."""
        return self.buffer.isatty()

    def reconfigure(self, *, encoding: str | None = None, **options: Any) -> None:
        """Reconfigure the real stream; inside a task nothing: a log takes all text, at once.

        Raises:
            LookupError: there is no such encoding.
        """
        if current_sink() is None:
            self.real.reconfigure(encoding=encoding, **options)  # type: ignore[attr-defined]
        elif encoding is not None:
            codecs.lookup(encoding)

    def detach(self) -> Any:
        """Return ``buffer``; this stream goes on, because other tasks write to it."""
        return self.buffer

    def close(self) -> None:
        """Do nothing, as ``RoutedBytes.close``."""

    def push_target(self, sink: OutputSink, target: TextIO) -> None:
        """Write what this task prints to another stream until ``pop_target``."""
        self._targets.setdefault(sink, []).append(target)

    def pop_target(self, sink: OutputSink) -> None:
        """Undo the last ``push_target``."""
        targets = self._targets[sink]
        targets.pop()
        if not targets:
            del self._targets[sink]


_routed: tuple[RoutedStream, RoutedStream] | None = None


@contextmanager
def streams_routed() -> Iterator[None]:
    """Within it, ``sys.stdout`` and ``sys.stderr`` are such streams."""
    global _routed
    out, err = sys.stdout, sys.stderr
    # A process without a console (``pythonw``, a service) has None for them.
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        _routed = RoutedStream(out or nowhere), RoutedStream(err or nowhere)
        sys.stdout, sys.stderr = _routed
        try:
            yield
        finally:
            _routed = None
            sys.stdout, sys.stderr = out, err


def put_back_streams() -> None:
    """Undo what a task has assigned to ``sys.stdout`` and ``sys.stderr``: the next job prints, too.

    It takes 0.1 us. A task in another thread that has assigned them on purpose loses that.
    """
    routed = _routed
    if routed is not None and (sys.stdout is not routed[0] or sys.stderr is not routed[1]):
        sys.stdout, sys.stderr = routed
