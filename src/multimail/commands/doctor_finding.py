"""What a check of `multimail doctor` finds."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    GOOD = "ok"
    WARNING = "warning"
    BAD = "wrong"


@dataclass(frozen=True, slots=True)
class Finding:
    """`fix` is what to do about it, "" where nothing is to be done."""

    check: str
    level: Level
    said: str
    fix: str = ""


def good(check: str, said: str) -> Finding:
    return Finding(check, Level.GOOD, said)


def warning(check: str, said: str, fix: str) -> Finding:
    return Finding(check, Level.WARNING, said, fix)


def bad(check: str, said: str, fix: str) -> Finding:
    return Finding(check, Level.BAD, said, fix)
