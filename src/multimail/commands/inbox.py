"""`multimail inbox`: what came in, and with --watch what comes."""

import argparse
import shutil
import sys
import time
from collections.abc import Mapping
from typing import Any, Final

from multimail.client import ConnectionFailed, MultiMail, ServerFailed
from multimail.commands.output import add_output, human, print_json, select, show, wants_json
from multimail.commands.remote import add_server, attempt, client, in_words

LONGEST_WAIT: Final = 100  # seconds of one long poll
AGAIN: Final = 5.0  # seconds before a server that is away is asked again
FIELDS: Final = ("id", "status", "from", "subject", "received_at")


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "mailbox_id", nargs="?", metavar="MAILBOX", help="Its id or address, where there are several."
    )
    parser.add_argument("--watch", action="store_true", help="Go on, and show each email as it comes.")
    parser.add_argument("--status", help="Only these, as unread.")
    parser.add_argument("--limit", type=int, help="How many, 20 unless told otherwise.")
    add_output(parser)
    add_server(parser)


def run(arguments: argparse.Namespace) -> int:
    return attempt(arguments, lambda: _inbox(arguments))


def _inbox(arguments: argparse.Namespace) -> None:
    named = {"mailbox_id": arguments.mailbox_id, "direction": "inbound"}
    with client(arguments) as mail:
        page = mail.check_inbox(**named, status=arguments.status, limit=arguments.limit)
        if not arguments.watch:
            show(page, arguments)
            return
        newest: Any = page["emails"][0] if page["emails"] else None
        if (
            arguments.status and newest is not None
        ):  # what is watched for begins after the newest of any status
            newest = next(iter(mail.check_inbox(**named, limit=1)["emails"]), newest)
        for email in reversed(page["emails"]):
            _line(email, arguments)
        _watch(mail, arguments, newest and newest["id"])


def _watch(mail: MultiMail, arguments: argparse.Namespace, since_id: str | None) -> None:
    """Until it is interrupted. An outage is told and waited out."""
    while True:
        try:
            answer: Mapping[str, Any] = mail.wait_for_email(
                mailbox_id=arguments.mailbox_id, since_id=since_id, timeout_seconds=LONGEST_WAIT
            )
        except (ConnectionFailed, ServerFailed) as error:
            print(f"multimail: {in_words(error)} Trying again.", file=sys.stderr)
            time.sleep(AGAIN)
            continue
        if answer["email"] is not None:
            since_id = answer["email"]["id"]
            _line(answer["email"], arguments)


def _line(email: Mapping[str, Any], arguments: argparse.Namespace) -> None:
    shown = select(email, arguments.select or FIELDS)
    if wants_json(arguments):
        print_json(email if not arguments.select else shown)
    else:
        print(human([shown], shutil.get_terminal_size().columns, fixed=True).split("\n", 1)[1], flush=True)
