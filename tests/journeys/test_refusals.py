"""What the real process says no to."""

import asyncio
import json

from multimail.core.oversight import Mode
from multimail.core.scopes import Scope
from multimail.operations.api_keys import add_key
from multimail.operations.context import Context, system
from multimail.operations.mailboxes import add_mailbox
from tests.journeys.journey import decide, letter, pending, set_mode, smtp_send, told, told_events


async def nothing_left(product, sink):
    """Sends one more and approves it: when that has arrived, whatever else would leave had its turn."""
    probe = await product.send("probe@far.test")
    await product.decide(probe["id"])
    await product.becomes(probe["id"], "sent")
    return [one.recipients for one in sink.taken] == [("probe@far.test",)]


async def test_a_rejection_reaches_the_agent_with_its_reason_and_nobody_else(product, sink):
    sent = await product.send()
    await product.decide(sent["id"], "reject", reason="Too early.")
    found = await product.ok("GET", f"/v1/messages/{sent['id']}")
    assert (found["status"], found["decision"], found["reason"]) == ("rejected", "rejected", "Too early.")
    events = await told_events(product, 2)
    assert [event["type"] for event in events] == ["oversight.pending", "oversight.rejected"]
    assert events[1]["data"]["decision"]["reason"] == "Too early."
    answer = await product.call("POST", f"/v1/mailboxes/{product.mailbox}/emails/{sent['id']}/cancel")
    assert told(answer, 409, "conflict")["status"] == "rejected"
    assert await nothing_left(product, sink)


async def test_what_is_cancelled_can_no_longer_be_approved(product, sink):
    sent = await product.send()
    cancel = f"/v1/mailboxes/{product.mailbox}/emails/{sent['id']}/cancel"
    assert (await product.ok("POST", cancel))["status"] == "cancelled"
    assert told(await decide(product, sent["id"]), 409, "conflict")["status"] == "cancelled"
    assert told(await product.call("POST", cancel), 409, "conflict")["status"] == "cancelled"
    assert await pending(product) == []
    assert await nothing_left(product, sink)


async def test_a_second_decision_is_a_conflict_even_when_both_come_at_once(product, sink):
    sent = await product.send()
    both = await asyncio.gather(decide(product, sent["id"]), decide(product, sent["id"], "reject"))
    assert sorted(answer.status for answer in both) == [200, 409]
    told(next(answer for answer in both if answer.status == 409), 409, "conflict")
    won = next(answer for answer in both if answer.status == 200)
    final = "sent" if won.body["decision"] == "approved" else "rejected"
    await product.becomes(sent["id"], final)
    told(await decide(product, sent["id"]), 409, "conflict")
    assert len(sink.taken) == (final == "sent")


async def test_a_decision_on_another_revision_is_stale(product, sink):
    sent = await product.send()
    told(await decide(product, sent["id"], revision="0" * 64), 409, "stale_revision")
    [waiting] = await pending(product)
    assert (await decide(product, sent["id"], revision=waiting["revision"])).status == 200


async def test_read_only_refuses_to_accept_and_blocks_what_was_approved_before(product, sink):
    held = await product.send()
    async with product.behind() as services:
        await set_mode(services, product.mailbox, "read_only")
    body = {"to": "ann@far.test", "subject": "No", "markdown": "No."}
    answer = await product.call("POST", f"/v1/mailboxes/{product.mailbox}/send", body)
    assert told(answer, 403, "read_only")["hint"]
    told(await decide(product, held["id"]), 403, "read_only")
    assert (await decide(product, held["id"], "reject")).status == 200
    reply = letter("In")
    assert (await smtp_send(product.smtp_port, "a@far.test", [product.address], reply)).startswith("250")
    assert not sink.taken


async def test_who_composes_never_decides_and_no_program_promotes_itself(product):
    sent = await product.send()
    for key in ("agent", "test", "admin"):
        answer = await decide(product, sent["id"], key=key)
        assert told(answer, 403, "insufficient_scope")["needs"] == ["oversight"]
    told(await decide(product, sent["id"], key=None), 401, "unauthenticated")
    for scopes in (["send", "oversight"], ["admin", "oversight"], ["oversight"]):
        answer = await product.call("POST", "/v1/api-keys", {"scopes": scopes}, key="admin")
        told(answer, 403, "self_approval")
    loosen = {"oversight_mode": "autonomous"}
    answer = await product.call("PATCH", f"/v1/mailboxes/{product.mailbox}", loosen, key="admin")
    assert (answer.status, answer.body["status"]) == (202, "pending_approval") and "code" not in answer.body
    wrong = loosen | {"approval_code": "00000000"}
    answer = await product.call("PATCH", f"/v1/mailboxes/{product.mailbox}", wrong, key="admin")
    told(answer, 403, "invalid_approval_code")
    box = await product.ok("GET", f"/v1/mailboxes/{product.mailbox}")
    assert box["oversight_mode"] == "gated_send"
    loose = {"to": "ann@far.test", "subject": "x", "markdown": "x", "oversight_mode": "autonomous"}
    answer = await product.ok("POST", f"/v1/mailboxes/{product.mailbox}/send", loose)
    assert (answer["status"], answer["effective_mode"]) == ("pending_approval", "gated_send")


async def second_account(product):
    """Another tenant in the same database: its keys, its mailbox, its email."""
    async with product.behind() as services:
        account_id = services.new_id("acc")

        def unit(tx):
            ctx = Context(services, tx, system(account_id, "test"), services.clock())
            row = {"account_id": account_id, "slug": "other", "name": "Other", "plan": "self_hosted"}
            ctx.sql.add_account(**row, created_at=ctx.now)
            address = "agent@other.multimail.test"
            box = add_mailbox(
                ctx, address, name="", mode=Mode.GATED_SEND, wanted_mode=None, human_written=False, test=False
            )
            kinds = {"agent": [Scope.READ, Scope.SEND], "oversight": [Scope.READ, Scope.OVERSIGHT]}
            kinds["admin"] = [Scope.ADMIN]
            return box["mailbox_id"], {
                n: add_key(ctx, n, s, None, test=False)["api_key"] for n, s in kinds.items()
            }

        return await services.db.write(unit)


async def test_another_accounts_ids_are_as_absent_as_none(product, sink):
    mailbox, keys = await second_account(product)
    body = {"to": "ann@far.test", "subject": "theirs", "markdown": "theirs"}
    theirs = await product.ok("POST", f"/v1/mailboxes/{mailbox}/send", body, key=keys["agent"])
    hook = {"url": "http://127.0.0.1:8/hook"}
    webhook = await product.ok("POST", "/v1/webhooks", hook, key=keys["admin"])
    key_id = (await product.ok("GET", "/v1/api-keys", key=keys["admin"]))["api_keys"][0]["id"]
    email, thread = theirs["id"], theirs["thread_id"]
    attempts = [
        ("agent", "POST", "/v1/mailboxes/{mbx}/send", body),
        ("agent", "POST", "/v1/mailboxes/{address}/send", body),
        ("agent", "POST", "/v1/reply", {"email_id": "{eml}", "body": "x"}),
        ("agent", "POST", "/v1/reply", {"thread_id": "{thr}", "body": "x"}),
        ("agent", "GET", "/v1/mailboxes/{mbx}", None),
        ("agent", "GET", "/v1/mailboxes/{mbx}/emails", None),
        ("agent", "GET", "/v1/mailboxes/{mbx}/emails/{eml}", None),
        ("agent", "GET", f"/v1/mailboxes/{product.mailbox}/emails/{{eml}}", None),
        ("agent", "GET", "/v1/messages/{eml}", None),
        ("agent", "GET", f"/v1/mailboxes/{product.mailbox}/threads/{{thr}}", None),
        ("agent", "POST", f"/v1/mailboxes/{product.mailbox}/emails/{{eml}}/cancel", None),
        ("agent", "PUT", f"/v1/mailboxes/{product.mailbox}/emails/{{eml}}/tags", {"tags": ["x"]}),
        ("oversight", "POST", "/v1/oversight/decide", {"email_id": "{eml}", "action": "approve"}),
        ("oversight", "GET", "/v1/oversight/pending?mailbox_id={mbx}", None),
        ("agent", "GET", "/decide_email?message_id={eml}", None),
        ("admin", "PATCH", "/v1/mailboxes/{mbx}", {"name": "mine"}),
        ("admin", "DELETE", "/v1/mailboxes/{mbx}", None),
        ("admin", "GET", "/v1/webhooks/{whk}", None),
        ("admin", "DELETE", "/v1/webhooks/{whk}", None),
        ("admin", "DELETE", "/v1/api-keys/{key}", None),
    ]
    real = {"mbx": mailbox, "eml": email, "thr": thread, "whk": webhook["id"], "key": key_id}
    real["address"] = "agent@other.multimail.test"
    none = {name: value[:4] + "0" * 26 for name, value in real.items()} | {
        "address": "no@other.multimail.test"
    }
    for key, method, path, given in attempts:
        answers = []
        for names in (real, none):
            text = json.dumps(given)
            for name, value in names.items():
                text = text.replace("{" + name + "}", value)
            asked = await product.call(method, path.format(**names), json.loads(text), key=key)
            answers.append((asked.status, {k: v for k, v in asked.body.items() if k != "request_id"}))
        assert answers[0] == answers[1] and answers[0][0] == 404, (path, answers)
    for key, path in (
        ("agent", "/v1/events"),
        ("admin", "/v1/audit-log"),
        ("oversight", "/v1/oversight/pending"),
    ):
        assert email not in json.dumps(await product.ok("GET", path, key=key))
    found = await product.ok("GET", f"/v1/messages/{email}", key=keys["agent"])
    assert found["status"] == "pending_approval"


async def test_mail_of_test_keys_never_leaves(product, sink):
    sent = await product.send(key="test")
    assert sent["test"] is True and sent["status"] == "pending_approval"
    await product.decide(sent["id"])
    gone = await product.becomes(sent["id"], "sent")
    assert gone["test"] is True
    async with product.behind() as services:
        await set_mode(services, product.mailbox, "autonomous")
    free = await product.send(["ann@far.test", product.address], key="test")
    await product.becomes(free["id"], "sent")
    [first, second] = (await product.ok("GET", "/v1/sandbox"))["sandbox"]
    assert second["email_id"] == sent["id"] and first["recipients"] == ["ann@far.test", product.address]
    events = await told_events(product, 1)
    about_mail = [event for event in events if event["type"] != "mailbox.upgraded"]
    assert about_mail and all(event["test"] for event in about_mail)
    assert not [command for command in sink.commands if command.startswith("MAIL")]
