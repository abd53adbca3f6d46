"""OAuth 2.1, from a program that knows nothing to its key, and what becomes of those who cheat."""

import json
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

from multimail.core.errors import Refused
from multimail.core.scopes import Role
from multimail.core.times import DAY, HOUR, MINUTE
from multimail.operations import operators
from multimail.operations.authenticate import operator_actor
from multimail.operations.context import Context
from multimail.surfaces import dashboard
from multimail.surfaces.dashboard.session import csrf_token
from multimail.surfaces.http import build_app
from multimail.workers.sweep import sweep
from tests.support import mailroom
from tests.support.asgi import Reply, fetch
from tests.support.world import World

VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
CALLBACK = "https://app.example/callback"
FORM = {"content-type": "application/x-www-form-urlencoded", "sec-fetch-site": "same-origin"}


class Program:
    """What asks to be let in, and the owner's browser."""

    def __init__(self, world: World, role: Role = Role.OWNER) -> None:
        self.world, self.role, self.cookie = world, role, ""
        self.documents: dict[str, tuple[int, bytes]] = {}
        world.services = replace(world.services, fetch=self._fetch)
        self.app = build_app(
            world.services, ready=lambda: True, extra_routes=dashboard.routes(world.services)
        )
        self.base = world.services.site.public_url

    async def _fetch(self, url: str) -> tuple[int, bytes]:
        if url not in self.documents:
            raise Refused("url_refused")
        return self.documents[url]

    async def get(self, path: str, **headers: str) -> Reply:
        more = {"cookie": self.cookie} if self.cookie else {}
        return await fetch(self.app, "GET", path, headers=more | headers)

    async def post(self, path: str, fields: Any, **headers: str) -> Reply:
        more = FORM | ({"cookie": self.cookie} if self.cookie else {})
        content = urlencode(fields, doseq=True).encode()
        return await fetch(self.app, "POST", path, content=content, headers=more | headers)

    async def register(self, **given: Any) -> Reply:
        body = {"client_name": "Claude", "redirect_uris": [CALLBACK]} | given
        return await fetch(self.app, "POST", "/oauth/register", content=json.dumps(body).encode())

    async def sign_in(self) -> None:
        world = self.world

        def unit(ctx: Context) -> str:
            who = {"account_id": ctx.account_id, "operator_id": ctx.new_id("opr")}
            ctx.sql.add_operator(**who, role=self.role, name="Olga", email=None, created_at=ctx.now)
            owner = replace(ctx, actor=operator_actor(ctx.sql.get_operator(**who)))
            return operators.new_token(owner, "sign-in", operators.LINK_LIFE)

        token = await world.run(unit)
        reply = await self.post(f"/dashboard/sign-in/{token}", {})
        self.cookie = reply.headers["set-cookie"].partition(";")[0]

    def query(self, client_id: str, /, **more: str) -> str:
        given = {
            "response_type": "code",
            "client_id": client_id,
            "redirect_uri": CALLBACK,
            "state": "s&t",
            "scope": "read send",
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
            "resource": f"{self.base}/mcp",
        }
        return "/dashboard/authorize?" + urlencode({k: v for k, v in (given | more).items() if v})

    async def agree(self, client_id: str, query: str = "", **chosen: Any) -> dict[str, str]:
        """The answer that the browser carries back."""
        csrf = csrf_token(self.world.services.link_secret, self.cookie.partition("=")[2])
        given = {"csrf": csrf, "decision": "allow", "scope": ["read", "send"], "where": "some", "days": "30"}
        given |= {"mailbox": [self.world.mailbox["mailbox_id"]]} | chosen
        reply = await self.post(query or self.query(client_id), given)
        assert reply.status == 303, reply
        assert reply.headers["location"].startswith(CALLBACK)
        return dict(parse_qsl(urlsplit(reply.headers["location"]).query))

    async def fetch_token(self, client_id: str, code: str, /, **more: str) -> Reply:
        given = {
            "grant_type": "authorization_code",
            "client_id": client_id,
            "code": code,
            "redirect_uri": CALLBACK,
            "code_verifier": VERIFIER,
        }
        return await self.post("/oauth/token", given | more)


@pytest.fixture
async def program(world: World) -> Program:
    made = Program(world)
    await made.sign_in()
    return made


async def use(program: Program, token: str, path: str = "/v1/account") -> Reply:
    return await program.get(path, authorization=f"Bearer {token}")


async def test_a_program_finds_its_way_in_and_is_shown_the_door(program: Program) -> None:
    reply = await fetch(program.app, "POST", "/mcp", content=b"{}")
    assert reply.status == 401
    told = reply.headers["www-authenticate"]
    where = told.partition('resource_metadata="')[2].partition('"')[0]
    resource = (await program.get(where.removeprefix(program.base))).json()
    assert resource["resource"] == f"{program.base}/mcp"
    (issuer,) = resource["authorization_servers"]
    server = (await program.get("/.well-known/oauth-authorization-server")).json()
    assert server["issuer"] == issuer and server["code_challenge_methods_supported"] == ["S256"]

    registered = await program.register(token_endpoint_auth_method="client_secret_basic")
    assert registered.status == 201
    client = registered.json()
    assert client["token_endpoint_auth_method"] == "none" and "client_secret" not in client
    page = await program.get(program.query(client["client_id"]))
    assert page.status == 200
    assert b"Claude" in page.content and CALLBACK.encode() in page.content
    assert "form-action 'self' https://app.example;" in page.headers["content-security-policy"]
    back = await program.agree(client["client_id"])
    assert back["state"] == "s&t" and back["iss"] == issuer
    token = (await program.fetch_token(client["client_id"], back["code"])).json()
    assert (token["token_type"], token["scope"], token["expires_in"]) == ("Bearer", "read send", 30 * 86400)

    key = (await use(program, token["access_token"])).json()["key"]
    assert key["scopes"] == ["read", "send"]
    assert key["mailbox_ids"] == [program.world.mailbox["mailbox_id"]]
    admin = program.world.keys["admin"]
    listed = (await use(program, admin, "/v1/api-keys")).json()["api_keys"]
    (entry,) = [one for one in listed if one["expires_at"]]
    assert entry["name"] == "Claude (OAuth)"

    assert (await program.post("/oauth/revoke", {"token": token["access_token"]})).status == 200
    assert (await use(program, token["access_token"])).status == 401
    assert (await program.post("/oauth/revoke", {"token": admin})).status == 200
    assert (await use(program, admin)).status == 200  # OAuth did not make it, so it does not end it


async def test_a_token_ends_by_itself_and_what_it_sent_is_held(program: Program) -> None:
    client = (await program.register()).json()["client_id"]
    code = (await program.agree(client, days="1"))["code"]
    token = (await program.fetch_token(client, code)).json()["access_token"]
    await mailroom.set_mode(program.world, "autonomous")
    email = {
        "from": program.world.mailbox["address"],
        "to": "ann@example.test",
        "subject": "x",
        "markdown": "x",
    }
    body = json.dumps(email).encode()
    headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
    sent = await fetch(program.app, "POST", "/v1/send", content=body, headers=headers)
    assert sent.json()["status"] == "queued"
    program.world.clock.pass_(DAY)
    assert (await use(program, token)).status == 401
    reply = await fetch(program.app, "POST", "/mcp", content=b"{}", headers=headers)
    assert (reply.status, 'error="invalid_token"' in reply.headers["www-authenticate"]) == (401, True)
    await mailroom.hand_over(program.world)
    assert (await mailroom.row(program.world, sent.json()["id"]))["state"] == "pending_approval"


class Renewing:
    """A program that renews its tokens, let in for 30 days."""

    def __init__(self, program: Program, client_id: str, told: dict[str, Any]) -> None:
        self.program, self.client_id, self.told = program, client_id, told

    async def renew(self, token: str, **more: str) -> Reply:
        given = {"grant_type": "refresh_token", "client_id": self.client_id, "refresh_token": token}
        return await self.program.post("/oauth/token", given | more)


@pytest.fixture
async def renewing(program: Program) -> Renewing:
    registered = (await program.register(grant_types=["authorization_code", "refresh_token"])).json()
    assert registered["grant_types"] == ["authorization_code", "refresh_token"]
    code = (await program.agree(registered["client_id"]))["code"]
    told = (await program.fetch_token(registered["client_id"], code)).json()
    assert told["expires_in"] == 3600
    return Renewing(program, registered["client_id"], told)


async def test_a_token_is_renewed_until_the_day_that_a_person_said(renewing: Renewing) -> None:
    program, clock, told = renewing.program, renewing.program.world.clock, renewing.told
    clock.pass_(HOUR)
    assert (await use(program, told["access_token"])).status == 401
    next_one = (await renewing.renew(told["refresh_token"], scope="read")).json()
    assert next_one["scope"] == "read send" and next_one["expires_in"] == 3600
    assert next_one["refresh_token"] != told["refresh_token"]
    (entry,) = [
        one
        for one in (await use(program, program.world.keys["admin"], "/v1/api-keys")).json()["api_keys"]
        if one["expires_at"]
    ]  # listed once, by what it shows now
    assert next_one["access_token"].startswith(entry["shown"])
    clock.pass_(30 * DAY - HOUR - 10 * MINUTE)
    last = (await renewing.renew(next_one["refresh_token"])).json()
    assert 0 < last["expires_in"] <= 600  # its own end, and not an hour
    await program.world.run(lambda ctx: sweep(ctx.services, ctx.tx))
    assert (await use(program, last["access_token"])).status == 200
    clock.pass_(10 * MINUTE)
    assert (await use(program, last["access_token"])).status == 401
    assert (await renewing.renew(last["refresh_token"])).json()["error"] == "invalid_grant"


async def test_a_refresh_token_in_two_hands_ends_all_that_came_of_it(renewing: Renewing) -> None:
    first = renewing.told
    second = (await renewing.renew(first["refresh_token"])).json()
    assert (await use(renewing.program, first["access_token"])).status == 200
    assert (await renewing.renew(first["refresh_token"])).json()["error"] == "invalid_grant"
    for told in (first, second):
        assert (await use(renewing.program, told["access_token"])).status == 401
        assert (await renewing.renew(told["refresh_token"])).json()["error"] == "invalid_grant"


@pytest.mark.parametrize("token", ["access_token", "refresh_token"])
async def test_a_program_ends_it_with_either_token(renewing: Renewing, token: str) -> None:
    await renewing.program.post("/oauth/revoke", {"token": renewing.told[token]})
    assert (await use(renewing.program, renewing.told["access_token"])).status == 401
    assert (await renewing.renew(renewing.told["refresh_token"])).json()["error"] == "invalid_grant"


async def test_a_person_ends_it_as_any_key(renewing: Renewing) -> None:
    program = renewing.program
    admin = {"authorization": f"Bearer {program.world.keys['admin']}"}
    key_id = (await use(program, renewing.told["access_token"])).json()["key"]["id"]
    assert (await fetch(program.app, "DELETE", f"/v1/api-keys/{key_id}", headers=admin)).status == 200
    assert (await renewing.renew(renewing.told["refresh_token"])).json()["error"] == "invalid_grant"


@pytest.mark.parametrize(
    ("more", "error"),
    [
        ({"client_id": "mmc_other"}, "invalid_grant"),
        ({"refresh_token": "mmr_wrong"}, "invalid_grant"),
        ({"scope": "read admin"}, "invalid_scope"),
        ({"resource": "https://other.test/mcp"}, "invalid_target"),
    ],
)
async def test_a_renewal_that_is_refused_uses_nothing_up(
    renewing: Renewing, more: dict[str, str], error: str
) -> None:
    assert (await renewing.renew(renewing.told["refresh_token"], **more)).json()["error"] == error
    assert (await renewing.renew(renewing.told["refresh_token"])).status == 200


async def test_a_code_is_good_once_and_a_second_use_ends_the_key(program: Program) -> None:
    client = (await program.register()).json()["client_id"]
    code = (await program.agree(client))["code"]
    token = (await program.fetch_token(client, code)).json()["access_token"]
    again = await program.fetch_token(client, code)
    assert (again.status, again.json()["error"]) == (400, "invalid_grant")
    assert (await use(program, token)).status == 401


@pytest.mark.parametrize(
    ("more", "error"),
    [
        ({"code_verifier": VERIFIER[::-1]}, "invalid_grant"),
        ({"code_verifier": ""}, "invalid_grant"),
        ({"client_id": "mmc_other"}, "invalid_grant"),
        ({"redirect_uri": "https://evil.test/"}, "invalid_grant"),
        ({"code": "wrong"}, "invalid_grant"),
        ({"resource": "https://other.test/mcp"}, "invalid_target"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
    ],
)
async def test_who_can_t_prove_it_gets_nothing(program: Program, more: dict[str, str], error: str) -> None:
    client = (await program.register()).json()["client_id"]
    code = (await program.agree(client))["code"]
    reply = await program.fetch_token(client, code, **more)
    assert (reply.status, reply.json()["error"]) == (400, error)


async def test_a_code_is_short_lived_and_dies_with_its_owner(program: Program) -> None:
    client = (await program.register()).json()["client_id"]
    code = (await program.agree(client))["code"]
    program.world.clock.pass_(2 * MINUTE)
    assert (await program.fetch_token(client, code)).json()["error"] == "invalid_grant"
    code = (await program.agree(client))["code"]
    await mailroom.execute(program.world, "UPDATE operators SET role = 'viewer'")
    assert (await program.fetch_token(client, code)).json()["error"] == "invalid_grant"


async def test_no_more_is_given_than_was_asked_for_or_agreed(program: Program) -> None:
    client = (await program.register()).json()["client_id"]
    query = program.query(client, scope="read oversight")
    code = (await program.agree(client, query, scope=["read", "send", "admin", "oversight"], where="all"))[
        "code"
    ]
    token = (await program.fetch_token(client, code)).json()
    assert token["scope"] == "read"
    assert (await use(program, token["access_token"])).json()["key"]["mailbox_ids"] is None
    assert (await program.agree(client, decision="deny"))["error"] == "access_denied"


@pytest.mark.parametrize(
    "chosen", [{"scope": []}, {"mailbox": []}, {"days": "9999"}, {"mailbox": ["mbx_none"]}]
)
async def test_what_can_t_be_agreed_to(program: Program, chosen: dict[str, Any]) -> None:
    client = (await program.register()).json()["client_id"]
    csrf = csrf_token(program.world.services.link_secret, program.cookie.partition("=")[2])
    given = {"csrf": csrf, "decision": "allow", "scope": ["read"], "where": "some", "days": "1"}
    given |= {"mailbox": [program.world.mailbox["mailbox_id"]]} | chosen
    assert (await program.post(program.query(client), given)).status in (404, 422)


async def test_who_may_agree(world: World) -> None:
    program = Program(world, Role.APPROVER)
    client = (await program.register()).json()["client_id"]
    page = await program.get(program.query(client))
    assert page.status == 401 and b"sign in" in page.content
    await program.sign_in()
    page = await program.get(program.query(client))
    assert b"Only an owner lets programs in" in page.content
    csrf = csrf_token(world.services.link_secret, program.cookie.partition("=")[2])
    given = {"csrf": csrf, "decision": "allow", "scope": "read", "where": "all", "days": "1"}
    assert (await program.post(program.query(client), given)).status == 403


async def test_a_form_of_another_page_is_nothing(program: Program) -> None:
    client = (await program.register()).json()["client_id"]
    given = {"csrf": "wrong", "decision": "allow", "scope": "read", "where": "all", "days": "1"}
    assert (await program.post(program.query(client), given)).status == 403
    foreign = {"sec-fetch-site": "cross-site"}
    assert (await program.post(program.query(client), given, **foreign)).status == 403


@pytest.mark.parametrize(
    "more",
    [
        {"redirect_uri": "https://evil.test/"},
        {"client_id": "mmc_forged.x"},
        {"client_id": "somebody"},
        {"client_id": "https://app.example/unknown.json"},
    ],
)
async def test_nobody_is_sent_to_an_address_that_is_not_the_program_s(
    program: Program, more: dict[str, str]
) -> None:
    client = (await program.register()).json()["client_id"]
    reply = await program.get(program.query(client, **more))
    assert reply.status == 400 and "location" not in reply.headers


@pytest.mark.parametrize(
    ("more", "error"),
    [
        ({"code_challenge": ""}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"resource": "https://other.test"}, "invalid_target"),
    ],
)
async def test_a_request_that_is_wrong_is_told_to_the_program(
    program: Program, more: dict[str, str], error: str
) -> None:
    client = (await program.register()).json()["client_id"]
    reply = await program.get(program.query(client, **more))
    assert reply.status == 303
    assert dict(parse_qsl(urlsplit(reply.headers["location"]).query))["error"] == error


@pytest.mark.parametrize(
    "given",
    [
        {"redirect_uris": []},
        {"redirect_uris": ["http://evil.test/"]},
        {"redirect_uris": "x"},
        {"redirect_uris": [1]},
    ],
)
async def test_registrations_that_are_refused(program: Program, given: dict[str, Any]) -> None:
    reply = await program.register(**given)
    assert (reply.status, reply.json()["error"]) == (400, "invalid_redirect_uri")


async def test_a_client_may_describe_itself_in_a_document(program: Program) -> None:
    client = "https://app.example/client.json"
    about = {"client_id": client, "client_name": "Elsewhere<script>", "redirect_uris": [CALLBACK]}
    program.documents[client] = (200, json.dumps(about).encode())
    page = await program.get(program.query(client))
    assert b"Elsewhere&lt;script&gt;" in page.content and b"says who it is at" in page.content
    code = (await program.agree(client))["code"]
    assert (await program.fetch_token(client, code)).status == 200
    for wrong in ({"client_id": "https://other.example/"}, {"redirect_uris": []}):
        program.documents[client] = (200, json.dumps(about | wrong).encode())
        assert (await program.get(program.query(client))).status == 400
    program.documents[client] = (200, b" " * 20_000)
    assert (await program.get(program.query(client))).status == 400


async def test_nothing_is_fetched_for_somebody_who_is_not_signed_in(program: Program) -> None:
    program.cookie = ""
    page = await program.get(program.query("https://far.example/client.json"))  # 400 had it been fetched
    assert page.status == 401 and b"sign in" in page.content


async def test_a_key_that_ends_makes_none_that_stays(program: Program) -> None:
    client = (await program.register()).json()["client_id"]
    query = program.query(client, scope="admin")
    code = (await program.agree(client, query, scope=["admin"], where="all"))["code"]
    token = (await program.fetch_token(client, code)).json()["access_token"]
    headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
    made = await fetch(program.app, "POST", "/v1/api-keys", content=b"{}", headers=headers)
    listed = (await use(program, token, "/v1/api-keys")).json()["api_keys"]
    ends = next(one["expires_at"] for one in listed if one["name"].endswith("(OAuth)"))
    assert made.status == 201 and made.json()["expires_at"] == ends
