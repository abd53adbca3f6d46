"""A team's assistants share a mailbox; its lead sees one queue and who wrote what.

Assistants that share a key look the same unless they say who they are, with a header; a key of its own says it for
them, and can be limited and revoked alone.
"""


def letter(desk, **more):
    given = {"to": "ann@example.com", "subject": "Weekly report", "body": "- sales: 12"}
    return {"mailbox_id": desk.server.mailbox_id} | given | more


def test_a_shared_key_says_nothing_and_a_header_says_who(desk):
    silent = desk.use("send_email", letter(desk))["message_id"]
    named = desk.use("send_email", letter(desk), assistant_id="reporter")["message_id"]
    entries = [desk.logged(sent, "send_email") for sent in (silent, named)]
    assert len({entry["actor"]["id"] for entry in entries}) == 1
    assert "assistant_id" not in entries[0]["metadata"]
    assert entries[1]["metadata"]["assistant_id"] == "reporter"
    assert [email["metadata"] for email in desk.pending()] == [{}, {"assistant_id": "reporter"}]


def test_a_key_of_its_own_tells_assistants_apart_and_is_revoked_alone(desk):
    made = [
        desk.server.call("POST", "/v1/api-keys", {"name": name, "scopes": ["read", "send"]}, key="admin").body
        for name in ("reporter", "greeter")
    ]
    sent = [desk.use("send_email", letter(desk), key=key["api_key"])["message_id"] for key in made]
    logged = [desk.logged(email_id, "send_email")["actor"] for email_id in sent]
    assert [actor["id"] for actor in logged] == [key["id"] for key in made]
    assert [actor["name"] for actor in logged] == ["reporter", "greeter"]

    desk.server.call("DELETE", f"/v1/api-keys/{made[0]['id']}", key="admin")
    assert desk.use("send_email", letter(desk), key=made[0]["api_key"])["code"] == "unauthenticated"
    assert desk.use("send_email", letter(desk), key=made[1]["api_key"])["status"] == "pending_approval"


def test_a_report_to_many_waits_in_one_queue_and_is_decided_one_by_one(desk):
    people = ["ann@example.com", "Bob <bob@example.com>", "cleo@example.com"]
    sent = [desk.use("send_email", letter(desk, to=person))["message_id"] for person in people]
    assert [email["id"] for email in desk.pending()] == sent
    desk.decide(sent[0])
    desk.decide(sent[1], "reject")
    desk.becomes(sent[0], "sent")
    assert desk.status(sent[1]) == "rejected"
    assert [email["id"] for email in desk.pending()] == sent[2:]


def test_teams_have_mailboxes_with_modes_of_their_own(desk):
    server = desk.server
    finance = server.call(
        "POST", "/v1/mailboxes", {"address": "finance", "oversight_mode": "gated_all"}, key="admin"
    ).body
    server.receive(b"From: ada@example.com\r\nSubject: Figures\r\n\r\nSecret.", to=[finance["address"]])
    server.until(
        "/v1/oversight/pending", lambda page: [one["subject"] for one in page["pending"]], key="oversight"
    )
    inbox = f"/v1/mailboxes/{finance['mailbox_id']}/inbox"
    assert server.call("GET", inbox).body["emails"] == []
    (held,) = desk.pending()
    desk.decide(held["id"])
    assert [email["id"] for email in server.call("GET", inbox).body["emails"]] == [held["id"]]
    desk.receive("Hello", "At once.")  # the team next door reads at once
