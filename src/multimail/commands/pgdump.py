"""PostgreSQL's own tools, for backups: pg_dump is consistent by itself. The password goes through the environment."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from psycopg.conninfo import conninfo_to_dict

DEBIAN: Final = Path("/usr/lib/postgresql")
VARIABLES: Final[Mapping[str, str]] = {
    "host": "PGHOST", "port": "PGPORT", "user": "PGUSER", "password": "PGPASSWORD", "dbname": "PGDATABASE",
    "sslmode": "PGSSLMODE", "sslrootcert": "PGSSLROOTCERT", "hostaddr": "PGHOSTADDR",
}  # fmt: skip


class ToolFailed(Exception):
    """The tool is not there, or said no; the message has its words."""


def dump(url: str, target: Path) -> None:
    """The database in pg_dump's custom format. Raises ToolFailed."""
    _run("pg_dump", url, "--format=custom", "--no-owner", "--no-acl", f"--file={target}")


def load(url: str, source: Path) -> None:
    """Into an empty database, whole or not at all. Raises ToolFailed."""
    name = str(conninfo_to_dict(url).get("dbname", ""))
    _run("pg_restore", url, "--no-owner", "--no-acl", "--single-transaction", f"--dbname={name}", str(source))


def _run(tool: str, url: str, *arguments: str) -> None:
    path = _find(tool)
    given = {
        variable: str(value)
        for name, value in conninfo_to_dict(url).items()
        if (variable := VARIABLES.get(name))
    }
    done = subprocess.run(  # noqa: S603  # our own arguments
        [path, *arguments], env=os.environ | given, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise ToolFailed(f"{tool}: {done.stderr.strip() or done.returncode}")


def _find(tool: str) -> str:
    """On the path, or where Debian keeps each release's, the newest first."""
    kept = sorted(DEBIAN.glob(f"*/bin/{tool}"), key=lambda path: path.parts[-3].rjust(4), reverse=True)
    found = shutil.which(tool) or next(iter(kept), None)
    if found is None:
        raise ToolFailed(f"{tool} is not installed: it is in Debian's postgresql-client")
    return str(found)
