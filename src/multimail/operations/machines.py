"""No conversation with a machine: what would leave without a look waits for a person where nobody may be at the
other end, and where a conversation runs faster than people talk."""

from typing import Final

from multimail.core.findings import Finding
from multimail.core.oversight import Mode
from multimail.core.times import HOUR
from multimail.operations.composing import Composed
from multimail.operations.context import Context

IN_AN_HOUR: Final = 10  # emails that leave one conversation unseen


def talks_to_machine(ctx: Context, composed: Composed, mode: Mode, *, allowed: bool) -> Finding | None:
    """Why an answer needs a look though its mailbox's mode, or a rule, asks for none. Gated mail asks nothing."""
    target = composed.target
    seen_anyway = mode in (Mode.READ_ONLY, Mode.GATED_ALL) or (mode is Mode.GATED_SEND and not allowed)
    if target is None or seen_anyway:
        return None
    if target.automatic:
        return Finding("answers_machine", f"it answers mail that seems a machine's: {target.automatic}")
    name = {"account_id": ctx.account_id, "thread_id": target.thread_id}
    left = ctx.sql.count_left_in_thread(**name, after=ctx.now - HOUR, limit=IN_AN_HOUR)
    if left >= IN_AN_HOUR:
        return Finding("thread_rate", f"{IN_AN_HOUR} emails left this conversation within an hour")
    return None
