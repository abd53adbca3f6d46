"""What invitations say, as facts."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multimail.mail.calendar import MAX_ATTENDEES, MAX_EVENTS, read_calendar
from multimail.mail.parse import parse

REQUEST = """BEGIN:VCALENDAR
PRODID:-//Microsoft Corporation//Outlook 16.0 MIMEDIR//EN
VERSION:2.0
METHOD:REQUEST
BEGIN:VTIMEZONE
TZID:W. Europe Standard Time
BEGIN:STANDARD
DTSTART:16010101T030000
TZOFFSETFROM:+0200
END:STANDARD
END:VTIMEZONE
BEGIN:VEVENT
ATTENDEE;CN="Bob; B";RSVP=TRUE:mailto:bob@b.example
ORGANIZER;CN="Ann:A":MAILTO:ann@a.example
DTSTART;TZID="W. Europe Standard Time":20261121T103000
DTEND;TZID="W. Europe Standard Time":20261121T113000
LOCATION:Room 4\\, upstairs
SUMMARY;LANGUAGE=en:A rather long summary that is folded over the
  line
UID:040000008200E00074C5B7101A82E008
RRULE:FREQ=WEEKLY;COUNT=3
STATUS:CONFIRMED
SEQUENCE:2
BEGIN:VALARM
TRIGGER:-PT15M
SUMMARY:Reminder
END:VALARM
END:VEVENT
END:VCALENDAR
"""


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_a_request(newline: str) -> None:
    (event,) = read_calendar(REQUEST.replace("\n", newline))
    assert (event.method, event.kind, event.status, event.sequence) == ("request", "event", "confirmed", "2")
    assert event.summary == "A rather long summary that is folded over the line"
    assert (event.start, event.end) == ("2026-11-21T10:30:00", "2026-11-21T11:30:00")
    assert (event.time_zone, event.location) == ("W. Europe Standard Time", "Room 4, upstairs")
    assert (event.organizer, event.organizer_name, event.attendees) == (
        "ann@a.example",
        "Ann:A",
        ("bob@b.example",),
    )
    assert event.repeats == "FREQ=WEEKLY;COUNT=3"


def test_a_reply_tells_the_answer_and_a_day_is_a_day() -> None:
    (event,) = read_calendar(
        "BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:1\nDTSTART;VALUE=DATE:20261224\n"
        "ATTENDEE;PARTSTAT=DECLINED:mailto:bob@b.example\nEND:VEVENT\nMETHOD:REPLY\nEND:VCALENDAR"
    )
    assert (event.method, event.start) == ("reply", "2026-12-24")
    (event,) = read_calendar(
        "BEGIN:VCALENDAR\nMETHOD:REPLY\nBEGIN:VEVENT\nDTSTART:20261224T080000Z\n"
        "ATTENDEE;PARTSTAT=DECLINED:mailto:bob@b.example\nEND:VEVENT\nEND:VCALENDAR"
    )
    assert (event.answer, event.start) == ("declined", "2026-12-24T08:00:00Z")


def test_the_part_is_told_once_though_it_is_there_twice() -> None:
    raw = (
        "Content-Type: multipart/mixed; boundary=a\n\n--a\nContent-Type: multipart/alternative; boundary=b\n\n"
        f"--b\nContent-Type: text/plain\n\nJoin us\n--b\nContent-Type: text/calendar; method=REQUEST\n\n{REQUEST}"
        "\n--b--\n"
        f'--a\nContent-Type: application/ics; name="invite.ics"\n\n{REQUEST}\n--a--\n'
    )
    message = parse(raw.encode())
    assert message.markdown == "Join us" and len(message.calendar) == 1
    assert [part.name for part in message.attachments] == ["attachment-1.ics", "invite.ics"]


def test_strangers_words_are_bounded_and_bare() -> None:
    (event,) = read_calendar(
        "BEGIN:VCALENDAR\nBEGIN:VEVENT\nSUMMARY:a\u200bb\u202ec\x07"
        + "x" * 5_000
        + "\nDTSTART:tomorrow\n"
        + "ATTENDEE:mailto:a@b.example\n" * 100
    )
    assert event.summary.startswith("abc ") or event.summary.startswith("abcx")
    assert len(event.summary) <= 1_000 and event.start == "tomorrow" and len(event.attendees) == MAX_ATTENDEES
    assert len(read_calendar("BEGIN:VCALENDAR\n" + "BEGIN:VEVENT\nEND:VEVENT\n" * 100)) == MAX_EVENTS


@pytest.mark.parametrize(
    "piece", ["BEGIN:VEVENT\n", "A;", 'A;B="', "A;B=:", "\n ", "A" * 64, "ATTENDEE:a\n", "\\n"]
)
def test_hostile_calendars_cost_little(piece: str) -> None:
    began = time.process_time()
    read_calendar("BEGIN:VCALENDAR\nBEGIN:VEVENT\n" + piece * (2_000_000 // len(piece)))
    assert time.process_time() - began < 2


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.sampled_from([*REQUEST.splitlines(keepends=True), "BEGIN:", "END:VEVENT\n", ";=:", '"', "\r", " "])
    )
)
def test_any_lines_are_read(lines: list[str]) -> None:
    for event in read_calendar("".join(lines)):
        assert "\n" not in event.summary
