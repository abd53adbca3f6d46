"""The data folder as commands see it: the first run's keys, and where a running server listens."""

import contextlib
import json
import os
import sqlite3
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from multimail.operations.vault import VaultError
from multimail.settings import Address, SettingError, Settings
from multimail.storage.connect import open_database
from multimail.storage.database import Database
from multimail.storage.migrate import SchemaTooNew

if TYPE_CHECKING:  # the whole product: what only looks into the folder starts without it
    from multimail.app import Running
    from multimail.operations.operators import FirstKeys


def unusable(*more: type[Exception]) -> tuple[type[Exception], ...]:
    """What keeps a command from its database or its ports, and `more`: told in one line."""
    import psycopg  # only once something has gone wrong: `except` asks for its classes then

    return OSError, sqlite3.Error, psycopg.Error, SchemaTooNew, VaultError, *more


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """The file running.json: there while a server of all roles runs. `api` is the address to call from this
    machine, `url` the base of links, `delivery` sandbox, mx or relay; `smtp` and both ways to submit are HOST:PORT,
    "" for none."""

    pid: int
    api: str
    url: str
    smtp: str
    delivery: str
    submission: str = ""
    submission_tls: str = ""


def write_keys(data: Path, url: str, keys: "FirstKeys") -> None:
    """The two files of the first run: one for the agent, one for the human, readable by their owner alone."""
    _write_env(
        data / "credentials.env",
        MULTIMAIL_URL=url,
        MULTIMAIL_ADDRESS=keys.address,
        MULTIMAIL_MAILBOX_ID=keys.mailbox_id,
        MULTIMAIL_API_KEY=keys.api_key,
        MULTIMAIL_TEST_KEY=keys.test_key,
    )
    _write_env(
        data / "operator.env",
        MULTIMAIL_URL=url,
        MULTIMAIL_OVERSIGHT_KEY=keys.oversight_key,
        MULTIMAIL_ADMIN_KEY=keys.admin_key,
    )


def read_env(path: Path) -> dict[str, str]:
    """The names and values of a file that `write_keys` wrote; none if it is absent."""
    if not path.exists():
        return {}
    pairs = (line.partition("=") for line in path.read_text().splitlines() if not line.startswith("#"))
    return {name.strip(): value.strip() for name, equals, value in pairs if equals}


def write_running(settings: Settings, running: "Running") -> Path:
    """Tells commands on this machine where the server listens. Whoever started it removes the file."""
    path = settings.data / "running.json"
    scheme = "https" if settings.tls_cert else "http"
    where = Whereabouts(
        pid=os.getpid(),
        api=f"{scheme}://{_reachable(settings.http.host, running.http_port)}",
        url=running.url,
        smtp=_reachable(settings.smtp.host, running.smtp_port),
        delivery=settings.delivery,
        submission=_listening(settings.submission, running.submission_port),
        submission_tls=_listening(settings.submission_tls, running.submission_tls_port),
    )
    _write_private(path, json.dumps(asdict(where), indent=1) + "\n")
    return path


def read_running(data: Path) -> Whereabouts | None:
    """None where no server runs, or none that ended in order has run since."""
    try:
        return Whereabouts(**json.loads((data / "running.json").read_text()))
    except (OSError, ValueError, TypeError):
        return None


def require_database(settings: Settings) -> None:
    """Raises SettingError where there is none yet: only `serve` makes a data folder."""
    path = Path(settings.database.removeprefix("sqlite:///"))
    if settings.sqlite and not path.is_file():
        raise SettingError(
            f"there is no database at {path}: give --data, the folder that `multimail serve` uses"
        )


@contextlib.asynccontextmanager
async def open_existing(settings: Settings) -> AsyncIterator[Database]:
    """The database of a data folder, to look into. Raises SettingError where there is none, else as `unusable`."""
    require_database(settings)
    db = open_database(settings.database)
    await db.open()
    try:
        yield db
    finally:
        await db.close()


def _reachable(host: str, port: int | None) -> str:
    """HOST:PORT to connect to: a server that listens everywhere is reached on loopback."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  # it is not bound here
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _listening(address: Address | None, port: int | None) -> str:
    return _reachable(address.host, port) if address is not None else ""


def _write_env(path: Path, **values: str) -> None:
    _write_private(path, "".join(f"{name}={value}\n" for name, value in values.items()))


def _write_private(path: Path, text: str) -> None:
    """Whole or not at all, and readable by its owner alone from the first moment."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
