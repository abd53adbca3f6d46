"""A push service on a socket of its own, with the browser behind it: checks who sends (RFC 8292), opens what comes
(RFC 8291), and answers as told."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

CURVE = ec.SECP256R1()
SECRET = b"sixteen octets.."
POINT = (
    "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"  # RFC 8291 5
)


def browser(name: str) -> dict[str, str]:
    """What a browser says of itself that nobody will call."""
    return {"endpoint": f"https://push.example.test/{name}", "p256dh": POINT, "auth": text(SECRET)}


def octets(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).decode().rstrip("=")


@dataclass
class PushService:
    """`answers` are statuses in turn, the last for ever; `told` is what the browser read."""

    url: str = ""
    answers: list[int] = field(default_factory=lambda: [201])
    told: list[Any] = field(default_factory=list)
    claims: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(CURVE))

    @property
    def subscription(self) -> dict[str, str]:
        return {"endpoint": f"{self.url}/push/1", "p256dh": text(self._own), "auth": text(SECRET)}

    @property
    def _own(self) -> bytes:
        return self.key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)

    async def take(self, request: web.Request) -> web.Response:
        scheme, _, rest = request.headers["Authorization"].partition(" ")
        assert scheme == "vapid"
        given = dict(part.strip().split("=", 1) for part in rest.split(","))
        self.claims.append(self._checked(given["t"], given["k"]))
        self.headers.append(dict(request.headers))
        self.told.append(json.loads(self._opened(await request.read())))
        return web.Response(status=self.answers.pop(0) if len(self.answers) > 1 else self.answers[0])

    def _checked(self, token: str, key: str) -> dict[str, Any]:
        signed, _, signature = token.rpartition(".")
        raw = octets(signature)
        pair = int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big")
        sender = ec.EllipticCurvePublicKey.from_encoded_point(CURVE, octets(key))
        sender.verify(encode_dss_signature(*pair), signed.encode(), ec.ECDSA(hashes.SHA256()))
        head, body = (json.loads(octets(part)) for part in signed.split("."))
        assert head == {"typ": "JWT", "alg": "ES256"}
        return dict(body)

    def _opened(self, body: bytes) -> bytes:
        salt, size, theirs, sealed = body[:16], body[20], body[21 : 21 + body[20]], body[21 + body[20] :]
        assert size == 65 and len(sealed) <= int.from_bytes(body[16:20], "big")
        shared = self.key.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(CURVE, theirs))
        secret = _derive(SECRET, shared, b"WebPush: info\0" + self._own + theirs, 32)
        key = _derive(salt, secret, b"Content-Encoding: aes128gcm\0", 16)
        plain = AESGCM(key).decrypt(_derive(salt, secret, b"Content-Encoding: nonce\0", 12), sealed, None)
        assert plain.rstrip(b"\0").endswith(b"\x02")
        return plain.rstrip(b"\0")[:-1]


def _derive(salt: bytes, secret: bytes, info: bytes, length: int) -> bytes:
    return HKDF(hashes.SHA256(), length, salt, info).derive(secret)


@asynccontextmanager
async def open_push_service() -> AsyncIterator[PushService]:
    service = PushService()
    app = web.Application()
    app.router.add_post("/push/1", service.take)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    service.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield service
    finally:
        await runner.cleanup()
