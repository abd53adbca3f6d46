"""`multimail doctor`: what is wrong with this installation, and how to fix it. It changes nothing."""

import argparse
import asyncio
import json
import sys
from collections.abc import Callable, Coroutine
from dataclasses import asdict
from typing import Any, Final

from multimail.commands import doctor_local, doctor_network
from multimail.commands.doctor_finding import Finding, Level, bad
from multimail.commands.flags import add_settings, plain, settings_of
from multimail.settings import Settings

Check = Callable[[Settings], list[Finding] | Coroutine[Any, Any, list[Finding]]]

CHECKS: Final[dict[str, Check]] = {
    "python": doctor_local.python,
    "data": doctor_local.data,
    "secrets": doctor_local.secrets,
    "database": doctor_local.database,
    "sealing": doctor_local.sealing,
    "blobs": doctor_local.blobs,
    "clock": doctor_local.clock,
    "tls": doctor_local.tls,
    "http": doctor_network.http,
    "smtp": doctor_network.smtp,
    "submission": doctor_network.submission,
    "delivery": doctor_network.delivery,
    "dns": doctor_network.records,
}
MARKS: Final = {Level.GOOD: "ok   ", Level.WARNING: "warn ", Level.BAD: "WRONG"}


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--only", metavar="a,b", help=f"Only these checks, of: {', '.join(CHECKS)}.")
    parser.add_argument("--json", action="store_true", help="One JSON object a finding, also on a terminal.")
    parser.epilog = (
        "Give it the flags that `serve` is given. Exit codes: 0 nothing is wrong (warnings do not count), 1 something "
        "is. With --deliver mx it looks up the domain's records; otherwise it asks nobody outside but the relay."
    )
    add_settings(parser)


def run(arguments: argparse.Namespace) -> int:
    settings = settings_of(arguments)
    names = (arguments.only or ",".join(CHECKS)).split(",")
    unknown = [name for name in names if name not in CHECKS]
    if unknown:
        print(f"multimail: there is no check {unknown[0]!r}", file=sys.stderr)
        return 2
    found = asyncio.run(_examine(settings, names))
    if arguments.json or not sys.stdout.isatty():
        for finding in found:
            print(json.dumps(asdict(finding)))
    else:
        print("\n".join(_line(finding) for finding in found))
    return 1 if any(finding.level is Level.BAD for finding in found) else 0


async def _examine(settings: Settings, names: list[str]) -> list[Finding]:
    """All at once; a check that fails itself is a finding, too."""
    outcomes = await asyncio.gather(*(_check(settings, name) for name in names), return_exceptions=True)
    found: list[Finding] = []
    for name, outcome in zip(names, outcomes, strict=True):
        if isinstance(outcome, Exception):
            found.append(bad(name, f"could not be checked: {outcome}", "See the message; then try again."))
        elif isinstance(outcome, BaseException):
            raise outcome
        else:
            found += outcome
    return found


async def _check(settings: Settings, name: str) -> list[Finding]:
    found = CHECKS[name](settings)
    return found if isinstance(found, list) else await found


def _line(finding: Finding) -> str:
    line = f"{MARKS[finding.level]}  {finding.check:<10} {plain(finding.said)}"
    return f"{line}\n                  {plain(finding.fix)}" if finding.fix else line
