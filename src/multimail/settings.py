"""One table of settings: the flags of `multimail serve`, their MULTIMAIL_… variables and the docs come from it."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_network
from pathlib import Path
from typing import Final, Literal
from urllib.parse import urlsplit

from multimail.core.address import AddressError, ascii_domain
from multimail.core.plans import PLANS, Plan, parse_limits
from multimail.core.secret_keys import TAKES, parse_keys


class SettingError(ValueError):
    """A setting that can't be used; the message names it and says what it takes."""


@dataclass(frozen=True, slots=True)
class Setting:
    """`name` as a flag; its variable is MULTIMAIL_ and the name in capitals. An empty default means unset.

    One that is `private` has no flag: other users of the machine see command lines.
    """

    name: str
    default: str
    help: str
    private: bool = False

    @property
    def variable(self) -> str:
        return "MULTIMAIL_" + self.name.upper().replace("-", "_")


SIGN_UP_PLANS: Final = (*PLANS, "self_hosted")

SETTINGS: Final = (
    Setting("data", "./data", "The folder for the database, large messages and the first run's keys."),
    Setting("http", "127.0.0.1:8025", "HOST:PORT of the HTTP API; port 0 takes a free one."),
    Setting("smtp", "127.0.0.1:2525", "HOST:PORT of the SMTP server; port 0 takes a free one."),
    Setting(
        "submission",
        "",
        "HOST:PORT where mail programs send with an API key as the password (port 587); by default nowhere.",
    ),
    Setting("submission-tls", "", "The same with TLS from the first octet (port 465); by default nowhere."),
    Setting("database", "", "postgresql://… or sqlite:///PATH; by default SQLite in the data folder."),
    Setting(
        "blobs", "", "Where large messages go: a folder or s3://BUCKET/PREFIX; by default in the data folder."
    ),
    Setting("domain", "multimail.test", "The domain of the mailboxes hosted here: agent@local.DOMAIN."),
    Setting("deliver", "sandbox", "sandbox (nothing leaves), mx, or smtp://[USER:PASSWORD@]HOST:PORT."),
    Setting(
        "dnssec",
        "auto",
        "Whether name servers are believed that they validated DNSSEC, as DANE needs: on, off, or auto, where they are "
        "on this machine or resolv.conf has trust-ad.",
    ),
    Setting("role", "all", "all, http, smtp or worker: what this process does. SQLite takes all."),
    Setting("public-url", "", "The base of every link; by default the listening address."),
    Setting(
        "trusted-proxies", "", "Addresses or networks, comma-separated, whose X-Forwarded-For is believed."
    ),
    Setting(
        "proxy-protocol",
        "",
        "Addresses or networks, comma-separated, whose SMTP connections begin with a PROXY header (version 1 or 2).",
    ),
    Setting("tls-cert", "", "A PEM certificate chain: HTTPS, STARTTLS on SMTP, and submission."),
    Setting("tls-key", "", "The certificate's private key, PEM."),
    Setting(
        "limits",
        "",
        "What self-hosted accounts are held to: mailboxes=N,emails=N (a month),storage=N[MB|GB],requests=N "
        "(a minute and key),warm-up,thresholds; by default nothing.",
    ),
    Setting(
        "sign-up",
        "",
        f"The plan of accounts that anyone may open: {', '.join(SIGN_UP_PLANS)}; by default nobody may.",
    ),
    Setting(
        "secret-key",
        "",
        f"What stored secrets are sealed with: {TAKES}. Several, the newest first, while keys are exchanged; by "
        "default secret.key in the data folder, made at the first run.",
        private=True,
    ),
    Setting(
        "rspamd",
        "",
        "http://HOST:PORT of an rspamd worker, asked for a second opinion on mail that comes in.",
    ),
    Setting(
        "dns-lists", "", "Zones of DNS lists that name spamming servers, comma-separated; by default none."
    ),
    Setting(
        "metrics-token",
        "",
        "What /metrics takes as a bearer token from other machines; by default it answers loopback alone.",
        private=True,
    ),
    Setting("log", "text", "text for a person, json for a collector: one event a line."),
)

BEARER: Final = r"[A-Za-z0-9._~+/=-]{16,256}"  # RFC 6750 2.1
LOOPBACK: Final = ("127.0.0.1", "::1", "localhost")
ROLES: Final = ("all", "http", "smtp", "worker")
CHOICES: Final = {
    "dnssec": ("auto", "on", "off"),
    "role": ROLES,
    "sign-up": ("", *SIGN_UP_PLANS),
    "log": ("text", "json"),
}


@dataclass(frozen=True, slots=True)
class Address:
    host: str
    port: int


@dataclass(frozen=True, slots=True)
class Settings:
    """Settings that were read and make sense together."""

    data: Path
    http: Address
    smtp: Address
    submission: Address | None
    submission_tls: Address | None
    database: str
    blobs: str
    domain: str
    deliver: str
    dnssec: Literal["auto", "on", "off"]
    role: Literal["all", "http", "smtp", "worker"]
    public_url: str
    trusted_proxies: tuple[str, ...]
    proxy_protocol: tuple[str, ...]
    tls_cert: str
    tls_key: str
    limits: Plan
    sign_up: str
    rspamd: str
    dns_lists: tuple[str, ...]
    secret_key: str = field(repr=False)
    metrics_token: str = field(repr=False)
    log: str

    @property
    def delivery(self) -> Literal["sandbox", "mx", "relay"]:
        if self.deliver == "sandbox":
            return "sandbox"
        return "mx" if self.deliver == "mx" else "relay"

    @property
    def sqlite(self) -> bool:
        return self.database.startswith("sqlite:")

    @property
    def key_folder(self) -> Path:
        """Where secret.key is: beside an SQLite file, which is in the data folder unless --database says otherwise."""
        return Path(self.database.removeprefix("sqlite:///")).parent if self.sqlite else self.data

    @property
    def open_to_the_world(self) -> bool:
        """Anything but all roles on loopback with no public address: then webhooks may not call loopback."""
        local = self.http.host in LOOPBACK
        return self.role != "all" or not local or bool(self.public_url)


def read_settings(given: Mapping[str, str], environment: Mapping[str, str] = os.environ) -> Settings:
    """Flags first, then the environment, then the defaults. Raises SettingError."""
    values = {
        setting.name: given.get(setting.name) or environment.get(setting.variable) or setting.default
        for setting in SETTINGS
    }
    data = Path(values["data"]).resolve()
    database = values["database"] or f"sqlite:///{data / 'multimail.db'}"
    role = values["role"]
    for name, choices in CHOICES.items():
        if values[name] not in choices:
            raise SettingError(f"{name}: {values[name]!r} is not one of {', '.join(filter(None, choices))}")
    if role != "all" and database.startswith("sqlite:"):
        raise SettingError("role: one process owns an SQLite file; use PostgreSQL to run roles apart")
    if not database.startswith(("sqlite:///", "postgresql://", "postgres://")):
        raise SettingError("database: it starts with postgresql:// or sqlite:///")
    if values["deliver"] not in ("sandbox", "mx") and not values["deliver"].startswith(
        ("smtp://", "smtps://")
    ):
        raise SettingError("deliver: sandbox, mx or smtp://[USER:PASSWORD@]HOST:PORT")
    if bool(values["tls-cert"]) != bool(values["tls-key"]):
        raise SettingError("tls-cert and tls-key go together")
    if values["public-url"] and not _is_base(values["public-url"]):
        raise SettingError("public-url: https:// or http:// and a host, no user, no query")
    if values["rspamd"] and not _is_base(values["rspamd"]):
        raise SettingError("rspamd: http:// or https:// and a host, no user, no query")
    if values["metrics-token"] and not re.fullmatch(BEARER, values["metrics-token"]):
        raise SettingError("metrics-token: 16 to 256 letters, digits and ._~+/=-, which nobody guesses")
    try:
        parse_keys(values["secret-key"])
    except ValueError as error:
        raise SettingError(f"secret-key: {error}") from None
    domain = values["domain"].strip().lower().rstrip(".")
    try:
        ascii_domain(domain)
    except AddressError as error:
        raise SettingError(f"domain: {error}") from None
    try:
        limits = parse_limits(values["limits"])
    except ValueError as error:
        raise SettingError(f"limits: {error}") from None
    return Settings(
        data=data,
        http=_address("http", values["http"]),
        smtp=_address("smtp", values["smtp"]),
        submission=_submission("submission", values),
        submission_tls=_submission("submission-tls", values),
        database=database,
        blobs=values["blobs"] or str(data / "blobs"),
        domain=domain,
        deliver=values["deliver"],
        dnssec=values["dnssec"],  # type: ignore[arg-type]  # one of its CHOICES
        role=role,  # type: ignore[arg-type]  # one of its CHOICES
        public_url=values["public-url"].rstrip("/"),
        trusted_proxies=_proxies("trusted-proxies", values),
        proxy_protocol=_proxies("proxy-protocol", values),
        tls_cert=values["tls-cert"],
        tls_key=values["tls-key"],
        limits=limits,
        sign_up=values["sign-up"],
        secret_key=values["secret-key"],
        metrics_token=values["metrics-token"],
        rspamd=values["rspamd"],
        dns_lists=_zones(values["dns-lists"]),
        log=values["log"],
    )


def _proxies(name: str, values: Mapping[str, str]) -> tuple[str, ...]:
    found = tuple(part.strip() for part in values[name].split(",") if part.strip())
    try:
        for part in found:
            ip_network(part, strict=False)
    except ValueError as error:
        raise SettingError(f"{name}: addresses or networks, comma-separated: {error}") from None
    return found


def _zones(text: str) -> tuple[str, ...]:
    try:
        return tuple(ascii_domain(part.strip().rstrip(".")) for part in text.split(",") if part.strip())
    except AddressError as error:
        raise SettingError(f"dns-lists: {error}") from None


def _is_base(url: str) -> bool:
    """Whether links can be made by adding a path."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    whole = parts.scheme in ("http", "https") and parts.hostname
    return bool(whole) and "@" not in parts.netloc and not parts.query and not parts.fragment


def _submission(name: str, values: Mapping[str, str]) -> Address | None:
    """Where keys are not sent in the clear: without a certificate only this machine can be served (RFC 8314 3.3)."""
    if not values[name]:
        return None
    address = _address(name, values[name])
    if not values["tls-cert"] and (name == "submission-tls" or address.host not in LOOPBACK):
        raise SettingError(f"{name}: it needs tls-cert and tls-key, so that nobody reads keys on their way")
    return address


def _address(name: str, text: str) -> Address:
    host, colon, port = text.rpartition(":")
    if not colon or not re.fullmatch("[0-9]{1,5}", port) or int(port) > 65535:
        raise SettingError(f"{name}: HOST:PORT, not {text!r}")
    return Address(host.strip("[]") or "127.0.0.1", int(port))
