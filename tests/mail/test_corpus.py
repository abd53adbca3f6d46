"""The corpus of the project's own: every message is read as its description says."""

import json
from typing import Any

import pytest

from multimail.mail.parse import parse
from tests.corpus import make

EXPECTED: dict[str, Any] = json.loads((make.FOLDER / "expected.json").read_text())


def test_the_files_are_what_the_descriptions_say() -> None:
    described = {mail.name: mail for mail in make.all_mails()}
    assert len(described) >= 150 and len(described) == len(make.all_mails())
    assert {path.stem for path in make.FOLDER.glob("*.eml")} == set(described) == set(EXPECTED)
    for name, mail in described.items():
        assert (make.FOLDER / f"{name}.eml").read_bytes() == mail.raw, name
        assert json.loads(json.dumps(make.expected(mail))) == EXPECTED[name], name


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_read(name: str) -> None:
    expected, message = EXPECTED[name], parse((make.FOLDER / f"{name}.eml").read_bytes())
    assert message.markdown == expected["markdown"]
    assert (message.subject, message.from_.address) == (expected["subject"], expected["sender"])
    assert expected["quoted"] in message.quoted
    assert message.signature == expected["signature"]
    for text in expected["hidden"]:
        assert any(text in report for report in message.hidden)
    assert bool(message.hidden) == bool(expected["hidden"]) or name in ("file-rtl-override",)
    assert [part.name for part in message.attachments] == expected["files"]
    assert list(message.protection) == expected["protection"]
    assert [f"{one.method} {one.summary} {one.start}" for one in message.calendar] == expected["events"]
    assert [f"{one.from_.address} {one.subject}" for one in message.forwarded] == expected["forwarded"]
    assert bool(message.defects) == expected["defects"]
