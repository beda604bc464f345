"""``GET /me``: who calls, and with what."""

from __future__ import annotations

from django.http import HttpRequest

from jobs.api import schemas
from jobs.api.auth import Caller
from jobs.api.operations import ANY_SCOPE, Operation, Response
from jobs.api.responses import JsonResponse
from jobs.api.token_json import token_json
from jobs.core.rights import RIGHTS
from jobs.core.users import is_staff, user_name
from jobs.models import Token


@Operation("getMe", [Response(200, "Me")], tag="tokens", scope=ANY_SCOPE)
def get_me(request: HttpRequest, caller: Caller) -> JsonResponse:
    """Find out who you are.

    The user, their rights of staff, and the token with its scopes and limits. Every token may ask.
    """
    credential = caller.credential
    found = None if credential is None else Token.objects.get(pk=credential.token_id)
    body: schemas.Me = {
        "user": {
            "name": user_name(caller.user),
            "staff": is_staff(caller.user),
            "rights": [right for right in RIGHTS if caller.has_right(right)],
        },
        "token": None if found is None else token_json(found, caller),
    }
    return JsonResponse(body)
