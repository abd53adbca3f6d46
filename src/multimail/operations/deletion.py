"""delete_account: everything of an account goes.

At once, in the operation's own transaction, go keys, sessions, addresses, mailboxes, webhooks and jobs: nobody gets in,
nothing comes in, and a delivery that runs finds that it has lost its job. Then a job takes the rest in batches: rows,
search text, blobs. A second one looks again an hour later, for what was being written meanwhile.

What stays: the account's id and slug, which nobody can have again, who deleted it and when, and the last head of the
audit chain, against which the entries that somebody exported can still be checked.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from multimail.core.scopes import Scope
from multimail.core.times import HOUR
from multimail.operations.context import Context, Services, require_whole_account
from multimail.operations.jobs import Lease
from multimail.operations.operation import Input, Operation
from multimail.operations.views import Deleted
from multimail.storage.database import Tx

BATCH: Final = 500  # rows of each table in one transaction
AT_ONCE: Final = """
    key_hashes operator_tokens owner_addresses sign_ups addresses api_keys key_mailboxes operators
    approval_requests mailboxes webhooks intake jobs unindexed outcomes drafts passkeys
    erased erasures loose_blobs domains dkim_keys authorization_codes refresh_tokens
    notification_settings oversight_settings mailbox_approvers watches saved_views push_subscriptions
""".split()
IN_BATCHES: Final = """
    search contents attachments revisions tags emails threads sandbox deliveries events blobs idempotency operator_mail
    contacts suppressions rules usage holdings monthly_emails correspondents marks looks warm_ups warm_up_days
    spam_tokens linked_hosts
    audit
""".split()


class DeleteAccount(Input):
    approval_code: str | None = None


def destroys_all(ctx: Context, given: DeleteAccount) -> str:
    require_whole_account(ctx.actor)
    account = ctx.sql.get_account(account_id=ctx.account_id)
    return f"the account {account['name']} is deleted with all its mailboxes, mail and keys, for ever"


def delete_account(ctx: Context, given: DeleteAccount) -> Mapping[str, Any]:
    """Deletes the account with all that is in it, for ever. Its keys stop working at once, and nothing more leaves.

    Asked by a program it takes an owner's `approval_code`. Export the account first: afterwards nobody can.
    """
    require_whole_account(ctx.actor)
    who = {"account_id": ctx.account_id, "deleted_by": f"{ctx.actor.kind}:{ctx.actor.id}"}
    ctx.sql.close_account(**who, now=ctx.now)
    for table in AT_ONCE:
        getattr(ctx.sql, f"close_{table}")(account_id=ctx.account_id)
    for subject, run_at in (("now", ctx.now), ("later", ctx.now + HOUR)):
        ctx.sql.add_job(account_id=ctx.account_id, kind="erase", subject_id=subject, run_at=run_at)
    ctx.tx.notify("jobs", "erase")
    ctx.about("account", ctx.account_id)
    return {"id": ctx.account_id, "deleted": True}


async def erase(services: Services, lease: Lease) -> None:
    """Takes all that is left of a deleted account, and ends the job. Done again, it finds nothing."""
    while await services.db.write(partial(erase_some, account_id=lease.account_id)):
        pass
    await services.blobs.remove_account(lease.account_id)
    await services.db.write(lambda tx: tx.sql.finish_job(**lease.name))


def erase_some(tx: Tx, account_id: str) -> bool:
    """A unit of work: a batch of each table; whether there was anything."""
    gone = [getattr(tx.sql, f"erase_{table}")(account_id=account_id, limit=BATCH) for table in IN_BATCHES]
    return any(gone)


DELETE_ACCOUNT: Final = Operation(
    name="delete_account",
    run=delete_account,
    input=DeleteAccount,
    output=Deleted,
    scopes=(Scope.ADMIN,),
    effect="destructive",
    method="DELETE",
    path="/v1/account",
    needs_owner=destroys_all,
    errors=("mailbox_limited", "invalid_approval_code"),
)
