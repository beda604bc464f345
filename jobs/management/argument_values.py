"""``key=value`` pairs of a command line become the arguments of a task."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from jobs.catalog.arguments import Argument
from jobs.errors import InvalidArguments

TEXT_KINDS: Final = frozenset({"text", "longtext", "date", "datetime", "email", "url"})

StoreFile = Callable[[Path], str]
"""Stores a file and returns the id of the upload."""


def parse_arguments(
    declared: Sequence[Argument], pairs: Sequence[str], store: StoreFile
) -> dict[str, Any]:
    """Return arguments as JSON data, for the task to validate.

    Args:
        declared: the arguments of the task.
        pairs: ``key=value`` each; a key may come again where the argument takes several values.
        store: called for a file argument, ``log=@path``.

    Raises:
        InvalidArguments: not ``key=value``, a key that comes twice, a file that cannot be read.
    """
    given: dict[str, list[str]] = {}
    for pair in pairs:
        key, equals, text = pair.partition("=")
        if not equals or not key:
            raise _error("", f"Write key=value, not {pair!r}.")
        given.setdefault(key, []).append(text)
    by_name = {argument.name: argument for argument in declared}
    return {key: _value(key, by_name.get(key), texts, store) for key, texts in given.items()}


def _value(key: str, argument: Argument | None, texts: list[str], store: StoreFile) -> Any:
    if argument is None:
        return texts[-1]  # the validation refuses an argument that the task does not have
    if argument.multiple and not (len(texts) == 1 and texts[0].startswith(("[", "null"))):
        return [_single(argument, text, store) for text in texts]
    if len(texts) > 1:
        raise _error(f"/{key}", "It is given twice.")
    return _as_json(texts[0]) if argument.multiple else _single(argument, texts[0], store)


def _single(argument: Argument, text: str, store: StoreFile) -> Any:
    if argument.kind == "file" and text.startswith("@"):
        return {"upload": _store(argument.name, Path(text[1:]), store)}
    if argument.kind == "choice":
        return next((value for value, _ in argument.choices if _is_choice(value, text)), text)
    return text if argument.kind in TEXT_KINDS else _as_json(text)


def _is_choice(value: Any, text: str) -> bool:
    return text == (value if isinstance(value, str) else json.dumps(value))


def _as_json(text: str) -> Any:
    """Return the JSON data, or the text itself, which the validation may refuse."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _store(name: str, path: Path, store: StoreFile) -> str:
    try:
        return store(path)
    except OSError as error:
        raise _error(f"/{name}", f"{path} cannot be read: {error.strerror or error}.") from error


def _error(pointer: str, detail: str) -> InvalidArguments:
    return InvalidArguments([{"pointer": pointer, "detail": detail}])
