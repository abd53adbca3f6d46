"""`multimail operator`: what an owner does on the server's own machine, also while the server runs.

Whoever can read the data folder is the owner: this command needs no key.
"""

import argparse
import asyncio
from typing import Final

from multimail.app import open_services
from multimail.commands.flags import add_settings, complain, plain, settings_of, typed
from multimail.commands.folder import require_database, unusable
from multimail.commands.notifying import ACTIONS as NOTIFYING_ACTIONS
from multimail.commands.notifying import add as add_notifying
from multimail.commands.own_domains import ACTIONS as DOMAIN_ACTIONS
from multimail.commands.own_domains import add as add_domains
from multimail.commands.owner import Action, Owner, base_url
from multimail.commands.people import ACTIONS as PEOPLE_ACTIONS
from multimail.commands.people import add as add_people
from multimail.core.errors import Refused
from multimail.core.oversight import Mode
from multimail.core.scopes import KEY_SCOPES
from multimail.operations.account_update import UPDATE_ACCOUNT
from multimail.operations.api_keys import CREATE_API_KEY
from multimail.operations.mailboxes import UPDATE_MAILBOX
from multimail.operations.notices import every_sandboxed
from multimail.operations.operation import Body
from multimail.operations.operators import LINK_LIFE, new_token, pending_codes
from multimail.operations.sealing import seal_all
from multimail.operations.thresholds import lift_suspension
from multimail.settings import Settings
from multimail.storage.database import StorageFull


async def set_mode(owner: Owner, arguments: argparse.Namespace) -> str:
    box = await owner.ask(UPDATE_MAILBOX, mailbox_id=arguments.mailbox, oversight_mode=arguments.mode)
    return f"{box['address']} is {box['oversight_mode']} now. Nothing that is held was released."


async def create_key(owner: Owner, arguments: argparse.Namespace) -> str:
    scopes = [scope.strip() for scope in arguments.scopes.split(",") if scope.strip()]
    given = {"name": arguments.name, "scopes": scopes, "test": arguments.test}
    key = await owner.ask(CREATE_API_KEY, mailbox_ids=arguments.mailbox, **given)
    return str(key["api_key"])


async def code(owner: Owner, arguments: argparse.Namespace) -> str:
    found = await owner.write(pending_codes)
    if not found:
        return "No program asks for anything."
    lines = [f"{one['code']}  {plain(one['asks'])}  (asked {one['asked_at']})" for one in found]
    lines.append("Give a code only to let exactly that happen: once, within ten minutes, as approval_code.")
    return "\n".join(lines)


async def sign_in_link(owner: Owner, arguments: argparse.Namespace) -> str:
    token = await owner.write(lambda ctx: new_token(ctx, "sign-in", LINK_LIFE))
    return f"{base_url(owner.settings)}/dashboard/sign-in/{token}"


async def oversight_email(owner: Owner, arguments: argparse.Namespace) -> str:
    given = {"oversight_email": arguments.address, "oversight_email_code": arguments.code}
    account = await owner.ask(UPDATE_ACCOUNT, **given)
    if account["oversight_email_verified_at"]:
        return f"{account['oversight_email']} is verified: codes, notices and copies go there."
    if not account["oversight_email"]:
        return "There is no oversight address any more."
    again = typed(f"operator oversight-email {arguments.address} --code CODE", owner.settings)
    return f"A code was mailed to {account['oversight_email']}. Then: {again}"


async def mail(owner: Owner, arguments: argparse.Namespace) -> str:
    found = await owner.write(every_sandboxed)
    if not found:
        return "Nothing was kept here: it was mailed, or there was nothing to say."
    return "\n\n".join(_letter(one) for one in found)


def _letter(one: Body) -> str:
    lines = [f"{one['created_at']}  to {plain(one['to'])}", plain(one["subject"])]
    return "\n".join(lines + [f"  {plain(line)}" for line in one["text"].splitlines()])


async def lift(owner: Owner, arguments: argparse.Namespace) -> str:
    await owner.write(lambda ctx: lift_suspension(ctx, arguments.slug))
    return f"{arguments.slug} sends again; bounces and complaints are counted anew from tomorrow."


ACTIONS: Final[dict[str, Action]] = (
    PEOPLE_ACTIONS
    | NOTIFYING_ACTIONS
    | DOMAIN_ACTIONS
    | {
        "set-mode": (set_mode, "Set a mailbox's oversight mode, looser or stricter."),
        "create-key": (create_key, "Make an API key and print it, this once."),
        "code": (code, "Show what programs ask you for, each with the code that grants it."),
        "oversight-email": (oversight_email, "Set or verify the address where codes, notices and copies go."),
        "mail": (
            mail,
            "Show what the product would have mailed to people, had delivery not been the sandbox.",
        ),
        "sign-in-link": (
            sign_in_link,
            "Print a link that signs you in to the dashboard, once, for 15 minutes.",
        ),
        "lift-suspension": (lift, "Let an account send again that bounces or complaints have suspended."),
    }
)


def add(parser: argparse.ArgumentParser) -> None:
    heeded = {"data", "database", "domain", "http", "public-url"}
    add_settings(parser, heeded)
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    made = {
        name: actions.add_parser(name, help=text, description=text) for name, (_, text) in ACTIONS.items()
    }
    add_domains(made)
    made["lift-suspension"].add_argument("slug", metavar="SLUG", help="The account's.")
    made["set-mode"].add_argument("mailbox", metavar="MAILBOX", help="Its address or id.")
    made["set-mode"].add_argument(
        "mode", choices=[mode.value for mode in Mode], metavar="MODE", help=" | ".join(Mode)
    )
    add_people(made)
    add_notifying(made)
    address = made["oversight-email"]
    address.add_argument("address", metavar="ADDRESS", help="An address of a person; '' removes it.")
    address.add_argument("--code", help="The code that was mailed there: verifies it.")
    key = made["create-key"]
    key.add_argument("--name", default="", help="What to call it.")
    key.add_argument(
        "--scopes", required=True, help=f"Of {', '.join(KEY_SCOPES)}; never send with oversight."
    )
    key.add_argument(
        "--mailbox", action="append", metavar="MAILBOX", help="Only this mailbox; may be given again."
    )
    key.add_argument(
        "--test", action="store_true", help="A mm_test_ key: no mail of it ever leaves the machine."
    )
    for each in made.values():
        add_settings(each, heeded)


def run(arguments: argparse.Namespace) -> int:
    settings = settings_of(arguments)
    require_database(settings)
    try:
        print(asyncio.run(_act(settings, arguments)))
    except Refused as refused:
        hint = refused.details.get("hint")
        return complain(plain(f"{refused.sentence} ({hint})" if hint else refused.sentence))
    except unusable(StorageFull) as error:
        return complain(plain(error))
    return 0


async def _act(settings: Settings, arguments: argparse.Namespace) -> str:
    async with open_services(settings, base_url(settings)) as (services, keys, _):
        done = await ACTIONS[arguments.action][0](Owner(settings, services, keys), arguments)
        await seal_all(services, keys.sign_head)  # a server in another process is not told of these entries
        return done
