"""The TypeScript client: built as its package says, and used under Node against the product."""

import json
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from multimail.core.webhook_signature import new_secret, sign
from tests.support import npm
from tests.support.server import Server, clean_environment

pytestmark = pytest.mark.debian("node-typescript")

ROOT = Path(__file__).parent.parent.parent
PACKAGE = ROOT / "clients" / "typescript"
STORY = Path(__file__).with_name("story.mts")
STRICT = "--strict --target es2022 --module es2022 --moduleResolution node16 --lib es2022,dom".split()


def run(folder: Path, *words: object, **environment: str) -> str:
    done = subprocess.run(
        list(map(str, words)),
        cwd=folder,
        capture_output=True,
        text=True,
        env=clean_environment(environment),
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done
    return done.stdout


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """The package's dist folder, with the story compiled against its declarations."""
    folder = tmp_path / "dist"
    run(PACKAGE, "tsc", "-p", PACKAGE, "--outDir", folder)
    (folder / "package.json").write_text('{"type": "module"}')
    shutil.copy(STORY, folder)
    run(folder, "tsc", *STRICT, STORY.name)
    return folder


def test_a_program_uses_it(server: Server, built: Path) -> None:
    secret, at, body = new_secret(bytes(24)), int(time.time()), '{"type":"email.sent"}'
    signed = {name.lower(): value for name, value in sign(secret, "evt_1", at, body.encode()).items()}
    signature = signed["webhook-signature"].removeprefix("v1,")
    seen = json.loads(
        run(
            built,
            "node",
            "story.mjs",
            *(body, secret, "evt_1", at, signature),
            MULTIMAIL_URL=server.url,
            MULTIMAIL_API_KEY=server.keys["agent"],
        )
    )
    assert seen == {
        "status": "pending_approval",
        "same": True,
        "read": "Hello",
        "file": '{"a": 1}',
        "subjects": ["Once", "Hi"],
        "dispatched": "pending_approval",
        "told": "not_found",
        "unknown": "not_called",
        "missing": True,
        "dots": True,
        "wrong": True,
        "late": True,
        "stranger": True,
        "event": "email.sent",
        "forged": [True] * 5,
    }


def test_the_newest_compiler_takes_it(tmp_path: Path) -> None:
    """As `npm install` builds it; Debian's, above, is the oldest."""
    run(PACKAGE, npm.node(), npm.MODULES / "typescript" / "bin" / "tsc", "-p", PACKAGE, "--outDir", tmp_path)
    assert (tmp_path / "index.d.ts").exists()


def test_it_depends_on_nothing() -> None:
    package = json.loads((PACKAGE / "package.json").read_text())
    assert "dependencies" not in package
    for source in (PACKAGE / "src").glob("*.ts"):
        imported = [line for line in source.read_text().splitlines() if " from " in line and "import" in line]
        assert all('from "./' in line for line in imported), source
