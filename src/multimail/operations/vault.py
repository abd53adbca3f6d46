"""Secrets at rest: sealed with a key that is not in the database, each bound to the row and column it belongs to.

An envelope is `mm1:KEY_ID:` and, in base64url, a random nonce of 96 bits and the text under AES-256-GCM (NIST SP
800-38D). What is authenticated with it names the key, the column and the row, so that an envelope that was moved to
another place does not open. Several keys open; the first seals. Hashes are no secrets and stay as they are.
"""

import os
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from multimail.core.jsontext import to_json
from multimail.core.secret_keys import SIZE, derive, key_id, parse_keys, write_key
from multimail.storage import keyfile
from multimail.storage.database import Database, Row, Tx

VERSION: Final = "mm1"
NONCE: Final = 12  # bytes
LOCK: Final = "secret keys"
BATCH: Final = 100  # rows sealed anew in one transaction
WHAT_IS_LOST: Final = (
    "the signing secrets of webhooks, the keys that mail, audit heads and links are signed with, and codes and "
    "links that wait to be mailed"
)


class VaultError(Exception):
    """A secret can't be opened, or there is no key to seal with; the message says which and what to do."""


@dataclass(frozen=True, slots=True)
class Secret:
    """A column of secrets, and what names its row. storage/vault.sql has list_stale_, reseal_ and abandon_TABLE."""

    table: str
    column: str
    key: tuple[str, ...]

    def place(self, row: Mapping[str, Any] | Row) -> list[str]:
        return [f"{self.table}.{self.column}", *(str(row[name]) for name in self.key)]


WEBHOOK_SECRET: Final = Secret("webhooks", "secret", ("account_id", "webhook_id"))
SIGNING_KEY: Final = Secret("signing_keys", "private_pem", ("purpose", "name"))
DKIM_KEY: Final = Secret("dkim_keys", "private_pem", ("account_id", "domain_id", "selector"))
OPERATOR_MAIL: Final = Secret("operator_mail", "text", ("account_id", "notice_id"))
CHAT_URL: Final = Secret("oversight_settings", "chat_url", ("account_id",))
PUSH_SUBSCRIPTION: Final = Secret("push_subscriptions", "sealed", ("account_id", "subscription_id"))
SECRETS: Final = (WEBHOOK_SECRET, SIGNING_KEY, DKIM_KEY, OPERATOR_MAIL, CHAT_URL, PUSH_SUBSCRIPTION)


class Vault:
    """Seals and opens. `find` is asked for all keys, and again when an envelope names one that is not known: another
    process may have added it to the file."""

    def __init__(self, find: Callable[[], Iterable[bytes]]) -> None:
        self._find = find
        self._read()
        if not self._ciphers:
            raise VaultError("there is no secret key")

    def _read(self) -> None:
        self._ciphers = {key_id(key): AESGCM(derive(key, VERSION)) for key in self._find()}

    @property
    def key_ids(self) -> tuple[str, ...]:
        """The first one's key seals."""
        return tuple(self._ciphers)

    @property
    def prefix(self) -> str:
        """How every envelope of the key that seals now begins."""
        return f"{VERSION}:{self.key_ids[0]}:"

    def seal(self, secret: Secret, row: Mapping[str, Any] | Row, text: str) -> str:
        """The envelope to keep in that column of that row; nothing for nothing."""
        if not text:
            return ""
        nonce, prefix = os.urandom(NONCE), self.prefix
        sealed = self._ciphers[self.key_ids[0]].encrypt(nonce, text.encode(), _bound(prefix, secret, row))
        return prefix + urlsafe_b64encode(nonce + sealed).decode()

    def open(self, secret: Secret, row: Mapping[str, Any] | Row, sealed: str) -> str:
        """The text. Raises VaultError for an envelope of another place, a changed one, and one of an unknown key."""
        if not sealed:
            return ""
        version, _, rest = sealed.partition(":")
        name, _, body = rest.partition(":")
        where = "/".join(secret.place(row))
        if version != VERSION:
            raise VaultError(f"{where} holds no sealed secret")
        if name not in self._ciphers:
            self._read()
        if name not in self._ciphers:
            raise VaultError(f"{where} is sealed with the key {name}, which this process does not have")
        try:
            content = urlsafe_b64decode(body)
            bound = _bound(f"{version}:{name}:", secret, row)
            return self._ciphers[name].decrypt(content[:NONCE], content[NONCE:], bound).decode()
        except (InvalidTag, ValueError):
            raise VaultError(f"{where} was changed, or belongs to another place") from None


def _bound(prefix: str, secret: Secret, row: Mapping[str, Any] | Row) -> bytes:
    return to_json([prefix, *secret.place(row)]).encode()


def find_keys(given: str, folder: Path) -> tuple[bytes, ...]:
    """Those of the setting, then those of the data folder's file. Raises ValueError, OSError."""
    return parse_keys(f"{given}\n{keyfile.read(folder)}")


async def open_vault(db: Database, given: str, folder: Path) -> Vault:
    """The vault of a database: `given` are the keys of the setting, before those of the data folder's file.

    The first time a key is made in the file, unless one is given, and what is in the database in plain is sealed.
    Raises VaultError where the database names a key that is not here.
    """
    known = await db.read(list_known)
    if not known and not given and not keyfile.read(folder):
        keyfile.create(folder, write_key(os.urandom(SIZE)))
    try:
        vault = Vault(partial(find_keys, given, folder))
    except ValueError as error:
        raise VaultError(f"secret-key, or {folder / keyfile.NAME}: {error}") from None
    except VaultError:
        raise missing(known, folder) from None
    if vault.key_ids[0] not in known or set(known) - set(vault.key_ids):
        await db.write(partial(register, vault, folder))
    return vault


def register(vault: Vault, folder: Path, tx: Tx) -> None:
    """A unit of work: notes the key that seals now. Two processes with different keys may start at once."""
    tx.sql.lock_message(name=LOCK)
    known = list_known(tx)
    lacking = [name for name in known if name not in vault.key_ids]
    if lacking:
        raise missing(lacking, folder)
    tx.sql.add_secret_key(key_id=vault.key_ids[0], created_at=time.time_ns() // 1000)
    if not known:  # the first time, and only then, what is in plain is ours
        for secret in SECRETS:
            while renew(vault, secret, tx, in_plain=True):
                pass


def list_known(tx: Tx) -> list[str]:
    return [row["key_id"] for row in tx.sql.list_secret_keys()]


def missing(key_ids: Iterable[str], folder: Path) -> VaultError:
    return VaultError(
        f"the secrets in the database are sealed with the key {', '.join(key_ids)}, which is not here: give "
        f"MULTIMAIL_SECRET_KEY as the other processes have it, or put {folder / keyfile.NAME} back. Where it is "
        f"lost for good, so are {WHAT_IS_LOST}: `multimail secrets abandon` starts anew without them"
    )


def renew(vault: Vault, secret: Secret, tx: Tx, *, in_plain: bool = False) -> int:
    """A unit of work: seals up to BATCH rows with the key that seals now; how many there were. Raises VaultError."""
    rows = _stale(vault, secret, tx)
    for row in rows:
        plain = in_plain and not row["sealed"].startswith(f"{VERSION}:")
        _reseal(vault, secret, tx, row, row["sealed"] if plain else vault.open(secret, row, row["sealed"]))
    return len(rows)


@dataclass(frozen=True, slots=True)
class Abandoned:
    """Of the rows `seen`, those `lost` could not be opened."""

    seen: int
    lost: int


def abandon_some(vault: Vault, secret: Secret, tx: Tx) -> Abandoned:
    """A unit of work: as `renew`, but what can't be opened any more goes, and what it was for ends."""
    rows, lost = _stale(vault, secret, tx), 0
    for row in rows:
        try:
            _reseal(vault, secret, tx, row, vault.open(secret, row, row["sealed"]))
        except VaultError:
            name = {part: row[part] for part in secret.key}
            getattr(tx.sql, f"abandon_{secret.table}")(**name, now=time.time_ns() // 1000)
            lost += 1
    return Abandoned(len(rows), lost)


def retire(vault: Vault, tx: Tx) -> None:
    """A unit of work: the key that seals now is the only one that the database names. Raises VaultError where a row
    needs another."""
    tx.sql.lock_message(name=LOCK)
    for secret in SECRETS:
        if _stale(vault, secret, tx):
            raise VaultError("secrets are still being sealed with an older key: restart every process first")
    for name in list_known(tx):
        tx.sql.forget_secret_key(key_id=name)
    tx.sql.add_secret_key(key_id=vault.key_ids[0], created_at=time.time_ns() // 1000)


def _stale(vault: Vault, secret: Secret, tx: Tx) -> list[Row]:
    rows: list[Row] = getattr(tx.sql, f"list_stale_{secret.table}")(prefix=vault.prefix, limit=BATCH)
    return rows


def _reseal(vault: Vault, secret: Secret, tx: Tx, row: Row, text: str) -> None:
    name = {part: row[part] for part in secret.key}
    sealed = vault.seal(secret, name, text)
    getattr(tx.sql, f"reseal_{secret.table}")(**name, sealed=sealed, was=row["sealed"])
