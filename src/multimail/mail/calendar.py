"""Invitations and answers to them, as facts: what a text/calendar part says (RFC 5545), and what it asks (RFC 5546).

Nothing is computed: no recurrence is expanded, no time zone resolved. Times are given as written.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from multimail.mail.charsets import one_line, strip_unseen

TYPES: Final = ("text/calendar", "application/ics")
MAX_TEXT: Final = 256 * 1024  # characters read
MAX_EVENTS: Final = 20
MAX_ATTENDEES: Final = 50
MAX_VALUE: Final = 1_000  # characters of one value

_FOLD: Final = re.compile(r"\r?\n[ \t]")  # 3.1
_LINE: Final = re.compile(r'([A-Za-z0-9-]{1,64})((?:;[^:;"]*+(?:"[^"]*+"[^:;"]*+)*+)*+):(.*)')
_PARAMETER: Final = re.compile(r';([A-Za-z0-9-]{1,64})=("[^"]*+"|[^;,"]*+)')
_ESCAPE: Final = re.compile(r"\\([\\;,nN])")  # 3.3.11
_TIME: Final = re.compile(r"(\d{4})(\d\d)(\d\d)(?:T(\d\d)(\d\d)(\d\d)(Z?))?")
_COMPONENTS: Final = {"VEVENT": "event", "VTODO": "task", "VFREEBUSY": "free_busy", "VJOURNAL": "journal"}


@dataclass(slots=True)
class Event:
    """`method` is that of RFC 5546 in small letters: request, reply, cancel, counter, publish, …, or ''.

    `start` and `end` are dates or times, with Z in UTC; else they are in `time_zone`, or local where it is ''.
    `answer` is what the one attendee of a reply says: accepted, declined, tentative, …
    """

    method: str
    kind: str
    uid: str = ""
    summary: str = ""
    start: str = ""
    end: str = ""
    time_zone: str = ""
    location: str = ""
    organizer: str = ""
    organizer_name: str = ""
    attendees: tuple[str, ...] = ()
    answer: str = ""
    status: str = ""
    repeats: str = ""
    sequence: str = ""


def read_calendar(text: str) -> tuple[Event, ...]:
    """The events, tasks and answers of one calendar part, at most 20. Never raises; linear time."""
    events: list[Event] = []
    inside: list[str] = []
    method = ""
    for name, parameters, value in _lines(text):
        if name == "BEGIN":
            inside.append(value.strip().upper())
            if len(inside) == 2 and inside[-1] in _COMPONENTS and len(events) < MAX_EVENTS:
                events.append(Event(method, _COMPONENTS[inside[-1]]))
        elif name == "END":
            if inside:
                inside.pop()
        elif name == "METHOD" and len(inside) == 1:
            method = _clean(value).lower()
            for event in events:
                event.method = method
        elif events and len(inside) == 2 and inside[-1] in _COMPONENTS:  # an alarm within says other things
            _take(events[-1], name, parameters, value)
    return tuple(events)


def _lines(text: str) -> Iterator[tuple[str, str, str]]:
    unfolded = _FOLD.sub("", text[:MAX_TEXT]).replace("\r", "\n")
    for line in unfolded.split("\n"):
        match = _LINE.match(line)
        if match:
            yield match[1].upper(), match[2], match[3]


def _take(event: Event, name: str, parameters: str, value: str) -> None:
    if name in _PLAIN:
        field = _PLAIN[name]
        if not getattr(event, field):
            setattr(event, field, _clean(value))
    elif name in ("DTSTART", "DTEND", "DUE"):
        said = dict(_parameters(parameters))
        if name == "DTSTART":
            event.start, event.time_zone = _time(value), said.get("TZID", "")
        else:
            event.end = _time(value)
    elif name == "STATUS":
        event.status = _clean(value).lower()
    elif name == "ORGANIZER" and not event.organizer:
        event.organizer = _address(value)
        event.organizer_name = dict(_parameters(parameters)).get("CN", "")
    elif name == "ATTENDEE" and len(event.attendees) < MAX_ATTENDEES:
        event.attendees = (*event.attendees, _address(value))
        if event.method in ("reply", "counter") and not event.answer:
            event.answer = dict(_parameters(parameters)).get("PARTSTAT", "").lower()


_PLAIN: Final = {
    "UID": "uid", "SUMMARY": "summary", "LOCATION": "location", "RRULE": "repeats", "SEQUENCE": "sequence",
}  # fmt: skip


def _parameters(source: str) -> Iterator[tuple[str, str]]:
    for match in _PARAMETER.finditer(source):
        yield match[1].upper(), _clean(match[2].strip('"'))


def _time(value: str) -> str:
    """20261121T103000Z as 2026-11-21T10:30:00Z; what is no time as it was written."""
    match = _TIME.match(value.strip())
    if match is None:
        return _clean(value)
    date = f"{match[1]}-{match[2]}-{match[3]}"
    return f"{date}T{match[4]}:{match[5]}:{match[6]}{match[7]}" if match[4] else date


def _address(value: str) -> str:
    return re.sub(r"(?i)^mailto:", "", _clean(value))


def _clean(value: str) -> str:
    value = _ESCAPE.sub(lambda match: " " if match[1] in "nN" else match[1], value[:MAX_VALUE])
    return strip_unseen(one_line(value))[0]
