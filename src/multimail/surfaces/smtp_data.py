"""The octets after DATA: where they end, whether they are clean, what they say (RFC 5321 4.1.1.4, 4.5.2)."""

from multimail.surfaces.smtp_envelope import Reply
from multimail.surfaces.smtp_syntax import TOO_BIG

END_OF_DATA = b"\r\n.\r\n"
BARE_LINE_BREAK = Reply(550, "5.6.11", "Bare CR or LF in the message")
NUL_OCTET = Reply(550, "5.6.0", "NUL in the message")


class DataReader:
    """Collects one message. Only CRLF "." CRLF ends it; a bare CR or LF anywhere makes it a refusal.

    What a sender's server takes for text must never be an end of data to us (SMTP smuggling), so nothing
    but the true end is looked for, and text that another server might read differently is not accepted.
    Every octet is looked at a fixed number of times by bytearray's own searches, whatever the chunks are.
    """

    __slots__ = (
        "_break_pairs",
        "_carriage_returns",
        "_held",
        "_line_feeds",
        "_max_size",
        "_nul",
        "_stuffed",
        "refusal",
    )

    def __init__(self, max_size: int) -> None:
        # The line break that ended the DATA command also starts an empty message's end of data.
        self._held = bytearray(b"\r\n")
        self._max_size = max_size
        self._stuffed = 0
        self._line_feeds = self._carriage_returns = self._break_pairs = 1
        self._nul = False
        self.refusal: Reply | None = None

    @property
    def held(self) -> int:
        """Octets in memory."""
        return len(self._held)

    def refuse(self, reply: Reply) -> None:
        """Read on to the end of data, without keeping it, and then answer `reply`; the first one stands."""
        if self.refusal is None:
            self.refusal = reply
        del self._held[: 1 - len(END_OF_DATA)]

    def feed(self, chunk: bytes | bytearray) -> int | None:
        """Take what came in: None if the message goes on, else how many octets of `chunk` were part of it."""
        before = len(self._held)
        self._held += chunk
        end = self._held.find(END_OF_DATA, max(before + 1 - len(END_OF_DATA), 0))
        if end >= 0:
            del self._held[end + len(END_OF_DATA) :]
        if self.refusal is None:
            self._inspect(before, end >= 0)
        if self.refusal is not None:
            self.refuse(self.refusal)
        return None if end < 0 else end + len(END_OF_DATA) - before

    def message(self) -> bytes | Reply:
        """After the end: the message as it was before dot-stuffing (RFC 5321 4.5.2), or the refusal."""
        if self.refusal is not None:
            return self.refusal
        content = memoryview(self._held)[: -len(b".\r\n")]
        if self._stuffed == 1:  # the end of data itself
            return bytes(content[2:])
        return bytes(content).replace(b"\r\n.", b"\r\n")[2:]

    def _inspect(self, before: int, ended: bool) -> None:
        held = self._held
        self._stuffed += held.count(b"\r\n.", max(before - 2, 0))
        self._line_feeds += held.count(b"\n", before)
        self._carriage_returns += held.count(b"\r", before)
        self._break_pairs += held.count(b"\r\n", max(before - 1, 0))
        self._nul = self._nul or held.find(b"\0", before) >= 0
        # Exact at the end; before it two octets too few, since what came may be the end of data's start.
        size = len(held) - self._stuffed - len(b"\r\n\r\n")
        if size > self._max_size:
            self.refuse(TOO_BIG)
        elif ended and not self._line_feeds == self._carriage_returns == self._break_pairs:
            self.refuse(BARE_LINE_BREAK)
        elif ended and self._nul:
            self.refuse(NUL_OCTET)
