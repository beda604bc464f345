"""Validation and a JSON schema from the signature of a function, by pydantic."""

from __future__ import annotations

import inspect
import json
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, get_type_hints

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, create_model
from pydantic.errors import PydanticSchemaGenerationError, PydanticUserError

from jobs.core.jsonutils import clean_json, jsonable
from jobs.errors import FieldError, InvalidArguments, UnsupportedType

from .arguments import Argument, describe, humanise
from .callables import problem_of
from .error_messages import message_for
from .input_file import CONTEXT_KEY, FileInfo, uploads_in
from .json_arguments import JsonArguments, is_taken_as_given, taken_otherwise, validate_json
from .pointer import escape_pointer
from .round_trip import first_difference, is_exact, is_json, unstorable

CONTEXT_PARAMETER = "context"
# Field names have a prefix, and the parameter names are aliases: a parameter called "json" or
# "copy" would hide a method of pydantic's BaseModel.
_CONFIG = ConfigDict(extra="forbid", hide_input_in_errors=True, protected_namespaces=())
_PREFIX = "arg_"


class BadSignature(Exception):
    """The signature cannot become a form; the message says which part and why."""


@dataclass(frozen=True, slots=True)
class ValidatedArguments:
    """Valid arguments: as JSON data, as the text of that, and the ids of uploads they refer to."""

    stored: dict[str, Any]
    text: str
    uploads: list[uuid.UUID]


class ArgSpec:
    """The arguments that a function accepts. Building one may raise ``BadSignature``."""

    def __init__(self, function: Callable[..., Any]) -> None:
        problem = problem_of(function)
        if problem is not None:
            raise BadSignature(problem)
        parameters = list(inspect.signature(function).parameters.values())
        self.takes_context = bool(parameters) and parameters[0].name == CONTEXT_PARAMETER
        self.parameters = parameters[1:] if self.takes_context else parameters
        self._model = _build_model(function, self.parameters)
        # The model's own methods call these, after looking at options that are not used here.
        validator, serializer = (
            self._model.__pydantic_validator__,
            self._model.__pydantic_serializer__,
        )
        self._validate: Callable[..., BaseModel] = validator.validate_python
        self._dump = serializer.to_python
        self._is_exact = _all_fields(self._model, is_exact)
        self._is_taken_as_given = _all_fields(self._model, is_taken_as_given)

    @cached_property
    def arguments(self) -> list[Argument]:
        """The descriptions of the arguments, the required ones first."""
        return describe(self.json_schema)

    @cached_property
    def json_schema(self) -> dict[str, Any]:
        """The JSON schema (draft 2020-12) of the arguments object."""
        return self._model.model_json_schema(by_alias=True)

    @cached_property
    def takes_files(self) -> bool:
        """Whether an upload can be among the arguments, at any depth."""
        return '"format": "upload"' in json.dumps(self.json_schema)

    def validate(self, raw: Any) -> ValidatedArguments:
        """Validate arguments that were given as JSON data.

        Of ``JsonArguments`` each has to be of its type. Of others, text is taken for what it says.

        Raises:
            InvalidArguments: with a JSON pointer for each that does not fit.
            UnsupportedType: one would not arrive as it was given.
        """
        model = self._validated(raw, None)
        try:
            stored, text = clean_json(self._dump(model, mode="json", by_alias=True))
        except (ValueError, RecursionError) as error:
            # An infinite float is a valid float, and a free-form value may be nested too deeply.
            raise self._unstorable(model) from error
        if isinstance(raw, JsonArguments) and not self._is_taken_as_given:
            other = taken_otherwise(raw, stored)
            if other is not None:
                raise InvalidArguments([other])
        if not (self._is_exact or is_json(self._by_name(model))):
            self._require_round_trip(model, stored)
        uploads = list(dict.fromkeys(uploads_in(model))) if self.takes_files else []
        return ValidatedArguments(stored, text, uploads)

    def bind(self, stored: Any, files: Mapping[str, FileInfo]) -> dict[str, Any]:
        """Return the keyword arguments for a call of the function.

        Args:
            stored: the job's ``kwargs``.
            files: what is known of each upload, by its id as text.

        Raises:
            InvalidArguments: the signature has changed since the job was submitted.
        """
        model = self._validated(stored, {CONTEXT_KEY: files})
        return self._by_name(model)

    def by_name(self, positional: tuple[Any, ...], named: dict[str, Any]) -> dict[str, Any]:
        """Return the arguments of a call as named arguments.

        Raises:
            InvalidArguments: there are too many, or one is given twice.
        """
        names = [parameter.name for parameter in self.parameters]
        if len(positional) > len(names):
            raise InvalidArguments(
                [{"pointer": "", "detail": f"It takes {len(names)} arguments at most."}]
            )
        given = dict(zip(names, positional, strict=False))
        if twice := given.keys() & named.keys():
            raise InvalidArguments(
                [{"pointer": f"/{name}", "detail": "It is given twice."} for name in twice]
            )
        return {**given, **named}

    def _validated(self, raw: Any, context: dict[str, Any] | None) -> BaseModel:
        try:
            if isinstance(raw, JsonArguments):
                return validate_json(self._model.__pydantic_validator__, raw, _steps)
            return self._validate(raw, context=context)
        except ValidationError as error:
            raise InvalidArguments(field_errors(error, raw)) from error
        except RecursionError as error:
            raise InvalidArguments(
                [{"pointer": "", "detail": "It is nested too deeply."}]
            ) from error

    def _require_round_trip(self, model: BaseModel, stored: dict[str, Any]) -> None:
        try:
            arrives = self._validate(stored, context=None)
        except ValidationError as error:
            raise UnsupportedType(
                [
                    {**one, "detail": f"As JSON it no longer fits: {one['detail']}"}
                    for one in field_errors(error, stored)
                ]
            ) from error
        found = first_difference(self._by_name(model), self._by_name(arrives))
        if found is not None:
            raise UnsupportedType([{"pointer": found.pointer, "detail": found.sentence}])

    def _unstorable(self, model: BaseModel) -> InvalidArguments:
        nowhere = ("", "It holds something that is no JSON.")
        try:
            pointer, detail = unstorable(self._by_name(model)) or nowhere
        except RecursionError:
            pointer, detail = nowhere
        return UnsupportedType([{"pointer": pointer, "detail": detail}])

    def _by_name(self, model: BaseModel) -> dict[str, Any]:
        return {p.name: getattr(model, _PREFIX + p.name) for p in self.parameters}


def _all_fields(model: type[BaseModel], test: Callable[[Any], bool]) -> bool:
    """Whether this holds for the schemas of all fields."""
    schema: Any = model.__pydantic_core_schema__
    if schema["type"] != "model":
        return False  # with definitions: a type that contains itself
    fields = schema["schema"].get("fields", {}).values()
    return all(test(field["schema"]) for field in fields)


def _build_model(function: Callable[..., Any], parameters: list[Any]) -> type[BaseModel]:
    try:
        hints = get_type_hints(function, include_extras=True)
    except (NameError, TypeError) as error:
        raise BadSignature(f"its annotations cannot be read: {error}") from error
    fields: dict[str, Any] = {}
    for parameter in parameters:
        fields[_PREFIX + parameter.name] = _field(parameter, hints)
    try:
        model = create_model(f"{function.__name__}_arguments", __config__=_CONFIG, **fields)
        model.model_json_schema(by_alias=True)
    except (PydanticSchemaGenerationError, PydanticUserError, TypeError) as error:
        raise BadSignature(f"a type cannot be validated: {str(error).splitlines()[0]}") from error
    return model


def _field(parameter: inspect.Parameter, hints: dict[str, Any]) -> tuple[Any, Any]:
    name = parameter.name
    if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
        raise BadSignature(f"the parameter {name!r} must be one that can be given by name")
    if name not in hints:
        raise BadSignature(f"the parameter {name!r} has no type annotation")
    if parameter.default is inspect.Parameter.empty:
        return hints[name], Field(alias=name, title=_title(hints[name], name))
    _check_default(name, hints[name], parameter.default)
    return hints[name], Field(
        default=parameter.default, alias=name, title=_title(hints[name], name)
    )


def _title(hint: Any, name: str) -> str:
    """Return the title of ``Annotated[..., Field(title=...)]``, or one made from the name."""
    for extra in getattr(hint, "__metadata__", ()):
        if getattr(extra, "title", None):
            return str(extra.title)
    return humanise(name)


def _check_default(name: str, hint: Any, default: Any) -> None:
    try:
        json.dumps(jsonable(default), allow_nan=False)
    except (ValueError, TypeError) as error:
        raise BadSignature(f"the default of {name!r} is no JSON: {default!r}") from error
    try:
        TypeAdapter(hint).validate_python(default)
    except ValidationError as error:
        detail = error.errors(include_url=False)[0]["msg"]
        raise BadSignature(f"the default of {name!r} does not fit its type: {detail}") from error


def field_errors(error: ValidationError, raw: Any) -> list[FieldError]:
    """Convert errors of pydantic to JSON pointers into the value and sentences."""
    return [
        {
            "pointer": _pointer(item["loc"], raw, missing=item["type"] == "missing"),
            "detail": message_for(item),
        }
        for item in error.errors(include_url=False, include_input=False)
    ]


def _pointer(location: tuple[int | str, ...], raw: Any, *, missing: bool) -> str:
    """Convert the location of an error to a JSON pointer (RFC 6901).

    Pydantic's location also names the member of a union that was tried, which is no part of the
    value: only steps that exist in the value are kept, and the last step to a missing one.
    """
    steps = _steps(location[:-1] if missing else location, raw)
    if missing:
        steps.append(location[-1])
    return "".join(f"/{escape_pointer(step)}" for step in steps)


def _steps(location: tuple[int | str, ...], raw: Any) -> list[int | str]:
    steps: list[int | str] = []
    for part in location:
        if _exists(raw, part):
            raw = raw[part]
            steps.append(part)
    return steps


def _exists(raw: Any, part: int | str) -> bool:
    if isinstance(raw, list):
        return isinstance(part, int) and part < len(raw)
    return isinstance(raw, Mapping) and part in raw
