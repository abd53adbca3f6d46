"""What the desk shows of a change, and how a chart is laid out."""

from hypothesis import given
from hypothesis import strategies as st

from multimail.surfaces.dashboard.charts import HEIGHT, WIDTH, bars
from multimail.surfaces.dashboard.differences import compare, difference

LINES = st.lists(st.sampled_from(["a", "b", "c", ""]), min_size=1, max_size=12)


@given(LINES, LINES)
def test_a_difference_has_all_that_came_and_went(before: list[str], after: list[str]) -> None:
    shown = difference(before, after)
    gone, come = ([text for kind, text in shown if kind == sign] for sign in "-+")
    assert len(before) - len(gone) == len(after) - len(come)
    assert (shown == []) is (before == after)


def test_only_what_is_near_a_change_is_shown() -> None:
    before = [str(number) for number in range(40)]
    after = [*before[:5], "new", *before[6:30], *before[31:]]
    shown = difference(before, after)
    assert ("-", "5") in shown and ("+", "new") in shown and ("-", "30") in shown
    assert (" ", "15") not in shown and (" ", "⋯") in shown


def test_texts_too_long_to_match_are_shown_whole() -> None:
    before, after = ["x"] * 3_000, ["y"] * 10
    assert difference(before, after) == [("-", "x")] * 3_000 + [("+", "y")] * 10


def test_what_is_equal_is_no_part() -> None:
    assert compare("Subject", "a", "a") is None
    part = compare("Subject", "a", "b")
    assert part is not None and part.lines == [("-", "a"), ("+", "b")]


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=60))
def test_every_bar_is_inside_the_chart(counts: list[int]) -> None:
    day = {"received": 1, "failed": 0, "bounced": 2, "complained": 0}
    days = [
        day | {"date": f"2026-01-{number + 1:02}", "sent": sent} for number, sent in enumerate(counts[:31])
    ]
    chart = bars("2026-01-01", "2026-02-28", days)
    for bar in chart["bars"]:
        assert bar["x"] >= 0 and bar["x"] + bar["width"] <= WIDTH and bar["height"] > 0
        assert bar["y"] >= 0 and bar["y"] + bar["height"] <= HEIGHT
    assert len(chart["bars"]) == sum(3 if sent else 2 for sent in counts[:31])
    assert bars("2026-01-01", "2026-01-01", [])["bars"] == []
