"""The documentation as a site: it builds, every link in it leads somewhere, and a server shows it."""

import re
import subprocess
import sys
import zipfile
from pathlib import Path
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

import pytest
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from multimail.surfaces.site import POLICY, site
from tests.support.asgi import fetch

ROOT = Path(__file__).parent.parent
LINKS = re.compile(r'(?:href|src)="([^"]*)"')


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Fails where the generator finds a link or an anchor that leads nowhere; what it says is on stderr."""
    folder = tmp_path_factory.mktemp("docs") / "site"
    subprocess.run([sys.executable, ROOT / "scripts" / "site", folder], check=True, timeout=110)
    return folder


def app(folder: Path) -> Starlette:
    async def operations(request: object) -> Response:
        return Response("operations")

    return Starlette(routes=[*site(Route("/docs/operations", operations), folder)])


async def test_every_page_is_reached_and_loads_nothing_from_elsewhere(built: Path) -> None:
    """As a browser goes: from the first page along every link, and to all that a page loads."""
    served = app(built)
    assert (await fetch(served, "GET", "/docs")).headers["location"] == "/docs/"
    waiting, seen = ["/docs/"], set()
    while waiting:
        path = waiting.pop()
        if path in seen:
            continue
        seen.add(path)
        reply = await fetch(served, "GET", path)
        assert reply.status == 200, path
        if not reply.headers["content-type"].startswith("text/html"):
            continue
        page = reply.content.decode()
        assert reply.headers["content-security-policy"] == POLICY
        assert "<script" not in page and "<style" not in page and " style=" not in page, path
        assert not re.search(r'(?:src=|rel="stylesheet" href=)"https?:', page), path
        for link in LINKS.findall(page):
            target = urlsplit(urljoin(f"http://here{path}", urldefrag(link).url))
            if target.netloc == "here":
                waiting.append(unquote(target.path))
    pages = {f"/docs/{path.relative_to(built).as_posix()}" for path in built.rglob("*.html")}
    assert pages - seen <= {"/docs/404.html"}
    assert {"/docs/docs/concepts.html", "/docs/docs/webhooks.html", "/docs/examples/ai21/index.html"} <= seen


async def test_without_a_site_there_are_the_operations(tmp_path: Path) -> None:
    served = app(tmp_path / "none")
    assert (await fetch(served, "GET", "/docs")).headers["location"] == "/docs/operations"
    assert (await fetch(served, "GET", "/docs/operations")).content == b"operations"


@pytest.mark.parametrize(
    "path", ["/docs/../pyproject.toml", "/docs/%2e%2e/x", "/docs//etc/passwd", "/docs/docs"]
)
async def test_nothing_else_is_served(built: Path, path: str) -> None:
    served = app(built)
    with pytest.raises(Exception, match="no such page|page"):
        await fetch(served, "GET", path)


def test_a_wheel_has_it(tmp_path: Path) -> None:
    """Built as pip builds it, but with what is installed here."""
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=110)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as opened:
        assert {"multimail/site/index.html", "multimail/surfaces/site.py"} <= set(opened.namelist())
