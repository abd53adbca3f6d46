"""Secrets, personal data, pictures, links and foreign words, each with its place."""

import base64
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multimail.mail import leaks
from multimail.mail.leaks import MAX_FINDINGS, find_leaks

TO = ["ann@example.test"]
OWN_KEY = "mm_live_" + "a1B2" * 8  # made up, as all of these


def found(text: str, part: str = "markdown", quotable: str | None = None) -> list[tuple[str, str]]:
    return [(one.kind, one.detail) for one in find_leaks([(part, text)], [], TO, quotable)]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("-----BEGIN RSA PRIVATE " + "KEY-----\nMIIE", "a private key"),
        ("-----BEGIN PGP PRIVATE " + "KEY BLOCK-----", "a private key"),
        ("id AKIA" + "IOSFODNN7EXAMPLE here", "an AWS access key"),
        ("use ghp_" + "a1" * 18, "a GitHub token"),
        ("xoxb-" + "123456789012-abcdef", "a Slack token"),
        ("sk_live_" + "4eC39HqLyjWDarjtT1zdp7dc", "a Stripe key"),
        ("sk-ant-" + "api03-abcdefghijklmnop", "an Anthropic key"),
        ("AIza" + "SyA1234567890abcdefghijklmnopqrstuv", "a Google API key"),
        (OWN_KEY, "a MultiMail key"),
        ("eyJhbGciOiJIUzI1NiJ9." + "eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N", "a JSON web token"),
        ("postgresql://app:hunter22@db.example.test/main", "a password in a URL"),
        ("The password is: s3cretPa55", "a password"),
        ('API_KEY="9f8e7d6c5b4a"', "a password"),
        ("Passwort: Geheim123", "a password"),
    ],
)
def test_secrets(text: str, what: str) -> None:
    ((kind, detail),) = found(text)
    assert kind == "secret" and detail.startswith(what + ": ")
    secret = text.rsplit(maxsplit=1)[-1]
    assert secret not in detail


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("card 4111 1111 1111 1111, please", "a payment card"),
        ("5500-0000-0000-0004", "a payment card"),
        ("DE89 3704 0044 0532 0130 00", "a bank account (IBAN)"),
        ("GB82WEST12345698765432", "a bank account (IBAN)"),
        ("SSN 078-05-1120", "a US social security number"),
        ("QQ 12 34 56 C".replace("QQ", "AB"), "a UK national insurance number"),
    ],
)
def test_personal_data(text: str, what: str) -> None:
    ((kind, detail),) = found(text)
    assert kind == "personal_data" and detail.startswith(what)


@pytest.mark.parametrize(
    "text",
    [
        "The password was changed. Please reset your password soon.",
        "Order 4111 1111 1111 1112 was sent; tracking 1Z999AA10123456784.",
        "DE89 3704 0044 0532 0130 01 has a slip in it",
        "Call +49 30 1234567 or 000-12-3456",
        "See https://example.test/a?page=2&sort=name and http://a.example/#x",
        "Price: 1234567890123456 units, 0000 0000 0000 0000",
        "skill-based, sky-high, a hf_ prefix, and eyJ nothing",
        "Token: see the manual. API key rotation is on Friday.",
    ],
)
def test_ordinary_words(text: str) -> None:
    assert found(text) == []


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("![logo](https://cdn.example/p.png)", ["remote_image"]),
        ('<img alt="" src="https://cdn.example/p.png?u=ann@example.test">', ["remote_image"]),
        ('<td style="background:url(//cdn.example/p.png)">', ["remote_image"]),
        ('<img src="cid:logo">', []),
        ("https://shop.example/?utm_source=mail", ["tracking_link"]),
        ("[here](https://shop.example/u?e=ann%40example.test)", ["tracking_link"]),
        (f"https://shop.example/{base64.urlsafe_b64encode(b'ann@example.test').decode()}", ["tracking_link"]),
        (f"https://shop.example/?d={'aB3' * 30}", ["tracking_link"]),
        ("https://shop.example/carol@c.example", []),
    ],
)
def test_what_tells_on_the_reader(text: str, kinds: list[str]) -> None:
    assert [kind for kind, _ in found(text)] == kinds


@given(st.lists(st.sampled_from(["http://", "https://", "HTTP", "http\u017f", "://", "//", "s", "(", " "])))
def test_links_are_those_of_the_pattern(pieces: list[str]) -> None:
    text = "".join(pieces)
    assert [one.span() for one in leaks._urls(text)] == [one.span() for one in leaks._URL.finditer(text)]


@given(st.text(alphabet="0123459 -x\n"))
def test_numbers_are_those_of_the_pattern(text: str) -> None:
    assert leaks._near_numbers(text) == leaks._near_numbers(f"{text}\n{'x' * leaks.AROUND}é")


PASSWORDS = (
    *(
        "password",
        "PassWd",
        "passphrase",
        "Passwort",
        "contraseña",
        "Mot de Passe",
        "client_secret",
        "client-secret",
    ),
    *(
        "ClientSecret",
        "api_key",
        "api-key",
        "apikey",
        "secret_key",
        "secret-key",
        "secretkey",
        "access_token",
    ),
    *("access-token", "AccessToken", "pa\u017f\u017fword", "mot de pa\u017f\u017fe", "ap\u0131_\u212aey"),
)


@pytest.mark.parametrize("word", PASSWORDS)
def test_every_word_for_a_password_counts(word: str) -> None:
    beside = "" if word.isascii() or "ñ" in word else " Token."  # the look is not closer than a hint in ASCII
    assert found(f"{word}: abcd1234{beside}")[0][1].startswith("a password: ")


def test_quotes_of_another_conversation() -> None:
    answer = "Yes.\n\n> The invoice of October is not paid yet.\n> Please pay it.\n"
    assert found(answer, quotable="The invoice of\nOctober is not paid yet.") == []
    assert [kind for kind, _ in found(answer, quotable="")] == ["foreign_quote"]
    assert found(answer) == []  # nobody knows what it may quote


def test_places_and_files() -> None:
    text = f"Dear Ann,\n\nthe key is {OWN_KEY}.\n"
    secret, in_file = find_leaks([("subject", "Hello"), ("markdown", text)], [
        ("k.pem", "application/octet-stream", b"-----BEGIN EC PRIVATE " + b"KEY-----\nx"),
        ("p.png", "image/png", OWN_KEY.encode()),
    ], TO, "")  # fmt: skip
    assert secret.place is not None and (secret.place.part, secret.place.line) == ("markdown", 3)
    assert text[secret.place.start : secret.place.end] == OWN_KEY
    assert in_file.place is not None and in_file.place.part == "k.pem"


@pytest.mark.parametrize(
    "piece",
    ["1", "1 ", "a", "A1", "password:", "eyJ", "://", "http://a", "![", "<img ", "> x", "DE89 ", "sk-", "xoxb-1",
     "a.b@", "-----BEGIN ", "url(", "SG.", "1-", "?a=b&", "api_key=1"],
)  # fmt: skip
def test_hostile_text_costs_little(piece: str) -> None:
    text = piece * (250_000 // len(piece))
    began = time.process_time()
    assert len(found(text, quotable="")) <= MAX_FINDINGS
    assert time.process_time() - began < 2


@settings(max_examples=200, deadline=None)
@given(st.text())
def test_any_text(text: str) -> None:
    assert found(text, quotable="") == found(text, quotable="")
