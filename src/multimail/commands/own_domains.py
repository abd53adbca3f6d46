"""`multimail operator`, the part about domains: the installation's records, an account's own domains, DKIM keys."""

import argparse
from collections.abc import Iterable, Mapping
from typing import Any, Final

from multimail.commands.flags import plain, typed
from multimail.commands.owner import Action, Owner
from multimail.mail.domain_records import dkim_records
from multimail.operations.dkim_keys import PLATFORM_KEYS, make_pair, public_keys, rotate_platform
from multimail.operations.domains import ADD_DOMAIN, GET_DOMAIN, LIST_DOMAINS, ROTATE_DOMAIN, VERIFY_DOMAIN
from multimail.operations.operators import SLUG
from multimail.settings import SETTINGS

TXT_STRING: Final = 255  # octets: a longer TXT value is several strings (RFC 1035 section 3.3)
DEFAULT_DOMAIN: Final = next(setting.default for setting in SETTINGS if setting.name == "domain")


async def dns(owner: Owner, arguments: argparse.Namespace) -> str:
    if arguments.of_domain:
        return _zone((await owner.ask(GET_DOMAIN, domain_id=arguments.of_domain))["records"])
    domain, host = owner.settings.domain, owner.services.site.mail_host
    mail = f"{SLUG}.{domain}"
    keys = await owner.write(lambda ctx: public_keys(ctx.sql.list_dkim_keys(**PLATFORM_KEYS)))
    lines = ["; DKIM: this installation's public keys"]
    for record in dkim_records(domain, keys):
        lines += [f"; {record.about}", _txt(record.name, record.value)]
    lines += [
        f"; where mail to mailboxes at {mail} comes in: port 25 of this server",
        f"{mail}. IN MX 10 {host}.",
        f"; {host} needs an A (and AAAA) record with this server's public address, and that address a",
        f"; PTR record back to {host}",
        "; SPF: who sends for it",
        f'{mail}. IN TXT "v=spf1 a:{host} -all"',
        "; DMARC: begin by watching",
        f'_dmarc.{domain}. IN TXT "v=DMARC1; p=none"',
    ]
    if domain == DEFAULT_DOMAIN:
        lines.insert(
            0, f"; {domain} is a name for trying things out: give --domain, the one that serve is given"
        )
    return "\n".join(lines)


def _txt(name: str, value: str) -> str:
    strings = [value[start : start + TXT_STRING] for start in range(0, len(value), TXT_STRING)]
    return f"{name}. IN TXT " + " ".join(f'"{string}"' for string in strings)


def _zone(records: Iterable[Mapping[str, Any]]) -> str:
    """The records of an own domain as a zone file has them, each with what the last check found."""
    lines = []
    for one in records:
        need = "required" if one["required"] else "recommended"
        lines.append(f"; {one['purpose']}, {need}, {one['state']}: {one['about']}")
        mx = f"{one['name']}. IN MX {one['priority']} {one['value']}."
        lines.append(mx if one["type"] == "MX" else _txt(one["name"], one["value"]))
    return "\n".join(lines)


async def domains(owner: Owner, arguments: argparse.Namespace) -> str:
    found = (await owner.ask(LIST_DOMAINS, limit=100))["domains"]
    return "\n".join(map(_standing, found)) or "There are no domains of your own: add-domain claims one."


def _standing(domain: Mapping[str, Any]) -> str:
    reason = f": {domain['reason']}" if domain["reason"] else ""
    return plain(f"{domain['domain']}  {domain['status']}{reason}")


async def add_domain(owner: Owner, arguments: argparse.Namespace) -> str:
    made = await owner.ask(ADD_DOMAIN, domain=arguments.of_domain)
    then = typed(f"operator verify-domain {made['domain']}", owner.settings)
    return f"{_zone(made['records'])}\n; publish these, then: {then}"


async def verify_domain(owner: Owner, arguments: argparse.Namespace) -> str:
    return _standing(await owner.ask(VERIFY_DOMAIN, domain_id=arguments.of_domain))


async def rotate_keys(owner: Owner, arguments: argparse.Namespace) -> str:
    own = arguments.of_domain
    if own:
        await owner.ask(ROTATE_DOMAIN, domain_id=own)
    else:
        pair = await make_pair(owner.services)
        await owner.write(lambda ctx: rotate_platform(ctx, pair))
    shown = typed(f"operator dns {own or ''}".strip(), owner.settings)
    return f"New keys are made. Publish their records, which this prints: {shown}\nEach signs once it is seen there."


ACTIONS: Final[dict[str, Action]] = {
    "dns": (dns, "Print the DNS records of this installation, or of a domain of your own."),
    "domains": (domains, "List your own domains, and what keeps one from being verified."),
    "add-domain": (add_domain, "Claim a domain of your own and print the DNS records to publish."),
    "verify-domain": (verify_domain, "Look up a domain's records now, and verify it if they are there."),
    "rotate-keys": (rotate_keys, "Make new DKIM keys, for this installation or for a domain of your own."),
}


def add(made: Mapping[str, argparse.ArgumentParser]) -> None:
    """The arguments of these actions. `of_domain` is none of the settings."""
    for action in ("dns", "rotate-keys"):
        made[action].add_argument(  # not the setting of that name
            "of_domain", nargs="?", metavar="DOMAIN", help="One of your own; by default the installation's."
        )
    for action in ("add-domain", "verify-domain"):
        made[action].add_argument("of_domain", metavar="DOMAIN", help="Such as example.com.")
