"""What is different between two wordings, line by line: for eyes, not for patches."""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Final

LINES: Final = 2_000  # of one side: matching takes time in lines times lines
AROUND: Final = 2  # equal lines shown on each side of a change


@dataclass(frozen=True, slots=True)
class Part:
    """`lines` are (kind, text): + came in, - went, ' ' stayed."""

    name: str
    lines: list[tuple[str, str]]


def compare(name: str, before: str, after: str) -> Part | None:
    """None where nothing is different."""
    if before == after:
        return None
    return Part(name, difference(before.split("\n"), after.split("\n")))


def difference(before: Sequence[str], after: Sequence[str]) -> list[tuple[str, str]]:
    """Texts that are too long to be matched are shown one after the other."""
    if max(len(before), len(after)) > LINES:
        return [("-", line) for line in before] + [("+", line) for line in after]
    found: list[tuple[str, str]] = []
    for group in SequenceMatcher(None, before, after, autojunk=False).get_grouped_opcodes(AROUND):
        if found:
            found.append((" ", "⋯"))
        for kind, a, b, c, d in group:
            if kind == "equal":
                found += [(" ", line) for line in before[a:b]]
            else:
                found += [("-", line) for line in before[a:b]] + [("+", line) for line in after[c:d]]
    return found
