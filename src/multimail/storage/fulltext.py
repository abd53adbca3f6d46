"""A search query in each database's own language: FTS5 of SQLite, tsquery of PostgreSQL.

Words are letters and digits alone (core/search.py), so that none can be read as an operator or end a quote.
"""

from collections.abc import Sequence

from multimail.core.search import Term
from multimail.storage.database import Dialect


def match_text(dialect: Dialect, account_id: str, terms: Sequence[Term]) -> str:
    """What `search_emails` takes as :match. The account is a word of its own, so that no other's are looked at."""
    wanted = [term for term in terms if not term.excluded]
    excluded = [term for term in terms if term.excluded]
    if dialect == "postgres":
        parts = [f"'{account_id}'", *map(_tsquery, wanted), *(f"!({_tsquery(term)})" for term in excluded)]
        return " & ".join(parts)
    found = " AND ".join(map(_fts5, wanted)) + "".join(f" NOT {_fts5(term)}" for term in excluded)
    return f'account_id : "{account_id}" AND words : ({found})'


def _tsquery(term: Term) -> str:
    return " <-> ".join(f"'{word}'" for word in term.words) + (":*" if term.prefix else "")


def _fts5(term: Term) -> str:
    return f'"{" ".join(term.words)}"' + (" *" if term.prefix else "")
