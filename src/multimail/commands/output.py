"""Answers: tables for a terminal, JSON when piped. Nothing in an answer steers a terminal."""

import argparse
import json
import shutil
import sys
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any, Final

from multimail.commands.flags import plain

# What a table shows of a thing, the first that there is room for; of a thing that has none of these, its first fields.
COLUMNS: Final = (
    "id", "thread_id", "address", "email", "name", "oversight_mode", "kind", "type", "pattern", "url", "action",
    "from", "to", "subject", "status", "scopes", "plan", "mailbox_ids", "shown", "events", "reason", "at",
    "last_activity", "received_at", "created_at", "last_used_at", "direction",
)  # fmt: skip
BODIES: Final = ("markdown", "text", "quoted", "html")
WIDTHS: Final = (
    48,
    36,
    26,
    18,
)  # cells of the widest column: the first that lets all columns in, or the last
LEAST: Final = 6  # cells that are worth a column at the end
GAP: Final = 2


def add_output(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="Print JSON on a terminal, too.")
    parser.add_argument(
        "--select",
        metavar="a,b.c",
        type=lambda text: tuple(part.strip() for part in text.split(",") if part.strip()),
        default=(),
        help="Only these fields, of each item where the answer is a list.",
    )


def wants_json(arguments: argparse.Namespace) -> bool:
    return bool(arguments.json) or not sys.stdout.isatty()


def show(answer: Any, arguments: argparse.Namespace) -> None:
    """An answer of the API, whole or as selected."""
    chosen = select(answer, arguments.select) if arguments.select else answer
    if wants_json(arguments):
        print_json(chosen, indent=1)
    else:
        print(human(chosen, shutil.get_terminal_size().columns, fixed=bool(arguments.select)))


def print_json(value: Any, indent: int | None = None) -> None:
    """On a terminal every character that could steer it is escaped."""
    print(
        json.dumps(value, indent=indent, ensure_ascii=sys.stdout.isatty()).replace("\x7f", "\\u007f"),
        flush=True,
    )


def select(answer: Any, paths: Sequence[str]) -> Any:
    """Path → value, of the answer or of each item of its list; null where there is nothing at that path."""
    items = list_of(answer)
    if items is not None and not any(path.partition(".")[0] in answer for path in paths):
        return [{path: _at(item, path) for path in paths} for item in items]
    return {path: _at(answer, path) for path in paths}


def _at(value: Any, path: str) -> Any:
    for part in path.split("."):
        if isinstance(value, Mapping):
            value = value.get(part)
        elif isinstance(value, list) and part.isdecimal():
            value = value[int(part)] if int(part) < len(value) else None
        else:
            return None
    return value


def list_of(answer: Any) -> list[Any] | None:
    """The list of an answer that is a page: one list, and no fields beside it but those of paging."""
    if not isinstance(answer, Mapping):
        return answer if isinstance(answer, list) else None
    lists = [value for value in answer.values() if isinstance(value, list)]
    others = {name for name, value in answer.items() if not isinstance(value, list)} - {"cursor", "warnings"}
    return lists[0] if len(lists) == 1 and not others else None


def human(answer: Any, width: int, *, fixed: bool = False) -> str:
    """A table for a list, lines of names and values for one thing. `fixed`: all fields, in their order."""
    items = list_of(answer)
    if items is None:
        return _thing(answer) if isinstance(answer, Mapping) else plain(answer)
    if not items:
        return "Nothing."
    if not all(isinstance(item, Mapping) for item in items):
        return "\n".join(plain(item) for item in items)
    text = table(items, width, list(items[0]) if fixed else None)
    more = isinstance(answer, Mapping) and answer.get("cursor")
    return f"{text}\n(there is more: --cursor {plain(more)}, or --all)" if more else text


def table(items: Sequence[Mapping[str, Any]], width: int, columns: list[str] | None = None) -> str:
    columns = columns or _columns(items)
    rows = [[column.upper() for column in columns]]
    rows += [[_cell(item.get(column)) for column in columns] for item in items]
    whole = [max(cells(row[place]) for row in rows) for place in range(len(columns))]
    limits = (_limited(columns, whole, widest) for widest in WIDTHS)
    widths = next((one for one in limits if _fitting(one, width) == len(columns)), None)
    widths = widths or _limited(columns, whole, WIDTHS[-1])
    count = _fitting(widths, width)
    left = width - sum(widths[:count]) - GAP * count
    if count < len(widths) and left >= LEAST:
        widths[count] = left
        count += 1
    shown = range(count)
    return "\n".join(
        (" " * GAP).join(_padded(_cut(row[place], widths[place]), widths[place]) for place in shown).rstrip()
        for row in rows
    )


def _limited(columns: Sequence[str], widths: Sequence[int], widest: int) -> list[int]:
    """An id is of no use but whole."""
    return [
        width if column.endswith("id") else min(width, widest)
        for column, width in zip(columns, widths, strict=True)
    ]


def _columns(items: Sequence[Mapping[str, Any]]) -> list[str]:
    """`thread_id` only where it is what a thing is called."""
    known = [name for name in COLUMNS if any(item.get(name) not in (None, "", []) for item in items)]
    if "id" in known and "thread_id" in known:
        known.remove("thread_id")
    scalar = [name for name, value in items[0].items() if not isinstance(value, list | dict)]
    return known or scalar[:5] or list(items[0])[:5]


def _fitting(widths: Sequence[int], width: int) -> int:
    """How many columns there is room for; one at least."""
    used = 0
    for count, cell in enumerate(widths):
        used += cell + (GAP if count else 0)
        if used > width and count:
            return count
    return len(widths)


def _thing(answer: Mapping[str, Any]) -> str:
    """Bodies come last, as they are."""
    short = {name: value for name, value in answer.items() if name not in BODIES}
    wide = max(map(len, short), default=0)
    lines = [f"{name:<{wide}}  {_cell(value)}" for name, value in short.items()]
    for name in BODIES:
        if answer.get(name) and (name == "markdown" or not answer.get("markdown")):
            lines += ["", *map(plain, str(answer[name]).splitlines())]
    return "\n".join(lines)


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list) and not any(isinstance(item, Mapping | list) for item in value):
        return plain(", ".join(map(str, value))) or "-"
    return plain(json.dumps(value, ensure_ascii=False) if isinstance(value, Mapping | list) else value)


def cells(text: str) -> int:
    """How wide a terminal shows it (Unicode TR 11: wide characters take two cells, marks none)."""
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1
        for char in text
    )


def _cut(text: str, width: int) -> str:
    if cells(text) <= width:
        return text
    while cells(text) > width - 1:
        text = text[:-1]
    return text + "…"


def _padded(text: str, width: int) -> str:
    return text + " " * (width - cells(text))
