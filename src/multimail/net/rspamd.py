"""rspamd's opinion, over its HTTP interface (protocol of /checkv2), where the installation names one.

It is asked for a second opinion and nothing more: no answer in time, or none that can be read, says nothing.
"""

import json
from collections.abc import Sequence
from typing import Any, Final

import aiohttp
import structlog

from multimail.core.spam import Envelope, Reason

TIMEOUT: Final = 15.0  # seconds
MAX_ANSWER: Final = 1024 * 1024  # octets
SYMBOLS: Final = 5  # reasons of its that are told
# Its actions at their default thresholds of 4, 6, 8 and 15, on our scale of 5 and 10
_POINTS: Final = {
    "no action": 0.0, "greylist": 1.5, "add header": 5.0, "rewrite subject": 5.0, "soft reject": 2.0, "reject": 10.0,
}  # fmt: skip

log = structlog.get_logger()


class Rspamd:
    """`url` is that of its normal worker, such as http://127.0.0.1:11333. Belongs to one event loop."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/") + "/checkv2"
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def __call__(self, raw: bytes, envelope: Envelope) -> Sequence[Reason]:
        """What it says of a message, as one reason; () where it says nothing."""
        if self._session is None:
            timeout = aiohttp.ClientTimeout(total=TIMEOUT)
            self._session = aiohttp.ClientSession(timeout=timeout, trust_env=False)
        headers = {
            "IP": envelope.peer,
            "Helo": envelope.helo,
            "From": envelope.sender,
            "Rcpt": envelope.recipient,
        }
        clean = {
            name: value
            for name, value in headers.items()
            if value.isascii() and value.isprintable() and value
        }
        try:
            async with self._session.post(
                self._url, data=raw, headers=clean, allow_redirects=False
            ) as answer:
                if answer.status != 200:
                    raise ValueError(f"status {answer.status}")
                return _reasons(json.loads(await answer.content.read(MAX_ANSWER)))
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            log.warning("rspamd said nothing", error=f"{type(error).__name__}: {error}"[:200])
            return ()


def _reasons(said: Any) -> Sequence[Reason]:
    """Raises ValueError for an answer of another shape."""
    if not isinstance(said, dict) or not isinstance(said.get("action"), str):
        raise ValueError("not an answer of /checkv2")
    symbols = said.get("symbols")
    scores = {
        name: float(one["score"])
        for name, one in (symbols.items() if isinstance(symbols, dict) else ())
        if isinstance(one, dict) and isinstance(one.get("score"), (int, float))
    }
    gravest = sorted(scores, key=lambda name: -scores[name])[:SYMBOLS]
    told = ", ".join(f"{name} {scores[name]:g}" for name in gravest if scores[name] > 0)
    return (Reason("rspamd", _POINTS.get(said["action"], 0.0), f"rspamd: {said['action']}; {told}"[:500]),)
