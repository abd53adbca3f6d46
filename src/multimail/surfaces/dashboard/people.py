"""The room of operators: who they are, and where they are signed in."""

from starlette.responses import Response

from multimail.operations.people import (
    INVITE_OPERATOR,
    LIST_OPERATOR_SESSIONS,
    LIST_OPERATORS,
    REMOVE_OPERATOR,
    REVOKE_OPERATOR_SESSION,
    UPDATE_OPERATOR,
)
from multimail.surfaces.dashboard.desk import Desk, every


async def operators(desk: Desk) -> Response:
    return await desk.page(
        "operators.html",
        calls=(LIST_OPERATORS, INVITE_OPERATOR, UPDATE_OPERATOR, REMOVE_OPERATOR, LIST_OPERATOR_SESSIONS,
               REVOKE_OPERATOR_SESSION),
        here="operators",
        found=await desk.ask(LIST_OPERATORS, limit=100, cursor=desk.query("cursor") or None),
        sessions=await every(desk, LIST_OPERATOR_SESSIONS, "sessions"),
    )  # fmt: skip
