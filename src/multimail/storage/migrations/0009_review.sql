-- Which hosts the links of an email lead to, for each with whom it was exchanged (operations/linked.py).
CREATE TABLE linked_hosts (
    account_id TEXT NOT NULL,
    address TEXT NOT NULL,
    host TEXT NOT NULL,
    email_id TEXT NOT NULL,
    PRIMARY KEY (account_id, address, host, email_id)
) WITHOUT ROWID;
CREATE INDEX linked_hosts_by_email ON linked_hosts (account_id, email_id, host);

-- What waits now is looked at once more.
INSERT INTO unindexed (account_id, email_id, fresh)
SELECT account_id, email_id, FALSE FROM emails
WHERE state IN ('pending_approval', 'scheduled', 'held') AND erased_at IS NULL
ON CONFLICT (account_id, email_id) DO NOTHING;
