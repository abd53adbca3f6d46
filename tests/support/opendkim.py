"""OpenDKIM, which no one here wrote, as the judge of signatures; Debian's knows RSA and Ed25519."""

import re
import socket
import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

_CONFIGURATION = (
    "Mode v\nTestDNSData file:{dns}\nAlwaysAddARHeader yes\nSyslog no\nInternalHosts csl:192.0.2.1\n"
)
_RESULT = re.compile(r"dkim=(\w+) [^;]*?header\.a=(\S+) header\.s=(\S+)")


def results(text: str) -> dict[str, tuple[str, str]]:
    """What an Authentication-Results header says, by selector: the algorithm and the result."""
    return {selector: (algorithm, result) for result, algorithm, selector in _RESULT.findall(text)}


@contextmanager
def milter(folder: Path, port: int, records: Mapping[str, str]) -> Iterator[None]:
    """OpenDKIM for a mail server to ask, on loopback; it answers already."""
    command = ["/usr/sbin/opendkim", "-f", "-x", str(_configured(folder, records))]
    with subprocess.Popen([*command, "-p", f"inet:{port}@127.0.0.1"]) as process:
        try:
            deadline = time.monotonic() + 30
            while process.poll() is None and not _answers(port):
                assert time.monotonic() < deadline, "OpenDKIM did not start"
                time.sleep(0.02)
            yield
        finally:
            process.kill()  # on SIGTERM libmilter may wait a minute for threads that are idle


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 5).close()
    except OSError:
        return False
    return True


def _configured(folder: Path, records: Mapping[str, str]) -> Path:
    dns, configuration = folder / "opendkim.dns", folder / "opendkim.conf"
    dns.write_text("".join(f"{name} {value}\n" for name, value in records.items()))
    configuration.write_text(_CONFIGURATION.format(dns=dns))
    return configuration


def verdicts(
    folder: Path, messages: Iterable[bytes], records: Mapping[str, str]
) -> list[dict[str, tuple[str, str]]]:
    """Of each message, by selector: the algorithm and the result. `records` are TXT values by name (no last dot)."""
    configuration = _configured(folder, records)
    found = []
    for number, raw in enumerate(messages):
        file = folder / f"{number}.eml"
        file.write_bytes(raw)
        done = subprocess.run(
            ["/usr/sbin/opendkim", "-x", str(configuration), "-t", str(file), "-vv"],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        found.append(results(done.stdout))
    return found
