"""The HTTP surface: reading, refusing, answering, in three spellings."""

from tests.support.world import World


async def test_a_send_is_held_and_polled(world: World) -> None:
    body = {"mailbox_id": world.mailbox["mailbox_id"], "to": "ann@example.test", "subject": "Hi", "body": "x"}
    sent = await world.http("POST", "/v1/send", body)
    assert sent.status == 202, sent.content
    assert sent.json()["status"] == "pending_approval"
    assert sent.headers["x-request-id"].startswith("req_")
    polled = await world.http("GET", f"/v1/messages/{sent.json()['id']}")
    assert polled.json()["status"] == "pending_approval"
