"""An archive that is written while it is read: POSIX tar (IEEE 1003.1-2008, pax), entry by entry."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from tarfile import BLOCKSIZE, PAX_FORMAT, TarInfo
from typing import Final

from multimail.operations.attachments import File

END: Final = bytes(2 * BLOCKSIZE)


@dataclass(frozen=True, slots=True)
class Archive:
    """What a surface answers instead of JSON. `chunks` starts to read; it raises Refused where that must end."""

    name: str
    content_type: str
    chunks: Callable[[], AsyncIterator[bytes]]


BYTES: Final = (File, Archive)  # outputs that are no JSON


def entry(name: str, content: bytes, seconds: int) -> bytes:
    """One file of the archive; `seconds` since 1970 is its time."""
    about = TarInfo(name)
    about.size, about.mtime, about.mode = len(content), seconds, 0o600
    return about.tobuf(PAX_FORMAT) + content + bytes(-len(content) % BLOCKSIZE)
