"""Approval by URL elicitation (MCP 2026-07-28: elicitation, multi round-trip requests).

A client that can open links is asked to open the desk, where a person signs in and decides; meanwhile its call waits,
and is answered with what became of the email. The link proves nothing and decides nothing, because whoever composed
the email holds it; the specification forbids links that are signed in beforehand for the same reason.

Nothing is kept between the two requests: what was done is in the state that the client brings back, signed and bound
to its key, its tool and its arguments. So the second request never sends again, and any process can answer it. A client
of an earlier revision tells its capabilities in another request than the one that sends, so it is never asked.
"""

import asyncio
import hashlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

import mcp_types as types
from mcp.shared.exceptions import MCPError

from multimail.core.errors import Refused
from multimail.core.jsontext import sorted_json
from multimail.core.times import MINUTE
from multimail.operations.authenticate import authenticate, hash_secret
from multimail.operations.context import Caller, Services
from multimail.operations.links import open_link, sign_link
from multimail.operations.operation import invoke
from multimail.operations.oversight import GET_DECISION

PURPOSE: Final = "mcp approval"
NAME: Final = "approval"  # of the one request, and of its response
STATE_LIFE: Final = 30 * MINUTE
PATIENCE: Final = 60.0  # seconds that a call waits for whoever has opened the link
PENDING: Final = "pending_approval"


def ask(
    services: Services, caller: Caller, called: types.CallToolRequestParams, answer: Mapping[str, Any]
) -> types.InputRequiredResult:
    """In place of `answer`, that of a tool that sent and is held."""
    claims = [*_bound(caller, called), services.clock() + STATE_LIFE, dict(answer)]
    wanted = types.ElicitRequestURLParams(
        message="A person decides before this email leaves. The link opens the approval desk.",
        url=f"{services.site.public_url}/dashboard/emails/{answer['id']}",
    )
    return types.InputRequiredResult(
        input_requests={NAME: types.ElicitRequest(params=wanted)},
        request_state=sign_link(services.link_secret, PURPOSE, claims),
    )


def _bound(caller: Caller, called: types.CallToolRequestParams) -> list[str]:
    arguments = hashlib.sha256(sorted_json(dict(called.arguments or {})).encode()).hexdigest()
    return [hash_secret(str(caller.credential)), called.name, arguments]


async def settle(services: Services, caller: Caller, called: types.CallToolRequestParams) -> dict[str, Any]:
    """The answer of a call that comes back: what it was, with the status of now. Raises MCPError, Refused."""
    claims = open_link(services.link_secret, PURPOSE, called.request_state or "")
    if claims is None or claims[:3] != _bound(caller, called) or claims[3] < services.clock():
        raise MCPError(types.INVALID_PARAMS, "That request state was not made for this call, or is too old.")
    answer: dict[str, Any] = claims[4]
    response = (called.input_responses or {}).get(NAME)
    opened = isinstance(response, types.ElicitResult) and response.action == "accept"
    return answer | {"status": await _status(services, caller, answer, PATIENCE if opened else 0)}


async def _status(services: Services, caller: Caller, answer: Mapping[str, Any], patience: float) -> Any:
    """That of now, or once it was decided on; a key that may not ask hears what it heard before."""
    account_id = (await services.db.read(lambda tx: authenticate(tx, caller.credential))).account_id
    uncounted = replace(caller, counted=False)
    news = asyncio.Event()
    leave = services.db.subscribe("events", lambda told: news.set() if told == account_id else None)
    status: Any = answer["status"]
    try:
        async with asyncio.timeout(patience or None):
            while True:
                news.clear()
                decision = await invoke(services, GET_DECISION, {"email_id": answer["id"]}, uncounted)
                status = decision.body["status"]
                if status != PENDING or not patience:
                    return status
                await news.wait()
    except (Refused, TimeoutError):
        return status
    finally:
        leave()
