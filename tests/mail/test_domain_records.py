"""The records of a domain, against what is in the DNS."""

from typing import Any

import pytest

from multimail.core.domains import Seen
from multimail.mail.domain_records import SHOWN, Finding, PublicKey, Record, look_up, records_of
from tests.support.names import BROKEN, Names

KEYS = (
    PublicKey("new-rsa", "rsa", "v=DKIM1; k=rsa; p=TkVX", "waiting"),
    PublicKey("now-rsa", "rsa", "v=DKIM1; k=rsa; p=Tk9X", "signing"),
    PublicKey("now-ed", "ed25519", "v=DKIM1; k=ed25519; p=RUQ=", "signing"),
    PublicKey("old-rsa", "rsa", "v=DKIM1; k=rsa; p=T0xE", "retired"),
)
RECORDS = {
    record.purpose: record for record in records_of("brand.test", "token", KEYS[2:3], "mail.host.test")
}
DKIM, SPF, MX = "now-ed._domainkey.brand.test", "v=spf1 a:mail.host.test ~all", "10 mail.host.test"


async def seen(record: Record, table: dict[tuple[str, str], Any]) -> Finding:
    (found,) = (await look_up(Names(table), [record])).values()
    return found


@pytest.mark.parametrize(
    ("purpose", "name", "values", "state"),
    [
        ("ownership", "_multimail.brand.test", ["other", "multimail-verification=token "], Seen.FOUND),
        ("ownership", "_multimail.brand.test", ["multimail-verification=tokens"], Seen.DIFFERENT),
        ("ownership", "_multimail.brand.test", ["multimail-verification=TOKEN"], Seen.DIFFERENT),
        ("ownership", "brand.test", ["multimail-verification=token"], Seen.MISSING),
        ("dkim", DKIM, ["k=ed25519; v=DKIM1; p=RU Q="], Seen.FOUND),
        ("dkim", DKIM, ["v=DKIM1; p=RUQ="], Seen.DIFFERENT),  # says that it is RSA
        ("dkim", DKIM, ["v=DKIM1; k=ed25519; p="], Seen.DIFFERENT),  # revoked
        ("dkim", DKIM, ["v=DKIM1; k=ed25519; p=RUQ=", "v=spf1 -all"], Seen.DIFFERENT),
        ("dkim", DKIM, ["p=RUQ=; p=RUQ="], Seen.DIFFERENT),
        ("mx", "brand.test", ["5 aspmx.other.test", "10 MAIL.host.test."], Seen.FOUND),
        ("mx", "brand.test", ["10 mail.host.test.evil.test"], Seen.DIFFERENT),
        (
            "spf",
            "brand.test",
            ["site-verification=1", "V=SPF1 include:x.test +a:mail.host.test -all"],
            Seen.FOUND,
        ),
        ("spf", "brand.test", ["site-verification=1"], Seen.MISSING),
        ("spf", "brand.test", ["v=spf1 -a:mail.host.test"], Seen.DIFFERENT),
        ("spf", "brand.test", [SPF, SPF], Seen.DIFFERENT),  # several are an error to every verifier
        ("dmarc", "_dmarc.brand.test", ["v=DMARC1;p=reject"], Seen.FOUND),
        ("dmarc", "_dmarc.brand.test", ["v=DMARC11"], Seen.DIFFERENT),
    ],
)
async def test_what_counts(purpose: Any, name: str, values: list[str], state: Seen) -> None:
    kind = "MX" if purpose == "mx" else "TXT"
    found = await seen(RECORDS[purpose], {(name, kind): values})
    assert found.state is state
    told = tuple(
        one for one in values if not one.startswith("site-")
    )  # what is no record of ours is not shown
    assert purpose == "mx" or found.found == (() if state is Seen.MISSING else told)


async def test_a_policy_of_the_organisational_domain_covers_what_is_below_it() -> None:
    (dmarc,) = (one for one in records_of("mail.brand.test", "t", (), "h.test") if one.purpose == "dmarc")
    assert (await seen(dmarc, {("_dmarc.brand.test", "TXT"): ["v=DMARC1; p=none"]})).state is Seen.FOUND


@pytest.mark.parametrize("purpose", RECORDS)
async def test_a_dns_that_does_not_answer_finds_nothing(purpose: Any) -> None:
    record = RECORDS[purpose]
    assert await seen(record, {(record.name, record.type): BROKEN}) == Finding(Seen.UNANSWERED)


async def test_what_a_stranger_publishes_is_shown_in_part() -> None:
    found = await seen(RECORDS["ownership"], {("_multimail.brand.test", "TXT"): ["x" * 9_999] * 99})
    assert len(found.found) == SHOWN and {len(one) for one in found.found} == {512}


def test_which_are_required() -> None:
    def required(*keys: PublicKey) -> set[str]:
        return {
            one.name.partition(".")[0] for one in records_of("brand.test", "t", keys, "h") if one.required
        }

    assert required(KEYS[0], KEYS[2]) == {"_multimail", "new-rsa"}
    assert required(*KEYS) == {"_multimail", "now-rsa"}
