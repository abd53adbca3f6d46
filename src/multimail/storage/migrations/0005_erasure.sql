-- What is sealed of an audit entry's metadata, so that it can go: SHA-256 over the salt and the metadata.
ALTER TABLE audit ADD COLUMN commitment TEXT;
ALTER TABLE audit ADD COLUMN salt TEXT;
ALTER TABLE emails ADD COLUMN erased_at BIGINT;
ALTER TABLE accounts ADD COLUMN retention_days BIGINT;

-- Emails, drafts, contacts and rules that were erased; events and audit entries that tell of them are yet to be.
CREATE TABLE erased (
    account_id TEXT NOT NULL,
    resource_id TEXT NOT NULL,
    erased_at BIGINT NOT NULL,
    PRIMARY KEY (account_id, resource_id)
);

-- A person whose mail is being erased. address is emptied once it is done; waiting are emails that could not be yet.
CREATE TABLE erasures (
    account_id TEXT NOT NULL,
    erasure_id TEXT NOT NULL,
    address TEXT NOT NULL,
    emails BIGINT NOT NULL,
    waiting BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    finished_at BIGINT,
    PRIMARY KEY (account_id, erasure_id)
);

-- Bytes that something no longer names, and perhaps nothing does: how far their removal is (operations/loose.py).
CREATE TABLE loose_blobs (
    account_id TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    noted_at BIGINT NOT NULL,
    removing_at BIGINT,
    going_at BIGINT,
    removed_at BIGINT,
    PRIMARY KEY (account_id, sha256)
);
CREATE INDEX loose_blobs_by_age ON loose_blobs (noted_at);

-- Who names some bytes.
CREATE INDEX contents_by_raw ON contents (account_id, raw_sha256);
CREATE INDEX attachments_by_sha256 ON attachments (account_id, sha256);
CREATE INDEX revisions_by_raw ON revisions (account_id, raw_sha256);
CREATE INDEX sandbox_by_raw ON sandbox (account_id, raw_sha256);
