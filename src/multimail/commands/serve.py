"""`multimail serve`: the product in one process, or one role of it."""

import argparse
import asyncio
import logging
import os
import signal
import sys
from pathlib import Path
from typing import Final

import structlog
import uvloop

from multimail.app import Running, serve
from multimail.operations.operators import FirstKeys
from multimail.settings import SETTINGS, Settings, read_settings
from multimail.storage.migrate import SchemaTooNew

WHERE_MAIL_GOES: Final = {
    "sandbox": "into the sandbox: nothing leaves this machine",
    "mx": "to the recipients' mail servers (MX)",
    "relay": "to the relay {relay}",
}


def add(parser: argparse.ArgumentParser) -> None:
    """A flag for each setting; the same as the MULTIMAIL_… variable named in its help."""
    for setting in SETTINGS:
        text = f"{setting.help} [{setting.variable}{f', default {setting.default}' if setting.default else ''}]"
        parser.add_argument(f"--{setting.name}", help=text.replace("%", "%%"), metavar="…")


def run(arguments: argparse.Namespace) -> int:
    given = {s.name: getattr(arguments, s.name.replace("-", "_")) or "" for s in SETTINGS}
    settings = read_settings(given)
    log_to_stderr(settings.log)
    try:
        return uvloop.run(_serve(settings))
    except (OSError, SchemaTooNew) as error:
        print(f"multimail: {error}", file=sys.stderr)
        return 1


def log_to_stderr(style: str) -> None:
    """One event a line; standard output is the banner's."""
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer() if style == "json" else structlog.dev.ConsoleRenderer(colors=False)
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
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s")


async def _serve(settings: Settings) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    settings.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    async with serve(settings) as running:
        if running.first_keys is not None:
            write_keys(settings.data, running.url, running.first_keys)
        print(banner(settings, running), flush=True)
        await stop.wait()
        print("Stopping: finishing what has begun …", flush=True)
    return 0


def write_keys(data: Path, url: str, keys: FirstKeys) -> None:
    """The two files of the first run: one for the agent, one for the human, readable by their owner alone."""
    _write_secret(
        data / "credentials.env",
        MULTIMAIL_URL=url,
        MULTIMAIL_ADDRESS=keys.address,
        MULTIMAIL_MAILBOX_ID=keys.mailbox_id,
        MULTIMAIL_API_KEY=keys.api_key,
        MULTIMAIL_TEST_KEY=keys.test_key,
    )
    _write_secret(
        data / "operator.env",
        MULTIMAIL_URL=url,
        MULTIMAIL_OVERSIGHT_KEY=keys.oversight_key,
        MULTIMAIL_ADMIN_KEY=keys.admin_key,
    )


def _write_secret(path: Path, **values: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.fchmod(descriptor, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.writelines(f"{name}={value}\n" for name, value in values.items())
        file.flush()
        os.fsync(file.fileno())


def banner(settings: Settings, running: Running) -> str:
    """What runs where, where mail goes, what to try next. No secret is in it."""
    lines = ["", "MultiMail is running.", ""]
    if running.http_port is not None:
        lines.append(f"  API       {running.url}   (docs: {running.url}/docs)")
    if running.smtp_port is not None:
        lines.append(f"  SMTP in   {settings.smtp.host}:{running.smtp_port}")
    lines.append(f"  Mail out  {WHERE_MAIL_GOES[settings.delivery].format(relay=settings.deliver.rpartition('@')[2])}")
    lines.append(f"  Data      {settings.data}")
    if (settings.data / "credentials.env").exists():
        lines += [
            f"  Agent     {settings.data / 'credentials.env'}   keys for your agent",
            f"  Operator  {settings.data / 'operator.env'}   keys for you: keep them from the agent",
            "",
            "Try next, in another terminal:",
            f"  multimail demo --data {settings.data}",
            f"  multimail operator --data {settings.data} sign-in-link",
        ]
    return "\n".join([*lines, ""])
