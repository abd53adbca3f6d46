"""The documents that the product was ordered with, and the code in them.

They lie beside the repository, in ../shared/seeds, and are never copied into it. They are web pages saved as text:
what their colouring of comments and quotes left behind is undone here, and nothing else is changed but what a test
says with `replace` (hosts, keys, ids, models).
"""

import ast
import html
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import CodeType
from typing import Final

import pytest

SEEDS: Final = Path(__file__).parents[2].parent / "shared" / "seeds"
LABELS: Final = ("python", "typescript", "bash")
END: Final = re.compile(r"\d+|Common questions|" + "|".join(LABELS))
ADDRESS: Final = "[email\xa0protected]"  # what stands where the page had an email address
SENTENCE: Final = re.compile(r"[A-Z][^\n]*\.")


@dataclass(frozen=True)
class Block:
    """One block of code; `language` goes by what it contains, not by its label."""

    document: str
    line: int
    text: str
    language: str

    def compiled(self) -> CodeType:
        return compile(self.text, f"{self.document}:{self.line}", "exec")


@dataclass(frozen=True)
class Document:
    name: str
    text: str
    blocks: tuple[Block, ...]

    def replace(self, words: Mapping[str, str]) -> "Document":
        """With `words` replaced in all blocks. Fails for one that is nowhere: then the document has changed."""
        blocks = self.blocks
        for old, new in words.items():
            assert any(old in block.text for block in blocks), f"{self.name} says {old!r} nowhere"
            blocks = tuple(replace(block, text=block.text.replace(old, new)) for block in blocks)
        return replace(self, blocks=blocks)

    def with_(self, *words: str) -> Block:
        """The one block that contains all of `words`."""
        (found,) = (block for block in self.blocks if all(word in block.text for word in words))
        return found

    def in_(self, language: str) -> list[Block]:
        return [block for block in self.blocks if block.language == language]


def read_document(name: str) -> Document:
    """Skips the test where the documents are absent."""
    path = SEEDS / f"{name}.txt"
    if not SEEDS.exists():
        pytest.skip("needs shared/seeds beside the repository")
    text = clean(path.read_text())
    return Document(name, text, tuple(find_blocks(name, text)))


def clean(text: str) -> str:
    """Undoes what the pages' colouring of code left: `"cm">` before comments, inside URLs and inside entities."""
    return html.unescape(text.replace('"cm">', ""))


def find_blocks(name: str, text: str) -> list[Block]:
    """A block starts after a line that is a label, and ends before a step's number, the next label or heading, or
    a sentence that is a paragraph of its own."""
    lines = text.splitlines()
    blocks = []
    for number, label in enumerate(lines):
        if label in LABELS:
            end = next(
                (at for at in range(number + 1, len(lines)) if _ends(lines, at, number + 1)), len(lines)
            )
            code = "\n".join(lines[number + 1 : end]).strip() + "\n"
            blocks.append(Block(name, number + 2, code, language_of(label, code)))
    return blocks


def _ends(lines: list[str], at: int, start: int) -> bool:
    around = [lines[place] if start <= place < len(lines) else "" for place in (at - 1, at + 1)]
    alone = not any(line.strip() for line in around)
    return bool(END.fullmatch(lines[at]) or (alone and SENTENCE.fullmatch(lines[at])))


def language_of(label: str, code: str) -> str:
    if label == "typescript":
        return label
    try:
        ast.parse(code)
    except SyntaxError:
        return "shell"
    return "python"
