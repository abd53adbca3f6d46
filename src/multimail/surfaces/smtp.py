"""The SMTP server: receives mail and hands it to an intake that decides and keeps (RFC 5321).

It translates only. What is accepted, for whom, and what "durable" means is the intake's; the server keeps
to the protocol, refuses what another server might read differently, and bounds what a client can cost.
"""

import asyncio
import ssl

from multimail.surfaces.smtp_envelope import MAX_SIZE, Envelope, Intake, Limits, Reply, received_header
from multimail.surfaces.smtp_session import Session, Shared

__all__ = ["MAX_SIZE", "Envelope", "Intake", "Limits", "Reply", "SmtpServer", "received_header"]


class SmtpServer:
    """A listening SMTP server on the running event loop.

    `hostname` is what it calls itself; `max_size` the largest message in octets, as SIZE counts them
    (RFC 1870); STARTTLS is offered when `tls` is given.
    """

    def __init__(
        self,
        intake: Intake,
        *,
        hostname: str,
        max_size: int = MAX_SIZE,
        tls: ssl.SSLContext | None = None,
        limits: Limits | None = None,
    ) -> None:
        self._shared = Shared(intake, hostname, max_size, tls, limits or Limits())
        self._server: asyncio.Server | None = None

    async def start(self, host: str, port: int) -> int:
        """Listen; the port, which is a free one for port 0. OSError when the address is taken."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: Session(self._shared), host, port, backlog=1024)
        bound: int = self._server.sockets[0].getsockname()[1]
        return bound

    async def stop(self, grace: float) -> None:
        """Stop listening, tell idle clients 421, let messages under way finish for `grace` seconds, then end.

        A message whose intake has not answered by then is cancelled: the client got no 250 and keeps it.
        """
        if self._server is None:
            return
        shared = self._shared
        self._server.close()
        shared.stopping = True
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
