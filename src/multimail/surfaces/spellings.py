"""The three spellings of one operation (contract §6): many names in, one name out. Pure.

Inputs come from the path, the query, the body and what a route pins, under any name that the operation
declares; they leave under the one canonical name. Answers of the routes by name speak of messages.
"""

import types
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Annotated, Any, Final, Union, get_args, get_origin

from pydantic import BaseModel

from multimail.core.errors import Refused
from multimail.operations.operation import Operation

NAMED: Final = 20  # unknown fields that are named in warnings, each cut to
NAME_LENGTH: Final = 64


@dataclass(frozen=True, slots=True)
class Spelling:
    """How one operation may be spelled: each accepted name to its canonical one."""

    names: Mapping[str, str]
    lists: frozenset[str]  # canonical names that take a list and no single string
    droppable: frozenset[str]  # optional ones that take no null: null means that it was left out
    items: Mapping[
        str, frozenset[str]
    ]  # canonical names that take a list of objects: what each object may hold


@dataclass(frozen=True, slots=True)
class Given:
    """Canonical input, and a sentence for each field of the body, or of an object in it, that nobody knows."""

    raw: dict[str, Any]
    warnings: list[str]


def spelling_of(operation: Operation) -> Spelling:
    fields = operation.input.model_fields
    names = {name: name for name in fields} | dict(operation.aliases)
    kinds = {name: set(_kinds(field.annotation)) for name, field in fields.items()}
    return Spelling(
        names=names | {"metadata": "metadata"},  # every operation takes it (contract §6)
        lists=frozenset(name for name, found in kinds.items() if list in found and str not in found),
        droppable=frozenset(
            name
            for name, field in fields.items()
            if not field.is_required() and not kinds[name] & {type(None), Any}
        ),
        items={
            name: frozenset(model.model_fields) | frozenset(getattr(model, "aliases", ()))
            for name, field in fields.items()
            for model in _models(field.annotation)
        },
    )


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    """Those that a list of the annotation, or of a part of it, holds."""
    for part in get_args(annotation):
        if get_origin(annotation) is list and isinstance(part, type) and issubclass(part, BaseModel):
            yield part
        else:
            yield from _models(part)


def _kinds(annotation: Any) -> Iterator[Any]:
    """The types of a union, without their parameters."""
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from _kinds(get_args(annotation)[0])
    elif origin in (Union, types.UnionType):
        for part in get_args(annotation):
            yield from _kinds(part)
    else:
        yield origin or annotation


def normalise(
    spelling: Spelling,
    path: Mapping[str, str],
    query: Mapping[str, Sequence[str]],
    body: Mapping[str, Any],
    pinned: Mapping[str, Any],
) -> Given:
    """Raises Refused("conflicting_fields") that names every input with two different values.

    Unknown names are ignored in the query and reported from the body, those of objects in it by their path. Null
    says the same as nothing where another spelling has a value.
    """
    raw: dict[str, Any] = {}
    conflicts: dict[str, set[str]] = {}
    first: dict[str, str] = {}
    unknown: list[str] = []

    def take(name: str, value: Any) -> None:
        canonical = spelling.names.get(name)
        if canonical is None:
            return
        if value is None and (canonical in spelling.droppable or raw.get(canonical) is not None):
            return
        held = raw.get(canonical)
        if held is not None and not _same(held, value):
            conflicts.setdefault(canonical, {first[canonical]}).add(name)
            return
        if held is None:
            raw[canonical], first[canonical] = value, name

    for name, value in (*pinned.items(), *path.items()):
        take(name, value)
    for name, values in query.items():
        _take_query(spelling, take, name, values)
    for name, value in body.items():
        if name not in spelling.names:
            unknown.append(name)
        take(name, value)
    if conflicts:
        raise _conflict(conflicts)
    unknown += islice(_unknown_in_items(spelling, raw), NAMED)
    return Given(raw, [f"unknown field: {name[:NAME_LENGTH]}" for name in unknown[:NAMED]])


def _unknown_in_items(spelling: Spelling, raw: Mapping[str, Any]) -> Iterator[str]:
    """`attachments.0.priority`, as the paths of field errors are written."""
    for name in raw.keys() & spelling.items.keys():
        if isinstance(raw[name], list):
            for place, item in enumerate(raw[name]):
                if isinstance(item, dict):
                    yield from (
                        f"{name}.{place}.{inner}" for inner in item if inner not in spelling.items[name]
                    )


def _take_query(spelling: Spelling, take: Any, name: str, values: Sequence[str]) -> None:
    """A list may repeat its name; anything else said twice must say the same."""
    if spelling.names.get(name) in spelling.lists:
        take(name, list(values))
    else:
        for value in values:
            take(name, value)


def _conflict(conflicts: Mapping[str, set[str]]) -> Refused:
    fields = [
        {"path": name, "message": f"different values as {' and '.join(sorted(names))}"}
        for name, names in sorted(conflicts.items())
    ]
    sentence = f"{fields[0]['path']} was given {fields[0]['message']}."
    return Refused("conflicting_fields", sentence, fields=fields)


def _same(one: Any, other: Any) -> bool:
    return bool(one == other or _plain(one) == _plain(other))


def _plain(value: Any) -> Any:
    """What a query and a body may write differently: 20 and "20", true and "true", space around text."""
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value).strip() if isinstance(value, str | int | float) else value


# The lens of the routes by name (contract §6c): an email is a message, lists of them are messages.
LISTS: Final = {"emails": "messages", "pending": "messages"}
MESSAGE: Final = {"id": "message_id", "markdown": "body"}
REFERENCE: Final = {"email_id": "message_id"}


def is_email(names: Mapping[str, Any]) -> bool:
    """Of an answer's fields, or of a schema's properties: only emails have a direction and a time."""
    return "direction" in names and "created_at" in names


def as_message(email: Mapping[str, Any]) -> dict[str, Any]:
    """An email as a message: `date` is when it was received, or else created. Other fields are kept."""
    shown = _renamed(email, MESSAGE)
    return shown | {"date": email.get("received_at") or email.get("created_at")}


def by_name(answer: Mapping[str, Any]) -> dict[str, Any]:
    """An answer as the routes by name give it."""
    if is_email(answer):
        return as_message(answer)
    return {LISTS.get(name, name): _nested(value) for name, value in answer.items()}


def _nested(value: Any) -> Any:
    if isinstance(value, list):
        return [_nested(item) for item in value]
    if not isinstance(value, dict) or "event_id" in value:  # an event has one body for all (contract §9)
        return value
    return as_message(value) if is_email(value) else _renamed(value, REFERENCE)


def _renamed(fields: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """Where a field already has the new name, the old one stays as it is."""
    return {name if names.get(name, name) in fields else names[name]: value for name, value in fields.items()}
