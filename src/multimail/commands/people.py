"""`multimail operator`, the part about people: who oversees the account, their sessions, its export, its pause."""

import argparse
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO, Final

from multimail.commands.flags import plain, typed
from multimail.commands.owner import Action, Owner
from multimail.core.errors import Refused
from multimail.core.scopes import Role
from multimail.operations.export import EXPORT_ACCOUNT
from multimail.operations.operation import Body, Operation
from multimail.operations.pausing import PAUSE_SENDING, RESUME_SENDING
from multimail.operations.people import (
    INVITE_OPERATOR,
    LIST_OPERATOR_SESSIONS,
    LIST_OPERATORS,
    REMOVE_OPERATOR,
    REVOKE_OPERATOR_SESSION,
    UPDATE_OPERATOR,
)

PART: Final = ".part"  # an archive under way


async def invite(owner: Owner, arguments: argparse.Namespace) -> str:
    given = {"email": arguments.email, "role": arguments.as_role, "name": arguments.name}
    invited = await owner.ask(INVITE_OPERATOR, **given)
    kept = typed("operator mail", owner.settings)
    return f"{invited['email']} is invited as {invited['role']}. While delivery is the sandbox, see: {kept}"


async def _all(owner: Owner, operation: Operation, name: str) -> list[Mapping[str, Any]]:
    """Every page of a list."""
    found: list[Mapping[str, Any]] = []
    cursor = None
    while True:
        page: Body = await owner.ask(operation, limit=100, cursor=cursor)
        found += page[name]
        cursor = page["cursor"]
        if cursor is None:
            return found


async def list_people(owner: Owner, arguments: argparse.Namespace) -> str:
    rows = await _all(owner, LIST_OPERATORS, "operators")
    return "\n".join(
        f"{one['id']}  {one['role']:<8}  {one['status']:<7}  {plain(one['name'])}  {plain(one['email'] or '-')}"
        for one in rows
    )


async def named(owner: Owner, who: str) -> str:
    """An operator's id, by id or address. Raises Refused("not_found")."""
    rows = await _all(owner, LIST_OPERATORS, "operators") if "@" in who else []
    return next((str(one["id"]) for one in rows if one["email"] == who.strip().lower()), who)


async def change(owner: Owner, arguments: argparse.Namespace) -> str:
    given = {"role": arguments.as_role, "name": arguments.name}
    operator_id = await named(owner, arguments.operator)
    one = await owner.ask(UPDATE_OPERATOR, operator_id=operator_id, **given)
    return f"{plain(one['name'])} is {one['role']} now."


async def remove(owner: Owner, arguments: argparse.Namespace) -> str:
    await owner.ask(REMOVE_OPERATOR, operator_id=await named(owner, arguments.operator))
    return f"{plain(arguments.operator)} is no operator any more; sessions and links ended."


async def sessions(owner: Owner, arguments: argparse.Namespace) -> str:
    rows = await _all(owner, LIST_OPERATOR_SESSIONS, "sessions")
    return (
        "\n".join(
            f"{one['id']}  {one['role']:<8}  since {one['created_at']}  until {one['expires_at']}  {plain(one['name'])}"
            for one in rows
        )
        or "Nobody is signed in."
    )


async def revoke_session(owner: Owner, arguments: argparse.Namespace) -> str:
    await owner.ask(REVOKE_OPERATOR_SESSION, session_id=arguments.session)
    return "That session ended."


def _new_file(path: Path, part: Path) -> BinaryIO:
    """For this user's eyes. Raises Refused where there is such a file already."""
    if path.exists():
        raise Refused("conflict", f"{path} is there already, and nothing is overwritten.", status="exists")
    return os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb")


async def export(owner: Owner, arguments: argparse.Namespace) -> str:
    """Everything, held inbound mail too. Nobody else may read the file; its name is final once it is whole."""
    path, part = Path(arguments.file), Path(arguments.file + PART)
    try:
        with _new_file(path, part) as out:
            archive = (await owner.ask(EXPORT_ACCOUNT))["archive"]
            async for chunk in archive.chunks():
                out.write(chunk)
            out.flush()
            os.fsync(out.fileno())
        os.rename(part, path)  # noqa: PTH104  # nobody else waits for this process
    finally:
        with suppress(FileNotFoundError):
            os.unlink(part)  # noqa: PTH108  # as above
    return f"{path} has the whole account, held mail too: keep it as you keep the mail itself."


async def pause(owner: Owner, arguments: argparse.Namespace) -> str:
    done = await owner.ask(PAUSE_SENDING, mailbox_id=arguments.mailbox)
    again = typed(f"operator resume {arguments.mailbox or ''}".rstrip(), owner.settings)
    return f"Nothing leaves {_where(arguments)} since {done['paused_at']}. To go on: {again}"


async def resume(owner: Owner, arguments: argparse.Namespace) -> str:
    await owner.ask(RESUME_SENDING, mailbox_id=arguments.mailbox)
    return f"Mail leaves {_where(arguments)} again."


def _where(arguments: argparse.Namespace) -> str:
    return arguments.mailbox or "the account"


ACTIONS: Final[dict[str, Action]] = {
    "list": (list_people, "List the people who oversee this account."),
    "invite": (invite, "Invite a person to oversee this account."),
    "change": (change, "Give an operator another role or name."),
    "remove": (remove, "Remove an operator: sessions and links end at once."),
    "sessions": (sessions, "List who is signed in to the dashboard."),
    "revoke-session": (revoke_session, "End a session of the dashboard at once."),
    "export": (export, "Write the whole account, held mail too, into a tar archive. Once an hour."),
    "pause": (pause, "Stop all sending at once, or that of one mailbox. What is queued waits."),
    "resume": (resume, "Let sending go on."),
}


def add(made: Mapping[str, argparse.ArgumentParser]) -> None:
    """The arguments of these actions. `as_role` is none of the settings."""
    roles: dict[str, Any] = {"dest": "as_role", "choices": [*Role], "help": "owner, approver or viewer."}
    person = made["invite"]
    person.add_argument("email", metavar="EMAIL", help="Where the invitation is mailed.")
    person.add_argument("--role", default=Role.APPROVER, **roles)
    person.add_argument("--name", default="", help="What to call the person.")
    for name in ("change", "remove"):
        made[name].add_argument("operator", metavar="OPERATOR", help="Their id or address.")
    made["change"].add_argument("--role", **roles)
    made["change"].add_argument("--name", help="What to call the person.")
    made["revoke-session"].add_argument("session", metavar="SESSION", help="Its id: see sessions.")
    made["export"].add_argument("file", metavar="FILE", help="A new file, as .tar.")
    for name in ("pause", "resume"):
        made[name].add_argument(
            "mailbox", metavar="MAILBOX", nargs="?", help="Only this one: its address or id."
        )
