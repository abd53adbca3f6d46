"""Slugs: the label of an account in the addresses of its mailboxes (agent@SLUG.domain)."""

import re
from typing import Final, Literal

SHORTEST: Final = 3
LONGEST: Final = 40
_SLUG: Final = re.compile(f"[a-z0-9](?:[a-z0-9-]{{{SHORTEST - 2},{LONGEST - 2}}}[a-z0-9])", re.ASCII)

# Names that the platform's own hosts have or will have, or that a recipient would take for the platform's word.
RESERVED: Final = frozenset(
    """
    abuse account accounts admin administrator api app auth autoconfig autodiscover billing blog cdn dashboard demo
    dev dns docs example ftp help hostmaster imap info internal legal local localhost login mail mailer-daemon mta-sts
    multimail news noc noreply no-reply ns1 ns2 official operator operators owner pop pop3 postmaster privacy root
    security simulator smtp staging static status support system team test webmail webmaster www
    """.split()
)

Fault = Literal["invalid", "reserved"]


def slug_fault(slug: str) -> Fault | None:
    """`invalid`: not one DNS label of 3 to 40 letters, digits and single hyphens (RFC 1035 2.3.1, RFC 5891 4.2.3.1)."""
    if not _SLUG.fullmatch(slug) or "--" in slug:
        return "invalid"
    return "reserved" if slug in RESERVED else None


def slug_from(name: str, unique: str) -> str:
    """A slug that nobody chose: what can be kept of `name`, and `unique` so that it is free."""
    kept = re.sub("[^a-z0-9]+", "-", name.lower()).strip("-")[: LONGEST - len(unique) - 1].strip("-")
    return f"{kept or 'account'}-{unique}"
