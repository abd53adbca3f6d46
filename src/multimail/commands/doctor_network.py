"""Checks of what listens, where mail goes, and what the DNS says of us."""

import asyncio
import contextlib
import os
import socket
from ipaddress import ip_address, ip_network
from typing import Final
from urllib.parse import urlsplit

from multimail.app import open_services
from multimail.commands.doctor_finding import Finding, bad, good, warning
from multimail.commands.folder import read_running, require_database
from multimail.core.domains import Seen
from multimail.mail.domain_records import Finding as Looked
from multimail.mail.domain_records import Record, dkim_records, look_up
from multimail.net.dns import Resolver
from multimail.operations.dkim_keys import PLATFORM_KEYS, public_keys
from multimail.operations.operators import SLUG
from multimail.settings import Address, Settings

PATIENCE: Final = 10.0  # seconds for a connection and its first line
DNS_PATIENCE: Final = 5.0


async def http(settings: Settings) -> list[Finding]:
    running = read_running(settings.data)
    if running is None:
        return [_port("http", settings.http)]
    url = urlsplit(running.api)
    if not _alive(running.pid):
        return [
            warning(
                "http", f"the server (process {running.pid}) is gone without a word", "See its log; start it."
            )
        ]
    try:
        await _connect(str(url.hostname), url.port or 0)
    except OSError as error:
        return [
            bad(
                "http",
                f"the server runs but {running.api} does not answer: {error}",
                "See its log; restart it.",
            )
        ]
    return [good("http", f"a server answers at {running.api}")]


async def smtp(settings: Settings) -> list[Finding]:
    return [await _mail_door("smtp", settings, settings.smtp, "smtp")]


async def submission(settings: Settings) -> list[Finding]:
    """Both doors for mail programs; with TLS from the first octet nothing is heard before the handshake."""
    doors = {"submission": settings.submission, "submission-tls": settings.submission_tls}
    found = [
        await _mail_door(flag, settings, address, "submission", speaks=flag == "submission")
        for flag, address in doors.items()
        if address is not None
    ]
    return found or [good("submission", "off: mail programs can't send (--submission HOST:PORT)")]


async def _mail_door(
    flag: str, settings: Settings, address: Address, check: str, *, speaks: bool = True
) -> Finding:
    running = read_running(settings.data)
    if running is None or not _alive(running.pid):
        return _port(check, address, flag)
    there = getattr(running, flag.replace("-", "_"))
    if not there:
        return warning(check, f"the server runs without --{flag}", "Restart it with the flags given here.")
    host, _, port = there.rpartition(":")
    try:
        banner = await _connect(host.strip("[]"), int(port), read=speaks, say=_introduction(settings))
    except OSError as error:
        said = f"the server runs but {there} does not answer: {error}"
        return bad(check, said, "See its log; restart it.")
    if speaks and not banner.startswith("220"):
        said = f"{there} says {banner!r}"
        return bad(check, said, f"Something else listens there: give another --{flag}.")
    return good(check, f"a server answers at {there}")


def _introduction(settings: Settings) -> bytes:
    """What this machine has to say first where it is a proxy of its own (--proxy-protocol)."""
    trusted = [ip_network(proxy, strict=False) for proxy in settings.proxy_protocol]
    here = (ip_address("127.0.0.1"), ip_address("::1"))
    return b"PROXY UNKNOWN\r\n" if any(one in network for network in trusted for one in here) else b""


def _port(check: str, address: Address, flag: str = "") -> Finding:
    """Whether the address can be listened on; nothing runs there now."""
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    with contextlib.closing(socket.socket(family, socket.SOCK_STREAM)) as trying:
        trying.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trying.bind((address.host, address.port))
        except OSError as error:
            fix = f"Give another --{flag or check} HOST:PORT, or end what uses it: ss -ltnp 'sport = :{address.port}'"
            if isinstance(error, PermissionError):
                fix = (
                    "Ports below 1024 need AmbientCapabilities=CAP_NET_BIND_SERVICE (systemd) or a redirect."
                )
            return bad(check, f"{address.host}:{address.port}: {os.strerror(error.errno or 0)}", fix)
    return good(check, f"{address.host}:{address.port} is free")


async def delivery(settings: Settings) -> list[Finding]:
    """The relay: that it answers. For mx nobody is called: whom would we try?"""
    if settings.delivery == "sandbox":
        return [good("delivery", "the sandbox: nothing leaves this machine")]
    if settings.delivery == "mx":
        said = "to the recipients' servers, from this machine to their port 25"
        return [
            warning(
                "delivery",
                said,
                "Many providers block port 25 outward: send one email and look at its status.",
            ),
            _dane(settings),
        ]
    url = urlsplit(settings.deliver)
    port = url.port or (465 if url.scheme == "smtps" else 25)
    try:
        banner = await _connect(str(url.hostname), port, read=url.scheme == "smtp")
    except OSError as error:
        fix = "Check its name and port, and the firewall between."
        return [bad("delivery", f"the relay {url.hostname}:{port} does not answer: {error}", fix)]
    if banner and not banner.startswith("220"):
        return [
            bad("delivery", f"the relay says {banner!r}", "It takes no mail from here: ask whoever runs it.")
        ]
    return [good("delivery", f"the relay {url.hostname}:{port} answers")]


def _dane(settings: Settings) -> Finding:
    if settings.dnssec == "off":
        return good("delivery", "DANE is switched off; MTA-STS is kept to")
    if Resolver(dnssec=settings.dnssec).believed:
        return good(
            "delivery", "DANE is kept to where the name servers say that DNSSEC vouches for it, and MTA-STS"
        )
    fix = "Run a resolver that validates on this machine (unbound, for instance), or say --dnssec off."
    return warning("delivery", "DANE can't be kept to: no name server here is believed about DNSSEC", fix)


async def records(settings: Settings) -> list[Finding]:
    """The records that `multimail operator dns` prints, looked up, where mail really goes out."""
    if settings.delivery == "sandbox":
        return [good("dns", "not needed while nothing leaves this machine")]
    resolver = Resolver(timeout=DNS_PATIENCE)
    host = f"{SLUG}.{settings.domain}"
    checks = (
        _mx(resolver, host),
        _address(resolver, f"mail.{settings.domain}"),
        _spf(resolver, host),
        _dkim(resolver, settings),
        _dmarc(resolver, settings.domain),
    )
    return [finding for findings in await asyncio.gather(*checks) for finding in findings]


SHOWN: Final = "multimail operator dns prints the record."


async def _mx(resolver: Resolver, host: str) -> list[Finding]:
    try:
        found = await resolver.mx(host)
    except LookupError:
        found = ()
    except OSError as error:
        return [_no_answer(error)]
    if not found:
        return [bad("dns", f"{host} has no MX: nobody can answer your agents", SHOWN)]
    return [good("dns", f"MX of {host}: {', '.join(name for _, name in found)}")]


async def _address(resolver: Resolver, host: str) -> list[Finding]:
    """Its addresses, and that each points back to it (many servers refuse mail otherwise)."""
    try:
        addresses = await resolver.addresses(host)
    except LookupError:
        return [
            bad(
                "dns",
                f"{host} has no address",
                "Add an A (and AAAA) record with this server's public address.",
            )
        ]
    except OSError as error:
        return [_no_answer(error)]
    found = []
    for address in addresses:
        try:
            names = await resolver.pointers(address)
        except (LookupError, OSError):
            names = ()
        if host not in [name.lower() for name in names]:
            said = f"{address} does not point back to {host} (PTR: {', '.join(names) or 'none'})"
            found.append(
                bad("dns", said, "Set the PTR where you rent the address: many servers refuse mail without.")
            )
    return found or [good("dns", f"{host} is {', '.join(addresses)}, and back")]


async def _spf(resolver: Resolver, host: str) -> list[Finding]:
    try:
        found = [text for text in await _texts(resolver, host) if text.lower().startswith("v=spf1")]
    except OSError as error:
        return [_no_answer(error)]
    if len(found) != 1:
        said = f"{host} has {len(found) or 'no'} SPF records"
        return [bad("dns", said, f"There must be exactly one (RFC 7208 section 4.5). {SHOWN}")]
    return [good("dns", f"SPF of {host}: {found[0]}")]


async def _dkim(resolver: Resolver, settings: Settings) -> list[Finding]:
    require_database(settings)
    async with open_services(settings, settings.public_url) as (services, _, _):
        keys = await services.db.read(lambda tx: public_keys(tx.sql.list_dkim_keys(**PLATFORM_KEYS)))
    wanted = dkim_records(settings.domain, [key for key in keys if key.state == "signing"])
    found = await look_up(resolver, wanted)
    return [_key_finding(record, found[record.key]) for record in wanted]


def _key_finding(record: Record, there: Looked) -> Finding:
    said = {
        Seen.MISSING: f"{record.name} is not there: signatures can't be checked",
        Seen.DIFFERENT: f"{record.name} has another key than this installation signs with",
        Seen.UNANSWERED: f"no DNS server answers for {record.name}",
    }
    if there.state is Seen.FOUND:
        return good("dns", f"{record.name} has the key that we sign with")
    # Every receiver knows RSA; without the other key mail is verified all the same (RFC 8463 section 3).
    return (bad if record.required else warning)("dns", said[there.state], SHOWN)


async def _dmarc(resolver: Resolver, domain: str) -> list[Finding]:
    try:
        found = [
            text for text in await _texts(resolver, f"_dmarc.{domain}") if text.lower().startswith("v=dmarc1")
        ]
    except OSError as error:
        return [_no_answer(error)]
    if not found:
        return [warning("dns", f"_dmarc.{domain} is not there: large providers want it", SHOWN)]
    return [good("dns", f"DMARC: {found[0]}")]


async def _texts(resolver: Resolver, name: str) -> list[str]:
    try:
        return [text.decode("utf-8", "replace") for text in await resolver.txt(name)]
    except LookupError:
        return []


def _no_answer(error: OSError) -> Finding:
    return bad("dns", f"no DNS server answers: {error}", "Check /etc/resolv.conf and the network.")


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


async def _connect(host: str, port: int, *, read: bool = False, say: bytes = b"") -> str:
    """The first line that it says, where it speaks first. Raises OSError."""
    try:
        async with asyncio.timeout(PATIENCE):
            reader, writer = await asyncio.open_connection(host, port)
            try:
                writer.write(say)
                return (await reader.readline()).decode("latin-1").strip() if read else ""
            finally:
                writer.close()
    except TimeoutError:
        raise OSError(f"nothing in {PATIENCE:.0f} s") from None
