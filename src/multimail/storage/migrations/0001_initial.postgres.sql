-- Words come from core/search.py; the account is one of them, so that the index finds no other's.
CREATE TABLE search (
    account_id TEXT NOT NULL,
    email_id TEXT NOT NULL,
    words TSVECTOR NOT NULL,
    PRIMARY KEY (account_id, email_id)
);
CREATE INDEX search_by_word ON search USING gin (words);

-- Writers commit in any order: (xid, seq), read only below the oldest running transaction, never skips a row.
CREATE TABLE events (
    seq BIGINT GENERATED ALWAYS AS IDENTITY,
    xid BIGINT NOT NULL DEFAULT (pg_current_xact_id()::text::bigint),
    account_id TEXT NOT NULL,
    event_id TEXT NOT NULL,
    type TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    mailbox_id TEXT,
    email_id TEXT,
    thread_id TEXT,
    data_json TEXT NOT NULL,
    withheld BOOLEAN NOT NULL,
    test BOOLEAN NOT NULL,
    PRIMARY KEY (account_id, event_id)
);
CREATE INDEX events_in_order ON events (account_id, xid, seq);
