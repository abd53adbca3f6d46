"""The document on Dust, run: its three TypeScript actions, compiled in strict mode, under Node."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.seeds.documents import read_document
from tests.support.server import clean_environment

pytestmark = pytest.mark.debian("node-typescript")

CALLS = Path(__file__).with_name("dust.mts")
COMPILE = "tsc --strict --target es2022 --module es2022 --moduleResolution node16 --lib es2022,dom".split()


def run(folder, *words):
    command = list(map(str, words))
    done = subprocess.run(
        command,
        cwd=folder,
        capture_output=True,
        text=True,
        env=clean_environment(),
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done
    return done.stdout


@pytest.fixture
def actions(desk, tmp_path):
    """A folder with the compiled blocks, which share a namespace as the files of an app do."""
    document = read_document("dust").replace({"https://api.multimail.dev": desk.url})
    functions = "export { checkInbox, generateAndSendReport, replyToEmail, sendEmail };\n"
    folder = tmp_path / "actions"
    folder.mkdir()
    (folder / "actions.mts").write_text("\n".join(block.text for block in document.blocks) + functions)
    shutil.copy(CALLS, folder)
    run(folder, *COMPILE, "actions.mts", CALLS.name)
    return folder


def test_the_actions_send_reply_and_report_under_the_gate(desk, server, actions):
    received = desk.receive("A question", "When do we meet?")
    key = desk.new_key("read", "send")
    told = json.loads(run(actions, "node", "dust.mjs", key, server.mailbox_id, received))

    assert [email["id"] for email in told["inbox"]["emails"]] == [received]
    answers = [told["sent"], told["reply"], *told["reports"]]
    assert {answer["status"] for answer in answers} == {"pending_approval"}
    assert [email["id"] for email in desk.pending()] == [answer["id"] for answer in answers]

    sent, reply, *reports = (desk.read(answer["id"]) for answer in answers)
    assert sent["to"] == ["ann@example.com", "bob@example.com"]
    assert (reply["to"], reply["markdown"]) == (["ada@example.com"], "At noon.")
    addresses = ["ann@example.com", "bob@example.com", "cleo@example.com"]
    assert [report["to"] for report in reports] == [[address] for address in addresses]
    for report in reports:
        assert report["subject"] == "Weekly Report: May 2026"
        assert "- sales: 12\n- refunds: 1" in report["markdown"]
