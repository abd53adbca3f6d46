"""What was measured, as a table to read and JSON to keep."""

import json
import platform
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.machine import cores


@dataclass(slots=True)
class Figure:
    """One side of one row: a value, or why there is none."""

    value: float | None = None
    failure: str = ""

    def __str__(self) -> str:
        if self.value is None:
            return "failed" if self.failure else "–"
        return f"{self.value:,.0f}" if self.value >= 100 else f"{self.value:,.2f}"


@dataclass(slots=True)
class Row:
    """`other` is Postfix, or what `other_name` says; `goal` bounds the ratio product / other."""

    key: str
    what: str
    unit: str
    product: Figure
    other: Figure
    goal: str = ">= 1"
    other_name: str = "postfix"

    @property
    def ratio(self) -> float | None:
        if self.product.value is None or not self.other.value:
            return None
        return self.product.value / self.other.value

    @property
    def reached(self) -> bool | None:
        """Whether the goal is met; None when it cannot be told."""
        if self.ratio is None or not self.goal:
            return None
        sign, _, bound = self.goal.partition(" ")
        return self.ratio >= float(bound) if sign == ">=" else self.ratio <= float(bound)


def show(rows: list[Row]) -> str:
    """The table, then each failure in its own words."""
    lines = [f"{'':6}{'':58}{'product':>10}{'postfix':>10}{'ratio':>8}  goal"]
    for row in rows:
        ratio = f"{row.ratio:.2f}" if row.ratio is not None else "–"
        verdict = {True: "reached", False: "MISSED", None: ""}[row.reached]
        beside = "" if row.other_name == "postfix" else f" (beside: {row.other_name})"
        lines.append(
            f"{row.key:6}{row.what + ', ' + row.unit:58}{row.product!s:>10}{row.other!s:>10}{ratio:>8}"
            f"  {row.goal:8} {verdict}{beside}".rstrip()
        )
    for row in rows:
        for side, figure in (("product", row.product), (row.other_name, row.other)):
            if figure.failure:
                lines.append(f"{row.key} {row.what}: {side} has no figure: {figure.failure}")
    return "\n".join(lines)


def save(rows: list[Row], path: Path) -> None:
    record = {
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "cores": cores(),
        "python": platform.python_version(),
        "kernel": platform.release(),
        "rows": [asdict(row) | {"ratio": row.ratio, "reached": row.reached} for row in rows],
    }
    path.write_text(json.dumps(record, indent=2) + "\n")
