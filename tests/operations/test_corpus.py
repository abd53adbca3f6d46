"""The corpus comes in: conversations, spam verdicts, machines and deceptions are as its descriptions say."""

import json
from typing import Any

from tests.corpus import make
from tests.support import mailroom
from tests.support.world import World

EXPECTED: dict[str, Any] = json.loads((make.FOLDER / "expected.json").read_text())


async def test_all_of_it(world: World) -> None:
    world.names.table = {("_dmarc.forged.example", "TXT"): ["v=DMARC1; p=reject"]}
    ids = {}
    for name in ("question", *sorted(set(EXPECTED) - {"question"})):
        raw = (make.FOLDER / f"{name}.eml").read_bytes()
        ids[name] = await mailroom.arrive(world, raw, envelope_from=EXPECTED[name]["sender"] or "x@x.example")
    rows = {row["email_id"]: row for row in await mailroom.execute(world, "SELECT * FROM emails")}
    found = {name: rows[email_id] for name, email_id in ids.items()}
    threads = {row["thread_id"]: name for name, row in reversed(found.items())}
    for name, row in found.items():
        expected = EXPECTED[name]
        assert threads[row["thread_id"]] == (expected["thread"] or name), name
        assert row["spam_verdict"] == expected["verdict"], (name, row["spam_score"], row["spam_reasons_json"])
        assert (row["automatic"] or "") == expected["automatic"], name
        kinds = [finding["kind"] for finding in json.loads(row["findings_json"])]
        assert kinds == expected["findings"], name
