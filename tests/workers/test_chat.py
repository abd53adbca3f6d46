"""A chat is told of what waits, in Slack's words, through the guarded client, and again until it listens."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from multimail.core.times import MINUTE
from multimail.net.guarded import CallFailed, Response
from multimail.operations.notifications import UPDATE_NOTIFICATIONS
from multimail.workers import chat, small
from tests.support import mailroom
from tests.support.world import World


@dataclass
class Room:
    """In place of the guarded client: statuses in turn, the last for ever; 0 is nobody there."""

    answers: list[int] = field(default_factory=lambda: [200])
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Response:
        assert headers["Content-Type"] == "application/json"
        self.calls.append((url, json.loads(body)))
        status = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if not status:
            raise CallFailed("nobody there")
        return Response(status, b"", 0.0)


async def tell(world: World, room: Room) -> None:
    await mailroom.run_jobs(world, "watch", small.watching(world.services))
    await mailroom.run_jobs(world, "chat", chat.handler(world.services, room))  # type: ignore[arg-type]  # plays it


async def listen(world: World) -> None:
    await world.add_operator("owner")
    await world.invoke(UPDATE_NOTIFICATIONS, "owner", chat_url="https://hooks.chat.test/T/B")


async def test_a_chat_is_told_once_with_a_link_to_the_dashboard(world: World) -> None:
    await listen(world)
    await mailroom.send(world, subject="<!channel> *now* & <http://evil.test|here>")
    room = Room()
    for _ in range(2):
        await tell(world, room)
    ((url, body),) = room.calls
    assert url == "https://hooks.chat.test/T/B"
    assert "<!channel>" not in body["text"] and "<http://evil" not in body["text"]
    assert "&lt;!channel&gt; ∗now∗ &amp; " in body["text"]
    assert "<http://127.0.0.1:8025/dashboard/queue|Decide>" in body["text"]
    assert "/v1/approve/" not in body["text"]


async def test_it_is_tried_again_until_it_is_decided(world: World) -> None:
    await listen(world)
    sent = await mailroom.send(world)
    room = Room([0, 500, 200])
    await tell(world, room)
    for count in (2, 3, 3):
        world.clock.pass_(5 * MINUTE)
        await tell(world, room)
        assert len(room.calls) == count
    late = Room([500])
    await mailroom.send(world)
    await tell(world, late)
    await mailroom.decide(world, sent["id"])
    other = (await mailroom.execute(world, "SELECT email_id FROM emails WHERE state = 'pending_approval'"))[0]
    await mailroom.decide(world, other["email_id"])
    world.clock.pass_(5 * MINUTE)
    await tell(world, late)
    assert len(late.calls) == 1 and await mailroom.jobs(world, "chat") == 0


async def test_without_a_chat_nothing_is_queued(world: World) -> None:
    await world.add_operator("owner", email="owner@people.test")
    await mailroom.send(world)
    await tell(world, Room())
    assert await mailroom.jobs(world, "chat") == 0
