"""``/tokens``: one's own tokens. A token reaches those that can do no more than itself."""

from __future__ import annotations

from typing import Final

from django.http import HttpRequest, HttpResponse
from pydantic import ValidationError

from jobs.api import schemas
from jobs.api.auth import Caller
from jobs.api.json_schema import ref
from jobs.api.operations import Operation, Response
from jobs.api.problems import CONFLICT, INVALID, NOT_FOUND, ApiError
from jobs.api.request_body import read_json
from jobs.api.responses import JSON, JsonResponse, api_url
from jobs.api.token_json import token_json
from jobs.catalog.signature import field_errors
from jobs.conf import get_conf
from jobs.core.jsonutils import clean
from jobs.errors import InvalidOptions
from jobs.models import Token
from jobs.models.token import UNRESTRICTED, Grant
from jobs.queries.token_grants import checked_grant
from jobs.submission import operational_errors_as_unavailable

_LONGEST_ID: Final = 18


@Operation("listTokens", [Response(200, "TokenList")], tag="tokens")
def list_tokens(request: HttpRequest, caller: Caller) -> JsonResponse:
    """List your tokens, newest first.

    Asked with a token: that one, and those that can do no more than it.
    """
    own = _grant_of(caller)
    found = [one for one in _tokens_of(caller) if own.covers(one.grant)]
    body: schemas.TokenList = {"items": [token_json(one, caller) for one in found]}
    return JsonResponse(body)


@Operation(
    "createToken",
    [Response(201, "NewToken", "Location")],
    problems=[INVALID, CONFLICT],
    body=JSON,
    body_schema=ref("TokenRequest"),
    example={"name": "nightly", "scopes": ["read", "submit"], "expires": "30d"},
    tag="tokens",
    curl="""-H "Content-Type: application/json" \\
  -d '{"name": "nightly", "scopes": ["read", "submit"], "expires": "30d"}' $URL""",
)
def post_token(request: HttpRequest, caller: Caller) -> JsonResponse:
    """Make a token.

    Its text is in the answer, this once. One that is made with a token can do no more than that
    one, and no longer; what is left out is as there.
    """
    asked = _asked(read_json(request, get_conf().max_body, nested_at=""))
    grant = checked_grant(asked.scopes, asked.tasks, asked.queues, asked.expires, _grant_of(caller))
    with operational_errors_as_unavailable():
        token, text = Token.objects.issue(caller.user, clean(asked.name), grant)  # type: ignore[arg-type]
    return _made(token, text, caller)


@Operation("revokeToken", [Response(204)], tag="tokens", curl="$URL")
def delete_token(request: HttpRequest, caller: Caller, token_id: str) -> HttpResponse:
    """Revoke a token.

    The next request with it is refused.
    """
    token = _token(caller, token_id)
    with operational_errors_as_unavailable():
        token.delete()
    response = HttpResponse(status=204)
    del response.headers["Content-Type"]
    return response


@Operation(
    "rotateToken", [Response(201, "NewToken", "Location")], problems=[CONFLICT], tag="tokens"
)
def post_rotate(request: HttpRequest, caller: Caller, token_id: str) -> JsonResponse:
    """Replace a token by a new one.

    The new one can do the same, and expires after the same time. The old one stays valid for a day
    at most. A token that is replaced with a token ends no later than that one.
    """
    old = _token(caller, token_id)
    with operational_errors_as_unavailable():
        token, text = Token.objects.rotate(old, _grant_of(caller).expires_at)
    return _made(token, text, caller)


def _made(token: Token, text: str, caller: Caller) -> JsonResponse:
    body: schemas.NewToken = {**token_json(token, caller), "token": text}
    headers = {"Location": api_url("token", token_id=token.pk), "Cache-Control": "no-store"}
    return JsonResponse(body, 201, headers)


def _asked(raw: object) -> schemas.TokenRequest:
    if not isinstance(raw, dict):
        raise InvalidOptions([{"pointer": "", "detail": "Send a JSON object."}])
    try:
        return schemas.TokenRequest.model_validate(raw)
    except ValidationError as error:
        raise InvalidOptions(field_errors(error, raw)) from error


def _grant_of(caller: Caller) -> Grant:
    """What the caller's own token can do; everything for a session."""
    if caller.credential is None:
        return UNRESTRICTED
    return Token.objects.get(pk=caller.credential.token_id).grant


def _tokens_of(caller: Caller) -> list[Token]:
    return list(Token.objects.filter(user_id=caller.user.pk))


def _token(caller: Caller, text: str) -> Token:
    """The caller's token with this id, if they reach it."""
    is_id = text.isascii() and text.isdigit() and len(text) <= _LONGEST_ID
    rows = Token.objects.filter(user_id=caller.user.pk, pk=int(text)) if is_id else ()
    own = _grant_of(caller)
    for token in rows:
        if own.covers(token.grant):
            return token
    raise ApiError(NOT_FOUND, "There is no such token.")
