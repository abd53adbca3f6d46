"""What stands in the account's rules about an email's recipients, asked when it is accepted and before it leaves."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from multimail.core.errors import Refused
from multimail.core.ids import make_id
from multimail.core.rules import RuleKind, matching
from multimail.core.times import DAY, HOUR, MINUTE, SECOND
from multimail.operations.context import Context
from multimail.operations.written import patterns_json

WINDOWS: Final = (("per_hour", HOUR, "an hour"), ("per_day", DAY, "a day"))


@dataclass(frozen=True, slots=True)
class Judgement:
    """`denied` are the recipients that a rule denies, as they were written; `caps` the lowest that hold."""

    every_recipient_allowed: bool
    denied: list[str]
    caps: Mapping[str, Any]

    @property
    def facts(self) -> dict[str, bool]:
        """As core/oversight.py asks for them."""
        return {
            "every_recipient_allowed": self.every_recipient_allowed,
            "recipient_denied": bool(self.denied),
        }


NOTHING_SAID: Final = Judgement(every_recipient_allowed=False, denied=[], caps={})


def judge(ctx: Context, mailbox_id: str, addresses: Sequence[str], patterns: str | None = None) -> Judgement:
    """What the rules of the mailbox and of the account say of all envelope recipients, Bcc included. `patterns` is
    patterns_json of them, where whoever asks has it."""
    rules = ctx.sql.list_rules_about(
        account_id=ctx.account_id, mailbox_id=mailbox_id, patterns=patterns or patterns_json(addresses)
    )
    if not rules:
        return NOTHING_SAID
    named: dict[str, set[str]] = {RuleKind.ALLOW: set(), RuleKind.DENY: set(), RuleKind.CAP: set()}
    for rule in rules:
        named[rule["kind"]].add(rule["pattern"])
    return Judgement(
        every_recipient_allowed=len(matching(addresses, named[RuleKind.ALLOW])) == len(addresses),
        denied=matching(addresses, named[RuleKind.DENY]),
        caps=next((dict(rule) for rule in rules if rule["kind"] == RuleKind.CAP), {}),
    )


def count_against_caps(ctx: Context, mailbox_id: str, caps: Mapping[str, Any]) -> None:
    """Before an email is written. Raises Refused("quota_exceeded") with `retry_after` where a cap is reached.

    Whatever was accepted counts, what was rejected later too. Test and live mail are counted apart.
    """
    if caps:  # two sends at the same moment: the second waits here, and then sees the first
        ctx.sql.lock_message(name=f"cap/{ctx.account_id}/{mailbox_id}")
    for name, window, words in WINDOWS:
        cap = caps.get(name)
        if cap is None:
            continue
        since = ctx.now - window
        reached_at = ctx.sql.nth_newest_send(
            account_id=ctx.account_id,
            mailbox_id=mailbox_id,
            since=since,
            since_id=make_id("eml", (since - MINUTE) // 1000, 0),  # an id is made before its row
            test=ctx.actor.test,
            skip=cap - 1,
        )
        if reached_at is not None:
            sentence = f"This mailbox sends at most {cap} emails {words}: that is a rule of its operator."
            raise Refused("quota_exceeded", sentence, retry_after=-(-(reached_at - since) // SECOND))
