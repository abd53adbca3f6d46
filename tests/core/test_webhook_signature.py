import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook

from multimail.core.webhook_signature import TOLERANCE_SECONDS, new_secret, sign, verify

SECRET = new_secret(bytes(range(32)))
NOW = 1_795_000_000
IDS = st.from_regex(r"[A-Za-z0-9_-]{1,40}", fullmatch=True)
KEYS = st.binary(min_size=24, max_size=64)


def test_the_published_example() -> None:
    # The example that the Standard Webhooks specification and its reference libraries share.
    headers = sign(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        1614265330,
        b'{"test": 2432232314}',
    )
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@given(random=KEYS, webhook_id=IDS, value=st.dictionaries(st.text(), st.text() | st.integers()))
def test_the_public_library_verifies_what_we_sign(random: bytes, webhook_id: str, value: dict) -> None:
    body = json.dumps(value).encode()
    secret = new_secret(random)
    now = int(datetime.now(UTC).timestamp())  # the library checks against the real clock
    assert Webhook(secret).verify(body, sign(secret, webhook_id, now, body)) == value


@given(random=KEYS, webhook_id=IDS, body=st.text())
def test_we_verify_what_the_public_library_signs(random: bytes, webhook_id: str, body: str) -> None:
    secret = new_secret(random)
    headers = {
        "Webhook-Id": webhook_id,
        "Webhook-Timestamp": str(NOW),
        "Webhook-Signature": Webhook(secret).sign(webhook_id, datetime.fromtimestamp(NOW, UTC), body),
    }
    assert verify(secret, headers, body.encode(), now=NOW)


def test_the_plain_signature_is_keyed_with_the_whole_secret() -> None:
    headers = sign(SECRET, "evt_1", NOW, b"\x00raw\xff")
    expected = hmac.new(SECRET.encode("utf-8"), b"\x00raw\xff", hashlib.sha256).hexdigest()
    assert headers["X-MultiMail-Signature"] == expected


def test_a_secret_is_prefixed_base64() -> None:
    assert base64.b64decode(SECRET.removeprefix("whsec_")) == bytes(range(32))


@pytest.mark.parametrize("length", [0, 23, 65])
def test_a_secret_of_the_wrong_strength_is_refused(length: int) -> None:
    with pytest.raises(ValueError, match="24 to 64"):
        new_secret(bytes(length))


@pytest.mark.parametrize(
    "secret", ["", "whsec_", "whsec_%%%", "whsec_é", base64.b64encode(bytes(32)).decode()]
)
def test_a_malformed_secret_signs_nothing(secret: str) -> None:
    with pytest.raises(ValueError, match="whsec_"):
        sign(secret, "evt_1", NOW, b"")


@pytest.mark.parametrize("webhook_id", ["", "a.b", "a\r\nx: y", "é", "a b"])
def test_an_ambiguous_id_is_refused(webhook_id: str) -> None:
    with pytest.raises(ValueError, match="webhook id"):
        sign(SECRET, webhook_id, NOW, b"")


@pytest.mark.parametrize("skew", [-TOLERANCE_SECONDS, 0, TOLERANCE_SECONDS])
def test_a_recent_call_verifies(skew: int) -> None:
    assert verify(SECRET, sign(SECRET, "evt_1", NOW + skew, b"{}"), b"{}", now=NOW)


@pytest.mark.parametrize("skew", [-TOLERANCE_SECONDS - 1, TOLERANCE_SECONDS + 1])
def test_an_old_or_future_call_does_not(skew: int) -> None:
    assert not verify(SECRET, sign(SECRET, "evt_1", NOW + skew, b"{}"), b"{}", now=NOW)


@pytest.mark.parametrize(
    "change",
    [
        {"webhook-id": "evt_2"},
        {"webhook-timestamp": str(NOW + 1)},
        {"webhook-timestamp": f"0{NOW}"},
        {"webhook-timestamp": "١٧"},
        {"webhook-timestamp": "9" * 5000},
        {"webhook-timestamp": ""},
        {"webhook-signature": ""},
        {"webhook-signature": "v1,"},
        {"webhook-signature": "v1,\ud800"},
        {"webhook-id": "\ud800"},
    ],
)
def test_a_changed_header_does_not_verify(change: dict[str, str]) -> None:
    assert not verify(SECRET, sign(SECRET, "evt_1", NOW, b"{}") | change, b"{}", now=NOW)


def test_another_version_another_body_and_another_secret_do_not_verify() -> None:
    headers = sign(SECRET, "evt_1", NOW, b"{}")
    v2 = headers | {"webhook-signature": headers["webhook-signature"].replace("v1,", "v2,")}
    assert not verify(SECRET, v2, b"{}", now=NOW)
    assert not verify(SECRET, headers, b"{ }", now=NOW)
    assert not verify(new_secret(bytes(32)), headers, b"{}", now=NOW)
    assert not verify(SECRET, {}, b"{}", now=NOW)


def test_one_of_several_signatures_is_enough() -> None:
    headers = sign(SECRET, "evt_1", NOW, b"{}")
    several = "v1,AAAA " + headers["webhook-signature"] + " v2,BBBB"
    assert verify(SECRET, headers | {"webhook-signature": several}, b"{}", now=NOW)
