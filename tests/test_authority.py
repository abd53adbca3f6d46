"""Who may do what, for every operation there is: an operation without examples here can't pass.

`EXAMPLES` has inputs by operation name, made from the ids of some `Things`: one's own, another account's,
another mailbox's, held inbound mail's, or ids of nothing. What may not be known must look like nothing.
"""

import json
import os
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from multimail.core.errors import Refused
from multimail.core.identity import reputation_hash
from multimail.core.scopes import KEY_SCOPES, Role, Scope, allowed, key_grants
from multimail.core.times import DAY
from multimail.operations import consent
from multimail.operations.account import GET_AUDIT_LOG
from multimail.operations.api_keys import CREATE_API_KEY, REVOKE_API_KEY
from multimail.operations.attachments import DOWNLOAD_ATTACHMENT, GET_ATTACHMENT_URL
from multimail.operations.contacts import ADD_CONTACT
from multimail.operations.context import Caller, Context
from multimail.operations.domains import ADD_DOMAIN
from multimail.operations.drafts import CREATE_DRAFT, SEND_DRAFT
from multimail.operations.emails import READ_EMAIL
from multimail.operations.erasing_people import ERASE_PERSON
from multimail.operations.mailboxes import CREATE_MAILBOX
from multimail.operations.operation import Operation, invoke
from multimail.operations.operators import new_token
from multimail.operations.oversight import DECIDE_EMAIL, LIST_PENDING
from multimail.operations.passkeys import ADD_PASSKEY, LIST_PASSKEYS, REMOVE_PASSKEY
from multimail.operations.push import (
    ADD_PUSH_SUBSCRIPTION,
    LIST_PUSH_SUBSCRIPTIONS,
    REMOVE_PUSH_SUBSCRIPTION,
)
from multimail.operations.registry import OPERATIONS
from multimail.operations.rules import ADD_RULE
from multimail.operations.saved_views import DELETE_VIEW, LIST_SAVED_VIEWS, SAVE_VIEW
from multimail.operations.sealing import seal_all
from multimail.operations.sending import REPLY_EMAIL, SEND_EMAIL
from multimail.operations.spam import REPORT_SPAM
from multimail.operations.suppression import suppress
from multimail.operations.threads import GET_THREAD
from multimail.operations.unsubscribing import unsubscribe_url
from multimail.operations.watching import approval_link
from multimail.operations.webhooks import CREATE_WEBHOOK, TEST_WEBHOOK
from multimail.storage.database import Row
from tests.support import mailroom, postgres
from tests.support.authenticator import Authenticator
from tests.support.push_service import browser
from tests.support.world import World, add_account, build_world

pytestmark = pytest.mark.asyncio(loop_scope="module")

# With the envelope of one sender and one attachment; {} is filled in by `letter`.
LETTER = """From: {sender}\r
To: support@acme.multimail.test\r
Subject: {subject}\r
Message-ID: <{name}@example.test>\r
{more}MIME-Version: 1.0\r
Content-Type: multipart/mixed; boundary=b\r
\r
--b\r
Content-Type: text/plain\r
\r
{body}\r
--b\r
Content-Type: application/pdf; name="{file}"\r
Content-Disposition: attachment; filename="{file}"\r
\r
%PDF {body}\r
--b--\r
"""


def letter(name: str, *, word: str = "", more: str = "", sender: str = "ann@example.test") -> bytes:
    return LETTER.format(
        sender=sender,
        name=name,
        more=more,
        subject=f"{word} {name}",
        body=f"{word} words of {name}",
        file=f"{word}{name}.pdf",
    ).encode()


@dataclass(frozen=True)
class Things:
    """Ids of one mailbox and what belongs to it, in one account."""

    mailbox_id: str = mailroom.absent("mbx")
    address: str = "nobody@acme.multimail.test"
    email_id: str = mailroom.absent("eml")  # inbound, with an attachment
    thread_id: str = mailroom.absent("thr")
    spam_id: str = mailroom.absent("eml")  # inbound, in quarantine
    pending_id: str = mailroom.absent("eml")  # outbound, waits for approval
    pending_revision: str = "0" * 64
    scheduled_id: str = mailroom.absent("eml")  # outbound, for later
    approved_id: str = mailroom.absent("eml")  # outbound, just approved by a person
    draft_id: str = mailroom.absent("drf")
    erasure_id: str = mailroom.absent("ers")
    filename: str = "none.pdf"
    webhook_id: str = mailroom.absent("whk")
    delivery_id: str = mailroom.absent("dlv")
    key_id: str = mailroom.absent("key")
    event_id: str = mailroom.absent("evt")
    rule_id: str = mailroom.absent("rul")
    contact_id: str = mailroom.absent("ctc")
    domain_id: str = mailroom.absent("dom")
    domain: str = "nobody.test"
    suppressed: str = "nobody@bounced.test"
    token: str = "forged.0"
    upgrade_code: str = "none"
    operator_id: str = mailroom.absent("opr")
    session_id: str = mailroom.absent("ses")
    passkey_id: str = "none"
    view_id: str = mailroom.absent("viw")
    subscription_id: str = mailroom.absent("psh")
    passkey_answer: str = "{}"
    newcomer: str = "nobody@example.test"  # who signs up
    code: str = "00000000"
    approval: str = "forged.0"  # the token of a link to decide by
    unsubscribe: str = "forged.0"


NOTHING = Things()
PUBLIC_URL = "http://localhost:8025"

MAIL = {"to": "bob@example.test", "subject": "Hello", "markdown": "Words."}

# The first example is the plainest call; the others name what else can be named.
EXAMPLES: dict[str, Callable[[Things], list[dict[str, Any]]]] = {
    "list_mailboxes": lambda t: [{}],
    "create_mailbox": lambda t: [{"address": f"new-{t.mailbox_id[-8:]}"}],
    "get_mailbox": lambda t: [{"mailbox_id": t.mailbox_id}, {"mailbox_id": t.address}],
    "update_mailbox": lambda t: [
        {"mailbox_id": t.mailbox_id, "name": "Desk"},
        {"mailbox_id": t.mailbox_id, "oversight_mode": "autonomous"},
    ],
    "delete_mailbox": lambda t: [{"mailbox_id": t.mailbox_id}],
    "send_email": lambda t: [MAIL | {"mailbox_id": t.mailbox_id}, MAIL | {"mailbox_id": t.address}],
    "reply_email": lambda t: [
        {"email_id": t.email_id, "markdown": "Thanks."},
        {"thread_id": t.thread_id, "markdown": "Thanks."},
        {"mailbox_id": t.mailbox_id, "email_id": t.email_id, "markdown": "Thanks."},
    ],
    "cancel_message": lambda t: [{"email_id": t.pending_id}],
    "edit_scheduled_email": lambda t: [
        {"email_id": t.scheduled_id, "send_at": "2031-01-01T00:00:00Z"},
        {"email_id": t.scheduled_id, "mailbox_id": t.mailbox_id, "subject": "Another"},
    ],
    "create_draft": lambda t: [{"mailbox_id": t.mailbox_id, "to": "bob@example.test"}],
    "list_drafts": lambda t: [{"mailbox_id": t.mailbox_id}],
    "get_draft": lambda t: [{"draft_id": t.draft_id}],
    "edit_draft": lambda t: [{"draft_id": t.draft_id, "subject": "Another"}],
    "delete_draft": lambda t: [{"draft_id": t.draft_id}],
    "send_draft": lambda t: [{"draft_id": t.draft_id}],
    "check_inbox": lambda t: [{"mailbox_id": t.mailbox_id}, {"mailbox_id": t.address, "limit": 100}],
    "list_emails": lambda t: [{"limit": 100}, {"mailbox_id": t.mailbox_id}],
    "list_spam": lambda t: [{"limit": 100}, {"mailbox_id": t.mailbox_id}],
    "report_spam": lambda t: [{"email_id": t.email_id}],
    "not_spam": lambda t: [{"email_id": t.spam_id}],
    "wait_for_email": lambda t: [
        {"mailbox_id": t.mailbox_id, "timeout_seconds": 0},
        {"mailbox_id": t.address, "since_id": t.email_id, "timeout_seconds": 0},
    ],
    "search_emails": lambda t: [{"q": "words"}, {"q": "words", "mailbox_id": t.mailbox_id}],
    "read_email": lambda t: [{"email_id": t.email_id}, {"email_id": t.email_id, "mailbox_id": t.mailbox_id}],
    "read_html": lambda t: [{"email_id": t.email_id}, {"email_id": t.email_id, "mailbox_id": t.mailbox_id}],
    "get_message": lambda t: [{"email_id": t.email_id}],
    "get_thread": lambda t: [
        {"thread_id": t.thread_id},
        {"thread_id": t.thread_id, "mailbox_id": t.mailbox_id, "bodies": False},
    ],
    "list_threads": lambda t: [{"mailbox_id": t.mailbox_id}, {"mailbox_id": t.address}],
    "tag_email": lambda t: [{"email_id": t.email_id, "tags": ["urgent"], "notes": "Look."}],
    "get_tags": lambda t: [{"email_id": t.email_id}],
    "remove_tag": lambda t: [{"email_id": t.email_id, "key": "kept"}],
    "download_source": lambda t: [{"email_id": t.email_id}],
    "download_attachment": lambda t: [{"email_id": t.email_id, "filename": t.filename}],
    "get_attachment_url": lambda t: [{"email_id": t.email_id, "filename": t.filename}],
    "open_attachment_link": lambda t: [{"token": t.token}],
    "list_pending": lambda t: [{}, {"mailbox_id": t.mailbox_id}],
    "list_queue": lambda t: [{}, {"mailbox_id": t.mailbox_id}],
    "review_email": lambda t: [{"email_id": t.pending_id}],
    "decide_emails": lambda t: [
        {"emails": [{"email_id": t.pending_id, "revision": t.pending_revision}], "action": "approve"}
    ],
    "decide_email": lambda t: [{"email_id": t.pending_id, "action": "approve"}],
    "edit_email": lambda t: [{"email_id": t.pending_id, "subject": "Another"}],
    "undo_decision": lambda t: [{"email_id": t.approved_id}],
    "get_decision": lambda t: [{"email_id": t.pending_id}],
    "show_approval": lambda t: [{"token": t.approval}],
    "decide_by_link": lambda t: [{"token": t.approval, "action": "approve"}],
    "pause_sending": lambda t: [{"mailbox_id": t.mailbox_id}, {"mailbox_id": t.address}],
    "resume_sending": lambda t: [{"mailbox_id": t.mailbox_id}, {"mailbox_id": t.address}],
    "check_suppression": lambda t: [{}, {"address": t.suppressed}],
    "remove_suppression": lambda t: [{"address": t.suppressed}],
    "show_unsubscribe": lambda t: [{"token": t.unsubscribe}],
    "unsubscribe": lambda t: [{"token": t.unsubscribe}],
    "add_contact": lambda t: [{"address": "bob@example.test", "mailbox_id": t.mailbox_id}],
    "search_contacts": lambda t: [{}, {"q": "@"}],
    "delete_contact": lambda t: [{"contact_id": t.contact_id}],
    "add_domain": lambda t: [{"domain": f"{t.mailbox_id[4:]}.test".lower()}],
    "list_domains": lambda t: [{"limit": 100}],
    "get_domain": lambda t: [{"domain_id": t.domain_id}, {"domain_id": t.domain}],
    "verify_domain": lambda t: [{"domain_id": t.domain_id}, {"domain_id": t.domain}],
    "rotate_domain": lambda t: [{"domain_id": t.domain_id}],
    "delete_domain": lambda t: [{"domain_id": t.domain_id}],
    "list_rules": lambda t: [{"limit": 100}, {"mailbox_id": t.mailbox_id}],
    "add_rule": lambda t: [
        {"kind": "deny", "pattern": "mallory@example.test", "mailbox_id": t.mailbox_id},
        {"kind": "allow", "pattern": "*@example.test", "mailbox_id": t.address},
    ],
    "remove_rule": lambda t: [{"rule_id": t.rule_id}],
    "list_sandbox": lambda t: [{}],
    "create_webhook": lambda t: [
        {"url": "https://example.test/hook"},
        {"url": "https://example.test/hook", "mailbox_id": t.mailbox_id},
    ],
    "list_webhooks": lambda t: [{}],
    "get_webhook": lambda t: [{"webhook_id": t.webhook_id}],
    "delete_webhook": lambda t: [{"webhook_id": t.webhook_id}],
    "list_webhook_deliveries": lambda t: [{"limit": 100}, {"webhook_id": t.webhook_id}],
    "get_webhook_delivery": lambda t: [{"delivery_id": t.delivery_id}],
    "get_mailbox_record": lambda t: [{"mailbox_id": t.mailbox_id}, {"mailbox_id": t.address}],
    "check_audit_chain": lambda t: [{}],
    "replay_webhook": lambda t: [{"delivery_id": t.delivery_id}],
    "test_webhook": lambda t: [{"webhook_id": t.webhook_id}],
    "list_events": lambda t: [{"limit": 100}, {"after": t.event_id}, {"mailbox_id": t.mailbox_id}],
    "create_api_key": lambda t: [
        {"scopes": ["read"]},
        {"scopes": ["read"], "mailbox_ids": [t.mailbox_id]},
    ],
    "list_api_keys": lambda t: [{"limit": 100}],
    "update_api_key": lambda t: [
        {"key_id": t.key_id, "name": "Desk"},
        {"key_id": t.key_id, "mailbox_ids": [t.mailbox_id]},
    ],
    "revoke_api_key": lambda t: [{"key_id": t.key_id}],
    "get_account": lambda t: [{}],
    "export_account": lambda t: [{}],
    "delete_account": lambda t: [{}],
    "erase_email": lambda t: [{"email_id": t.email_id}, {"email_id": t.email_id, "mailbox_id": t.mailbox_id}],
    "erase_person": lambda t: [{"address": "ann@example.test"}],
    "get_erasure": lambda t: [{"erasure_id": t.erasure_id}],
    "get_identity": lambda t: [{"address": t.address}],
    "get_reputation": lambda t: [{"sha256": reputation_hash(t.address)}],
    "request_upgrade": lambda t: [{"mailbox_id": t.mailbox_id, "target_mode": "autonomous"}],
    "apply_upgrade": lambda t: [{"mailbox_id": t.mailbox_id, "code": t.upgrade_code}],
    "list_operators": lambda t: [{"limit": 100}],
    "invite_operator": lambda t: [{"email": "new@people.test"}],
    "update_operator": lambda t: [{"operator_id": t.operator_id, "role": "viewer"}],
    "remove_operator": lambda t: [{"operator_id": t.operator_id}],
    "list_operator_sessions": lambda t: [{"limit": 100}],
    "revoke_operator_session": lambda t: [{"session_id": t.session_id}],
    "list_passkeys": lambda t: [{}],
    "add_passkey": lambda t: [{"answer": t.passkey_answer}],
    "remove_passkey": lambda t: [{"passkey_id": t.passkey_id}],
    "list_push_subscriptions": lambda t: [{}],
    "add_push_subscription": lambda t: [browser("new")],
    "remove_push_subscription": lambda t: [{"subscription_id": t.subscription_id}],
    "list_saved_views": lambda t: [{}],
    "save_view": lambda t: [{"name": "Mine"}, {"name": "Mine", "mailbox_id": t.mailbox_id}],
    "delete_view": lambda t: [{"view_id": t.view_id}],
    "get_notifications": lambda t: [{}],
    "update_notifications": lambda t: [
        {"operator_id": t.operator_id, "pending": "none"},
        {"four_eyes": [t.mailbox_id]},
        {"approvers": [{"mailbox_id": t.mailbox_id, "operator_ids": [t.operator_id]}]},
        {"mailbox_id": t.mailbox_id, "mailbox_approvers": [t.operator_id]},
    ],
    "update_account": lambda t: [{"name": "Acme"}, {"oversight_email": "boss@example.test"}],
    "request_challenge": lambda t: [{}],
    "create_account": lambda t: [
        {"email": f"{t.mailbox_id}@example.test", "name": "New", "altcha": mailroom.solved(t.mailbox_id)}
    ],
    "resend_confirmation": lambda t: [{"email": "somebody@example.test"}],
    "activate_account": lambda t: [{"email": t.newcomer, "code": t.code}],
    "check_slug": lambda t: [{"slug": "free"}],
    "list_tools": lambda t: [{}, {"format": "mcp", "names": ["send_email"]}],
    "get_usage": lambda t: [{}, {"breakdown": "daily"}, {"mailbox_id": t.mailbox_id}],
    "get_audit_log": lambda t: [{"limit": 100}, {"limit": 100, "resource_id": t.email_id}],
}

# What a key that is limited to mailboxes never does, whatever it names.
NAMELESS = {
    *("create_mailbox", "delete_account", "export_account", "invite_operator", "update_account"),
    *("add_domain", "list_domains", "check_audit_chain"),
}
ACCOUNT_WIDE = NAMELESS | {
    *("list_operators", "update_operator", "remove_operator", "list_operator_sessions"),
    *("revoke_operator_session", "get_domain", "verify_domain", "rotate_domain", "delete_domain"),
    *("erase_person", "get_erasure"),
    *("get_notifications", "update_notifications"),
}
TOKENS = {"token", "approval", "unsubscribe"}
# A person's, whoever has them: see tests/operations/test_notifications.py.
LINKS = {"show_approval", "decide_by_link", "show_unsubscribe", "unsubscribe"}
# A filter: what it names is not asked for, so that nothing of the kind is an empty page and no 404.
FILTERS = {("get_audit_log", "resource_id"), ("check_suppression", "address")}


def by_name(operation: Operation) -> str:
    return operation.name


every_operation = pytest.mark.parametrize("operation", OPERATIONS, ids=by_name)
# For people alone: they see the whole account, and have no key that could be limited or revoked.
FOR_PEOPLE = {one.name for one in OPERATIONS if set(one.scopes).isdisjoint({*KEY_SCOPES, Scope.PUBLIC})}
keyed_operation = pytest.mark.parametrize(
    "operation",
    [one for one in OPERATIONS if Scope.PUBLIC not in one.scopes and one.name not in FOR_PEOPLE],
    ids=by_name,
)
guarded_operation = pytest.mark.parametrize(
    "operation", [one for one in OPERATIONS if Scope.PUBLIC not in one.scopes], ids=by_name
)


def names_things(operation: Operation, index: int) -> bool:
    """Whether the example has ids in it, rather than only words."""
    other = replace(NOTHING, **{name: f"{value}x" for name, value in asdict(NOTHING).items()})
    if operation.name in NAMELESS:
        return False
    changed = {
        name
        for name, value in EXAMPLES[operation.name](NOTHING)[index].items()
        if EXAMPLES[operation.name](other)[index][name] != value
    }
    return bool(changed - {name for one, name in FILTERS if one == operation.name})


def said(refused: Refused) -> tuple[str, str, str]:
    """All of an error's body but its request id."""
    return refused.code, refused.sentence, json.dumps(refused.details, sort_keys=True, default=str)


async def refusal(world: World, operation: Operation, key: str | None, given: Mapping[str, Any]) -> Refused:
    with pytest.raises(Refused) as caught:
        await world.ask(operation, key, given)
    return caught.value


async def erasure(world: World) -> str:
    """The erasing of somebody nobody knows."""

    def unit(ctx: Context) -> str:
        name = {"account_id": ctx.account_id, "erasure_id": ctx.new_id("ers")}
        ctx.sql.add_erasure(**name, address="nobody@unknown.test", created_at=ctx.now)
        return name["erasure_id"]

    return await world.run(unit)


async def populate(  # a list of things
    world: World, mailbox: Row, word: str = "", letter_of: str = ""
) -> Things:
    """Fills a mailbox; `word` is in every text of it."""
    name = letter_of or f"letter-{mailbox['mailbox_id'][-8:]}"
    sent = await mailroom.send(
        world, mailbox_id=mailbox["mailbox_id"], subject=f"{word} offer", metadata={"note": word}
    )
    left = await mailroom.send(world, mailbox_id=mailbox["mailbox_id"], subject=word)
    await mailroom.decide(world, left["id"])
    await mailroom.hand_over(world)
    email_id = await mailroom.arrive(world, letter(name, word=word), mailbox=mailbox)
    spam_id = await mailroom.arrive(world, letter(f"spam-{name}", word=word), mailbox=mailbox)
    await world.invoke(REPORT_SPAM, email_id=spam_id)
    email = await mailroom.row(world, email_id)
    filename = f"{word}{name}.pdf"
    at = {"send_at": "2030-01-01T00:00:00Z"}
    scheduled = await mailroom.send(world, mailbox_id=mailbox["mailbox_id"], subject=f"{word} later", **at)
    approved = await mailroom.send(world, mailbox_id=mailbox["mailbox_id"], subject=f"{word} yes")
    draft = {"mailbox_id": mailbox["mailbox_id"], "subject": f"{word} draft"} | {"to": "bob@example.test"}
    draft_id = (await world.invoke(CREATE_DRAFT, **draft))["id"]
    if "whole-operator" not in world.people:
        await world.add_operator("whole-operator")
    decision = {"email_id": approved["id"], "action": "approve"}
    await world.invoke(DECIDE_EMAIL, "whole-operator", **decision)
    await world.run(
        lambda ctx: ctx.sql.set_tag(account_id=world.account_id, email_id=email_id, tag="kept", value="")
    )
    hook = {"url": f"https://example.test/{word}", "mailbox_id": mailbox["mailbox_id"]}
    webhook_id = (await world.invoke(CREATE_WEBHOOK, "admin", **hook))["id"]
    told = await world.invoke(TEST_WEBHOOK, "admin", webhook_id=webhook_id)
    await mailroom.execute(
        world,
        "UPDATE deliveries SET status = 'failed' WHERE delivery_id = :delivery_id",
        delivery_id=told["id"],
    )
    link = await world.invoke(GET_ATTACHMENT_URL, email_id=email_id, filename=filename)
    rule = {"kind": "deny", "pattern": f"{word or 'plain'}@denied.test", "mailbox_id": mailbox["mailbox_id"]}
    person = {"address": f"{word or 'plain'}@known.test", "mailbox_id": mailbox["mailbox_id"]}
    suppressed = f"{word or 'plain'}-{mailbox['mailbox_id'][-8:]}@bounced.test".lower()
    await world.run(lambda ctx: suppress(ctx, suppressed, "hard_bounce", sent["id"]))
    upgrade_code = await world.run(lambda ctx: wish(ctx, mailbox["mailbox_id"]))
    operator_id, session_id = await colleague(world, f"{word} {mailbox['mailbox_id']}")
    pending = await newsletter(world, mailbox, f"{word} maybe")
    spare = f"spare-{word}-{mailbox['mailbox_id'][-8:]}"
    await world.add_key(spare, [Scope.READ], mailbox_ids={mailbox["mailbox_id"]})

    own = f"{word.lower() or 'own'}.test"  # one for all mailboxes: making its keys takes a while
    known = await world.run(lambda ctx: ctx.sql.get_domain_by_name(account_id=world.account_id, domain=own))
    domain = (
        await mailroom.own_domain(world, own) if known is None else {"id": known["domain_id"], "domain": own}
    )
    passkey_id, passkey_answer = await with_passkeys(world, mailbox["mailbox_id"])
    newcomer = f"{mailbox['mailbox_id']}@newcomers.test"
    return Things(
        mailbox_id=mailbox["mailbox_id"],
        address=mailbox["address"],
        email_id=email_id,
        thread_id=email["thread_id"],
        spam_id=spam_id,
        pending_id=sent["id"],
        pending_revision=await opened(world, sent["id"]),
        scheduled_id=scheduled["id"],
        approved_id=approved["id"],
        draft_id=draft_id,
        erasure_id=await erasure(world),
        filename=filename,
        webhook_id=webhook_id,
        delivery_id=told["id"],
        key_id=world.key_ids[spare],
        event_id=await event_about(world, email_id),
        rule_id=(await world.invoke(ADD_RULE, "admin", **rule))["id"],
        contact_id=(await world.invoke(ADD_CONTACT, **person))["id"],
        domain_id=domain["id"],
        domain=domain["domain"],
        suppressed=suppressed,
        upgrade_code=upgrade_code,
        operator_id=operator_id,
        session_id=session_id,
        approval=await world.run(lambda ctx: approval_link(ctx, pending, operator_id).rpartition("/")[2]),
        unsubscribe=str(unsubscribe_url(world.services, await newsletter(world, mailbox))).rpartition("/")[2],
        token=link["url"].rpartition("/")[2],
        passkey_id=passkey_id,
        subscription_id=await with_browser(world, mailbox["mailbox_id"]),
        view_id=await with_view(world, mailbox["mailbox_id"]),
        passkey_answer=passkey_answer,
        newcomer=newcomer,
        code=await mailroom.begin_sign_up(world, newcomer, f"new-{mailbox['mailbox_id'][-8:]}"),
    )


async def newsletter(world: World, mailbox: Row, subject: str = "") -> Row:
    """Mail to one who reads nothing else here; it waits for approval."""
    to = {"to": f"reader-{mailbox['mailbox_id']}@example.test", "mailbox_id": mailbox["mailbox_id"]}
    to |= {"subject": subject}
    return await mailroom.row(world, (await mailroom.send(world, **to))["id"])


async def colleague(world: World, name: str) -> tuple[str, str]:
    """(an approver's id, the id of a session of theirs)."""
    operator_id = (await world.add_operator(name, Role.APPROVER)).id
    await world.run(lambda ctx: new_token(ctx, "session", DAY, operator_id))
    sql = "SELECT token_id FROM operator_tokens WHERE operator_id = :operator_id"
    return operator_id, str((await mailroom.execute(world, sql, operator_id=operator_id))[0]["token_id"])


def wish(ctx: Context, mailbox_id: str) -> str:
    """The code of an upgrade that was asked for."""
    name = consent.upgrade_name(mailbox_id, "autonomous")
    ctx.sql.set_wanted_mode(account_id=ctx.account_id, mailbox_id=mailbox_id, wanted_mode="autonomous")
    return consent.file_request(ctx, name, "a looser mode", shown=True)[1]


async def with_passkeys(world: World, name: str) -> tuple[str, str]:
    """(the id of a passkey of the whole account's operator, what would add another)."""
    first, second = (Authenticator(PUBLIC_URL, f"{name} {number}".encode()) for number in (1, 2))
    found = await world.invoke(LIST_PASSKEYS, "whole-operator")
    if found["options"] is None:  # a server without a domain name has none
        return NOTHING.passkey_id, NOTHING.passkey_answer
    for one in found["passkeys"]:  # a person has so many at most
        await world.invoke(REMOVE_PASSKEY, "whole-operator", passkey_id=one["id"])
    made = await world.invoke(ADD_PASSKEY, "whole-operator", answer=first.create(found["options"]))
    options = (await world.invoke(LIST_PASSKEYS, "whole-operator"))["options"]
    return made["id"], second.create(options)


async def with_browser(world: World, name: str) -> str:
    """The id of a browser of the whole account's operator."""
    for one in (await world.invoke(LIST_PUSH_SUBSCRIPTIONS, "whole-operator"))["subscriptions"]:
        await world.invoke(REMOVE_PUSH_SUBSCRIPTION, "whole-operator", subscription_id=one["id"])
    return str((await world.invoke(ADD_PUSH_SUBSCRIPTION, "whole-operator", **browser(name)))["id"])


async def with_view(world: World, name: str) -> str:
    """The id of a view of the whole account's operator, who has so many at most."""
    for one in (await world.invoke(LIST_SAVED_VIEWS, "whole-operator"))["views"]:
        await world.invoke(DELETE_VIEW, "whole-operator", view_id=one["id"])
    return str((await world.invoke(SAVE_VIEW, "whole-operator", name=name))["id"])


async def opened(world: World, email_id: str) -> str:
    """The revision of an email that the whole account's operator has opened."""
    person = world.people["whole-operator"]
    look = {"account_id": world.account_id, "email_id": email_id, "operator_id": person.id}
    await world.run(lambda ctx: note_look(ctx, look))
    return str((await mailroom.row(world, email_id))["revision"])


def note_look(ctx: Context, look: dict[str, str]) -> None:
    revision = ctx.email(look["email_id"])["revision"]
    ctx.sql.note_look(**look, revision=revision, at=ctx.now)


async def event_about(world: World, email_id: str) -> str:
    """The id of an event about an email, straight from the table: the list waits for older transactions."""
    sql = "SELECT event_id FROM events WHERE email_id = :email_id"
    return str((await mailroom.execute(world, sql, email_id=email_id))[0]["event_id"])


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def module_database_url(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path_factory.mktemp('authority')}/multimail.db"
        return
    if not postgres.installed():
        pytest.skip("needs Debian's postgresql-15")
    folder, owner = Path(os.environ["MULTIMAIL_TEST_SESSION"]), int(os.environ["MULTIMAIL_TEST_OWNER"])
    with postgres.fresh_database(postgres.shared_server(folder, owner, durable=False)) as url:
        yield url


@dataclass(frozen=True)
class Scene:
    """Two accounts; the first has two mailboxes, and keys of each scope, whole and limited to the first."""

    world: World
    own: Things
    outside: Things
    strangers: Things

    def key_for(self, operation: Operation, kind: str = "whole") -> str | None:
        return None if Scope.PUBLIC in operation.scopes else f"{kind}-{operation.scopes[0]}"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scene(module_database_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Scene]:
    async with build_world(module_database_url, tmp_path_factory.mktemp("blobs")) as world:
        site = replace(world.services.site, public_url=PUBLIC_URL)  # passkeys are bound to a name
        world.services = replace(world.services, site=site)
        own = await populate(world, world.mailbox)
        outside = await populate(world, await world.add_mailbox("outside"), word="OUTSIDE")
        other = await add_account(World(world.services, world.clock), "other")
        strangers = await populate(other, other.mailbox, word="STRANGE")
        for scope in KEY_SCOPES:
            await world.add_key(f"whole-{scope}", [scope])
            await world.add_key(f"limited-{scope}", [scope], mailbox_ids={own.mailbox_id})
        await seal_all(world.services, lambda text: "signed")
        yield Scene(world, own, outside, strangers)


async def test_every_operation_has_examples() -> None:
    assert set(EXAMPLES) == {operation.name for operation in OPERATIONS}


@every_operation
async def test_without_a_key(scene: Scene, operation: Operation) -> None:
    given = EXAMPLES[operation.name](scene.own)[0]
    if Scope.PUBLIC in operation.scopes:
        assert (await scene.world.ask(operation, None, given)).status == operation.status
        return
    scene.world.keys["unknown"] = "mm_live_" + "a" * 32
    for key in (None, "unknown"):
        refused = await refusal(scene.world, operation, key, given)
        assert (refused.code, refused.kind.status) == ("unauthenticated", 401)


@guarded_operation
async def test_with_a_scope_that_is_not_enough(scene: Scene, operation: Operation) -> None:
    too_little = [one for one in KEY_SCOPES if not allowed(key_grants(frozenset({one})), operation.scopes)]
    assert too_little
    for scope in too_little:
        refused = await refusal(
            scene.world, operation, f"whole-{scope}", EXAMPLES[operation.name](scene.own)[0]
        )
        assert (refused.code, refused.kind.status) == ("insufficient_scope", 403)
        assert operation.scopes[0] in str(refused.details["hint"])


@every_operation
async def test_the_examples_are_good_ones(scene: Scene, operation: Operation) -> None:
    """Else the refusals below would prove nothing."""
    for index in range(len(EXAMPLES[operation.name](NOTHING))):
        mailbox = await scene.world.add_mailbox(f"good-{operation.name.replace('_', '-')}-{index}")
        given = EXAMPLES[operation.name](await populate(scene.world, mailbox, word="GOOD"))[index]
        answer = await scene.world.ask(operation, scene.key_for(operation), given)
        assert answer.status in (operation.status, 202)


@guarded_operation
async def test_another_account_is_nothing(scene: Scene, operation: Operation) -> None:
    key = scene.key_for(operation)
    for index, given in enumerate(EXAMPLES[operation.name](scene.strangers)):
        await looks_like_nothing(scene.world, operation, key, index, given, "STRANGE", scene.strangers)


@keyed_operation
async def test_what_is_outside_a_limited_key_is_nothing(scene: Scene, operation: Operation) -> None:
    key = scene.key_for(operation, "limited")
    for index, given in enumerate(EXAMPLES[operation.name](scene.outside)):
        if operation.name in ACCOUNT_WIDE:
            refused = await refusal(scene.world, operation, key, given)
            assert (refused.code, refused.kind.status) == ("mailbox_limited", 403)
            assert refused.details["hint"]
        else:
            await looks_like_nothing(scene.world, operation, key, index, given, "OUTSIDE", scene.outside)


async def looks_like_nothing(
    world: World,
    operation: Operation,
    key: str | None,
    index: int,
    given: Mapping[str, Any],
    word: str,
    things: Things,
) -> None:
    """What names the things is refused as for no things; what does not, tells nothing of them."""
    if names_things(operation, index):
        absent = await refusal(world, operation, key, EXAMPLES[operation.name](NOTHING)[index])
        assert absent.code == "not_found"
        assert said(await refusal(world, operation, key, given)) == said(absent)
        return
    told = json.dumps((await world.ask(operation, key, given)).body, default=str)
    hidden = {value for name, value in asdict(things).items() if name not in TOKENS} | {word}
    assert [one for one in hidden if one in told] == []


@guarded_operation
async def test_half_of_it_outside_is_nothing(scene: Scene, operation: Operation) -> None:
    """An email of one mailbox asked for under another, whichever of the two is one's own."""
    for index, given in enumerate(EXAMPLES[operation.name](scene.own)):
        if not {"mailbox_id"} < set(given) or not {"email_id", "thread_id"} & set(given):
            continue
        for mailbox_id in (scene.outside.mailbox_id, scene.strangers.mailbox_id, NOTHING.mailbox_id):
            refused = await refusal(
                scene.world, operation, scene.key_for(operation), given | {"mailbox_id": mailbox_id}
            )
            assert refused.code == "not_found", index


@keyed_operation
async def test_a_revoked_key(scene: Scene, operation: Operation) -> None:
    """Before the request, and between its authentication and its work."""
    world, given = scene.world, EXAMPLES[operation.name](scene.own)[0]
    name = f"revoked-{operation.name}"
    secret = await world.add_key(name, [operation.scopes[0]])
    services = replace(world.services, db=_RevokesAfterOneRead(world, world.key_ids[name]))
    with pytest.raises(Refused) as caught:
        await invoke(services, operation, given, Caller(secret, "req_1"))
    assert (caught.value.code, caught.value.kind.status) == ("unauthenticated", 401)
    assert said(await refusal(world, operation, name, given)) == said(caught.value)


class _RevokesAfterOneRead:
    """The world's database, on which a key is revoked as soon as it was looked up."""

    def __init__(self, world: World, key_id: str) -> None:
        self._world, self._key_id, self._reads = world, key_id, 0
        self.write = world.services.db.write
        self.dialect, self.subscribe = world.services.db.dialect, world.services.db.subscribe
        self.open, self.close = world.services.db.open, world.services.db.close

    async def read(self, unit: Any) -> Any:
        found = await self._world.services.db.read(unit)
        if not self._reads:
            await self._world.run(
                lambda ctx: ctx.sql.revoke_key(
                    account_id=self._world.account_id, key_id=self._key_id, now=ctx.now
                )
            )
        self._reads += 1
        return found


@pytest.mark.asyncio(loop_scope="function")
async def test_a_test_key_makes_test_things_and_nothing_leaves(world: World) -> None:
    box = await world.add_mailbox("rehearsal")
    things = await populate(world, box)
    await mailroom.set_mode(world, "autonomous", box)
    far = mailroom.FarSide()
    leaving = mailroom.leaving(world)
    for scope in KEY_SCOPES:
        await world.add_key(f"test-{scope}", [scope], test=True)
    makers = [
        one
        for one in OPERATIONS  # who oversees an account is the same for tests
        if one.status in (201, 202) and {*KEY_SCOPES} & {*one.scopes} and Scope.OPERATOR not in one.scopes
    ]
    assert {one.name for one in makers} == {
        "create_mailbox",
        "create_api_key",
        "create_webhook",
        "add_rule",
        "add_contact",
        "add_domain",
        "send_email",
        "reply_email",
        "create_draft",
        "send_draft",
        "erase_person",
    }
    for operation in makers:
        # A subscription: each of its calls says whether it is a test. A rule, a contact and a domain are for both.
        if operation in (CREATE_WEBHOOK, ADD_RULE, ADD_CONTACT, ADD_DOMAIN):
            continue
        if operation is ERASE_PERSON:  # it makes nothing, and a test key unmakes nothing live
            refused = await refusal(world, operation, "test-admin", EXAMPLES[operation.name](things)[0])
            assert refused.code == "insufficient_scope"
            continue
        if operation is SEND_DRAFT:  # of its own: a live draft is not a test key's to send
            own = await world.invoke(CREATE_DRAFT, "test-send", mailbox_id=things.mailbox_id, **MAIL)
            things = replace(things, draft_id=own["id"])
        for given in EXAMPLES[operation.name](things):
            made = (await world.ask(operation, f"test-{operation.scopes[0]}", given)).body
            assert made["test"] is True
            if operation in (SEND_EMAIL, REPLY_EMAIL, SEND_DRAFT):
                assert (await mailroom.row(world, made["id"]))["state"] == "queued"
                await mailroom.hand_over(leaving, far)
                assert (await mailroom.row(world, made["id"]))["state"] == "sent"
    assert far.taken == []
    live = await mailroom.send(world, mailbox_id=box["mailbox_id"])
    await mailroom.hand_over(leaving, far)
    assert live["test"] is False and len(far.taken) == 1


# Held and declined inbound mail does not exist for whoever has no `oversight` (contract §4).

SECRET = "SECRET"


async def hold(world: World) -> tuple[Things, list[str]]:
    """A held, a declined and a held answer in a visible thread; every way of looking at them was used."""
    box = world.mailbox
    await mailroom.set_mode(world, "gated_all")
    sent = await mailroom.send(world)
    await mailroom.decide(world, sent["id"])
    await mailroom.hand_over(world)
    hook = await world.invoke(CREATE_WEBHOOK, "admin", url="https://example.test/all")
    held = await mailroom.arrive(world, letter("h", word=SECRET, sender="eve@SECRET.test"))
    more = "In-Reply-To: <h@example.test>\r\n"
    declined = await mailroom.arrive(world, letter("d", word=SECRET, more=more, sender="eve@SECRET.test"))
    offer = f"In-Reply-To: <{sent['id']}@multimail.test>\r\n"
    answer = await mailroom.arrive(world, letter("a", word=SECRET, more=offer, sender="eve@SECRET.test"))
    ids = [held, declined, answer]
    thread_id = (await mailroom.row(world, held))["thread_id"]
    assert (await mailroom.row(world, answer))["thread_id"] == sent["thread_id"]
    await mailroom.decide(world, declined, "reject", reason="SECRET reasons")
    await world.invoke(LIST_PENDING, "oversight")
    await world.invoke(GET_THREAD, "oversight", thread_id=thread_id)
    await world.invoke(GET_THREAD, "oversight", thread_id=sent["thread_id"])
    await world.invoke(READ_EMAIL, "oversight", email_id=held)
    file = {"email_id": held, "filename": "SECRETh.pdf"}
    await world.invoke(DOWNLOAD_ATTACHMENT, "oversight", **file)
    link = await world.invoke(GET_ATTACHMENT_URL, "oversight", **file)
    sql = "SELECT delivery_id FROM deliveries WHERE event_id = :event_id"
    (about_held,) = await mailroom.execute(world, sql, event_id=await event_about(world, held))
    await seal_all(world.services, lambda text: "signed")
    rule = await world.invoke(ADD_RULE, "admin", kind="deny", pattern="mallory@example.test")
    await world.run(lambda ctx: suppress(ctx, "seen@bounced.test", "complaint", sent["id"]))
    upgrade_code = await world.run(lambda ctx: wish(ctx, box["mailbox_id"]))
    operator_id, session_id = await colleague(world, "colleague")
    things = Things(
        mailbox_id=box["mailbox_id"],
        address=box["address"],
        email_id=held,
        thread_id=thread_id,
        spam_id=held,
        pending_id=held,
        scheduled_id=held,
        approved_id=held,
        draft_id=held,
        erasure_id=await erasure(world),
        filename="SECRETh.pdf",
        webhook_id=hook["id"],
        delivery_id=str(about_held["delivery_id"]),
        key_id=world.key_ids["test"],
        event_id=await event_about(world, held),
        code="11111111",
        rule_id=rule["id"],
        contact_id=(await world.invoke(ADD_CONTACT, address="ann@known.test"))["id"],
        domain_id=(await mailroom.own_domain(world))["id"],
        domain="brand.test",
        suppressed="seen@bounced.test",
        upgrade_code=upgrade_code,
        token=link["url"].rpartition("/")[2],
        operator_id=operator_id,
        session_id=session_id,
    )
    return things, [*ids, thread_id, sent["thread_id"], sent["id"]]


def naming(things: Things, operation: Operation) -> list[tuple[bool, dict[str, Any]]]:
    """Examples, and whether they name what is held."""
    visible = replace(
        NOTHING, mailbox_id=things.mailbox_id, address=things.address, webhook_id=things.webhook_id,
        key_id=things.key_id, upgrade_code=things.upgrade_code, rule_id=things.rule_id,
        contact_id=things.contact_id, suppressed=things.suppressed, operator_id=things.operator_id,
        session_id=things.session_id, domain_id=things.domain_id, domain=things.domain,
        erasure_id=things.erasure_id,
    )  # fmt: skip
    held, seen = EXAMPLES[operation.name](things), EXAMPLES[operation.name](visible)
    return [(one != other, one) for one, other in zip(held, seen, strict=True)]


@pytest.mark.asyncio(loop_scope="function")
async def test_held_inbound_mail_does_not_exist(world: World) -> None:
    await world.add_key("sending admin", [Scope.READ, Scope.SEND, Scope.ADMIN])
    things, (held, declined, answer, thread_id, visible_thread, _) = await hold(world)
    forbidden = [held, declined, answer, thread_id, SECRET, things.event_id]
    tried = set()
    for operation in sorted(OPERATIONS, key=lambda one: one.effect == "destructive"):
        key = None if Scope.PUBLIC in operation.scopes else "sending admin"
        if not allowed(key_grants(frozenset({Scope.READ, Scope.SEND, Scope.ADMIN})), operation.scopes):
            continue
        if operation.name in LINKS:
            continue
        tried.add(operation.name)
        for index, (names_held, given) in enumerate(naming(things, operation)):
            filters = any((operation.name, name) in FILTERS for name in given)
            if names_held and not filters:
                absent = await refusal(world, operation, key, EXAMPLES[operation.name](NOTHING)[index])
                assert said(await refusal(world, operation, key, given)) == said(absent), operation.name
            else:
                told = json.dumps((await world.ask(operation, key, given)).body)
                assert [word for word in forbidden if word in told] == [], operation.name
    assert tried == {one.name for one in OPERATIONS} - {"decide_email"} - FOR_PEOPLE - LINKS
    thread = await world.invoke(GET_THREAD, "agent", thread_id=visible_thread)
    assert (thread["message_count"], thread["has_unanswered_inbound"]) == (1, False)
    assert thread["participants"] == ["bob@example.test", world.mailbox["address"]]
    for email_id in (declined, answer):
        assert (await refusal(world, READ_EMAIL, "agent", {"email_id": email_id})).code == "not_found"
    shown = json.dumps(await world.invoke(LIST_PENDING, "oversight"))
    assert held in shown and answer in shown and declined not in shown
    assert (await world.invoke(READ_EMAIL, "oversight", email_id=declined))["status"] == "rejected"


@pytest.mark.asyncio(loop_scope="function")
async def test_approved_inbound_mail_exists_with_its_history(world: World) -> None:
    things, _ = await hold(world)
    await mailroom.decide(world, things.email_id)
    await seal_all(world.services, lambda text: "signed")
    assert (await world.invoke(READ_EMAIL, "agent", email_id=things.email_id))["status"] == "read"
    entries = await world.invoke(GET_AUDIT_LOG, "admin", resource_id=things.email_id, limit=100)
    assert {"receive_email", "list_pending", "get_thread", "decide_email"} <= {
        entry["action"] for entry in entries["entries"]
    }


async def test_separation_of_duties(scene: Scene) -> None:
    """No key makes an oversight key, and none holds what composes together with what decides."""
    for scopes in (["oversight"], ["send", "oversight"], ["admin", "oversight"], ["read", "oversight"]):
        refused = await refusal(scene.world, CREATE_API_KEY, "whole-admin", {"scopes": scopes})
        assert (refused.code, refused.kind.status) == ("self_approval", 403)


async def test_a_limited_keys_keys_inherit_its_limit(scene: Scene) -> None:
    made = await scene.world.invoke(CREATE_API_KEY, "limited-admin", scopes=["read", "send"])
    assert made["mailbox_ids"] == [scene.own.mailbox_id]
    scene.world.keys["child"] = made["api_key"]
    refused = await refusal(scene.world, READ_EMAIL, "child", {"email_id": scene.outside.email_id})
    assert refused.code == "not_found"
    refused = await refusal(scene.world, REVOKE_API_KEY, "limited-admin", {"key_id": scene.outside.key_id})
    assert refused.code == "not_found"


async def test_addresses_are_unique_across_accounts_and_nothing_more_is_told(scene: Scene) -> None:
    refused = await refusal(scene.world, CREATE_MAILBOX, "whole-admin", {"address": scene.strangers.address})
    assert refused.code == "invalid_fields"
