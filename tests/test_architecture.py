"""The map of the house (ARCHITECTURE.md), enforced: who may import whom, and what each room may do.

The checker reads source text only; it runs nothing. It is tested below on houses with planted faults.
"""

import ast
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

PACKAGE = "multimail"
SOURCE = Path(__file__).parent.parent / "src" / PACKAGE
MAX_LINES = 400

BELOW_OPERATIONS = frozenset({"core", "mail", "net", "storage"})
BELOW_SURFACES = BELOW_OPERATIONS | {"operations", "settings"}
BELOW_APP = BELOW_SURFACES | {"surfaces", "workers", "apart"}

# room → the other rooms it may import from
MAY_IMPORT: Mapping[str, frozenset[str]] = {
    "": frozenset(),  # multimail/__init__.py
    "core": frozenset(),
    "mail": frozenset({"core"}),
    "net": frozenset({"core"}),
    "storage": frozenset({"core"}),
    "settings": frozenset({"core"}),
    "apart": frozenset(),
    "client": frozenset(
        {"core", "operations"}
    ),  # operations for type checkers alone: tests/client sees to that
    "operations": BELOW_OPERATIONS | {"settings"},
    "surfaces": BELOW_SURFACES,
    "workers": BELOW_SURFACES,
    "app": BELOW_APP,
    "contracts": BELOW_APP | {"app"},
    "commands": BELOW_APP | {"app", "client", "contracts"},
    "__main__": frozenset({"commands"}),
}

# What core may not touch, though the standard library has it: the outside world, chance and the clock.
IMPURE_MODULES = frozenset(
    "asyncio concurrent ctypes fcntl ftplib getpass glob http imaplib io locale logging mmap multiprocessing "
    "os pathlib platform poplib pty pwd queue random resource sched secrets select selectors shelve shutil "
    "signal smtplib socket socketserver sqlite3 ssl subprocess syslog tempfile threading time webbrowser "
    "_thread".split()
)
IMPURE_SUBMODULES = frozenset({"urllib.request", "urllib.robotparser"})
IMPURE_BUILTINS = frozenset({"open", "print", "input", "exec", "eval", "__import__"})
IMPURE_ATTRIBUTES = {
    "now": {"datetime", "dt"},
    "utcnow": {"datetime", "dt"},
    "today": {"datetime", "date", "dt"},
    "uuid1": {"uuid"},
    "uuid4": {"uuid"},
}
IMPURE_NAMES = frozenset({"uuid1", "uuid4"})  # as in `from uuid import uuid4`

SQL = re.compile(
    r"\s*(?:(?:SELECT|INSERT|UPDATE|DELETE)\s"
    r"|select\s.+\sfrom\s|insert\s+into\s|update\s+\w+\s+set\s|delete\s+from\s)",
    re.DOTALL,
)


@dataclass(frozen=True)
class Module:
    """One source file: its dotted name without the package (`core.ids`; `core` for `core/__init__.py`)."""

    name: str
    text: str
    is_package: bool
    tree: ast.Module = field(repr=False)

    @property
    def room(self) -> str:
        return self.name.partition(".")[0]


def read_house(root: Path) -> dict[str, Module]:
    modules = {}
    for path in sorted(root.rglob("*.py")):
        parts = list(path.relative_to(root).with_suffix("").parts)
        is_package = parts[-1] == "__init__"
        name = ".".join(parts[:-1] if is_package else parts)
        text = path.read_text()
        modules[name] = Module(name, text, is_package, ast.parse(text, str(path)))
    return modules


def absolute(module: Module, node: ast.ImportFrom) -> str:
    """The full dotted name an import statement starts from, relative ones resolved."""
    if not node.level:
        return node.module or ""
    parts = [PACKAGE, *module.name.split(".")] if module.name else [PACKAGE]
    climb = node.level - 1 if module.is_package else node.level
    base = parts[: len(parts) - climb]
    return ".".join([*base, node.module] if node.module else base)


def imported_names(module: Module) -> Iterator[str]:
    """Everything the module imports, anywhere in it, as full dotted names (`multimail.core.ids.new_id`)."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = absolute(module, node)
            yield from (f"{start}.{alias.name}" for alias in node.names)


def imported_modules(module: Module, house: Mapping[str, Module]) -> set[str]:
    """The modules of the house it imports; a name that is no module counts as the one that holds it."""
    found = set()
    for name in imported_names(module):
        head, _, rest = name.partition(".")
        if head != PACKAGE:
            continue
        while rest and rest not in house:
            rest = rest.rpartition(".")[0]
        found.add(rest)
    return found - {module.name}


def forbidden_arrows(house: Mapping[str, Module]) -> Iterator[str]:
    for module in house.values():
        if module.room not in MAY_IMPORT:
            yield f"{module.name}: no room called {module.room!r} is on the map"
            continue
        for target in sorted(imported_modules(module, house)):
            room = target.partition(".")[0]
            if room not in MAY_IMPORT[module.room] | {module.room, ""}:
                yield f"{module.name} imports {target}: {module.room} may not import {room}"


def cycles(house: Mapping[str, Module]) -> Iterator[str]:
    """Each cycle of imports once, as `a -> b -> a`."""
    edges = {name: sorted(imported_modules(module, house)) for name, module in house.items()}
    done: set[str] = set()

    def walk(name: str, trail: list[str]) -> Iterator[str]:
        if name in trail:
            yield " -> ".join([*trail[trail.index(name) :], name])
        elif name not in done:
            for target in edges[name]:
                yield from walk(target, [*trail, name])
            done.add(name)

    for name in edges:
        yield from walk(name, [])


def impurities(house: Mapping[str, Module]) -> Iterator[str]:
    for module in house.values():
        if module.room != "core":
            continue
        for name in imported_names(module):
            top, _, rest = name.partition(".")
            if top == PACKAGE:
                continue
            if top not in sys.stdlib_module_names:
                yield f"{module.name} imports {name}: core uses the standard library only"
            elif (
                top in IMPURE_MODULES
                or rest in IMPURE_NAMES
                or any(f"{name}.".startswith(f"{impure}.") for impure in IMPURE_SUBMODULES)
            ):
                yield f"{module.name} imports {name}: core is pure"
        yield from (
            f"{module.name}:{line} calls {what}: core is pure" for line, what in impure_calls(module.tree)
        )


def impure_calls(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in IMPURE_BUILTINS:
            yield node.lineno, f"{node.func.id}()"
        elif isinstance(node, ast.Attribute):
            owner = ast.unparse(node.value).rpartition(".")[2]
            if owner in IMPURE_ATTRIBUTES.get(node.attr, ()):
                yield node.lineno, f"{owner}.{node.attr}"


def stray_sql(house: Mapping[str, Module]) -> Iterator[str]:
    for module in house.values():
        if module.room == "storage":
            continue
        prose = {id(node.value) for node in ast.walk(module.tree) if isinstance(node, ast.Expr)}  # docstrings
        for node in ast.walk(module.tree):
            if not (isinstance(node, ast.Constant) and isinstance(node.value, str)):
                continue
            if id(node) not in prose and SQL.match(node.value):
                yield f"{module.name}:{node.lineno}: SQL outside storage"


def too_long(house: Mapping[str, Module]) -> Iterator[str]:
    for module in house.values():
        length = len(module.text.splitlines())
        if length > MAX_LINES and "long because" not in (ast.get_docstring(module.tree) or "").lower():
            yield f"{module.name} has {length} lines and no 'long because …' in its docstring"


CHECKS = (forbidden_arrows, cycles, impurities, stray_sql, too_long)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_the_house_is_as_the_map_says(check) -> None:
    house = read_house(SOURCE)
    assert "core.oversight" in house  # an empty house would pass
    assert list(check(house)) == []


def test_sql_files_are_in_storage_only() -> None:
    rooms = {path.relative_to(SOURCE).parts[0] for path in SOURCE.rglob("*.sql")}
    assert rooms <= {"storage"}


# The checker itself, on houses with one planted fault each.


def build(root: Path, files: Mapping[str, str]) -> dict[str, Module]:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return read_house(root)


SOUND = {
    "__init__.py": '"""docs"""\n__version__ = "1"\n',
    "core/__init__.py": "",
    "core/ids.py": "from datetime import datetime, UTC\ndef at(s): return datetime.fromtimestamp(s, UTC)\n",
    "mail/parse.py": "import email\nfrom multimail.core import ids\nfrom multimail import __version__\n",
    "net/guarded.py": "import aiohttp\nfrom ..core.ids import at\n",
    "storage/emails.py": 'import sqlite3\nfrom multimail.core.ids import at\nQ = "SELECT 1"\n',
    "settings.py": "import os\nfrom multimail.core import ids\n",
    "operations/send.py": (
        '"""SELECT is a word here."""\nfrom multimail import settings\nfrom multimail.mail import parse\n'
        'from multimail.storage.emails import Q\nWORDS = "Delete the mailbox", "DELETE"\n'
    ),
    "surfaces/http.py": "from multimail.operations import send\n",
    "workers/deliver.py": "from multimail.operations.send import WORDS\nimport multimail.net.guarded\n",
    "app.py": "from multimail.surfaces import http\nfrom multimail.workers import deliver\n",
    "commands/__init__.py": "from multimail.app import http\n",
    "__main__.py": "from multimail.commands import http\n",
}

ARROWS = {
    "core/ids.py": "from multimail.mail import parse",
    "core/new.py": "import multimail.settings",
    "mail/new.py": "from multimail.net.guarded import aiohttp",
    "net/new.py": "from ..storage import emails",
    "storage/new.py": "def f():\n    from multimail.operations import send",
    "operations/new.py": "import typing\nif typing.TYPE_CHECKING:\n    from multimail.app import http",
    "surfaces/new.py": "from multimail.workers import deliver",
    "workers/new.py": "from multimail.surfaces.http import send",
    "settings.py": "from multimail import operations, storage\nfrom multimail.storage import emails",
    "app.py": "from . import commands",
    "attic/boxes.py": "",
    "__init__.py": "from multimail.core import ids",
}

IMPURE = (
    "import os",
    "import time",
    "from socket import socket",
    "import os.path",
    "import pydantic",
    "from asyncio import sleep",
    "import urllib.request",
    "from urllib import request",
    "from urllib.request import urlopen",
    "from uuid import uuid4",
    "import uuid\nuuid.uuid4()",
    "from datetime import datetime\ndatetime.now()",
    "import datetime\nclock = datetime.datetime.now",
    "from datetime import date\ndate.today()",
    "open('x')",
    "print('x')",
    "def f():\n    import secrets",
)

STRAY_SQL = (
    'Q = "SELECT id FROM emails"',
    'Q = """\n    INSERT INTO emails VALUES (1)"""',
    't = "emails"\nQ = f"UPDATE {t} SET x = 1"',
    'Q = "delete from emails"',
    'Q = "select id from emails "',
)

CYCLES = (
    {"core/a.py": "from multimail.core import b", "core/b.py": "from . import a"},
    {
        "core/a.py": "from .b import x",
        "core/b.py": "import multimail.core.c",
        "core/c.py": "def f():\n    from .a import y",
    },
)


def test_a_sound_house_passes(tmp_path: Path) -> None:
    house = build(tmp_path, SOUND)
    assert [fault for check in CHECKS for fault in check(house)] == []


@pytest.mark.parametrize("place", ARROWS)
def test_a_forbidden_arrow_is_found(tmp_path: Path, place: str) -> None:
    house = build(tmp_path, {**SOUND, place: ARROWS[place]})
    name = place.removesuffix(".py").removesuffix("__init__").replace("/", ".")
    faults = list(forbidden_arrows(house))
    assert faults
    assert all(fault.startswith(name) for fault in faults)


@pytest.mark.parametrize("files", CYCLES)
def test_a_cycle_is_found(tmp_path: Path, files: dict[str, str]) -> None:
    assert len(list(cycles(build(tmp_path, {**SOUND, **files})))) == 1


@pytest.mark.parametrize("text", IMPURE)
def test_an_impure_core_is_found(tmp_path: Path, text: str) -> None:
    assert list(impurities(build(tmp_path, {**SOUND, "core/new.py": text})))
    assert not list(impurities(build(tmp_path, {**SOUND, "core/new.py": "", "net/new.py": text})))


@pytest.mark.parametrize("text", STRAY_SQL)
def test_sql_outside_storage_is_found(tmp_path: Path, text: str) -> None:
    assert list(stray_sql(build(tmp_path, {**SOUND, "operations/new.py": text})))
    assert not list(stray_sql(build(tmp_path, {**SOUND, "operations/new.py": "", "storage/new.py": text})))


def test_a_long_file_needs_a_reason(tmp_path: Path) -> None:
    body = "x = 1\n" * MAX_LINES
    assert list(too_long(build(tmp_path, {**SOUND, "core/new.py": '"""A table."""\n' + body})))
    assert not list(
        too_long(build(tmp_path, {"core/new.py": '"""Long because it is one table."""\n' + body}))
    )
    assert not list(too_long(build(tmp_path, {"core/new.py": body})))
