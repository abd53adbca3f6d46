"""Findings: what was noticed about an email, for whoever reads or decides. Never by a model, always with a reason."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Place:
    """Where in an email: `part` is subject, markdown, html or a file's name; `start` and `end` count characters of
    it, `line` its lines from 1."""

    part: str
    line: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Finding:
    """`kind` is a stable word, `detail` a sentence that may quote strangers."""

    kind: str
    detail: str
    place: Place | None = None

    def told(self) -> dict[str, Any]:
        """As an email shows it."""
        return {"kind": self.kind, "detail": self.detail, "place": self.place and asdict(self.place)}
