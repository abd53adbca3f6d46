"""The reference for people: settings, operations and errors as tables, made from the code that they describe."""

from collections.abc import Iterable, Sequence

from multimail.core.errors import ERRORS
from multimail.operations.operation import COMMON_ERRORS, Operation
from multimail.settings import SETTINGS
from multimail.surfaces.limits import ABOUT_PLANS, EVERYWHERE, limited_inputs, plans


def reference(operations: Sequence[Operation]) -> str:
    """Markdown."""
    return "\n".join(
        [
            "# Reference",
            "",
            "Made by `make contracts`; don't edit.",
            "",
            "## Settings of `multimail serve`",
            "",
            *_table(
                ("flag", "variable", "default", ""),
                (
                    (
                        "" if s.private else f"`--{s.name}`",
                        f"`{s.variable}`",
                        f"`{s.default}`" if s.default else "",
                        s.help,
                    )
                    for s in SETTINGS
                ),
            ),
            "",
            "## Operations",
            "",
            "Each is also `POST /NAME` with everything in the body, and `GET /NAME` if it only reads. Any may",
            "answer " + ", ".join(f"`{code}`" for code in COMMON_ERRORS) + " too.",
            "",
            *_table(
                ("operation", "route", "scope", "errors of its own", ""),
                (
                    (
                        f"`{o.name}`",
                        "<br>".join(f"{method} `{path}`" for method, path in _routes(o)),
                        " or ".join(o.scopes) + (" (+ owner where it loosens)" if o.needs_owner else ""),
                        ", ".join(f"`{code}`" for code in o.errors),
                        o.summary.partition("\n")[0],
                    )
                    for o in operations
                ),
            ),
            "",
            "## Limits",
            "",
            *_table(("of", "at most"), EVERYWHERE),
            "",
            *_table(("operation", "limits of its inputs"), limited_inputs(operations)),
            "",
            "### Of plans",
            "",
            *_table(("plan", "mailboxes", "emails a month", "storage", "requests a minute and key"), plans()),
            "",
            ABOUT_PLANS,
            "",
            "## Errors",
            "",
            *_table(
                ("code", "HTTP", "SMTP", ""),
                ((f"`{code}`", str(kind.status), kind.smtp, kind.sentence) for code, kind in ERRORS.items()),
            ),
            "",
        ]
    )


def _routes(operation: Operation) -> list[tuple[str, str]]:
    return [(operation.method, operation.path), *((route.method, route.path) for route in operation.also)]


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    lines = [heads, ["---"] * len(heads), *rows]
    return ["| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines]
