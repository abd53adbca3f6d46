"""Every error that an operation declares is one that it gives: a declared code without a provocation fails."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from multimail.core.errors import ERRORS, Refused
from multimail.core.oversight import Mode
from multimail.core.plans import Plan
from multimail.core.scopes import Role, Scope
from multimail.core.times import HOUR
from multimail.operations import domains
from multimail.operations.account_update import UPDATE_ACCOUNT
from multimail.operations.context import Context
from multimail.operations.domains import ADD_DOMAIN
from multimail.operations.drafts import CREATE_DRAFT, EDIT_DRAFT
from multimail.operations.editing import EDIT_EMAIL
from multimail.operations.mailboxes import CREATE_MAILBOX
from multimail.operations.notifications import UPDATE_NOTIFICATIONS
from multimail.operations.operation import Operation
from multimail.operations.operators import new_token
from multimail.operations.pausing import PAUSE_SENDING
from multimail.operations.registry import BY_NAME, OPERATIONS
from multimail.operations.reviewing import REVIEW_EMAIL
from multimail.operations.rules import ADD_RULE
from multimail.operations.suppression import suppress
from multimail.operations.upgrades import REQUEST_UPGRADE
from multimail.operations.warming import take_acceptance
from multimail.operations.watching import approval_link
from multimail.operations.webhooks import CREATE_WEBHOOK, TEST_WEBHOOK, refuse_url
from multimail.storage.database import StorageFull
from tests.support import mailroom, overseer
from tests.support.push_service import browser
from tests.support.world import World, add_account

MAIL = {"to": "bob@example.test", "markdown": "Words."}
DENIED = {"kind": "deny", "pattern": "mallory@example.test"}
ABSENT = {
    "mailbox_id": mailroom.absent("mbx"),
    "email_id": mailroom.absent("eml"),
    "thread_id": mailroom.absent("thr"),
    "webhook_id": mailroom.absent("whk"),
    "delivery_id": mailroom.absent("dlv"),
    "draft_id": mailroom.absent("drf"),
    "key_id": mailroom.absent("key"),
    "rule_id": mailroom.absent("rul"),
    "contact_id": mailroom.absent("ctc"),
    "domain_id": mailroom.absent("dom"),
    "after": mailroom.absent("evt"),
    "operator_id": mailroom.absent("opr"),
    "session_id": mailroom.absent("ses"),
    "erasure_id": mailroom.absent("ers"),
}
# Names nothing that exists, with what else the operation demands.
NAMES_NOTHING: dict[str, dict[str, Any]] = {
    "get_mailbox": {"mailbox_id": ""},
    "get_usage": {"mailbox_id": ""},
    "update_mailbox": {"mailbox_id": ""},
    "delete_mailbox": {"mailbox_id": ""},
    "send_email": MAIL | {"mailbox_id": ""},
    "reply_email": {"email_id": "", "markdown": "Words."},
    "cancel_message": {"email_id": ""},
    "edit_scheduled_email": {"email_id": "", "subject": "Another"},
    "create_draft": {"mailbox_id": ""},
    "list_drafts": {"mailbox_id": ""},
    "get_draft": {"draft_id": ""},
    "edit_draft": {"draft_id": "", "subject": "Another"},
    "delete_draft": {"draft_id": ""},
    "send_draft": {"draft_id": ""},
    "check_inbox": {"mailbox_id": ""},
    "list_emails": {"mailbox_id": ""},
    "list_spam": {"mailbox_id": ""},
    "report_spam": {"email_id": ""},
    "not_spam": {"email_id": ""},
    "wait_for_email": {"mailbox_id": "", "timeout_seconds": 0},
    "search_emails": {"q": "words", "mailbox_id": ""},
    "read_email": {"email_id": ""},
    "read_html": {"email_id": ""},
    "get_message": {"email_id": ""},
    "get_thread": {"thread_id": ""},
    "list_threads": {"mailbox_id": ""},
    "tag_email": {"email_id": ""},
    "get_tags": {"email_id": ""},
    "remove_tag": {"email_id": "", "key": "k"},
    "download_source": {"email_id": ""},
    "download_attachment": {"email_id": "", "filename": "f"},
    "get_attachment_url": {"email_id": "", "filename": "f"},
    "open_attachment_link": {"token": "forged"},
    "list_pending": {"mailbox_id": ""},
    "list_queue": {"mailbox_id": ""},
    "review_email": {"email_id": ""},
    "decide_emails": {
        "emails": [{"email_id": ABSENT["email_id"], "revision": "0" * 64}],
        "action": "approve",
    },
    "decide_email": {"email_id": "", "action": "approve"},
    "edit_email": {"email_id": "", "subject": "Another"},
    "undo_decision": {"email_id": ""},
    "get_decision": {"email_id": ""},
    "pause_sending": {"mailbox_id": ""},
    "resume_sending": {"mailbox_id": ""},
    "list_rules": {"mailbox_id": ""},
    "add_rule": {"kind": "deny", "pattern": "*@example.test", "mailbox_id": ""},
    "remove_rule": {"rule_id": ""},
    "remove_suppression": {"address": "nobody@bounced.test"},
    "get_domain": {"domain_id": ""},
    "verify_domain": {"domain_id": ""},
    "rotate_domain": {"domain_id": ""},
    "delete_domain": {"domain_id": ""},
    "add_contact": {"address": "bob@example.test", "mailbox_id": ""},
    "delete_contact": {"contact_id": ""},
    "create_webhook": {"url": "https://example.test/", "mailbox_id": ""},
    "get_webhook": {"webhook_id": ""},
    "delete_webhook": {"webhook_id": ""},
    "list_webhook_deliveries": {"webhook_id": ""},
    "replay_webhook": {"delivery_id": ""},
    "get_webhook_delivery": {"delivery_id": ""},
    "get_mailbox_record": {"mailbox_id": ""},
    "test_webhook": {"webhook_id": ""},
    "list_events": {"after": ""},
    "create_api_key": {"mailbox_ids": [ABSENT["mailbox_id"]]},
    "update_api_key": {"key_id": ""},
    "update_operator": {"operator_id": ""},
    "remove_operator": {"operator_id": ""},
    "add_passkey": {"answer": "{}"},
    "remove_passkey": {"passkey_id": "none"},
    "save_view": {"name": "Mine", "mailbox_id": ""},
    "delete_view": {"view_id": "none"},
    "remove_push_subscription": {"subscription_id": "none"},
    "revoke_operator_session": {"session_id": ""},
    "update_notifications": {"operator_id": "", "pending": "none"},
    "show_unsubscribe": {"token": "forged.0"},
    "unsubscribe": {"token": "forged.0"},
    "show_approval": {"token": "forged.0"},
    "decide_by_link": {"token": "forged.0", "action": "approve"},
    "revoke_api_key": {"key_id": ""},
    "request_upgrade": {"mailbox_id": "", "target_mode": "autonomous"},
    "apply_upgrade": {"mailbox_id": "", "code": "00000000"},
    "erase_email": {"email_id": ""},
    "get_erasure": {"erasure_id": ""},
    "get_identity": {"address": "nobody@acme.multimail.test"},
    "get_reputation": {"sha256": "0" * 64},
}

DOMAINS_NAMED = ("get_domain", "verify_domain", "rotate_domain", "delete_domain")
EDITS = ("edit_scheduled_email", "edit_email")
SECRET = "ghp_" + "a1" * 18
LATER = "2030-01-01T00:00:00Z"

LINKS = ("show_approval", "decide_by_link")

Provoke = Callable[[World, Operation], Awaitable[Any]]


def key_for(operation: Operation) -> str | None:
    keys = {Scope.READ: "agent", Scope.SEND: "agent", Scope.OVERSIGHT: "oversight", Scope.ADMIN: "admin"}
    return "owner" if Scope.OPERATOR in operation.scopes else keys.get(operation.scopes[0])


async def ask(world: World, operation: Operation, **given: Any) -> Any:
    if key_for(operation) == "owner" and not world.people:
        await world.add_operator("owner")
    return (await world.ask(operation, key_for(operation), given)).body


async def not_found(world: World, operation: Operation) -> Any:
    given = NAMES_NOTHING[operation.name]
    named = {name: ABSENT[name] if value == "" else value for name, value in given.items()}
    return await ask(world, operation, **named)


async def draft(world: World) -> dict[str, str]:
    """The names of a fresh draft."""
    made = await world.invoke(CREATE_DRAFT, **MAIL, mailbox_id=world.mailbox["mailbox_id"])
    return {"mailbox_id": made["mailbox_id"], "draft_id": made["draft_id"]}


async def send_or_reply(world: World, operation: Operation, **more: Any) -> Any:
    if operation.name == "send_draft":
        return await ask(world, operation, **await draft(world), **more)
    if operation.name == "send_email":
        return await ask(world, operation, mailbox_id=world.mailbox["mailbox_id"], **MAIL | more)
    return await ask(world, operation, email_id=await mailroom.arrive(world), **{"markdown": "Words."} | more)


async def by_link(world: World, operation: Operation, email_id: str, person: str = "", **more: Any) -> Any:
    """Opens the link that an owner, or `person`, gets for an email. `more` is what is done to it in between."""
    operator_id = person or (await world.add_operator("owner")).id
    email = await mailroom.row(world, email_id)
    link = await world.run(lambda ctx: approval_link(ctx, email, operator_id))
    sql = "UPDATE emails SET version = version + 1"
    for column, value in more.items():
        await mailroom.execute(
            world, f"{sql}, {column} = :value WHERE email_id = :email_id", value=value, email_id=email_id
        )
    given = {"token": link.rpartition("/")[2]} | ({} if operation.effect == "read" else {"action": "approve"})
    return await world.invoke(operation, None, **given)


async def four_eyes(world: World, operation: Operation) -> Any:
    email_id = (await mailroom.send(world))["id"]
    owner = await world.add_operator("owner")
    await world.invoke(UPDATE_NOTIFICATIONS, "owner", four_eyes=[world.mailbox["mailbox_id"]])
    edited = await world.invoke(EDIT_EMAIL, "owner", email_id=email_id, subject="Another")
    if operation.name in LINKS:
        return await by_link(world, operation, email_id, owner.id)
    if operation.name == "decide_emails":
        return await decide_several(world, operation, *await opened(world, email_id))
    decision = {"email_id": email_id, "action": "approve", "revision": edited["revision"]}
    return await world.invoke(operation, "owner", **decision)


async def insufficient_scope(world: World, operation: Operation) -> Any:
    """An approver of other mailboxes."""
    await world.add_operator("owner")
    one, other = (
        await world.add_operator("one", Role.APPROVER),
        await world.add_operator("other", Role.APPROVER),
    )
    approvers = [{"mailbox_id": world.mailbox["mailbox_id"], "operator_ids": [one.id]}]
    await world.invoke(UPDATE_NOTIFICATIONS, "owner", approvers=approvers)
    return await by_link(world, operation, (await mailroom.send(world))["id"], other.id)


async def read_only(world: World, operation: Operation) -> Any:
    if operation.name in LINKS:
        email_id = (await mailroom.send(world))["id"]
        await mailroom.set_mode(world, Mode.READ_ONLY)
        return await by_link(world, operation, email_id)
    if operation.name == "decide_emails":
        email_id, revision = await opened(world)
        await mailroom.set_mode(world, Mode.READ_ONLY)
        return await decide_several(world, operation, email_id, revision)
    if operation.name == "decide_email":
        email_id = (await mailroom.send(world))["id"]
        await mailroom.set_mode(world, Mode.READ_ONLY)
        return await mailroom.decide(world, email_id)
    if operation.name in EDITS:
        email_id = (await mailroom.send(world, send_at=LATER))["id"]
        await mailroom.set_mode(world, Mode.READ_ONLY)
        return await ask(world, operation, email_id=email_id, subject="Another")
    await mailroom.set_mode(world, Mode.READ_ONLY)
    return await send_or_reply(world, operation)


async def suppressed(world: World, operation: Operation | None = None) -> Any:
    email_id = (await mailroom.send(world, send_at=LATER))["id"]
    await world.run(lambda ctx: suppress(ctx, "bob@example.test", "hard_bounce", email_id))
    await world.run(lambda ctx: suppress(ctx, "ann@example.test", "hard_bounce", email_id))
    if operation and operation.name in EDITS:
        return await ask(world, operation, email_id=email_id, subject="Another")
    return operation and await send_or_reply(world, operation)


async def leak_blocked(world: World, operation: Operation) -> Any:
    email_id = (await mailroom.send(world, send_at=LATER))["id"]
    named = await draft(world)
    await world.invoke(EDIT_DRAFT, **named, markdown=SECRET)
    await mailroom.execute(world, "UPDATE accounts SET blocked_leaks = 'secret'")
    if operation.name in EDITS:
        return await ask(world, operation, email_id=email_id, markdown=SECRET)
    if operation.name == "send_draft":
        return await ask(world, operation, **named)
    return await send_or_reply(world, operation, markdown=SECRET)


async def recipient_denied(world: World, operation: Operation) -> Any:
    if operation.name in EDITS:
        email_id = (await mailroom.send(world, send_at=LATER))["id"]
        await world.invoke(ADD_RULE, "admin", kind="deny", pattern="*@example.test")
        return await ask(world, operation, email_id=email_id, subject="Another")
    await world.invoke(ADD_RULE, "admin", kind="deny", pattern="*@example.test")
    return await send_or_reply(world, operation)


async def conflict(world: World, operation: Operation) -> Any:
    if operation.name in LINKS:
        return await by_link(world, operation, (await mailroom.send(world))["id"], state="cancelled")
    if operation.name in ("update_operator", "remove_operator"):
        owner = await world.add_operator("owner")
        role = {"role": "viewer"} if operation.name == "update_operator" else {}
        return await ask(world, operation, operator_id=owner.id, **role)
    if operation.name == "invite_operator":
        await ask(world, operation, email="new@example.test", role="viewer")
        return await ask(world, operation, email="new@example.test", role="owner")
    if operation.name == "rotate_domain":
        domain_id = (await mailroom.own_domain(world))["id"]
        await ask(world, operation, domain_id=domain_id)
        return await ask(world, operation, domain_id=domain_id)
    if operation.name == "add_passkey":
        person = {"account_id": world.account_id, "operator_id": (await world.add_operator("owner")).id}
        row = person | {"name": "", "public_key": "", "sign_count": 0, "created_at": 0}

        def fill(ctx: Context) -> None:
            for number in range(20):
                ctx.sql.add_passkey(**row, passkey_id=str(number))

        await world.run(fill)
        return await ask(world, operation, answer="{}")
    if operation.name == "add_push_subscription":
        for number in range(10):
            await ask(world, operation, **browser(str(number)))
        return await ask(world, operation, **browser("one more"))
    if operation.name == "save_view":
        for number in range(20):
            await ask(world, operation, name=f"View {number}")
        return await ask(world, operation, name="One more")
    if operation.name == "replay_webhook":
        hook = await world.invoke(CREATE_WEBHOOK, "admin", url="https://example.test/")
        told = await world.invoke(TEST_WEBHOOK, "admin", webhook_id=hook["id"])
        return await ask(world, operation, delivery_id=told["id"])
    if operation.name == "send_draft":
        names = await draft(world)

        async def edit_meanwhile(function: Any, *arguments: Any) -> Any:
            await world.invoke(EDIT_DRAFT, **names, subject="Another")
            return function(*arguments)

        world.services = replace(world.services, apart=edit_meanwhile)
        return await ask(world, operation, **names)
    if operation.name == "get_decision":
        await mailroom.set_mode(world, Mode.AUTONOMOUS)
        return await ask(world, operation, email_id=(await mailroom.send(world))["id"])
    if operation.name == "decide_emails":
        email_id, revision = await opened(world)
        await mailroom.decide(world, email_id, "reject")
        return await decide_several(world, operation, email_id, revision)
    email_id = (await mailroom.send(world))["id"]
    if operation.name == "erase_email":
        return await ask(world, operation, email_id=email_id)
    await mailroom.decide(world, email_id, "reject")
    if operation.name == "tag_email":
        await world.add_operator("owner")
        await world.invoke(BY_NAME["erase_email"], "owner", email_id=email_id)
    more = {"decide_email": {"action": "approve"}} | {name: {"subject": "Another"} for name in EDITS}
    return await ask(world, operation, email_id=email_id, **more.get(operation.name, {}))


async def stale_revision(world: World, operation: Operation) -> Any:
    if operation.name in LINKS:
        return await by_link(world, operation, (await mailroom.send(world))["id"], revision="0" * 64)
    if operation.name == "decide_emails":
        email_id, revision = await opened(world)
        sql = "UPDATE emails SET revision = 'another' WHERE email_id = :email_id"
        await mailroom.execute(world, sql, email_id=email_id)
        return await decide_several(world, operation, email_id, revision)
    if operation.name in ("read_html", "review_email"):
        return await ask(world, operation, email_id=(await mailroom.send(world))["id"], revision="0" * 64)
    if operation.name == "edit_email":
        given = {"email_id": (await mailroom.send(world))["id"], "revision": "0" * 64, "subject": "Another"}
        return await ask(world, operation, **given)
    return await mailroom.decide(world, (await mailroom.send(world))["id"], revision="0" * 64)


async def revision_required(world: World, operation: Operation) -> Any:
    email_id = (await mailroom.send(world))["id"]
    await mailroom.execute(
        world, "UPDATE emails SET revision_count = 2 WHERE email_id = :email_id", email_id=email_id
    )
    return await mailroom.decide(world, email_id)


async def opened(world: World, email_id: str = "") -> tuple[str, str]:
    """A pending email, a fresh one or this, that the owner has opened, and its revision."""
    if not world.people:
        await world.add_operator("owner")
    email_id = email_id or (await mailroom.send(world))["id"]
    return email_id, (await world.invoke(REVIEW_EMAIL, "owner", email_id=email_id))["revision"]


async def decide_several(world: World, operation: Operation, email_id: str, revision: str) -> Any:
    return await ask(
        world, operation, emails=[{"email_id": email_id, "revision": revision}], action="approve"
    )


async def not_opened(world: World, operation: Operation) -> Any:
    email_id = (await mailroom.send(world))["id"]
    return await decide_several(world, operation, email_id, (await mailroom.row(world, email_id))["revision"])


async def self_approval(world: World, operation: Operation) -> Any:
    if operation.name == "decide_emails":
        email_id, revision = await opened(world)
        sql = "UPDATE emails SET author_id = :person WHERE email_id = :email_id"
        await mailroom.execute(world, sql, person=world.people["owner"].id, email_id=email_id)
        return await decide_several(world, operation, email_id, revision)
    if operation.name == "create_api_key":
        return await ask(world, operation, scopes=["send", "oversight"])
    if operation.name == "update_api_key":
        await world.add_operator("owner")
        given = {"key_id": world.key_ids["agent"], "scopes": ["read", "oversight"]}
        return await world.invoke(operation, "owner", **given)
    email_id = (await mailroom.send(world))["id"]
    if operation.name in LINKS:
        owner = await world.add_operator("owner")
        return await by_link(world, operation, email_id, owner.id, author_id=owner.id)
    sql = "UPDATE emails SET author_id = :key_id WHERE email_id = :email_id"
    await mailroom.execute(world, sql, key_id=world.key_ids["oversight"], email_id=email_id)
    return await mailroom.decide(world, email_id)


async def idempotency_mismatch(world: World, operation: Operation) -> Any:
    if operation.name == "create_mailbox":
        await ask(world, operation, address="one", idempotency_key="k")
        return await ask(world, operation, address="two", idempotency_key="k")
    given = MAIL | {"mailbox_id": world.mailbox["mailbox_id"], "idempotency_key": "k"}
    if operation.name == "reply_email":
        given = {"email_id": await mailroom.arrive(world), "markdown": "Words.", "idempotency_key": "k"}
    if operation.name == "send_draft":
        await ask(world, operation, **await draft(world), idempotency_key="k")
        return await ask(world, operation, **await draft(world), idempotency_key="k")
    await ask(world, operation, **given)
    return await ask(world, operation, **given | {"markdown": "Other words."})


async def storage_full(world: World, operation: Operation) -> Any:
    write = world.services.db.write

    async def full(unit: Any) -> Any:
        raise StorageFull("database or disk is full")

    if operation.name == "reply_email":
        email_id = await mailroom.arrive(world)
        given = {"email_id": email_id, "markdown": "Words."}
    elif operation.name in ("send_draft", "edit_draft"):
        given = await draft(world)
    elif operation.name in EDITS:
        given = {"email_id": (await mailroom.send(world, send_at=LATER))["id"], "subject": "Another"}
    else:
        given = MAIL | {"mailbox_id": world.mailbox["mailbox_id"]}
    world.services.db.write = full  # type: ignore[method-assign]  # this one world's database
    try:
        return await ask(world, operation, **given)
    except StorageFull:
        raise Refused("storage_full") from None  # as every surface puts it
    finally:
        world.services.db.write = write  # type: ignore[method-assign]  # as before


async def address_taken(world: World, operation: Operation) -> Any:
    return await ask(world, operation, address="support")


async def domain_taken(world: World, operation: Operation) -> Any:
    taken = (await mailroom.own_domain(world))["domain"]
    if operation.name == "add_domain":
        return await ask(world, operation, domain=taken)
    other = await add_account(World(world.services, world.clock), "other")
    return await mailroom.own_domain(other, taken)


async def domain_in_use(world: World, operation: Operation) -> Any:
    domain = await mailroom.own_domain(world)
    await world.invoke(CREATE_MAILBOX, "admin", address=f"desk@{domain['domain']}")
    return await ask(world, operation, domain_id=domain["id"])


async def domain_not_verified(world: World, operation: Operation) -> Any:
    if operation.name == "create_mailbox":
        await world.invoke(ADD_DOMAIN, "admin", domain="brand.test")
        return await ask(world, operation, address="desk@brand.test")
    box = world.mailbox["mailbox_id"]
    more = {"email_id": await mailroom.arrive(world)} if operation.name == "reply_email" else {}
    await mailroom.execute(world, "UPDATE mailboxes SET lapsed_at = 1 WHERE mailbox_id = :box", box=box)
    if more:
        return await ask(world, operation, **more, markdown="Words.")
    return await send_or_reply(world, operation)


async def operator_address(world: World, operation: Operation) -> Any:
    if operation.name == "invite_operator":
        return await ask(world, operation, email=world.mailbox["address"])
    address = "boss@acme.multimail.test"
    await world.run(
        lambda ctx: ctx.sql.add_operator(
            account_id=world.account_id,
            operator_id=ctx.new_id("opr"),
            role="owner",
            name="Boss",
            email=address,
            created_at=ctx.now,
        )
    )
    newcomer = {"email": world.mailbox["address"]}
    given = {
        "update_account": {"oversight_email": world.mailbox["address"]},
        "create_account": newcomer | {"name": "New", "altcha": mailroom.solved("x")},
        "resend_confirmation": newcomer,
        "activate_account": newcomer | {"code": "00000000"},
    }
    return await ask(world, operation, **given.get(operation.name, {"address": address}))


async def mailbox_limited(world: World, operation: Operation) -> Any:
    await world.add_key("limited", [Scope.ADMIN], mailbox_ids={world.mailbox["mailbox_id"]})
    examples: dict[str, dict[str, Any]] = {
        "create_mailbox": {"address": "another"},
        "update_account": {"name": "Another"},
        "update_api_key": {"key_id": world.key_ids["limited"], "all_mailboxes": True},
        "add_rule": DENIED,
        "add_contact": {"address": "bob@example.test"},
        "add_domain": {"domain": "brand.test"},
        **{name: {"domain_id": "brand.test"} for name in DOMAINS_NAMED},
        "remove_rule": {"rule_id": (await world.invoke(ADD_RULE, "admin", **DENIED))["id"]},
        "erase_person": {"address": "bob@example.test"},
        "get_erasure": {"erasure_id": ABSENT["erasure_id"]},
    }
    if Scope.OPERATOR in operation.scopes:
        examples[operation.name] = await about_people(world, operation)
    given = examples.get(operation.name, {})
    if operation.name == "add_contact":
        box = await world.add_mailbox("sales")
        limits = {world.mailbox["mailbox_id"], box["mailbox_id"]}
        await world.add_key("limited", [Scope.SEND], mailbox_ids=limits)
    return await world.invoke(operation, "limited", **given)


async def about_people(world: World, operation: Operation) -> dict[str, Any]:
    """What an operation on operators is asked for."""
    operator_id = (await world.add_operator("other", Role.VIEWER)).id
    await world.run(lambda ctx: new_token(ctx, "session", HOUR, operator_id))
    (row,) = await mailroom.execute(world, "SELECT token_id FROM operator_tokens")
    return {
        "invite_operator": {"email": "new@example.test"},
        "update_operator": {"operator_id": operator_id, "role": "approver"},
        "remove_operator": {"operator_id": operator_id},
        "revoke_operator_session": {"session_id": row["token_id"]},
        "update_notifications": {"expire_after_hours": 1},
    }.get(operation.name, {})


async def invalid_approval_code(world: World, operation: Operation) -> Any:
    if Scope.OPERATOR in operation.scopes:
        call = await about_people(world, operation)
        assert (await world.invoke(operation, "admin", **call))["status"] == "pending_approval"
        return await world.invoke(operation, "admin", **call, approval_code="00000000")
    if operation.name == "apply_upgrade":
        return await ask(world, operation, mailbox_id=world.mailbox["mailbox_id"], code="00000000")
    email_id = (await mailroom.send(world))["id"]
    if operation.name == "erase_email":
        await mailroom.decide(world, email_id, "reject")
    given = {
        "create_mailbox": {"address": "clerk", "human_written": True},
        "update_mailbox": {"mailbox_id": world.mailbox["mailbox_id"], "oversight_mode": "autonomous"},
        "delete_mailbox": {"mailbox_id": world.mailbox["mailbox_id"]},
        "update_api_key": {"key_id": world.key_ids["agent"], "scopes": ["read", "send", "admin"]},
        "revoke_api_key": {"key_id": world.key_ids["oversight"]},
        "update_account": {"oversight_email": "boss@example.test"},
        "add_rule": DENIED | {"kind": "allow"},
        "remove_rule": {"rule_id": (await world.invoke(ADD_RULE, "admin", **DENIED))["id"]},
        "resume_sending": {},
        "export_account": {},
        "delete_account": {},
        "erase_email": {"email_id": email_id},
        "erase_person": {"address": "bob@example.test"},
        "remove_suppression": {"address": "bob@example.test"},
    }[operation.name]
    await suppressed(world)
    await world.invoke(PAUSE_SENDING, "admin")
    assert (await ask(world, operation, **given))["status"] == "pending_approval"
    return await ask(world, operation, **given, approval_code="00000000")


async def no_oversight_address(world: World, operation: Operation) -> Any:
    box = {"mailbox_id": world.mailbox["mailbox_id"]}
    if operation.name == "request_upgrade":
        return await ask(world, operation, **box, target_mode="monitored")
    if operation.name == "apply_upgrade":  # asked for while there was one
        await overseer.oversee(world)
        await world.invoke(REQUEST_UPGRADE, "agent", **box, target_mode="monitored")
        code = await overseer.code_in(world)
        await world.invoke(UPDATE_ACCOUNT, "owner", oversight_email="")
        return await ask(world, operation, **box, code=code)
    await mailroom.set_mode(world, Mode.AUTONOMOUS)  # from there monitored is stricter: no code is asked for
    return await ask(world, operation, mailbox_id=world.mailbox["mailbox_id"], oversight_mode="monitored")


async def ambiguous_reply(world: World, operation: Operation) -> Any:
    thread_id = (await mailroom.send(world))["thread_id"]
    return await ask(world, operation, thread_id=thread_id, markdown="Words.")


async def warmup_limit(world: World, operation: Operation) -> Any:
    site = replace(world.services.site, self_hosted=Plan(warm_up=True), delivery="mx")
    world.services = replace(world.services, site=site)
    for _ in range(50):
        await world.run(lambda ctx: take_acceptance(ctx, world.mailbox["address"], ["bob@example.test"]))
    return await send_or_reply(world, operation)


async def sending_suspended(world: World, operation: Operation) -> Any:
    await mailroom.execute(world, "UPDATE accounts SET suspended_at = 1, suspended_for = 'bounces'")
    site = replace(world.services.site, self_hosted=Plan(thresholds=True))
    world.services = replace(world.services, site=site)
    return await send_or_reply(world, operation)


async def sign_up_closed(world: World, operation: Operation) -> Any:
    world.services = replace(world.services, site=replace(world.services.site, sign_up=""))
    given = {"email": "new@example.test", "name": "New", "altcha": mailroom.solved("x"), "code": "00000000"}
    return await ask(world, operation, **given)


async def invalid_confirmation_code(world: World, operation: Operation) -> Any:
    return await ask(world, operation, email="nobody@example.test", code="00000000")


async def slug_taken(world: World, operation: Operation) -> Any:
    if operation.name == "create_account":
        given = {"email": "new@example.test", "name": "New", "slug": "acme", "altcha": mailroom.solved("x")}
        return await ask(world, operation, **given)
    code = await mailroom.begin_sign_up(world, "new@example.test", "acme")
    return await ask(world, operation, email="new@example.test", code=code)


async def quota_exceeded(world: World, operation: Operation) -> Any:
    site = replace(world.services.site, self_hosted=Plan(mailboxes=1, emails=0))
    world.services = replace(world.services, site=site)
    if operation.name == "create_mailbox":
        return await ask(world, operation, address="another")
    if operation.name == "add_domain":
        rows = [
            {"domain_id": f"dom_{number}", "domain": f"brand{number}.test", "token": "t", "created_at": 1}
            for number in range(domains.MOST)
        ]
        await world.run(lambda ctx: [ctx.sql.add_domain(**row, account_id=world.account_id) for row in rows])
        return await ask(world, operation, domain="brand.test")
    return await send_or_reply(world, operation)


async def rate_limited(world: World, operation: Operation) -> Any:
    if operation.name == "invite_operator":
        for number in range(11):
            await ask(world, operation, email=f"b{number}@example.test")
    if operation.name == "export_account":
        await mailroom.execute(world, "UPDATE accounts SET exported_at = :now", now=world.clock())
        return await ask(world, operation)
    if operation.name == "request_upgrade":
        given = {"mailbox_id": world.mailbox["mailbox_id"], "target_mode": "autonomous"}
        for _ in range(4):
            await ask(world, operation, **given)
    await world.add_operator("owner")
    for _ in range(4):
        await world.invoke(operation, "owner", oversight_email="boss@example.test")
    return None


async def url_refused(world: World, operation: Operation) -> Any:
    async def refuse(url: str) -> None:
        raise refuse_url("The URL leads to a private or reserved network address.")

    world.services = replace(world.services, check_url=refuse)
    if operation.name == "add_push_subscription":
        return await ask(world, operation, **browser("one"))
    url = {"chat_url" if operation.name == "update_notifications" else "url": "http://10.0.0.1/"}
    return await ask(world, operation, **url)


PROVOCATIONS: dict[str, Provoke] = {
    provoke.__name__: provoke
    for provoke in (
        not_found,
        read_only,
        recipient_denied,
        leak_blocked,
        suppressed,
        conflict,
        stale_revision,
        four_eyes,
        insufficient_scope,
        revision_required,
        not_opened,
        self_approval,
        idempotency_mismatch,
        storage_full,
        address_taken,
        domain_taken,
        domain_in_use,
        domain_not_verified,
        operator_address,
        mailbox_limited,
        rate_limited,
        invalid_approval_code,
        no_oversight_address,
        ambiguous_reply,
        rate_limited,
        url_refused,
        quota_exceeded,
        sign_up_closed,
        sending_suspended,
        warmup_limit,
        invalid_confirmation_code,
        slug_taken,
    )
}

DECLARED = [(operation.name, code) for operation in OPERATIONS for code in operation.errors]


@pytest.mark.parametrize(("name", "code"), DECLARED)
async def test_a_declared_error_is_given(world: World, name: str, code: str) -> None:
    with pytest.raises(Refused) as caught:
        await PROVOCATIONS[code](world, BY_NAME[name])
    assert caught.value.code == code
    assert caught.value.sentence.strip().endswith((".", "!")) or ":" in caught.value.sentence
    told = {403: "hint", 409: "status"}.get(ERRORS[code].status)
    assert told is None or caught.value.details[told]


def test_every_operation_that_names_a_thing_declares_not_found() -> None:
    assert set(NAMES_NOTHING) == {name for name, code in DECLARED if code == "not_found"}
