"""Style sheets of a mail: which rules speak of an element, as far as rules can hide it (Selectors 4, CSS Cascade 4).

What depends on the reader's screen or on what they do is not followed; what stands for `every reader` is. Siblings
and positions are taken to match: a rule that hides one of them may be said to hide the others.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from multimail.mail.css_values import declarations, resolved

MAX_RULES: Final = 2_000
MAX_CHECKS: Final = 250_000  # rules that are looked at for elements, over a whole mail
EACH: Final = 8  # what an element costs beside its rules
MAX_CHAIN: Final = 8
_RELEVANT: Final = re.compile(
    r"display|visib|opacity|font|color|background|width|height|clip|transform|filter|position|left|top|right|bottom"
    r"|indent|margin|content-v|--"
)
_COMMENT = re.compile(r"/\*(?:[^*]++|\*(?!/))*+(?:\*/|\Z)|<!--|-->")
_PIECE = re.compile(
    r"([.#]?(?:[\w-]|[^\x00-\x7f]){1,100}|\*)|\[\s*([\w-]{1,50})\s*(?:([~|^$*]?=)\s*[\"']?([^\"'\]]{0,100})[\"']?\s*[is]?\s*)?\]"
    r"|(::?[\w-]{1,50}(?:\([^()]{0,200}\))?)"
)
_ESCAPE = re.compile(r"\\([0-9a-f]{1,6})\s?")
_COMBINATOR = re.compile(r"\s*([>+~])\s*|\s+")
_STRUCTURAL = (
    "not",
    "nth",
    "first",
    "last",
    "only",
    "is",
    "where",
    "root",
    "link",
    "any-link",
    "empty",
    "has",
    "lang",
)
_WIDTH = re.compile(r"\((min|max)-(?:device-)?width\s*:\s*(\d{1,6})(?:\.\d+)?(px|em|rem)?\)")

Marks = frozenset[str]
"""What selectors can say of an element: its name, '.class', '#id', '[attribute]', '[attribute=value]', '*'."""


@dataclass(frozen=True, slots=True)
class Rule:
    """`target` is what the element has to be, `above` what elements around it are, from the inside out."""

    target: Marks
    above: tuple[Marks, ...]
    weight: tuple[int, int, int, int]
    usual: Mapping[str, str]
    important: Mapping[str, str]


class Sheets:
    """All style sheets of a mail."""

    def __init__(self, sheets: Iterable[str]) -> None:
        self.rules: defaultdict[str, list[Rule]] = defaultdict(list)
        self.variables: dict[str, str] = {}
        self.checks = self._number = 0
        self._cut = False
        for sheet in sheets:
            self._read(_COMMENT.sub("", sheet).lower())

    @property
    def unread(self) -> bool:
        """Whether there was more than is followed."""
        return self._cut or self.checks > MAX_CHECKS

    @property
    def speak(self) -> bool:
        """Whether there are rules, and still are followed."""
        return bool(self.rules) and self.checks <= MAX_CHECKS

    @cached_property
    def by_attribute(self) -> bool:
        return any(mark.startswith("[") for mark in self.rules)

    def _read(self, sheet: str) -> None:
        """Blocks in linear time; rules inside what holds for every reader count as if they stood outside."""
        followed = [True]
        start = 0
        for brace in re.finditer(r"[{};]", sheet):
            if brace[0] == "{":
                head = sheet[start : brace.start()].strip()
                if head.startswith("@"):
                    followed.append(followed[-1] and _for_everyone(head))
                else:
                    if followed[-1]:
                        body = sheet.find("}", brace.end())
                        self._rules(head, sheet[brace.end() : body if body >= 0 else len(sheet)])
                    followed.append(False)  # what is inside is declarations
            elif brace[0] == "}" and len(followed) > 1:
                followed.pop()
            start = brace.end()

    def _rules(self, selectors: str, body: str) -> None:
        if not _RELEVANT.search(body):
            return
        usual, important = declarations(body)
        for name, value in (usual | important).items():
            if name.startswith("--"):
                self.variables[name] = value
        for selector in selectors[:4_000].split(","):
            if self._number >= MAX_RULES:
                self._cut = True
                return
            self._number += 1
            compounds = compounds_of(selector.strip())
            if not compounds:
                continue
            target, *above = compounds
            weigh = [mark for compound in compounds for mark in compound]
            ids = sum(mark.startswith("#") for mark in weigh)
            classes = sum(mark.startswith((".", "[")) for mark in weigh)
            names = len(weigh) - ids - classes - weigh.count("*")
            rule = Rule(target, tuple(above), (ids, classes, names, self._number), usual, important)
            self.rules[min(target, key=lambda mark: ("#.[".find(mark[0]) % 4, mark == "*", mark))].append(
                rule
            )

    def matching(self, marks: Marks, around: Sequence[Marks] | None) -> list[Rule] | None:
        """The rules for an element, the weakest first; `around` are the elements around it, the innermost last. None
        where that decides, and it is not given."""
        found: list[Rule] = []
        self.checks += EACH
        for mark in marks:
            for rule in self.rules.get(mark, ()):
                self.checks += 1
                if self.checks > MAX_CHECKS:
                    return found
                if rule.target <= marks:
                    if rule.above and around is None:
                        return None
                    if not rule.above or self._are_around(rule.above, around or ()):
                        found.append(rule)
        return sorted(found, key=lambda rule: rule.weight)

    def _are_around(self, above: Sequence[Marks], around: Sequence[Marks]) -> bool:
        at = len(around)
        for compound in above:
            while at:
                at -= 1
                self.checks += 1
                if compound <= around[at]:
                    break
            else:
                return False
        return True

    def cascade(self, rules: Sequence[Rule], inline: str) -> dict[str, str]:
        """What counts in the end, by property."""
        usual, important = declarations(inline) if inline else ({}, {})
        said: dict[str, str] = {}
        for rule in rules:
            said.update(rule.usual)
        said.update(usual)
        for rule in rules:
            said.update(rule.important)
        said.update(important)
        variables = self.variables | {name: value for name, value in said.items() if name.startswith("--")}
        return {name: resolved(value, variables) for name, value in said.items()} if variables else said


def marks_of(name: str, attributes: Mapping[str, str], with_attributes: bool) -> Marks:
    marks = {"*", name}
    marks.update("." + one for one in attributes.get("class", "").lower().split()[:50])
    if own := attributes.get("id", "").lower():
        marks.add("#" + own)
    if with_attributes:
        for attribute, value in list(attributes.items())[:50]:
            marks |= {f"[{attribute}]", f"[{attribute}={value.lower()}]"}
    return frozenset(marks)


def compounds_of(selector: str) -> list[Marks]:
    """What a selector asks for, the element itself first; [] for what is never so, or can't be read."""
    compounds: list[Marks] = []
    selector = _ESCAPE.sub(lambda one: chr(min(int(one[1], 16), 0x10FFFF)), selector).lower()
    at, end = 0, len(selector)
    while at < end and len(compounds) < MAX_CHAIN:
        marks: set[str] = set()
        start = at
        while piece := _PIECE.match(selector, at):
            at = piece.end()
            if piece[5] and not piece[5].lstrip(":").startswith(_STRUCTURAL):
                return []  # :hover, ::before
            if mark := piece[1] or _attribute(piece):
                marks.add(mark)
        if not marks and at == start:
            return []
        compounds.append(frozenset(marks or {"*"}))
        combinator = _COMBINATOR.match(selector, at)
        if combinator is None:
            break
        if combinator[1] in ("+", "~") and compounds.pop() == {"u"}:
            return []  # how Gmail alone is told: `u + .body`
        at = combinator.end()
    ends = at == end and not selector.endswith((">", "+", "~"))
    return compounds[::-1] if ends else []


def _attribute(piece: re.Match[str]) -> str:
    name, operator, value = piece[2], piece[3], piece[4]
    if not name:
        return ""
    if operator in ("=", "~=") and name in ("class", "id"):
        return ("." if name == "class" else "#") + value.strip()
    return f"[{name}={value.strip()}]" if operator == "=" else f"[{name}]"


def _for_everyone(head: str) -> bool:
    """Whether an at-rule holds for every reader: no narrow screen, no dark one, no printer."""
    name, _, condition = head.partition(" ") if not head.startswith("@media(") else ("@media", "", head[6:])
    if name in ("@supports", "@layer", "@container", "@scope"):
        return True
    if name != "@media":
        return False
    return any(_any_screen(query) for query in condition.split(","))


def _any_screen(query: str) -> bool:
    for side, number, unit in _WIDTH.findall(query):
        pixels = int(number) * (16 if unit and unit != "px" else 1)
        if pixels > 320 if side == "min" else pixels < 3_000:
            return False
    words = _WIDTH.sub("", query).split()
    return set(words) <= {"all", "screen", "only", "and"}
