"""What OAuth asks of addresses and secrets."""

import pytest

from multimail.core.oauth import (
    form_source,
    proves,
    redirect_fault,
    same_origin,
    same_redirect,
    same_resource,
)


@pytest.mark.parametrize(
    "uri",
    [
        "https://example.org/callback?x=1",
        "http://127.0.0.1:33418/callback",
        "http://[::1]:1/",
        "http://localhost/cb",
        "com.example.app:/oauth",
        "cursor://anysphere.cursor/callback",
    ],
)
def test_where_an_answer_may_go(uri: str) -> None:
    assert redirect_fault(uri) is None


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "/callback",
        "http://example.org/",
        "http://127.0.0.1.evil.test/",
        "https://user@example.org/",
        "https://example.org/#x",
        "https://example.org/ x",
        "https://example.org\\@evil.test/",
        "https://exam;ple.org/",
        "https://example.org'/",
        "https:///x",
        "javascript:alert(1)",
        "data:text/html,x",
        "https://example.org:99999/",
        "https://é.example/",
        "https://example.org/" + "x" * 512,
    ],
)
def test_where_it_never_goes(uri: str) -> None:
    assert redirect_fault(uri)


def test_only_the_port_of_loopback_is_free() -> None:
    assert same_redirect("http://127.0.0.1/cb", "http://127.0.0.1:5000/cb")
    assert not same_redirect("http://127.0.0.1/cb", "http://127.0.0.1:5000/other")
    assert not same_redirect("http://127.0.0.1/cb", "http://localhost/cb")
    assert not same_redirect("https://example.org/cb", "https://example.org:444/cb")


def test_pkce_as_in_rfc_7636_appendix_b() -> None:
    verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
    assert proves(verifier, challenge)
    assert not proves(verifier + "x", challenge)
    assert not proves("short", challenge)


def test_the_rest() -> None:
    assert form_source("https://example.org:8443/cb?x=1") == "https://example.org:8443"
    assert form_source("cursor://x/cb") == "cursor:"
    assert same_resource("https://a.test/mcp/", "https://a.test/mcp")


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("https://mail.example", "https://mail.example:443/", True),
        ("http://localhost:8025", "http://127.0.0.1:8025", True),
        ("http://localhost:8026", "http://127.0.0.1:8025", False),
        ("http://mail.example", "https://mail.example", False),
        ("https://evil.example", "https://mail.example", False),
        ("null", "null", False),
        ("http://[", "http://[", False),
    ],
)
def test_origins(one: str, other: str, same: bool) -> None:
    assert same_origin(one, other) is same
