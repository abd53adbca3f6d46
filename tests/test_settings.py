"""One table of settings: flags beat variables, variables beat defaults, and what makes no sense is refused."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multimail.settings import SETTINGS, Address, SettingError, Settings, read_settings


def read(**given: str) -> Settings:
    return read_settings({name.replace("_", "-"): value for name, value in given.items()}, {})


def test_the_defaults_are_a_laptop_that_sends_nothing() -> None:
    settings = read()
    assert (settings.http, settings.smtp) == (Address("127.0.0.1", 8025), Address("127.0.0.1", 2525))
    assert settings.data == Path("data").resolve()
    assert settings.database == f"sqlite:///{settings.data}/multimail.db"
    assert settings.blobs == str(settings.data / "blobs")
    assert (settings.domain, settings.role, settings.delivery) == ("multimail.test", "all", "sandbox")
    assert settings.sqlite
    assert not settings.open_to_the_world
    assert settings.trusted_proxies == settings.proxy_protocol == ()


def test_flags_beat_variables_beat_defaults() -> None:
    environment = {"MULTIMAIL_DOMAIN": "one.test", "MULTIMAIL_LOG": "json", "MULTIMAIL_PUBLIC_URL": ""}
    settings = read_settings({"domain": "two.test", "log": ""}, environment)
    assert (settings.domain, settings.log, settings.public_url) == ("two.test", "json", "")


def test_each_setting_has_its_variable() -> None:
    assert [setting.variable for setting in SETTINGS] == [
        "MULTIMAIL_" + word
        for word in (
            "DATA HTTP SMTP SUBMISSION SUBMISSION_TLS DATABASE BLOBS DOMAIN DELIVER DNSSEC ROLE PUBLIC_URL "
            "TRUSTED_PROXIES PROXY_PROTOCOL TLS_CERT TLS_KEY LIMITS SIGN_UP SECRET_KEY RSPAMD DNS_LISTS "
            "METRICS_TOKEN LOG"
        ).split()
    ]
    assert all(setting.help.endswith(".") for setting in SETTINGS)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("0.0.0.0:25", Address("0.0.0.0", 25)),
        ("[::1]:8025", Address("::1", 8025)),
        (":8025", Address("127.0.0.1", 8025)),
        ("mail.example.com:0", Address("mail.example.com", 0)),
    ],
)
def test_addresses(text: str, address: Address) -> None:
    assert read(http=text).http == address
    assert read(smtp=text).smtp == address


def test_submission_is_off_and_in_the_clear_on_loopback_alone() -> None:
    assert read().submission is read().submission_tls is None
    assert read(submission="[::1]:587").submission == Address("::1", 587)
    files = {"tls_cert": "a.pem", "tls_key": "a.pem"}
    assert read(submission="0.0.0.0:587", **files).submission == Address("0.0.0.0", 587)
    assert read(submission_tls=":465", **files).submission_tls == Address("127.0.0.1", 465)


@pytest.mark.parametrize(
    "text", ["8025", "localhost", "localhost:", "localhost:-1", "x:65536", "x:²", "x:1 ", "x:٣"]
)
def test_what_is_no_address(text: str) -> None:
    for name in ("http", "smtp"):
        with pytest.raises(SettingError, match=f"^{name}: "):
            read(**{name: text})


@given(st.text(max_size=12))
def test_any_text_is_an_address_or_refused_in_words(text: str) -> None:
    try:
        found = read(http=f"x{text}").http
    except SettingError:
        return
    assert 0 <= found.port <= 65535


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"role": "boss"}, "role: "),
        ({"role": "worker"}, "PostgreSQL"),
        ({"role": "all", "database": "mysql://x"}, "database: "),
        ({"database": "sqlite://relative.db"}, "database: "),
        ({"deliver": "smtp"}, "deliver: "),
        ({"deliver": "https://example.com"}, "deliver: "),
        ({"tls_cert": "a.pem"}, "go together"),
        ({"tls_key": "a.pem"}, "go together"),
        ({"public_url": "mail.example.com"}, "public-url: "),
        ({"public_url": "javascript://x"}, "public-url: "),
        ({"public_url": "https://"}, "public-url: "),
        ({"public_url": "https://[x"}, "public-url: "),
        ({"public_url": "https://x.example/?a=b"}, "public-url: "),
        ({"public_url": "https://user:secret@x.example"}, "public-url: "),
        ({"log": "xml"}, "log: "),
        ({"dnssec": "yes"}, "dnssec: "),
        ({"metrics_token": "guess"}, "metrics-token: "),
        ({"proxy_protocol": "10.0.0.0/33"}, "proxy-protocol: "),
        ({"submission": "587"}, "submission: HOST:PORT"),
        ({"submission": "0.0.0.0:587"}, "submission: it needs tls-cert"),
        ({"submission_tls": "127.0.0.1:465"}, "submission-tls: it needs tls-cert"),
        ({"domain": "two words"}, "domain: "),
        ({"domain": "a..b"}, "domain: "),
        ({"domain": "."}, "domain: "),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(given: dict[str, str], says: str) -> None:
    with pytest.raises(SettingError, match=says):
        read(**given)


def test_roles_apart_take_postgresql() -> None:
    for role in ("http", "smtp", "worker"):
        settings = read(role=role, database="postgresql:///multimail")
        assert settings.role == role
        assert not settings.sqlite


@pytest.mark.parametrize(
    ("deliver", "delivery"),
    [
        ("sandbox", "sandbox"),
        ("mx", "mx"),
        ("smtp://a:b@relay.example:25", "relay"),
        ("smtps://relay.example", "relay"),
    ],
)
def test_how_mail_leaves(deliver: str, delivery: str) -> None:
    assert read(deliver=deliver).delivery == delivery


@pytest.mark.parametrize(
    ("given", "open_to_the_world"),
    [
        ({"http": "127.0.0.1:1"}, False),
        ({"http": "[::1]:1"}, False),
        ({"http": "localhost:1"}, False),
        ({"http": "0.0.0.0:1"}, True),
        ({"http": "192.168.1.1:1"}, True),
        ({"public_url": "http://localhost"}, True),
        ({"role": "http", "database": "postgresql:///x"}, True),
    ],
)
def test_webhooks_to_loopback_only_on_a_machine_of_one_s_own(
    given: dict[str, str], open_to_the_world: bool
) -> None:
    assert read(**given).open_to_the_world is open_to_the_world


def test_what_people_write_is_tidied() -> None:
    settings = read(
        domain=" Example.COM. ", public_url="https://x.example/", trusted_proxies="10.0.0.1, ,10.0.0.2 "
    )
    assert settings.domain == "example.com"
    assert settings.public_url == "https://x.example"
    assert settings.trusted_proxies == ("10.0.0.1", "10.0.0.2")
