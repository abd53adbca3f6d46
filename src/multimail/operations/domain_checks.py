"""What a check of a domain's records changes: whether it counts, which keys sign, when to look again.

The same for whoever asks (verify_domain) and for the job that asks by itself. The DNS is looked up outside any
transaction; what it said is judged in one, against the domain and keys as they are by then.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from multimail.core.domains import Seen, Standing, Status, after_check, next_check
from multimail.core.event_types import EventType
from multimail.core.identity import reputation_hash
from multimail.core.jsontext import to_json
from multimail.mail.domain_records import Finding, Record, dkim_records, look_up, ownership_record, records_of
from multimail.operations import dkim_keys
from multimail.operations.context import Context, Services, system
from multimail.operations.dkim_keys import PLATFORM, PLATFORM_KEYS, public_keys
from multimail.operations.events import emit
from multimail.operations.jobs import Lease
from multimail.operations.notices import is_hosted, notify
from multimail.operations.operation import write_audit
from multimail.storage.database import Row, Tx

Findings = Mapping[str, Finding]
UNANSWERED: Final = Finding(Seen.UNANSWERED)

GOING: Final = """The proof that {domain} is this account's is no longer in the DNS: the TXT record {name} is missing.

Publish it again within three days. After that the domain's mailboxes neither send nor receive until it is verified
again, and another account can verify it.
"""
GONE: Final = """{domain} is not verified any more: the TXT record {name} was missing for three days.

Its mailboxes keep their mail, and neither send nor receive. Publish the records again and verify the domain: then
they go on, and what waits leaves.
"""


@dataclass(frozen=True, slots=True)
class Verdict:
    """`taken`: its records are right, and the domain is another account's until that one loses it. `again_at` is when
    the job is to look next, None for never."""

    row: Row
    records: tuple[Record, ...]
    taken: bool
    again_at: int | None


def wanted_records(ctx: Context, row: Row, keys: list[Row]) -> tuple[Record, ...]:
    return records_of(row["domain"], row["token"], public_keys(keys), ctx.services.site.mail_host)


def settle(ctx: Context, row: Row, findings: Findings) -> Verdict:
    """Writes down a check of a domain of the context's account, and all that follows from it."""
    name = {"account_id": row["account_id"], "domain_id": row["domain_id"]}
    ctx.sql.lock_message(
        name=f"domain/{row['domain']}"
    )  # two checks, of this account or of two, one after another
    row = ctx.sql.get_domain(**name) or row
    records = wanted_records(ctx, row, ctx.sql.list_dkim_keys(**name))
    before = Standing(Status(row["status"]), row["missing_at"])
    proof = findings.get(ownership_record(row["domain"], row["token"]).key, UNANSWERED).state
    required = [findings.get(record.key, UNANSWERED).state for record in records if record.required]
    after = after_check(before, proof, required, ctx.now)
    wins = after.status is Status.VERIFIED and before.status is not Status.VERIFIED
    whose = {"account_id": row["account_id"], "domain": row["domain"]}
    taken = wins and ctx.sql.is_another_accounts_domain(**whose) is not None
    if taken:
        after, wins = before, False
    ctx.sql.record_check(
        **name,
        status=after.status,
        findings_json=to_json(
            {key: {"state": one.state, "found": one.found} for key, one in findings.items()}
        ),
        checked_at=ctx.now,
        verified_at=ctx.now if wins else row["verified_at"],
        missing_at=after.missing_at,
        lapsed_at=_lapsed_at(ctx, row, before, after),
    )
    started = dkim_keys.take_over(ctx, name, _seen_selectors(records, findings)) if not taken else []
    facts = {"domain": row["domain"], "status": after.status, "was": before.status, "keys_started": started}
    ctx.about("domain", row["domain_id"], **facts)
    if wins:
        _win(ctx, row)
    elif after.status is Status.LAPSED and before.status is Status.VERIFIED:
        ctx.sql.mark_lapsed(**name, lapsed_at=ctx.now)
        _tell(ctx, f"{row['domain']} is not verified any more", GONE, row)
    elif after.missing_at is not None and before.missing_at is None:
        _tell(ctx, f"The proof of {row['domain']} is missing", GOING, row)
    kept, keys = ctx.sql.get_domain(**name), ctx.sql.list_dkim_keys(**name)
    again_at = next_check(after, kept["lapsed_at"] or kept["created_at"], ctx.now, settled=not _waiting(keys))
    return Verdict(kept, wanted_records(ctx, kept, keys), taken, again_at)


def _waiting(keys: list[Row]) -> bool:
    return any(key.state == "waiting" for key in public_keys(keys))


def _lapsed_at(ctx: Context, row: Row, before: Standing, after: Standing) -> int | None:
    if after.status is not Status.LAPSED:
        return None
    return ctx.now if before.status is Status.VERIFIED else int(row["lapsed_at"])


def _seen_selectors(records: tuple[Record, ...], findings: Findings) -> set[str]:
    return {
        record.name.partition("._domainkey.")[0]
        for record in records
        if record.purpose == "dkim" and findings.get(record.key, UNANSWERED).state is Seen.FOUND
    }


def _win(ctx: Context, row: Row) -> None:
    """The domain is this account's now: addresses at it are its mailboxes', and nobody else's any more."""
    name = {"account_id": row["account_id"], "domain_id": row["domain_id"]}
    ctx.sql.release_addresses(account_id=row["account_id"], domain=row["domain"])
    for box in ctx.sql.list_domain_mailboxes(**name):
        entry = {"address": box["address"], "sha256": reputation_hash(box["address"])}
        ctx.sql.add_address(**entry, account_id=row["account_id"], mailbox_id=box["mailbox_id"])
    ctx.sql.mark_lapsed(**name, lapsed_at=None)
    emit(ctx, EventType.DOMAIN_VERIFIED, domain_id=row["domain_id"], domain=row["domain"])


def _tell(ctx: Context, subject: str, text: str, row: Row) -> None:
    """Mails the account's people, where there is an address that somebody proved to read, outside this server."""
    account = ctx.sql.get_account(account_id=row["account_id"])
    to = account["oversight_email"]
    if account["oversight_email_verified_at"] is None or is_hosted(ctx.services, ctx.tx, to):
        return
    name = ownership_record(row["domain"], row["token"]).name
    notify(ctx, to, subject, text.format(domain=row["domain"], name=name), "notice")


async def check(services: Services, lease: Lease) -> None:
    """Does a `domain` job: looks a domain up, the platform's own where the subject is PLATFORM."""
    name = {"account_id": lease.account_id, "domain_id": lease.subject_id}

    def wanted(tx: Tx) -> tuple[Record, ...]:
        ctx = Context(services, tx, system(lease.account_id, "check_domain"), services.clock())
        keys = tx.sql.list_dkim_keys(**name)
        if lease.subject_id == PLATFORM:
            return dkim_records(services.site.domain, public_keys(keys))
        row = tx.sql.get_domain(**name)
        return () if row is None else wanted_records(ctx, row, keys)

    records = await services.db.read(wanted)
    findings = await look_up(services.dns, records)

    def unit(tx: Tx) -> None:
        ctx = Context(services, tx, system(lease.account_id, "check_domain"), services.clock())
        if not tx.sql.holds_lease(**lease.name):
            return
        run_at = (
            _check_platform(ctx, findings)
            if lease.subject_id == PLATFORM
            else _check_own(ctx, name, findings)
        )
        if run_at is None:
            tx.sql.finish_job(**lease.name)
        else:
            tx.sql.release_job(**lease.name, run_at=run_at)

    await services.db.write(unit)


def _check_own(ctx: Context, name: dict[str, str], findings: Findings) -> int | None:
    row = ctx.sql.get_domain(**name)
    if row is None:
        return None
    verdict = settle(ctx, row, findings)
    if ctx.facts["status"] != ctx.facts["was"] or ctx.facts["keys_started"]:
        write_audit(ctx, "check_domain")
    return verdict.again_at


def _check_platform(ctx: Context, findings: Findings) -> int | None:
    records = dkim_records(ctx.services.site.domain, public_keys(ctx.sql.list_dkim_keys(**PLATFORM_KEYS)))
    dkim_keys.take_over(ctx, PLATFORM_KEYS, _seen_selectors(records, findings))
    keys = ctx.sql.list_dkim_keys(**PLATFORM_KEYS)
    if all(key.state == "signing" for key in public_keys(keys)):
        return None
    return next_check(Standing(Status.VERIFIED), 0, ctx.now, settled=not _waiting(keys))
