"""The one place that wires everything together: settings in, a running product out."""

import asyncio
import contextlib
import fcntl
import secrets
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

import uvicorn
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from multimail.apart import Apart
from multimail.core.identity import base64url
from multimail.mail import identity
from multimail.mail.deliver import Deliverer, Mx, parse_relay
from multimail.net.dns import Resolver
from multimail.net.guarded import CallFailed
from multimail.net.guarded_client import GuardedClient
from multimail.operations.context import Services, Site
from multimail.operations.dkim_keys import Keyring, open_platform_keys
from multimail.operations.mta_sts import Policies
from multimail.operations.operators import FirstKeys, first_run
from multimail.operations.push import open_push_key
from multimail.operations.vault import SIGNING_KEY, Vault, open_vault
from multimail.operations.webhooks import refuse_url
from multimail.settings import Address, SettingError, Settings
from multimail.storage.blobs import Blobs, open_store
from multimail.storage.connect import open_database
from multimail.storage.database import Database, Tx
from multimail.surfaces import dashboard, submission_intake
from multimail.surfaces.http import build_app
from multimail.surfaces.http_writing import HttpProtocol
from multimail.surfaces.smtp import Intake, SmtpServer
from multimail.surfaces.smtp_auth import SubmissionConversation
from multimail.surfaces.smtp_intake import MailboxIntake
from multimail.workers import chat, deliver, notify, small, web_push, webhook
from multimail.workers.index import indexer
from multimail.workers.runner import Room, Runner
from multimail.workers.seal import sealer
from multimail.workers.sweep import Sweeper

SELECTOR: Final = "mm1"
DNS_TIMEOUT: Final = 5.0  # seconds for one look-up with its retries
GRACE: Final = 4.0  # seconds that each part gets to finish what it has begun; all of it ends within ten


@dataclass(frozen=True, slots=True)
class Keys:
    """What this installation signs with beside DKIM: made on the first run, in the database, shared by processes."""

    identity: ec.EllipticCurvePrivateKey
    links: bytes

    def sign_head(self, text: bytes) -> str:
        """An audit head's signature: ECDSA P-256 with SHA-256, DER in base64url."""
        return base64url(self.identity.sign(text, ec.ECDSA(hashes.SHA256())))


async def load_keys(db: Database, vault: Vault, now: int) -> Keys:
    """Two processes may start at once: the first one's keys count for both. Raises VaultError."""
    made: dict[str, Callable[[], str]] = {
        "identity": lambda: identity.private_pem(identity.generate_key()),
        "links": lambda: secrets.token_hex(32),
    }
    found: dict[str, str] = {}
    for purpose, make in made.items():
        name = {"purpose": purpose, "name": SELECTOR}
        known = await db.read(lambda tx, name=name: tx.sql.get_signing_key(**name))  # type: ignore[misc]  # bound now
        if known is None:
            fresh = vault.seal(SIGNING_KEY, name, make())

            def unit(tx: Tx, name: dict[str, str] = name, fresh: str = fresh) -> str:
                tx.sql.add_signing_key(**name, private_pem=fresh, created_at=now)
                return str(tx.sql.get_signing_key(**name))

            known = await db.write(unit)
        found[purpose] = vault.open(SIGNING_KEY, name, known)
    return Keys(identity.load_private_pem(found["identity"]), bytes.fromhex(found["links"]))


@contextlib.asynccontextmanager
async def open_services(
    settings: Settings, public_url: str
) -> AsyncIterator[tuple[Services, Keys, GuardedClient]]:
    """Everything that operations need, on an open database; for the server and for the command line alike."""
    db = open_database(settings.database)
    await db.open()
    client = GuardedClient(allow_loopback=not settings.open_to_the_world)
    rspamd = None
    if settings.rspamd:
        from multimail.net.rspamd import Rspamd  # with it comes aiohttp

        rspamd = Rspamd(settings.rspamd)

    async def check_url(url: str) -> None:
        try:
            await client.resolve_and_check(url)
        except CallFailed as error:
            raise refuse_url(str(error)) from None

    async def fetch(url: str) -> tuple[int, bytes]:
        try:
            answer = await client.get(url, {"Accept": "application/json"})
        except CallFailed as error:
            raise refuse_url(str(error)) from None
        return answer.status, answer.body

    try:
        site = Site(settings.domain, public_url, settings.delivery, settings.limits, settings.sign_up)
        blobs = Blobs(open_store(settings.blobs))
        vault = await open_vault(db, settings.secret_key, settings.key_folder)
        services = Services(
            db,
            blobs,
            site,
            check_url,
            vault,
            b"",
            dns=Resolver(timeout=DNS_TIMEOUT),
            dns_lists=settings.dns_lists,
            second_opinion=rspamd,
            fetch=fetch,
        )
        keys = await load_keys(db, vault, services.clock())
        await open_platform_keys(services)
        await open_push_key(services)
        yield replace(services, link_secret=keys.links), keys, client
    finally:
        if rspamd is not None:
            await rspamd.close()
        await client.close()
        await db.close()


class _HttpServer(uvicorn.Server):
    """Signals are the command's business: one place stops everything in order."""

    @contextlib.contextmanager
    def capture_signals(self):  # type: ignore[no-untyped-def]  # as its parent
        yield


@dataclass(slots=True)
class Running:
    """What `serve` tells whoever started it."""

    http_port: int | None
    url: str
    smtp_port: int | None
    submission_port: int | None = None
    submission_tls_port: int | None = None


@contextlib.asynccontextmanager
async def serve(settings: Settings, keep_keys: Callable[[str, FirstKeys], None]) -> AsyncIterator[Running]:
    """Starts the roles asked for; leaving the context drains and stops them, within ten seconds.

    `keep_keys(url, keys)` stores the keys of the first run, before they count: a start that then fails (a port
    in use, a crash) has lost none.
    """
    ready = asyncio.Event()
    stopping = asyncio.Event()
    async with contextlib.AsyncExitStack() as stack:
        if settings.sqlite:
            stack.enter_context(alone(settings))
        listener = _listen(settings) if settings.role in ("all", "http") else None
        url = settings.public_url or _own_url(settings, listener)
        services, keys, client = await stack.enter_async_context(open_services(settings, url))
        submits = bool(settings.submission or settings.submission_tls)
        if settings.role != "smtp" or submits:
            services = replace(services, apart=await stack.enter_async_context(Apart()))

        def begin(tx: Tx) -> None:
            first_keys = first_run(services, tx)
            if first_keys is not None:
                keep_keys(url, first_keys)

        await services.db.write(begin)
        if settings.role in ("all", "worker"):
            await _start_workers(stack, settings, services, keys, client)
        ports: tuple[int | None, int | None, int | None] = (None, None, None)
        if settings.role in ("all", "smtp"):
            ports = await _start_smtp(stack, settings, services)
        if listener is not None:
            app = build_app(
                services,
                ready=ready.is_set,
                trusted_proxies=settings.trusted_proxies,
                metrics_token=settings.metrics_token,
                stopping=stopping,
                extra_routes=[_signing_key_route(keys), *dashboard.routes(services, stopping)],
            )
            await _start_http(stack, settings, app, listener)
        stack.callback(stopping.set)
        stack.callback(ready.clear)
        ready.set()
        http_port = listener.getsockname()[1] if listener else None
        yield Running(http_port, url, *ports)


async def _start_smtp(
    stack: contextlib.AsyncExitStack, settings: Settings, services: Services
) -> tuple[int | None, int | None, int | None]:
    """The ports of mail from outside, of submission, and of submission with TLS from the first octet."""
    common: dict[str, Any] = {
        "hostname": services.site.mail_host,
        "tls": _tls(settings),
        "proxies": settings.proxy_protocol,
    }
    hand_in = {**common, "conversation": SubmissionConversation, "limits": submission_intake.LIMITS}
    servers: list[SmtpServer] = []

    async def start(address: Address | None, intake: Intake, options: dict[str, Any]) -> int | None:
        if address is None:
            return None
        servers.append(SmtpServer(intake, **options))
        return await servers[-1].start(address.host, address.port)

    async def stop() -> None:
        await asyncio.gather(*(server.stop(GRACE / 2) for server in servers))

    stack.push_async_callback(stop)
    keyholders = submission_intake.KeyholdersIntake(services)
    return (
        await start(settings.smtp, MailboxIntake(services), common),
        await start(settings.submission, keyholders, hand_in),
        await start(settings.submission_tls, keyholders, {**hand_in, "implicit_tls": True}),
    )


async def _start_workers(
    stack: contextlib.AsyncExitStack,
    settings: Settings,
    services: Services,
    keys: Keys,
    client: GuardedClient,
) -> None:
    transport = None
    if settings.delivery != "sandbox":
        route = (
            parse_relay(settings.deliver) if settings.delivery == "relay" else _mx(settings, services, client)
        )
        transport = Deliverer(route, helo=services.site.mail_host)
        stack.push_async_callback(transport.close)
    for chore in (sealer(services, keys.sign_head), indexer(services), Sweeper(services)):
        await chore.start()
        stack.push_async_callback(chore.stop)
    keyring = Keyring(services, identity.private_pem(keys.identity))
    runner = Runner(
        services,
        {
            "deliver": Room(deliver.handler(services, keyring, transport), 64),
            # Taking mail in comes before reading it: what is accepted is safe, what is refused may be lost.
            # Most of the time of a place goes to waiting for strangers' DNS.
            "receive": Room(small.receive(services), 16, gives_way=True),
            "learn": Room(small.learning(services), 1, gives_way=True),
            "erase": Room(small.erasing(services), 1, gives_way=True),
            "scrub": Room(small.scrubbing(services), 1, gives_way=True),
            "forget": Room(small.forgetting(services), 1, gives_way=True),
            "domain": Room(small.checking(services), 4, gives_way=True),
            "due": Room(small.schedule(services), 32),
            "notice": Room(notify.notices(services, keyring, transport), 8),
            "copy": Room(notify.copies(services, keyring, transport), 8),
            "webhook": Room(webhook.handler(services, client), 64),
            "watch": Room(small.watching(services), 4, gives_way=True),
            "digest": Room(small.digesting(services), 1, gives_way=True),
            "chat": Room(chat.handler(services, client), 8),
            "push": Room(web_push.handler(services, client), 8),
        },
    )
    await runner.start()
    stack.push_async_callback(runner.stop, GRACE)


def _mx(settings: Settings, services: Services, client: GuardedClient) -> Mx:
    return Mx(Resolver(dnssec=settings.dnssec), Policies(services, client.get))


async def _start_http(
    stack: contextlib.AsyncExitStack, settings: Settings, app: object, listener: socket.socket
) -> None:
    config = uvicorn.Config(
        app,  # type: ignore[arg-type]  # an ASGI application
        loop="uvloop",
        http=HttpProtocol,
        ws="none",
        lifespan="off",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,  # whose word counts is the surface's to say
        timeout_graceful_shutdown=int(GRACE / 2),
        ssl_certfile=settings.tls_cert or None,
        ssl_keyfile=settings.tls_key or None,
        backlog=1024,
    )
    server = _HttpServer(config)
    task = asyncio.create_task(server.serve(sockets=[listener]))

    async def stop() -> None:
        server.should_exit = True
        await task

    stack.push_async_callback(stop)
    while not server.started and not task.done():  # noqa: ASYNC110  # uvicorn tells it in no other way
        await asyncio.sleep(0.005)
    if not server.started:
        await task
        raise OSError("the HTTP server did not start")


@contextlib.contextmanager
def alone(settings: Settings) -> Iterator[None]:
    """One server owns an SQLite file: a second one would take the first one's leases for a dead process's."""
    settings.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (settings.data / "serve.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SettingError(f"data: another server runs on {settings.data}") from None
        yield


def _listen(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.http.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((settings.http.host, settings.http.port))
    return listener


def _own_url(settings: Settings, listener: socket.socket | None) -> str:
    host = f"[{settings.http.host}]" if ":" in settings.http.host else settings.http.host
    port = listener.getsockname()[1] if listener else settings.http.port
    return f"{'https' if settings.tls_cert else 'http'}://{host}:{port}"


def _tls(settings: Settings) -> ssl.SSLContext | None:
    if not settings.tls_cert:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(settings.tls_cert, settings.tls_key)
    return context


def _signing_key_route(keys: Keys) -> Route:
    published = identity.jwks([keys.identity.public_key()])

    async def signing_key(request: Request) -> JSONResponse:
        return JSONResponse(published, headers={"Cache-Control": "max-age=3600"})

    return Route("/.well-known/multimail-signing-key", signing_key)
