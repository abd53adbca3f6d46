"""A throw-away Postfix in a folder of its own on a free port, with Debian's defaults."""

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from bench.machine import BenchError, free_port, listens, run, tail, wait_until

Mode = Literal["hold", "relay", "discard"]

_MODES: dict[Mode, str] = {
    "hold": "smtpd_client_restrictions=check_client_access static:HOLD\nrelayhost=[127.0.0.1]:{sink}\n",
    "relay": "relayhost=[127.0.0.1]:{sink}\n",
    "discard": "default_transport=discard:\nrelay_transport=discard:\n",
}
_MAIN = """compatibility_level=3.6
queue_directory={folder}/spool
data_directory={folder}/data
mail_owner=postfix
setgid_group=postdrop
myhostname=postfix.test
mydestination=
inet_interfaces=127.0.0.1
inet_protocols=ipv4
mynetworks=127.0.0.0/8
alias_maps=
maillog_file={folder}/mail.log
maillog_file_prefixes={folder}
smtp_dns_support_level=disabled
"""


def unavailable() -> str | None:
    """Why Postfix cannot be run here, or None."""
    if not shutil.which("postfix"):
        return "Debian's postfix is not installed"
    if os.geteuid() != 0:
        return "Postfix needs root to start"
    return None


class Postfix:
    def __init__(self, folder: Path, port: int) -> None:
        self.port = port
        self._folder = folder
        self._config = str(folder / "etc")

    @property
    def pid(self) -> int:
        return int((self._folder / "spool/pid/master.pid").read_text())

    def queue_ids(self, *queues: str) -> list[str]:
        """Ids in the named queues (hold, incoming, active, deferred)."""
        return [
            name
            for queue in queues
            for _, _, names in os.walk(self._folder / "spool" / queue)
            for name in names
        ]

    def release(self, queue_id: str) -> None:
        """Take one held message, or "ALL" of them, out of the hold queue."""
        run("postsuper", "-c", self._config, "-H", queue_id)

    def flush(self) -> None:
        """Deliver what was released now, not at the next scan of the deferred queue."""
        run("postqueue", "-c", self._config, "-f")


@contextmanager
def running(mode: Mode, sink_port: int, *, port: int | None = None, more: str = "") -> Iterator[Postfix]:
    """Start, and stop and remove at exit. `more` are further lines of main.cf. BenchError if it does not come up."""
    reason = unavailable()
    if reason:
        raise BenchError(reason)
    folder = Path(tempfile.mkdtemp(prefix="bench-postfix-"))
    folder.chmod(0o755)  # Postfix's unprivileged processes walk through it
    port = port or free_port()
    _configure(folder, mode, port, sink_port, more)
    config = str(folder / "etc")
    try:
        run("postfix", "-c", config, "start", seconds=90)
        try:
            wait_until(lambda: listens(port), "Postfix listening", 60)
        except BenchError as error:
            raise BenchError(f"{error}; {tail(folder / 'mail.log')}") from error
        yield Postfix(folder, port)
    finally:
        try:
            run("postfix", "-c", config, "stop", seconds=90)
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _configure(folder: Path, mode: Mode, port: int, sink_port: int, more: str) -> None:
    for name in ("etc", "spool", "data"):
        (folder / name).mkdir()
    shutil.chown(folder / "data", "postfix")
    installed = Path("/etc/postfix/master.cf")
    services = installed if installed.exists() else Path("/usr/share/postfix/master.cf.dist")
    # No chroot (fifth column) in a folder that has no jail in it, and our port instead of 25.
    master = re.sub(r"(?m)^(\w\S*\s+\S+\s+\S+\s+\S+\s+)[y-](\s)", r"\1n\2", services.read_text())
    master, changed = re.subn(r"(?m)^smtp\s+inet\b", f"127.0.0.1:{port} inet", master)
    if changed != 1:
        raise BenchError(f"no smtp service in {services}")
    if not re.search(r"(?m)^postlog\s", master):
        master += "\npostlog unix-dgram n - n - 1 postlogd\n"
    (folder / "etc/master.cf").write_text(master)
    main = _MAIN.format(folder=folder) + _MODES[mode].format(sink=sink_port) + more
    (folder / "etc/main.cf").write_text(main)
