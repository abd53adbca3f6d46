"""Domains of an account's own: claimed, proven by the DNS, and then mailboxes live at them and their mail is theirs.

Anybody may claim any domain, and several accounts the same one: a claim blocks nobody. It counts once the DNS has a
token that this account alone was given, and for one account at a time.
"""

import json
from collections import defaultdict
from collections.abc import Mapping
from typing import Any, Final

from pydantic import Field
from typing_extensions import TypedDict

from multimail.core.address import AddressError, ascii_domain
from multimail.core.domains import Status
from multimail.core.errors import Refused, invalid, not_found
from multimail.core.scopes import Scope
from multimail.core.times import DAY, SECOND, optional_rfc3339, to_rfc3339
from multimail.mail.dmarc import is_public_suffix
from multimail.mail.domain_records import Record, look_up
from multimail.operations import dkim_keys
from multimail.operations.context import Context, Services, require_whole_account
from multimail.operations.dkim_keys import Pair
from multimail.operations.domain_checks import Findings, settle, wanted_records
from multimail.operations.operation import Input, Operation
from multimail.operations.views import Deleted, decode_cursor, page
from multimail.storage.database import Row

LAST: Final = "~"
MOST: Final = 50  # domains of one account, proven or not
LONGEST: Final = 200  # octets: names below it stay within the 253 of the DNS
UNCHECKED: Final[Mapping[str, Any]] = {"state": "unchecked", "found": []}


class DnsRecord(TypedDict):
    """A record to publish. `state` is what the last check came to: unchecked, found, missing, different (`found` has
    what is there instead) or unanswered (the DNS did not answer). `priority` is an MX record's."""

    purpose: str
    type: str
    name: str
    value: str
    priority: int | None
    required: bool
    about: str
    state: str
    found: list[str]


class DomainAnswer(TypedDict):
    """`status` is pending, verified, or lapsed: it was verified, and its proof was gone for three days. `missing_since`
    is since when the proof of a verified domain is gone; `reason` says what keeps it from being verified."""

    id: str
    domain_id: str
    domain: str
    status: str
    reason: str | None
    records: list[DnsRecord]
    created_at: str
    checked_at: str | None
    verified_at: str | None
    missing_since: str | None


class DomainPage(TypedDict):
    domains: list[DomainAnswer]
    cursor: str | None


def domain_view(row: Row, records: tuple[Record, ...]) -> dict[str, Any]:
    findings = json.loads(row["findings_json"])
    shown = [_record_view(record, findings.get(record.key, UNCHECKED)) for record in records]
    return {
        "id": row["domain_id"],
        "domain_id": row["domain_id"],
        "domain": row["domain"],
        "status": row["status"],
        "reason": _reason(row, shown),
        "records": shown,
        "created_at": to_rfc3339(row["created_at"]),
        "checked_at": optional_rfc3339(row["checked_at"]),
        "verified_at": optional_rfc3339(row["verified_at"]),
        "missing_since": optional_rfc3339(row["missing_at"]),
    }


def _record_view(record: Record, finding: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "purpose": record.purpose,
        "type": record.type,
        "name": record.name,
        "value": record.value,
        "priority": record.priority,
        "required": record.required,
        "about": record.about,
        "state": finding["state"],
        "found": list(finding["found"]),
    }


def _reason(row: Row, records: list[dict[str, Any]]) -> str | None:
    if row["status"] == Status.VERIFIED:
        return None if row["missing_at"] is None else "The ownership record is gone: publish it again."
    if row["checked_at"] is None:
        return "Nobody has looked yet: publish the required records, then verify_domain."
    lacking = [one for one in records if one["required"] and one["state"] != "found"]
    if not lacking:
        return "The required records are there: verify_domain makes them count."
    words = {"unanswered": "the DNS did not answer for", "different": "something else is at"}
    return "; ".join(f"{words.get(one['state'], 'there is nothing at')} {one['name']}" for one in lacking)


class AddDomain(Input):
    domain: str = Field(
        max_length=253, description="A domain name, such as `example.com` or `mail.example.com`."
    )


def own_name(ctx: Context, given: str) -> str:
    """The domain in A-labels. Raises Refused for what can't be an account's own."""
    try:
        domain = ascii_domain(given.strip().rstrip("."))
    except AddressError as error:
        raise invalid("domain", str(error)) from None
    platform = ctx.services.site.domain
    if domain == platform or domain.endswith(f".{platform}"):
        raise invalid("domain", f"{platform} and what is below it belong to this server")
    if "_" in domain or len(domain) > LONGEST:
        raise invalid("domain", f"a domain for mail has no underscores and at most {LONGEST} characters")
    if is_public_suffix(domain):
        raise invalid("domain", f"{domain} is a public suffix: others register their names below it")
    return domain


def find_room(ctx: Context, given: AddDomain) -> str:
    """The domain, where the account may claim one more. Raises Refused."""
    require_whole_account(ctx.actor)
    domain = own_name(ctx, given.domain)
    known = ctx.sql.get_domain_by_name(account_id=ctx.account_id, domain=domain)
    if known is not None:
        named = {"domain_id": known["domain_id"], "status": known["status"]}
        raise Refused("domain_taken", "This account has that domain already.", **named)
    if ctx.sql.count_domains(account_id=ctx.account_id) >= MOST:
        raise Refused(
            "quota_exceeded",
            f"An account has at most {MOST} domains.",
            quota="domains",
            limit=MOST,
            retry_after=DAY // SECOND,
        )
    return domain


async def prepare_pair(services: Services, given: Input, found: object) -> Pair:
    return await dkim_keys.make_pair(services)


def add_domain(ctx: Context, given: AddDomain, pair: Pair) -> Mapping[str, Any]:
    """Claims a domain, and answers with the DNS records to publish. It counts once verify_domain has found them.

    Required are the `ownership` record, whose token is this account's alone, and the first `dkim` key. Until then, and
    for the claim of another account, it changes nothing.
    """
    ctx.sql.lock_message(name=f"domains/{ctx.account_id}")  # two at once count each other
    domain = find_room(ctx, given)
    name = {"account_id": ctx.account_id, "domain_id": ctx.new_id("dom")}
    token = ctx.services.random(20).hex()
    ctx.sql.add_domain(**name, domain=domain, token=token, created_at=ctx.now)
    dkim_keys.add_pair(ctx, name, pair)
    dkim_keys.watch(ctx, name)
    ctx.about("domain", name["domain_id"], domain=domain)
    return _shown(ctx, ctx.sql.get_domain(**name))


def _shown(ctx: Context, row: Row) -> dict[str, Any]:
    keys = ctx.sql.list_dkim_keys(account_id=row["account_id"], domain_id=row["domain_id"])
    return domain_view(row, wanted_records(ctx, row, keys))


class ListDomains(Input):
    limit: int = Field(20, ge=1, le=100)
    cursor: str | None = None


def list_domains(ctx: Context, given: ListDomains) -> Mapping[str, Any]:
    """Lists the account's domains with their records, newest first."""
    require_whole_account(ctx.actor)
    rows = ctx.sql.list_domains(
        account_id=ctx.account_id, before=decode_cursor(given.cursor, LAST), limit=given.limit + 1
    )
    shown, cursor = page(rows, given.limit, lambda row: str(row["domain_id"]))
    keys: defaultdict[str, list[Row]] = defaultdict(list)
    for key in ctx.sql.list_all_dkim_keys(account_id=ctx.account_id):
        keys[key["domain_id"]].append(key)
    views = [domain_view(row, wanted_records(ctx, row, keys[row["domain_id"]])) for row in shown]
    return {"domains": views, "cursor": cursor}


class DomainName(Input):
    domain_id: str = Field(max_length=253, description="The domain's id or name.")


def find_domain(ctx: Context, id_or_name: str) -> Row:
    """By id or by name; another account's is 404."""
    require_whole_account(ctx.actor)
    row = ctx.sql.get_domain(account_id=ctx.account_id, domain_id=id_or_name)
    if row is None and "." in id_or_name:
        try:
            name = ascii_domain(id_or_name.strip().rstrip("."))
        except AddressError:
            raise not_found("domain") from None
        row = ctx.sql.get_domain_by_name(account_id=ctx.account_id, domain=name)
    if row is None:
        raise not_found("domain")
    return row


def get_domain(ctx: Context, given: DomainName) -> Mapping[str, Any]:
    """Shows a domain: the records to publish, what the last check found of each, and whether it counts."""
    return _shown(ctx, find_domain(ctx, given.domain_id))


def find_records(ctx: Context, given: DomainName) -> tuple[Record, ...]:
    row = find_domain(ctx, given.domain_id)
    keys = ctx.sql.list_dkim_keys(account_id=row["account_id"], domain_id=row["domain_id"])
    return wanted_records(ctx, row, keys)


async def prepare_findings(services: Services, given: DomainName, records: tuple[Record, ...]) -> Findings:
    return await look_up(services.dns, records)


def verify_domain(ctx: Context, given: DomainName, findings: Findings) -> Mapping[str, Any] | Refused:
    """Looks up a domain's records now, and verifies it where the required ones are there.

    The answer's `status` and `reason` say how that went; where the DNS does not answer nothing is verified. Names that
    were missing are asked for again after a minute at the earliest. A domain that another account has verified stays
    that account's until its own proof is gone: 409 domain_taken.
    """
    verdict = settle(ctx, find_domain(ctx, given.domain_id), findings)
    if verdict.again_at is not None:
        name = {"account_id": ctx.account_id, "domain_id": verdict.row["domain_id"]}
        dkim_keys.watch(ctx, name, verdict.again_at)
    if verdict.taken:
        sentence = "Another account has verified that domain, and its proof still stands."
        return Refused("domain_taken", sentence, status=verdict.row["status"])
    return domain_view(verdict.row, verdict.records)


def find_rotated(ctx: Context, given: DomainName) -> None:
    """Refused before keys are made, which takes long: whoever asks again and again costs nobody anything."""
    row = find_domain(ctx, given.domain_id)
    dkim_keys.require_none_waits(ctx, {"account_id": row["account_id"], "domain_id": row["domain_id"]})


def rotate_domain(ctx: Context, given: DomainName, pair: Pair) -> Mapping[str, Any]:
    """Makes new DKIM keys for a domain. Publish their records: each key signs once its record is seen.

    Until then the keys that sign now go on. Afterwards their records stay listed for a week, to remain published.
    """
    row = find_domain(ctx, given.domain_id)
    dkim_keys.rotate(ctx, {"account_id": ctx.account_id, "domain_id": row["domain_id"]}, pair)
    ctx.about("domain", row["domain_id"], domain=row["domain"])
    return _shown(ctx, row)


def delete_domain(ctx: Context, given: DomainName) -> Mapping[str, Any]:
    """Deletes a domain with its keys. Refused while mailboxes live on it: delete those first."""
    row = find_domain(ctx, given.domain_id)
    name = {"account_id": ctx.account_id, "domain_id": row["domain_id"]}
    ctx.sql.lock_message(name=f"domain/{row['domain']}")  # nobody creates a mailbox meanwhile
    if ctx.sql.domain_has_mailboxes(**name) is not None:
        raise Refused("domain_in_use", status=row["status"])
    ctx.sql.release_own_addresses(**name)
    ctx.sql.drop_dkim_keys(**name)
    ctx.sql.drop_job(account_id=ctx.account_id, kind="domain", subject_id=row["domain_id"])
    ctx.sql.delete_domain(**name)
    ctx.about("domain", row["domain_id"], domain=row["domain"])
    return {"id": row["domain_id"], "deleted": True}


def require_verified(ctx: Context, domain: str, platform: str) -> str:
    """The id of the account's own verified domain, for a mailbox at it. Raises Refused."""
    ctx.sql.lock_message(name=f"domain/{domain}")
    row = ctx.sql.get_domain_by_name(account_id=ctx.account_id, domain=domain)
    if row is None:
        raise invalid(
            "address", f"mailboxes of this account are at {platform} or at a domain that it has verified"
        )
    if row["status"] != Status.VERIFIED:
        sentence = f"{domain} is not verified: see verify_domain."
        raise Refused("domain_not_verified", sentence, domain=domain, status=row["status"])
    return str(row["domain_id"])


NAME_ALIASES: Final = {"domain": "domain_id", "id": "domain_id"}

ADD_DOMAIN = Operation(
    name="add_domain",
    run=add_domain,
    find=find_room,
    prepare=prepare_pair,
    input=AddDomain,
    output=DomainAnswer,
    scopes=(Scope.ADMIN,),
    effect="write",
    method="POST",
    path="/v1/domains",
    status=201,
    aliases={"name": "domain"},
    errors=("mailbox_limited", "domain_taken", "quota_exceeded"),
)
LIST_DOMAINS = Operation(
    name="list_domains",
    run=list_domains,
    input=ListDomains,
    output=DomainPage,
    scopes=(Scope.ADMIN,),
    effect="read",
    audited=False,
    method="GET",
    path="/v1/domains",
    errors=("mailbox_limited",),
)
GET_DOMAIN = Operation(
    name="get_domain",
    run=get_domain,
    input=DomainName,
    output=DomainAnswer,
    scopes=(Scope.ADMIN,),
    effect="read",
    audited=False,
    method="GET",
    path="/v1/domains/{domain_id}",
    aliases=NAME_ALIASES,
    errors=("not_found", "mailbox_limited"),
)
VERIFY_DOMAIN = Operation(
    name="verify_domain",
    run=verify_domain,
    find=find_records,
    prepare=prepare_findings,
    input=DomainName,
    output=DomainAnswer,
    scopes=(Scope.ADMIN,),
    effect="write",
    method="POST",
    path="/v1/domains/{domain_id}/verify",
    aliases=NAME_ALIASES,
    errors=("not_found", "mailbox_limited", "domain_taken"),
)
ROTATE_DOMAIN = Operation(
    name="rotate_domain",
    run=rotate_domain,
    find=find_rotated,
    prepare=prepare_pair,
    input=DomainName,
    output=DomainAnswer,
    scopes=(Scope.ADMIN,),
    effect="write",
    method="POST",
    path="/v1/domains/{domain_id}/rotate",
    aliases=NAME_ALIASES,
    errors=("not_found", "mailbox_limited", "conflict"),
)
DELETE_DOMAIN = Operation(
    name="delete_domain",
    run=delete_domain,
    input=DomainName,
    output=Deleted,
    scopes=(Scope.ADMIN,),
    effect="destructive",
    method="DELETE",
    path="/v1/domains/{domain_id}",
    aliases=NAME_ALIASES,
    errors=("not_found", "mailbox_limited", "domain_in_use"),
)
