-- What accounts claim as their own, proven or not. missing_at is since when the proof of a verified one is gone;
-- findings_json what the last check came to. One account at most has a domain verified.
CREATE TABLE domains (
    account_id TEXT NOT NULL,
    domain_id TEXT NOT NULL,
    domain TEXT NOT NULL,
    token TEXT NOT NULL,
    status TEXT NOT NULL,
    findings_json TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    checked_at BIGINT,
    verified_at BIGINT,
    missing_at BIGINT,
    lapsed_at BIGINT,
    PRIMARY KEY (account_id, domain_id)
);
CREATE UNIQUE INDEX domains_by_name ON domains (account_id, domain);
CREATE UNIQUE INDEX domains_verified ON domains (domain) WHERE status = 'verified';

-- DKIM keys: of accounts' domains, and of the platform's, where account_id and domain_id are ''. One waits until its
-- record is seen, signs, is retired, and goes; private_pem is '' from then on.
CREATE TABLE dkim_keys (
    account_id TEXT NOT NULL,
    domain_id TEXT NOT NULL,
    selector TEXT NOT NULL,
    algorithm TEXT NOT NULL,
    public_value TEXT NOT NULL,
    private_pem TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    signs_at BIGINT,
    retired_at BIGINT,
    PRIMARY KEY (account_id, domain_id, selector)
);

-- domain_id is NULL at the platform's own domain; lapsed_at is set while the mailbox's domain has lapsed.
ALTER TABLE mailboxes ADD COLUMN domain_id TEXT;
ALTER TABLE mailboxes ADD COLUMN lapsed_at BIGINT;
CREATE INDEX mailboxes_by_domain ON mailboxes (account_id, domain_id) WHERE domain_id IS NOT NULL;
