"""Debian's PostgreSQL 15, started by the tests in a temporary folder as an unprivileged user.

One server serves a whole test session. Whoever needs it first starts a *keeper*: a small process of its own
that runs the server, watches the session's owner (pytest, or xdist's controller) and, when the owner is gone
for whatever reason, stops the server and removes the folder. Should the keeper itself be killed, the kernel
stops the server. So a killed worker costs nothing, and a killed session leaves nothing running.

Where there is room in memory, the server that may forget lives there: a database is hundreds of files, and a copy of
one that is migrated already takes 20 ms instead of the migrations' 400.
"""

import fcntl
import os
import pwd
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import psycopg

BINARIES = Path("/usr/lib/postgresql/15/bin")
MEMORY = Path("/dev/shm")  # what is put there has a name of its own, from mkdtemp
ROOM = 4 << 30  # octets
TEMPLATE = "migrated"
USER = "multimail"
STARTUP_SECONDS = 60
FAST = ("fsync=off", "full_page_writes=off", "autovacuum=off")
COMMON = ("shared_buffers=32MB", "max_connections=200", "jit=off", "log_min_messages=warning")


def installed() -> bool:
    return (BINARIES / "postgres").exists()


def shared_server(session: Path, owner: int, *, durable: bool = False) -> str:
    """The URL of the session's server (its `postgres` database), starting it if nobody has yet.

    `session` is a folder common to all the session's processes, `owner` the process that outlives the others.
    `durable` asks for the server that keeps fsync on, for tests of crashes.
    """
    name = "durable" if durable else "fast"
    ready = session / f"{name}.url"
    with (session / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not ready.exists():
            start_keeper(session, owner, name)
    return ready.read_text()


def start_keeper(session: Path, owner: int, name: str) -> "subprocess.Popen[bytes]":
    """Returns once the server answers; raises RuntimeError with the server's log when it does not."""
    ready, log = session / f"{name}.url", session / f"{name}.log"
    with log.open("wb") as output:
        keeper = subprocess.Popen(
            [sys.executable, __file__, str(owner), str(ready), name],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    (session / f"{name}.pid").write_text(str(keeper.pid))
    deadline = time.monotonic() + STARTUP_SECONDS
    while not ready.exists():
        if keeper.poll() is not None or time.monotonic() > deadline:
            keeper.kill()
            raise RuntimeError(f"PostgreSQL did not start:\n{log.read_text()}")
        time.sleep(0.02)
    keeper.returncode = 0  # it outlives this process on purpose: no ResourceWarning, no wait
    return keeper


def stop_shared_servers(session: Path) -> None:
    """Ask every keeper of the session to stop, and wait until it has."""
    for pid_file in session.glob("*.pid"):
        try:
            watch = os.pidfd_open(int(pid_file.read_text()))
        except ProcessLookupError:
            continue
        try:
            signal.pidfd_send_signal(watch, signal.SIGTERM)
            select.select([watch], [], [], 15)
        except ProcessLookupError:
            pass
        finally:
            os.close(watch)


@contextmanager
def fresh_database(server_url: str, template: str = "template0") -> Iterator[str]:
    """The URL of a new database, empty or a copy, dropped at the end whoever is still connected."""
    name = f"test_{uuid.uuid4().hex}"
    with psycopg.connect(server_url, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
    try:
        yield database_of(server_url, name)
    finally:
        with psycopg.connect(server_url, autocommit=True) as admin:
            admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


def database_of(server_url: str, name: str) -> str:
    return server_url.rsplit("/", 1)[0] + "/" + name


def template(server_url: str, migrate: Callable[[str], None]) -> str:
    """The name of what a test's database may begin as: one that `migrate(url)` filled, once in a session, where a
    copy is quicker than that."""
    with psycopg.connect(server_url, autocommit=True) as admin:
        if not admin.execute("SHOW data_directory").fetchone()[0].startswith(str(MEMORY)):
            return "template0"
        admin.execute("SELECT pg_advisory_lock(1)")  # until the connection closes
        if not admin.execute("SELECT 1 FROM pg_database WHERE datname = %s", [TEMPLATE]).fetchone():
            admin.execute(f"CREATE DATABASE {TEMPLATE}_new TEMPLATE template0")
            migrate(database_of(server_url, f"{TEMPLATE}_new"))
            admin.execute(f"ALTER DATABASE {TEMPLATE}_new RENAME TO {TEMPLATE}")
    return TEMPLATE


# The keeper's side.


def roomy() -> Path | None:
    """Where the data goes: into memory where that has room, else into the system's temporary folder."""
    try:
        return MEMORY if shutil.disk_usage(MEMORY).free > ROOM else None
    except OSError:
        return None


def unprivileged() -> list[str]:
    """The words before a command that make it run as an ordinary user and die with its parent."""
    words = ["setpriv", "--pdeathsig", "QUIT"]
    if os.geteuid() == 0:
        account = unprivileged_account()
        words += ["--reuid", str(account.pw_uid), "--regid", str(account.pw_gid), "--clear-groups"]
    return words


def unprivileged_account() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam("postgres")
    except KeyError:
        return pwd.getpwnam("nobody")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def initialise(folder: Path, password: str) -> None:
    password_file = folder / "password"
    password_file.write_text(password)
    if os.geteuid() == 0:
        account = unprivileged_account()
        for path in (folder, password_file):
            os.chown(path, account.pw_uid, account.pw_gid)
    options = ["--username", USER, "--pwfile", str(password_file), "--auth", "scram-sha-256"]
    options += ["--encoding", "UTF8", "--locale", "C.UTF-8", "--no-sync", "--no-instructions"]
    command = [*unprivileged(), str(BINARIES / "initdb"), "-D", str(folder / "data"), *options]
    subprocess.run(command, check=True, cwd=folder, stdout=subprocess.DEVNULL)


def start(folder: Path, password: str, *, durable: bool) -> "tuple[subprocess.Popen[bytes], str]":
    """The running server and its URL. A port that somebody else takes before we do is chosen again."""
    settings = [*COMMON, *(() if durable else FAST), "listen_addresses=127.0.0.1"]
    settings.append(f"unix_socket_directories={folder}")
    for _attempt in range(5):
        port = free_port()
        url = f"postgresql://{USER}:{password}@127.0.0.1:{port}/postgres"
        command = [*unprivileged(), str(BINARIES / "postgres"), "-D", str(folder / "data"), "-p", str(port)]
        server = subprocess.Popen(command + [word for one in settings for word in ("-c", one)], cwd=folder)
        while server.poll() is None:
            try:
                psycopg.connect(url, connect_timeout=5).close()
                return server, url
            except psycopg.OperationalError:
                time.sleep(0.02)
    raise RuntimeError("PostgreSQL exited at once, five times")


def keep(owner: int, ready: Path, *, durable: bool) -> None:
    """Run a server until the process `owner` ends or a SIGTERM comes, then leave nothing of it."""
    watch = os.pidfd_open(owner)
    stop_read, stop_write = os.pipe()

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        os.write(stop_write, b"x")

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, on_signal)
    folder = Path(tempfile.mkdtemp(prefix="multimail-postgres-", dir=None if durable else roomy()))
    server = None
    try:
        password = uuid.uuid4().hex
        initialise(folder, password)
        server, url = start(folder, password, durable=durable)
        partial = ready.with_suffix(".partial")
        partial.write_text(url)
        partial.rename(ready)
        select.select([watch, stop_read], [], [])
    finally:
        if server is not None:
            server.send_signal(signal.SIGQUIT)  # at once: nobody will read this data again
            server.wait()
        shutil.rmtree(folder, ignore_errors=True)
        if select.select([watch], [], [], 0)[0]:
            shutil.rmtree(ready.parent, ignore_errors=True)


if __name__ == "__main__":
    keep(int(sys.argv[1]), Path(sys.argv[2]), durable=sys.argv[3] == "durable")
