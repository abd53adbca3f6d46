"""The documentation as a site, where it was built (scripts/site): /docs, with the list of operations beside it.

Its files are ours and hold no script: a page here has the origin of the approval desk.
"""

from functools import cache
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

import multimail
from multimail.core.errors import not_found

FOLDER: Final = Path(multimail.__file__).parent / "site"
KINDS: Final = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".png": "image/png",
    ".json": "application/json",
    "": "text/plain; charset=utf-8",
}
POLICY: Final = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)


def site(operations: Route, folder: Path = FOLDER) -> list[Route]:
    """/docs and all below it; `operations` is the page that is there without a site, too."""
    files = {
        path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.suffix in KINDS
    }  # what is asked for is looked up and never made a path of
    content = cache(Path.read_bytes)

    async def start(request: Request) -> Response:
        where = "/docs/" if "index.html" in files else operations.path
        return Response(status_code=307, headers={"Location": where})

    async def file(request: Request) -> Response:
        path = files.get(request.path_params["name"] or "index.html")
        if path is None or not path.is_file():
            raise not_found("page")
        return Response(
            content(path), media_type=KINDS[path.suffix], headers={"Content-Security-Policy": POLICY}
        )

    return [Route("/docs", start), operations, Route("/docs/{name:path}", file)]
