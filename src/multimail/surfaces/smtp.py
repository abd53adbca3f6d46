"""The SMTP server: receives mail and hands it to an intake that decides and keeps (RFC 5321).

It translates only. What is accepted, for whom, and what "durable" means is the intake's; the server keeps
to the protocol, refuses what another server might read differently, and bounds what a client can cost.
"""

import asyncio
import ssl
from collections.abc import Sequence
from functools import partial
from ipaddress import ip_network

from multimail.surfaces.proxy_protocol import Doorway
from multimail.surfaces.smtp_conversation import Conversation
from multimail.surfaces.smtp_envelope import MAX_SIZE, Envelope, Intake, Limits, Reply
from multimail.surfaces.smtp_session import Session, Shared

__all__ = ["MAX_SIZE", "Envelope", "Intake", "Limits", "Reply", "SmtpServer"]


class SmtpServer:
    """A listening SMTP server on the running event loop.

    `hostname` is what it calls itself; `max_size` the largest message in octets, as SIZE counts them
    (RFC 1870); STARTTLS is offered when `tls` is given, and TLS comes first with `implicit_tls`. Connections from
    `proxies` (addresses or networks) begin with a PROXY header, which says who the client is.
    """

    def __init__(
        self,
        intake: Intake,
        *,
        hostname: str,
        max_size: int = MAX_SIZE,
        tls: ssl.SSLContext | None = None,
        limits: Limits | None = None,
        conversation: type[Conversation] = Conversation,
        implicit_tls: bool = False,
        proxies: Sequence[str] = (),
    ) -> None:
        self._shared = Shared(intake, hostname, max_size, tls, limits or Limits(), conversation, implicit_tls)
        self._proxies = [ip_network(proxy, strict=False) for proxy in proxies]
        self._at_the_door: set[Doorway] = set()
        self._server: asyncio.Server | None = None

    async def start(self, host: str, port: int) -> int:
        """Listen; the port, which is a free one for port 0. OSError when the address is taken."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._protocol, host, port, backlog=1024)
        bound: int = self._server.sockets[0].getsockname()[1]
        return bound

    def _protocol(self) -> asyncio.BaseProtocol:
        enter = partial(Session, self._shared)
        return Doorway(self._proxies, enter, self._at_the_door) if self._proxies else enter()

    async def stop(self, grace: float) -> None:
        """Stop listening, tell idle clients 421, let messages under way finish for `grace` seconds, then end.

        A message whose intake has not answered by then is cancelled: the client got no 250 and keeps it.
        """
        if self._server is None:
            return
        shared = self._shared
        self._server.close()
        shared.stopping = True
        for doorway in list(self._at_the_door):
            doorway.abort()
        for session in list(shared.sessions):
            session.drain()
        await self._until_empty(grace)
        await asyncio.gather(*(session.abort() for session in shared.sessions))
        await self._until_empty(1.0)
        await self._server.wait_closed()
        self._server = None

    async def _until_empty(self, seconds: float) -> None:
        self._shared.empty.clear()
        if self._shared.sessions:
            try:
                await asyncio.wait_for(self._shared.empty.wait(), seconds)
            except TimeoutError:
                return
