"""`multimail approve`: what waits for a person, one at a time and whole, and the decision on it."""

import argparse
import os
import sys

from multimail.client import AsyncMultiMail
from multimail.commands.flags import complain
from multimail.commands.remote import add_server


def add(parser: argparse.ArgumentParser) -> None:
    parser.epilog = (
        "The key is MULTIMAIL_OVERSIGHT_KEY, or else MULTIMAIL_API_KEY: one with the scope oversight. An approval by "
        "key counts at once; only the desk in the browser can take one back within five seconds."
    )
    add_server(parser)


def run(arguments: argparse.Namespace) -> int:
    try:
        from multimail.commands.approve_screen import Queue
    except ImportError:
        return complain("the full-screen queue needs textual: pip install textual")
    key = os.environ.get("MULTIMAIL_OVERSIGHT_KEY") or os.environ.get("MULTIMAIL_API_KEY")
    if not key:
        return complain("set MULTIMAIL_OVERSIGHT_KEY, for example: set -a; . data/operator.env; set +a")
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return complain("it needs a terminal; list-pending and decide-email do without")
    Queue(AsyncMultiMail(key, arguments.server)).run()
    return 0
