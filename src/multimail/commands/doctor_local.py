"""Checks of this machine: Python, folder, secrets, database, blobs, clock, certificate."""

import ctypes
import os
import shutil
import sqlite3
import ssl
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import psycopg
from cryptography import x509

from multimail.commands.archive import SECRETS
from multimail.commands.doctor_finding import Finding, bad, good, warning
from multimail.commands.folder import open_existing
from multimail.operations.vault import VaultError, open_vault
from multimail.settings import Settings
from multimail.storage.blobs import open_store
from multimail.storage.migrate import latest
from multimail.storage.snapshot import schema_version, sqlite_faults

LITTLE: Final = 1024**3  # bytes of disk
VERY_LITTLE: Final = 100 * 1024**2
SOON: Final = timedelta(days=14)
TIMEX: Final = 512  # bytes: struct timex has 208 on Linux
NOT_SYNCHRONISED: Final = 5  # adjtimex(2): TIME_ERROR
OTHERS: Final = 0o077


def python(settings: Settings) -> list[Finding]:
    said = f"Python {sys.version.split()[0]}, SQLite {sqlite3.sqlite_version}"
    return [good("python", said)]


def data(settings: Settings) -> list[Finding]:
    """That the folder is there, ours, nobody else's, and has room."""
    folder = settings.data
    if not folder.is_dir():
        return [warning("data", f"{folder} is not there yet", "`multimail serve` makes it.")]
    found = []
    mode = folder.stat().st_mode & 0o777
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        found.append(bad("data", f"{folder} can't be written by this user", f"chown -R $(id -un) {folder}"))
    if mode & OTHERS:
        found.append(bad("data", f"{folder} is open to other users ({mode:o})", f"chmod 700 {folder}"))
    free = shutil.disk_usage(folder).free
    room = f"{free / 1024**3:.1f} GiB are free"
    if free < VERY_LITTLE:
        found.append(bad("data", room, "Make room: mail is refused with 452 once the disk is full."))
    elif free < LITTLE:
        found.append(warning("data", room, "Make room before it is full."))
    return found or [good("data", f"{folder}, {room}")]


def secrets(settings: Settings) -> list[Finding]:
    found = []
    for name in SECRETS:
        path = settings.data / name
        if path.is_file() and path.stat().st_mode & OTHERS:
            mode = f"{path.stat().st_mode & 0o777:o}"
            found.append(bad("secrets", f"{path} can be read by others ({mode})", f"chmod 600 {path}"))
    return found or [good("secrets", "what holds keys is its owner's alone")]


def database(settings: Settings) -> list[Finding]:
    """That it can be opened, is sound, and has a schema that this release can use."""
    path = Path(settings.database.removeprefix("sqlite:///"))
    if settings.sqlite and not path.is_file():
        return [warning("database", f"{path} is not there yet", "`multimail serve` makes it.")]
    try:
        version = schema_version(settings.database)
        faults = sqlite_faults(path) if settings.sqlite else []
    except (sqlite3.Error, psycopg.Error, OSError) as error:
        return [
            bad(
                "database",
                f"it can't be used: {error}",
                "Check --database, the server that it names and its log.",
            )
        ]
    if faults:
        return [
            bad(
                "database",
                f"it is damaged: {faults[0]}",
                "Stop the server; `multimail restore` the last backup.",
            )
        ]
    if version > latest():
        return [
            bad(
                "database",
                f"its schema is {version}, this release knows {latest()}",
                "Run the newer release.",
            )
        ]
    if version < latest():
        return [
            warning(
                "database",
                f"its schema is {version} of {latest()}",
                "multimail backup, then multimail migrate",
            )
        ]
    return [good("database", f"{'SQLite' if settings.sqlite else 'PostgreSQL'}, sound, schema {version}")]


async def sealing(settings: Settings) -> list[Finding]:
    """That the key is here which the database's secrets are sealed with."""
    path = Path(settings.database.removeprefix("sqlite:///"))
    if settings.sqlite and not os.path.isfile(path):  # noqa: ASYNC240, PTH113  # one look
        return []
    async with open_existing(settings) as db:
        try:
            await open_vault(db, settings.secret_key, settings.key_folder)
        except VaultError as error:
            return [bad("sealing", str(error), "Put it back: the server does not start without it.")]
    return [good("sealing", "the key that stored secrets are sealed with is here")]


async def blobs(settings: Settings) -> list[Finding]:
    if "://" not in settings.blobs:
        return [_blob_folder(Path(settings.blobs))]
    name = ".doctor"
    try:
        store = open_store(settings.blobs)
        await store.put(name, b"doctor")
        sound = await store.get(name) == b"doctor"
        await store.remove_all(name)
    except Exception as error:  # noqa: BLE001  # of any store; it is told
        return [
            bad(
                "blobs", f"{settings.blobs}: {error}", "Check the AWS_… variables, the bucket and its policy."
            )
        ]
    return [
        good("blobs", settings.blobs)
        if sound
        else bad("blobs", "it gives back something else", "Check the store.")
    ]


def _blob_folder(folder: Path) -> Finding:
    if folder.exists() and not os.access(folder, os.W_OK):
        return bad("blobs", f"{folder} can't be written", f"chown -R $(id -un) {folder}")
    return good("blobs", str(folder))


def clock(settings: Settings) -> list[Finding]:
    """Signatures, links and codes have times in them: ask the kernel whether it is kept (adjtimex(2))."""
    try:
        state = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(TIMEX))
    except (OSError, AttributeError):
        state = -1
    said = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC"
    if state == NOT_SYNCHRONISED:
        fix = "Run systemd-timesyncd or chrony. In a container it is the host's business."
        return [warning("clock", f"{said}, and nothing keeps it right", fix)]
    return [good("clock", said if state < 0 else f"{said}, kept by the system")]


def tls(settings: Settings) -> list[Finding]:
    """The certificate: readable, fitting its key, in its time, for the name in public-url."""
    if not settings.tls_cert:
        return _without_tls(settings)
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(settings.tls_cert, settings.tls_key)
        certificate = x509.load_pem_x509_certificates(Path(settings.tls_cert).read_bytes())[0]
    except (OSError, ValueError) as error:
        return [
            bad(
                "tls",
                f"{settings.tls_cert}: {error}",
                "Give the full chain and its key, both PEM and readable.",
            )
        ]
    found = []
    now, end = datetime.now(UTC), certificate.not_valid_after_utc
    if now > end:
        found.append(bad("tls", f"the certificate ended {end:%Y-%m-%d}", "Renew it and restart."))
    elif now < certificate.not_valid_before_utc:
        found.append(bad("tls", "the certificate does not count yet", "Check the clock and the certificate."))
    elif end - now < SOON:
        found.append(warning("tls", f"the certificate ends {end:%Y-%m-%d}", "Renew it and restart."))
    host = urlsplit(settings.public_url).hostname
    if host and not any(_covers(name, host) for name in _names(certificate)):
        found.append(bad("tls", f"the certificate is not for {host}", "Get one that names it."))
    return found or [good("tls", f"good until {end:%Y-%m-%d}")]


def _without_tls(settings: Settings) -> list[Finding]:
    if settings.open_to_the_world and not settings.public_url.startswith("https:"):
        said = "the API is open beyond this machine without TLS: keys travel in the clear"
        return [
            bad(
                "tls",
                said,
                "Give --tls-cert and --tls-key, or --public-url https://… behind a proxy that does TLS.",
            )
        ]
    return [
        good("tls", "none needed on loopback" if not settings.public_url else "done by the proxy in front")
    ]


def _names(certificate: x509.Certificate) -> list[str]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return names.get_values_for_type(x509.DNSName) + [
        str(ip) for ip in names.get_values_for_type(x509.IPAddress)
    ]


def _covers(name: str, host: str) -> bool:
    """RFC 9525 section 6.3: a wildcard stands for one whole label."""
    return name.lower() == host or (name.startswith("*.") and host.partition(".")[2] == name[2:].lower())
