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
LOOKED_UP = {  # what is asked for each email that comes in, of a page of the desk, or by the second
    "list_reads": "audit_reads (account_id=? AND actor_id=? AND <expr>=? AND at>? AND at<?)",
    "list_known_names": "emails USING COVERING INDEX emails_by_last_names (account_id=? AND mailbox_id=?)",
    "list_unsealed": "audit_unsealed (account_id=?)",
    "count_unsealed": "audit_unsealed (account_id=?)",
    "count_decisions": "emails_decided (account_id=? AND mailbox_id=?)",
    "list_mode_changes": "audit_of_mailboxes (account_id=? AND resource_id=?)",
    "list_written_to": "INDEX correspondents_by_writing (account_id=? AND mailbox_id=? AND written_at>?)",
    "get_contacts_state": "USING COVERING INDEX contacts_by_change (account_id=? AND mailbox_id=?)",
    "list_new_hosts": "SEARCH l USING PRIMARY KEY (account_id=? AND address=? AND host=?)",
}


async def plan_of(folder: Path, name: str) -> list[str]:
    db = SqliteDatabase(folder / "multimail.db")
    await db.open()
    try:
        connection, sql, _ = getattr(db._writer_sql, name).args
        values = [""] * max(map(int, re.findall(r"\?(\d+)", sql)), default=0)
        return [row["detail"] for row in connection.execute(f"EXPLAIN QUERY PLAN {sql}", values)]
    finally:
        await db.close()


@pytest.mark.parametrize("name", LISTS)
async def test_a_list_walks_its_index_and_sorts_nothing(tmp_path: Path, name: str) -> None:
    plan = await plan_of(tmp_path, name)
    assert plan[0].endswith(LISTS[name])
    assert [step for step in plan if "TEMP B-TREE" in step] == []


@pytest.mark.parametrize("name", LOOKED_UP)
async def test_a_look_up_goes_by_its_index(tmp_path: Path, name: str) -> None:
    plan = await plan_of(tmp_path, name)
    assert any(step.endswith(LOOKED_UP[name]) for step in plan), plan
    # e and newest are what a subquery with a limit found
    assert [step for step in plan if re.match("SCAN (?!(e|newest)$|.*VIRTUAL TABLE)", step)] == []
