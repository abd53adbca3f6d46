"""`multimail keys`: API keys, listed, made and revoked with a key that has `admin`."""

import argparse
from collections.abc import Callable, Mapping
from typing import Any, Final

from multimail.client import MultiMail
from multimail.commands.output import add_output, show
from multimail.commands.remote import add_server, attempt, client


def add(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(action="list")
    actions = parser.add_subparsers(dest="action", metavar="ACTION")
    listing = actions.add_parser(
        "list", help="Show the keys: never the secret itself. What it does by default."
    )
    making = actions.add_parser("create", help="Make a key and print it, this once.")
    making.add_argument("name", metavar="NAME", help="What to call it.")
    making.add_argument(
        "--scopes", default="read,send", help="Of read, send and admin; by default read,send."
    )
    making.add_argument(
        "--mailbox", action="append", metavar="MAILBOX", help="Only this one; may be given again."
    )
    making.add_argument(
        "--test", action="store_true", help="A mm_test_ key: no mail of it leaves the machine."
    )
    revoking = actions.add_parser("revoke", help="End a key, at once.")
    revoking.add_argument("key_id", metavar="KEY", help="Its id, key_…")
    revoking.add_argument("--approval-code", metavar="CODE", help="An owner's code, where one is asked for.")
    for each in (parser, listing, making, revoking):
        add_output(each)
        add_server(each)


def _list(mail: MultiMail, arguments: argparse.Namespace) -> Any:
    return list(mail.each(mail.list_api_keys))


def _create(mail: MultiMail, arguments: argparse.Namespace) -> Mapping[str, Any]:
    scopes = [scope.strip() for scope in arguments.scopes.split(",")]
    return mail.create_api_key(
        name=arguments.name, scopes=scopes, mailbox_ids=arguments.mailbox, test=arguments.test
    )


def _revoke(mail: MultiMail, arguments: argparse.Namespace) -> Mapping[str, Any]:
    return mail.revoke_api_key(key_id=arguments.key_id, approval_code=arguments.approval_code)


ACTIONS: Final[dict[str, Callable[[MultiMail, argparse.Namespace], Any]]] = {
    "list": _list,
    "create": _create,
    "revoke": _revoke,
}


def run(arguments: argparse.Namespace) -> int:
    def act() -> None:
        with client(arguments) as mail:
            show(ACTIONS[arguments.action or "list"](mail, arguments), arguments)

    return attempt(arguments, act)
