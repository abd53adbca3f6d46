"""Attachments and the signed URLs that open them."""

import base64
import json
from typing import Any
from urllib.parse import unquote

import pytest

from multimail.core.errors import Refused
from multimail.core.times import HOUR, SECOND
from multimail.operations.api_keys import REVOKE_API_KEY
from multimail.operations.attachments import (
    DOWNLOAD_ATTACHMENT,
    GET_ATTACHMENT_URL,
    OPEN_ATTACHMENT_LINK,
    File,
)
from multimail.operations.emails import READ_EMAIL
from multimail.operations.links import open_link, sign_link
from tests.support import mailroom
from tests.support.world import World


def file(name: str, content: bytes) -> dict[str, str]:
    return {"name": name, "content_base64": base64.b64encode(content).decode(), "content_type": "text/plain"}


async def download(world: World, email_id: str, filename: str, key: str = "agent") -> File:
    answer = await world.invoke(DOWNLOAD_ATTACHMENT, key, email_id=email_id, filename=filename)
    found: File = answer["file"]
    return found


async def link(world: World, email_id: str, filename: str, key: str = "agent") -> str:
    answer = await world.invoke(GET_ATTACHMENT_URL, key, email_id=email_id, filename=filename)
    assert answer["url"].startswith("http://127.0.0.1:8025/v1/attachments/")
    return unquote(answer["url"].rpartition("/")[2])


async def opened(world: World, token: str) -> bytes:
    return bytes((await world.invoke(OPEN_ATTACHMENT_LINK, None, token=token))["file"].content)


async def gone(world: World, token: str) -> bool:
    with pytest.raises(Refused) as caught:
        await opened(world, token)
    assert (caught.value.code, caught.value.sentence) == ("not_found", "There is no such attachment here.")
    return True


async def test_names_are_made_unique_and_each_opens_its_own(world: World) -> None:
    names = ["a.txt", "a.txt", "a (2).txt", "a.txt", "bare", "bare", ".rc", ".rc", "ü/..\\x.txt"]
    given = [file(name, str(index).encode()) for index, name in enumerate(names)]
    email_id = (await mailroom.send(world, attachments=given))["id"]
    listed = (await world.invoke(READ_EMAIL, email_id=email_id))["attachments"]
    unique = [part["name"] for part in listed]
    assert len(set(unique)) == len(names)
    assert unique[:4] == ["a.txt", "a (2).txt", "a (2) (2).txt", "a (3).txt"]
    for index, name in enumerate(unique):
        found = await download(world, email_id, name)
        assert (found.content, found.content_type) == (str(index).encode(), "text/plain")


async def test_a_received_file_is_downloaded_and_read_about(world: World) -> None:
    raw = mailroom.mail(
        body='--b\r\nContent-Type: application/pdf; name="../../etc/passwd"\r\n\r\n%PDF\r\n'
        '--b\r\nContent-Type: text/csv; name="../../etc/passwd"\r\nContent-Disposition: attachment\r\n\r\n1,2\r\n--b--',
        MIME_Version="1.0",
        Content_Type="multipart/mixed; boundary=b",
    )
    email_id = await mailroom.arrive(world, raw)
    email = await world.invoke(READ_EMAIL, email_id=email_id)
    names = [part["name"] for part in email["attachments"]]
    assert email["has_attachments"] is True and len(set(names)) == 2
    assert not any("/" in name or ".." in name for name in names)
    assert (await download(world, email_id, names[0])).content == b"%PDF"
    with pytest.raises(Refused) as caught:
        await download(world, email_id, "../../etc/passwd")
    assert caught.value.code == "not_found"


async def test_a_link_works_without_a_key_for_an_hour(world: World) -> None:
    email_id = (await mailroom.send(world, attachments=[file("a.txt", b"words")]))["id"]
    answer = await world.invoke(GET_ATTACHMENT_URL, email_id=email_id, filename="a.txt")
    assert (answer["filename"], answer["size_bytes"], answer["expires_in"]) == ("a.txt", 5, 3600)
    token = await link(world, email_id, "a.txt")
    world.clock.pass_(HOUR - SECOND)
    assert await opened(world, token) == b"words"
    sql = "SELECT actor_id, resource_id FROM audit WHERE action = 'open_attachment_link'"
    (entry,) = await mailroom.execute(world, sql)
    assert (entry["actor_id"], entry["resource_id"]) == (world.key_ids["agent"], email_id)
    world.clock.pass_(SECOND)
    assert await gone(world, token)


async def test_a_link_dies_with_its_key(world: World) -> None:
    email_id = (await mailroom.send(world, attachments=[file("a.txt", b"words")]))["id"]
    agents, admins = await link(world, email_id, "a.txt"), await link(world, email_id, "a.txt", "admin")
    await world.invoke(REVOKE_API_KEY, "admin", key_id=world.key_ids["agent"])
    assert await gone(world, agents)
    assert await opened(world, admins) == b"words"


async def test_a_forged_link_opens_nothing(world: World) -> None:
    email_id = (await mailroom.send(world, attachments=[file("a.txt", b"words")]))["id"]
    token = await link(world, email_id, "a.txt")
    claims: list[Any] = list(open_link(world.services.link_secret, "attachment", token) or ())
    body, _, mac = token.partition(".")
    claims[4] += HOUR
    longer = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    for forged in (
        "", ".", body, f"{body}.", f".{mac}", f"{body}.{mac[:-1]}", f"{longer}.{mac}", f"{body}.{mac}0", "ü.ü",
        sign_link(b"another secret", "attachment", claims),
        sign_link(world.services.link_secret, "approve", claims), f"{body}.{'é' * 64}",
    ):  # fmt: skip
        assert await gone(world, forged), forged
    assert await opened(world, token) == b"words"


async def test_a_link_to_held_mail_opens_nothing(world: World) -> None:
    raw = mailroom.mail(
        body="--b\r\nContent-Type: text/plain\r\nContent-Disposition: attachment; filename=a.txt\r\n"
        "\r\nwords\r\n--b--",
        MIME_Version="1.0",
        Content_Type="multipart/mixed; boundary=b",
    )
    await mailroom.set_mode(world, "gated_all")
    email_id = await mailroom.arrive(world, raw)
    assert (await download(world, email_id, "a.txt", "oversight")).content == b"words"
    token = await link(world, email_id, "a.txt", "oversight")
    assert await gone(world, token)
    await mailroom.decide(world, email_id)
    assert await opened(world, token) == b"words"
