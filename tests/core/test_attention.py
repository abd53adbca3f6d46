"""Who is told when: quiet hours over midnight and over a change of the clocks, digests, escalation, expiry."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from multimail.core.attention import Act, Policy, Step, Watcher, Wish, after_quiet, digest_time, steps
from multimail.core.times import HOUR, MINUTE, from_datetime, to_rfc3339

BERLIN = ZoneInfo("Europe/Berlin")
NIGHT = (22 * 60, 7 * 60)


def at(text: str) -> int:
    return from_datetime(datetime.fromisoformat(text).replace(tzinfo=UTC))


def person(**more: object) -> Watcher:
    return Watcher("opr_1", **more)  # type: ignore[arg-type]  # the table's own


@pytest.mark.parametrize(
    ("moment", "quiet", "zone", "until"),
    [
        ("2026-09-21T12:00", None, UTC, "2026-09-21T12:00"),
        ("2026-09-21T12:00", NIGHT, UTC, "2026-09-21T12:00"),
        ("2026-09-21T21:59:59", NIGHT, UTC, "2026-09-21T21:59:59"),
        ("2026-09-21T22:00", NIGHT, UTC, "2026-09-22T07:00"),
        ("2026-09-22T06:59:59", NIGHT, UTC, "2026-09-22T07:00"),
        ("2026-09-22T07:00", NIGHT, UTC, "2026-09-22T07:00"),
        ("2026-09-21T20:30", NIGHT, BERLIN, "2026-09-22T05:00"),
        ("2026-09-21T05:30", NIGHT, BERLIN, "2026-09-21T05:30"),
        ("2026-09-21T12:30", (12 * 60, 13 * 60), UTC, "2026-09-21T13:00"),
        ("2026-09-21T12:30", (9 * 60, 9 * 60), UTC, "2026-09-21T12:30"),  # nothing is quiet
        ("2026-10-24T22:00", NIGHT, BERLIN, "2026-10-25T06:00"),  # the clocks go back in that night
        ("2026-03-28T22:00", NIGHT, BERLIN, "2026-03-29T05:00"),  # and forward in this one
    ],
)
def test_quiet_hours_are_of_the_person_s_own_day(
    moment: str, quiet: tuple[int, int] | None, zone: ZoneInfo, until: str
) -> None:
    assert to_rfc3339(after_quiet(at(moment), person(quiet=quiet, zone=zone))) == to_rfc3339(at(until))


def test_after_quiet_is_never_before() -> None:
    for minute in range(0, 3 * 24 * 60, 7):
        moment = at("2026-10-24T00:00") + minute * MINUTE
        for quiet in (NIGHT, (60, 150), (150, 60), (0, 1439)):
            found = after_quiet(moment, person(quiet=quiet, zone=BERLIN))
            assert moment <= found <= moment + 25 * HOUR


def test_digests_are_at_the_same_times_for_all_that_comes_between() -> None:
    one = person(wish=Wish.DIGEST)
    times = {digest_time(at(f"2026-09-21T10:{minute:02d}"), one) for minute in range(60)}
    assert times == {at("2026-09-21T11:00")}
    assert digest_time(at("2026-09-21T22:30"), person(quiet=NIGHT)) == at("2026-09-22T07:00")


def test_what_an_email_calls_for() -> None:
    since = at("2026-09-21T10:00")
    second = Watcher("opr_2", Wish.NONE)
    third = Watcher("opr_3", Wish.DIGEST)
    policy = Policy(30 * MINUTE, second, 2 * HOUR, chat=True)
    assert steps(since, [person(), second, third], policy) == [
        Step(since, Act.TELL, "opr_1"),
        Step(since, Act.DIGEST, "opr_3"),
        Step(since, Act.CHAT),
        Step(since + 30 * MINUTE, Act.ESCALATE, "opr_2"),
        Step(since + 2 * HOUR, Act.EXPIRE),
    ]
    assert steps(since, [second], Policy(escalate_after=1)) == []


def test_an_escalation_waits_for_the_morning_and_expiry_does_not() -> None:
    since = at("2026-09-21T21:50")
    policy = Policy(30 * MINUTE, Watcher("opr_2", quiet=NIGHT), HOUR)
    found = {step.act: step.at for step in steps(since, [], policy)}
    assert found == {Act.ESCALATE: at("2026-09-22T07:00"), Act.EXPIRE: since + HOUR}


def test_what_was_done_is_remembered_by_person() -> None:
    assert Step(1, Act.TELL, "opr_1").done_as != Step(1, Act.ESCALATE, "opr_1").done_as
    assert Step(1, Act.EXPIRE).done_as == "expire"
