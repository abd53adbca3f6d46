"""OpenDKIM, which no one here wrote, as the judge of signatures; Debian's knows RSA and Ed25519."""

import re
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path

_CONFIGURATION = "Mode v\nTestDNSData file:{dns}\nAlwaysAddARHeader yes\nSyslog no\n"
_RESULT = re.compile(r"dkim=(\w+) [^;]*?header\.a=(\S+) header\.s=(\S+)")


def verdicts(
    folder: Path, messages: Iterable[bytes], records: Mapping[str, str]
) -> list[dict[str, tuple[str, str]]]:
    """Of each message, by selector: the algorithm and the result. `records` are TXT values by name (no last dot)."""
    dns, configuration = folder / "opendkim.dns", folder / "opendkim.conf"
    dns.write_text("".join(f"{name} {value}\n" for name, value in records.items()))
    configuration.write_text(_CONFIGURATION.format(dns=dns))
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
        results = _RESULT.findall(done.stdout)
        found.append({selector: (algorithm, result) for result, algorithm, selector in results})
    return found
