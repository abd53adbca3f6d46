"""Passkeys in the rooms: one's own, and the options with which a browser makes or uses one."""

from typing import Any, Final

from multimail.surfaces.dashboard.desk import Desk

ACTS: Final = ()


async def mine(desk: Desk) -> dict[str, Any]:
    return {"known": [], "options": ""}
