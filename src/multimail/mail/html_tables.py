"""Which tables of an HTML mail hold data; nearly all others lay out the page."""

from collections.abc import Sequence

from multimail.mail.html_tokens import Token


class _Table:
    """What tells a table of data from one that only lays out the page."""

    def __init__(self, number: int, layout: bool) -> None:
        self.number, self.layout = number, layout
        self.rows: list[int] = []
        self.heads = self.cell_text = 0


def data_tables(tokens: Sequence[Token]) -> set[int]:
    """The tables (numbered from 1 in order) that hold rows of data: no table or block inside, short cells."""
    data: set[int] = set()
    open_tables: list[_Table] = []
    number = 0
    for kind, name, attributes in tokens:
        top = open_tables[-1] if open_tables else None
        if kind == "start" and name == "table":
            number += 1
            if top:
                top.layout = True
            open_tables.append(_Table(number, "presentation" in attributes))
        elif top is None:
            continue
        elif kind == "text":
            top.cell_text += len(name)
        elif kind == "start" and name == "tr":
            top.rows.append(0)
        elif kind == "start" and name in ("td", "th"):
            top.heads += name == "th"
            if top.rows:
                top.rows[-1] += 1
            top.cell_text = 0
        elif kind == "start" and name in ("ul", "ol", "h1", "h2", "h3", "img", "blockquote", "hr"):
            top.layout = True
        elif kind == "end" and name in ("td", "th", "tr"):
            top.layout = top.layout or top.cell_text > 300
        elif kind == "end" and name == "table":
            open_tables.pop()
            wide = sum(cells >= 2 for cells in top.rows)
            if not top.layout and wide >= (1 if top.heads else 2):
                data.add(top.number)
    return data
