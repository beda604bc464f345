"""``key=value`` words of a command line, as the arguments of a task."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from jobs.catalog.arguments import Argument
from jobs.errors import InvalidArguments

TEXT: Final = frozenset({"text", "longtext", "date", "datetime", "email", "url"})

Store = Callable[[Path], str]
"""Stores a file and returns the id of the upload."""


def arguments_of(known: Sequence[Argument], words: Sequence[str], store: Store) -> dict[str, Any]:
    """Return the arguments that the words give, as JSON data, for the task to validate.

    Args:
        known: the arguments of the task.
        words: ``key=value`` each; a key may come again where several values are taken.
        store: called for a file argument, ``log=@path``.

    Raises:
        InvalidArguments: a word is no ``key=value``, a key comes twice, a file cannot be read.
    """
    given: dict[str, list[str]] = {}
    for word in words:
        key, equals, text = word.partition("=")
        if not equals or not key:
            raise _wrong("", f"Write key=value, not {word!r}.")
        given.setdefault(key, []).append(text)
    by_name = {argument.name: argument for argument in known}
    return {key: _value(key, by_name.get(key), texts, store) for key, texts in given.items()}


def _value(key: str, argument: Argument | None, texts: list[str], store: Store) -> Any:
    if argument is None:
        return texts[-1]  # the task's validation says that it takes no such argument
    if argument.multiple and not (len(texts) == 1 and texts[0].startswith(("[", "null"))):
        return [_single(argument, text, store) for text in texts]
    if len(texts) > 1:
        raise _wrong(f"/{key}", "It is given twice.")
    return _as_json(texts[0]) if argument.multiple else _single(argument, texts[0], store)


def _single(argument: Argument, text: str, store: Store) -> Any:
    if argument.kind == "file" and text.startswith("@"):
        return {"upload": _stored(argument.name, Path(text[1:]), store)}
    if argument.kind == "choice":
        return next((value for value, _ in argument.choices if _same(value, text)), text)
    return text if argument.kind in TEXT else _as_json(text)


def _same(value: Any, text: str) -> bool:
    return text == (value if isinstance(value, str) else json.dumps(value))


def _as_json(text: str) -> Any:
    """JSON if it is; else the text itself, for the task's validation to judge."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _stored(name: str, path: Path, store: Store) -> str:
    try:
        return store(path)
    except OSError as error:
        raise _wrong(f"/{name}", f"{path} cannot be read: {error.strerror or error}.") from error


def _wrong(pointer: str, detail: str) -> InvalidArguments:
    return InvalidArguments([{"pointer": pointer, "detail": detail}])
