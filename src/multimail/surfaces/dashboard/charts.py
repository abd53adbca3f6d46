"""Charts as numbers for an inline SVG: no script draws them, and no style is inline."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any, Final

WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 720, 220, 34, 24, 10
SERIES: Final = ("sent", "received", "bad")
LABELS: Final = 6


def bars(first: str, last: str, days: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """A stacked bar for each day from `first` to `last`: sent, received, and what failed, bounced or was complained
    about. Coordinates are in a box of `width` by `height`."""
    known = {day["date"]: day for day in days}
    start, end = date.fromisoformat(first), date.fromisoformat(last)
    dates = [start + timedelta(days=number) for number in range((end - start).days + 1)]
    counts = [_counts(known.get(one.isoformat())) for one in dates]
    most = max([1, *(sum(count) for count in counts)])
    top = _round_up(most)
    room, high = WIDTH - LEFT, HEIGHT - BOTTOM - TOP
    each = room / len(dates)
    drawn = []
    for number, (one, count) in enumerate(zip(dates, counts, strict=True)):
        base = float(HEIGHT - BOTTOM)
        for name, amount in zip(SERIES, count, strict=True):
            tall = max(amount / top * high, 1) if amount else 0  # one of a million shows too
            if amount:
                place = {"x": round(LEFT + number * each + each * 0.15, 1), "y": round(base - tall, 1)}
                size = {"width": round(each * 0.7, 1), "height": round(tall, 1)}
                drawn.append(place | size | {"name": name, "title": f"{one.isoformat()}: {amount} {name}"})
            base -= tall
    step = max(1, len(dates) // LABELS)
    labels = [
        {"x": round(LEFT + (number + 0.5) * each, 1), "text": one.strftime("%-d %b")}
        for number, one in enumerate(dates)
        if number % step == 0
    ]
    lines = [
        {"y": round(HEIGHT - BOTTOM - part * high, 1), "text": f"{top * part:g}"} for part in (0, 0.5, 1)
    ]
    return {"width": WIDTH, "height": HEIGHT, "left": LEFT, "bars": drawn, "labels": labels, "lines": lines}


def _counts(day: Mapping[str, Any] | None) -> tuple[int, int, int]:
    if day is None:
        return (0, 0, 0)
    return (day["sent"], day["received"], day["failed"] + day["bounced"] + day["complained"])


def _round_up(most: int) -> int:
    """To 2, 4, 10, 20, 40, 100 …, so that half of it is a whole number too."""
    size = 1
    while True:
        for factor in (2, 4, 10):
            if most <= factor * size:
                return factor * size
        size *= 10
