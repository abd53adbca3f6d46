"""What a domain says about TLS with its mail hosts: MTA-STS (RFC 8461), its record and its policy, read.

Fetching and keeping them is operations/mta_sts.py's; mail/delivery_tls.py holds hosts to them.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal, cast

from multimail.core.address import AddressError, ascii_domain

MAX_POLICY: Final = 64 * 1024 - 1  # octets (section 3.3); what is as long as the guarded client reads was cut
MAX_AGE: Final = 31_557_600  # seconds, a year (section 3.2)
MAX_HOSTS: Final = 200  # mx patterns read

Mode = Literal["enforce", "testing", "none"]

_ID = re.compile(rb"[A-Za-z0-9]{1,32}")
_LINE = re.compile(r"([A-Za-z0-9][A-Za-z0-9_.-]{0,31})[ \t]*:[ \t]*([^\r\n]*?)[ \t]*")


class PolicyError(ValueError):
    """A policy that says nothing usable; the message tells its publisher why."""


@dataclass(frozen=True, slots=True)
class Policy:
    """`mx` are host names in lower case, '*.' before one stands for one label; `max_age` is in seconds."""

    mode: Mode
    mx: tuple[str, ...]
    max_age: int

    def allows(self, host: str) -> bool:
        """Whether mail may go to this MX host (section 4.1)."""
        host = host.rstrip(".").lower()
        parent = host.partition(".")[2]
        return host in self.mx or bool(parent and f"*.{parent}" in self.mx)


def policy_url(domain: str) -> str:
    """The one place where a domain's policy is (section 3.3). `domain` in ASCII."""
    return f"https://mta-sts.{domain}/.well-known/mta-sts.txt"


def read_record(records: Iterable[bytes]) -> str | None:
    """The id in the TXT records of _mta-sts.<domain>; None where none or several say v=STSv1 (section 3.1)."""
    ours = [record for record in records if re.match(rb"v=STSv1[ \t]*(?:;|\Z)", record)]
    if len(ours) != 1:
        return None
    for field in ours[0].split(b";")[1:]:
        name, _, value = field.strip(b" \t").partition(b"=")
        if name.strip(b" \t") == b"id":
            value = value.strip(b" \t")
            return value.decode() if _ID.fullmatch(value) else None
    return None


def read_policy(body: bytes) -> Policy:
    """A policy as it was fetched. Raises PolicyError. Of a key that repeats the first counts, mx adds up (3.2)."""
    if len(body) > MAX_POLICY:
        raise PolicyError(f"The policy is longer than {MAX_POLICY} octets.")
    first: dict[str, str] = {}
    hosts: list[str] = []
    for line in body.decode("utf-8", "replace").split("\n"):
        match = _LINE.fullmatch(line.removesuffix("\r"))
        if match is None:
            if line.strip():
                raise PolicyError("A line of the policy is no 'key: value'.")
        elif match[1] == "mx":
            hosts.append(_pattern(match[2]))
        else:
            first.setdefault(match[1], match[2])
    mode, age = first.get("mode", ""), first.get("max_age", "")
    if first.get("version") != "STSv1":
        raise PolicyError("The policy's version is not STSv1.")
    if mode not in ("enforce", "testing", "none"):
        raise PolicyError("The policy's mode is not enforce, testing or none.")
    if not re.fullmatch("[0-9]{1,10}", age):
        raise PolicyError("The policy has no max_age.")
    if not hosts and mode != "none":
        raise PolicyError("The policy names no mx.")
    return Policy(cast("Mode", mode), tuple(dict.fromkeys(hosts))[:MAX_HOSTS], min(int(age), MAX_AGE))


def _pattern(text: str) -> str:
    name = text.removeprefix("*.")
    try:
        return text[: len(text) - len(name)] + ascii_domain(name.rstrip(".")).lower()
    except AddressError as error:
        raise PolicyError(f"mx: {error}") from None
