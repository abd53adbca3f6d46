"""`multimail serve`: the product in one process, or one role of it."""

import argparse
import asyncio
import errno
import gc
import logging
import os
import signal
import ssl
import sys
from functools import partial
from typing import Final

import structlog
import uvloop

from multimail.app import Running, serve
from multimail.commands.flags import add_settings, complain, settings_of, typed
from multimail.commands.folder import unusable, write_keys, write_running
from multimail.settings import SettingError, Settings

NOT_TO_BE_HAD: Final = (errno.EADDRINUSE, errno.EADDRNOTAVAIL, errno.EACCES)
WHERE_MAIL_GOES: Final = {
    "sandbox": "into the sandbox: nothing leaves this machine",
    "mx": "to the recipients' mail servers (MX)",
    "relay": "to the relay {relay}",
}


def add(parser: argparse.ArgumentParser) -> None:
    add_settings(parser)


def run(arguments: argparse.Namespace) -> int:
    settings = settings_of(arguments)
    log_to_stderr(settings.log)
    require_certificate(settings)
    os.umask(0o077)  # mail and keys are nobody else's, wherever the data folder is
    try:
        return uvloop.run(_serve(settings))
    except unusable() as error:
        return complain(in_words(error, settings))


def require_certificate(settings: Settings) -> None:
    """Raises SettingError where the certificate or its key can't be read or don't belong together."""
    if settings.tls_cert:
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(settings.tls_cert, settings.tls_key)
        except OSError as error:
            why = error.strerror or error
            raise SettingError(f"tls-cert {settings.tls_cert}, tls-key {settings.tls_key}: {why}") from error


def in_words(error: Exception, settings: Settings) -> str:
    """The error; one about an address to listen on (it names no file) with the addresses and what to do."""
    if isinstance(error, OSError) and error.errno in NOT_TO_BE_HAD and error.filename is None:
        asked = {
            "http": settings.http,
            "smtp": settings.smtp,
            "submission": settings.submission,
            "submission-tls": settings.submission_tls,
        }
        given = {name: address for name, address in asked.items() if address is not None}
        wanted = " or ".join(f"{address.host}:{address.port}" for address in given.values())
        flags = " ".join(f"--{name} HOST:PORT" for name in given)
        return f"{wanted}: {os.strerror(error.errno)}. Give others: {flags}"
    return str(error)


def log_to_stderr(style: str) -> None:
    """One event a line; standard output is the banner's."""
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if style == "json"
        else structlog.dev.ConsoleRenderer(colors=False)
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(
        level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s"
    )


async def _serve(settings: Settings) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    settings.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    async with serve(settings, partial(write_keys, settings.data)) as running:
        file = write_running(settings, running) if settings.role == "all" else None
        try:
            print(banner(settings, running), flush=True)
            spare_the_collector()
            await stop.wait()
            print("Stopping: finishing what has begun …", flush=True)
        finally:
            if file is not None:
                file.unlink(missing_ok=True)
    return 0


def spare_the_collector() -> None:
    """What is here at the start stays: to look at it again and again took 4 % of a busy server's time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 50)


def banner(settings: Settings, running: Running) -> str:
    """What runs where, where mail goes, what to try next. No secret is in it."""
    lines = ["", "MultiMail is running.", ""]
    if running.http_port is not None:
        lines.append(f"  API       {running.url}   (docs: {running.url}/docs)")
    if running.smtp_port is not None:
        lines.append(f"  SMTP in   {settings.smtp.host}:{running.smtp_port}")
    if settings.submission and running.submission_port is not None:
        lines.append(
            f"  Submit    {settings.submission.host}:{running.submission_port}   (password: an API key)"
        )
    if settings.submission_tls and running.submission_tls_port is not None:
        lines.append(f"  with TLS  {settings.submission_tls.host}:{running.submission_tls_port}")
    lines.append(
        f"  Mail out  {WHERE_MAIL_GOES[settings.delivery].format(relay=settings.deliver.rpartition('@')[2])}"
    )
    lines.append(f"  Data      {settings.data}")
    if (settings.data / "credentials.env").exists():
        lines += [
            f"  Agent     {settings.data / 'credentials.env'}   keys for your agent",
            f"  Operator  {settings.data / 'operator.env'}   keys for you: keep them from the agent",
            "",
            "Try next, in another terminal:",
            f"  {typed('demo', settings)}",
            f"  {typed('operator sign-in-link', settings)}",
        ]
    return "\n".join([*lines, ""])
