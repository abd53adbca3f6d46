"""`multimail operator notifications`: who is told of mail that waits, and what happens when nobody decides."""

import argparse
import sys
from collections.abc import Mapping
from typing import Any, Final

from multimail.commands.flags import plain
from multimail.commands.owner import Action, Owner
from multimail.commands.people import named
from multimail.core.attention import Wish
from multimail.operations.mailboxes import GET_MAILBOX
from multimail.operations.notifications import GET_NOTIFICATIONS, PERSONAL, UPDATE_NOTIFICATIONS
from multimail.operations.operation import Body

STDIN: Final = "-"
# The flags that are an input as they are, by its name.
SAME: Final = (*PERSONAL, "escalate_after_minutes", "expire_after_hours", "four_eyes")


async def notifications(owner: Owner, arguments: argparse.Namespace) -> str:
    given = await _given(owner, arguments)
    return await _told(owner, await owner.ask(UPDATE_NOTIFICATIONS if given else GET_NOTIFICATIONS, **given))


async def _given(owner: Owner, arguments: argparse.Namespace) -> dict[str, Any]:
    """The operation's inputs: what was asked for, and nothing else. Raises Refused("not_found") for who is nobody."""
    given = {name: getattr(arguments, name) for name in SAME if getattr(arguments, name) is not None}
    if arguments.four_eyes is not None:
        given["four_eyes"] = [box for box in arguments.four_eyes if box]
    if arguments.whose is not None:
        given["operator_id"] = await named(owner, arguments.whose)
    if arguments.escalate_to is not None:
        given["escalate_to"] = arguments.escalate_to and await named(owner, arguments.escalate_to)
    if arguments.chat is not None:
        given["chat_url"] = sys.stdin.readline().strip() if arguments.chat == STDIN else arguments.chat
    if arguments.approvers is not None:
        given["approvers"] = [await _approvers(owner, one) for one in arguments.approvers if one]
    return given


async def _approvers(owner: Owner, given: str) -> dict[str, Any]:
    """Of MAILBOX=OPERATOR,OPERATOR."""
    mailbox, _, people = given.partition("=")
    return {"mailbox_id": mailbox, "operator_ids": [await named(owner, one) for one in people.split(",")]}


async def _told(owner: Owner, settings: Body) -> str:
    people = {one["operator_id"]: plain(one["name"]) for one in settings["operators"]}
    lines = [_person(one) for one in settings["operators"]]
    minutes, hours = settings["escalate_after_minutes"], settings["expire_after_hours"]
    second = people.get(settings["escalate_to"], "nobody")
    lines += [
        f"After {minutes} minutes {second} is told too." if minutes else "Nobody else is told later.",
        f"After {hours} hours mail that wants to leave is rejected."
        if hours
        else "What waits never expires.",
        f"The chat is told at {plain(settings['chat'])}." if settings["chat"] else "No chat is told.",
    ]
    for mailbox_id in settings["four_eyes"]:
        lines.append(f"Nobody approves what they edited in {await _address(owner, mailbox_id)}.")
    for one in settings["approvers"]:
        deciders = ", ".join(people.get(each, each) for each in one["operator_ids"])
        lines.append(f"For {await _address(owner, one['mailbox_id'])}, beside owners: {deciders}.")
    return "\n".join(lines)


def _person(one: Mapping[str, Any]) -> str:
    wish = f"every {one['digest_minutes']} minutes" if one["pending"] == Wish.DIGEST else one["pending"]
    quiet = f"  quiet {one['quiet_from']} to {one['quiet_until']}" if one["quiet_from"] else ""
    who = f"{one['operator_id']}  {plain(one['name'])}  {plain(one['email'] or '-')}"
    return f"{who}  {wish}{quiet}  {one['time_zone']}"


async def _address(owner: Owner, mailbox_id: str) -> str:
    return str((await owner.ask(GET_MAILBOX, mailbox_id=mailbox_id))["address"])


ACTIONS: Final[dict[str, Action]] = {
    "notifications": (
        notifications,
        "Show who is told of mail that waits and what follows when nobody decides; with flags, change it.",
    ),
}


def add(made: Mapping[str, argparse.ArgumentParser]) -> None:
    """The flags: what is left out stays as it is."""
    action = made["notifications"]

    def flag(name: str, metavar: str, text: str, **more: Any) -> None:
        action.add_argument(name, metavar=metavar, help=text, **more)

    flag("--whose", "OPERATOR", "Whose settings the next five are, by id or address; by default your own.")
    flag("--pending", "WISH", " | ".join(Wish) + ": how they hear of mail that waits.", choices=[*Wish])
    flag("--digest-minutes", "N", "How often digests come: 15 to 1440.", type=int)
    flag("--quiet-from", "HH:MM", "When they are left alone; '' for no quiet hours.")
    flag("--quiet-until", "HH:MM", "When that ends.")
    flag("--time-zone", "ZONE", "Such as Europe/Berlin.")
    flag("--escalate-after-minutes", "N", "Then one more person is told; 0 is never.", type=int)
    flag("--escalate-to", "OPERATOR", "That person, by id or address; '' for nobody.")
    flag("--expire-after-hours", "N", "Then mail that wants to leave is rejected; 0 is never.", type=int)
    flag("--chat", "URL", "A chat's incoming webhook, a secret: - reads it from standard input; '' for none.")
    flag("--four-eyes", "MAILBOX", "Where nobody approves what they edited; may be given again; '' for none.",
         action="append")  # fmt: skip
    flag("--approvers", "MAILBOX=OPERATOR,…", "Who decides there beside owners; may be given again; '' for none.",
         action="append")  # fmt: skip
