"""How SQLite goes about the lists: it walks an index in the list's own order, however many emails there are."""

import re
from pathlib import Path

import pytest

from multimail.storage.sqlite import SqliteDatabase

LISTS = {
    "list_emails": "emails_by_mailbox (account_id=? AND mailbox_id=? AND email_id>? AND email_id<?)",
    "list_account_emails": "sqlite_autoindex_emails_1 (account_id=? AND email_id>? AND email_id<?)",
    "list_threads": "emails_by_mailbox (account_id=? AND mailbox_id=? AND email_id<?)",
    "next_arrival": "emails_by_arrival (account_id=? AND mailbox_id=? AND <expr>>?)",
}


@pytest.mark.parametrize("name", LISTS)
async def test_a_list_walks_its_index_and_sorts_nothing(tmp_path: Path, name: str) -> None:
    db = SqliteDatabase(tmp_path / "multimail.db")
    await db.open()
    try:
        connection, sql = getattr(db._writer_sql, name).args
        values = dict.fromkeys(re.findall(r":(\w+)", sql), "")
        plan = [row["detail"] for row in connection.execute(f"EXPLAIN QUERY PLAN {sql}", values)]
        assert plan[0].endswith(LISTS[name])
        assert [step for step in plan if "TEMP B-TREE" in step] == []
    finally:
        await db.close()
