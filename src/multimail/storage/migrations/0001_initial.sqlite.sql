-- Words come from core/search.py; ids are words too, found by the index. Each column is asked for by its name.
CREATE VIRTUAL TABLE search USING fts5 (account_id, email_id, words, tokenize = "ascii tokenchars '_'");

-- One writer: the order of seq is the order of commits, and xid says nothing.
CREATE TABLE events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    xid BIGINT NOT NULL DEFAULT 0,
    account_id TEXT NOT NULL,
    event_id TEXT NOT NULL,
    type TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    mailbox_id TEXT,
    email_id TEXT,
    thread_id TEXT,
    data_json TEXT NOT NULL,
    withheld BOOLEAN NOT NULL,
    test BOOLEAN NOT NULL
);
CREATE UNIQUE INDEX events_by_id ON events (account_id, event_id);
CREATE INDEX events_in_order ON events (account_id, seq);
