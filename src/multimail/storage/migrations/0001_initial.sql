-- Times are microseconds since the epoch, UTC. Columns named *_json hold JSON text.
-- Every tenant table starts its primary key with account_id, so that a distributed PostgreSQL can shard by it.

CREATE TABLE accounts (
    account_id TEXT PRIMARY KEY,
    slug TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    plan TEXT NOT NULL,
    oversight_email TEXT,
    oversight_email_verified_at BIGINT,
    paused_at BIGINT,
    created_at BIGINT NOT NULL
);

CREATE TABLE operators (
    account_id TEXT NOT NULL,
    operator_id TEXT NOT NULL,
    role TEXT NOT NULL,
    name TEXT NOT NULL,
    email TEXT,
    created_at BIGINT NOT NULL,
    removed_at BIGINT,
    PRIMARY KEY (account_id, operator_id)
);

-- A token is looked up before its account is known: these three are directories, by hash or by address.
CREATE TABLE key_hashes (
    hash TEXT PRIMARY KEY,
    account_id TEXT NOT NULL,
    key_id TEXT NOT NULL
);

CREATE TABLE operator_tokens (
    hash TEXT PRIMARY KEY,
    account_id TEXT NOT NULL,
    operator_id TEXT NOT NULL,
    purpose TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at BIGINT
);

CREATE TABLE addresses (
    address TEXT PRIMARY KEY,
    account_id TEXT NOT NULL,
    mailbox_id TEXT NOT NULL
);

CREATE TABLE api_keys (
    account_id TEXT NOT NULL,
    key_id TEXT NOT NULL,
    name TEXT NOT NULL,
    hash TEXT NOT NULL,
    shown TEXT NOT NULL,
    scopes TEXT NOT NULL,
    limited BOOLEAN NOT NULL,
    test BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    last_used_at BIGINT,
    revoked_at BIGINT,
    PRIMARY KEY (account_id, key_id)
);

CREATE TABLE key_mailboxes (
    account_id TEXT NOT NULL,
    key_id TEXT NOT NULL,
    mailbox_id TEXT NOT NULL,
    PRIMARY KEY (account_id, key_id, mailbox_id)
);

CREATE TABLE mailboxes (
    account_id TEXT NOT NULL,
    mailbox_id TEXT NOT NULL,
    address TEXT NOT NULL,
    name TEXT NOT NULL,
    oversight_mode TEXT NOT NULL,
    wanted_mode TEXT,
    human_written BOOLEAN NOT NULL,
    test BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    deleted_at BIGINT,
    PRIMARY KEY (account_id, mailbox_id)
);

CREATE TABLE threads (
    account_id TEXT NOT NULL,
    thread_id TEXT NOT NULL,
    mailbox_id TEXT NOT NULL,
    subject TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (account_id, thread_id)
);

-- The slim half of an email: what lists, filters and decisions touch.
CREATE TABLE emails (
    account_id TEXT NOT NULL,
    email_id TEXT NOT NULL,
    mailbox_id TEXT NOT NULL,
    thread_id TEXT NOT NULL,
    direction TEXT NOT NULL,
    state TEXT NOT NULL,
    version BIGINT NOT NULL,
    test BOOLEAN NOT NULL,
    from_address TEXT NOT NULL,
    from_name TEXT NOT NULL,
    to_json TEXT NOT NULL,
    cc_json TEXT NOT NULL,
    bcc_json TEXT NOT NULL,
    reply_to_json TEXT NOT NULL,
    participants TEXT NOT NULL,
    recipients_json TEXT NOT NULL,
    subject TEXT NOT NULL,
    message_id TEXT NOT NULL,
    in_reply_to TEXT NOT NULL,
    size BIGINT NOT NULL,
    has_attachments BOOLEAN NOT NULL,
    metadata_json TEXT NOT NULL,
    notes TEXT,
    revision TEXT NOT NULL,
    revision_count BIGINT NOT NULL,
    floor_mode TEXT,
    schedule_first BOOLEAN NOT NULL,
    send_at BIGINT,
    author_kind TEXT NOT NULL,
    author_id TEXT NOT NULL,
    editor_id TEXT,
    decision TEXT,
    decision_reason TEXT,
    decided_revision TEXT,
    decided_at BIGINT,
    decided_by TEXT,
    auth_json TEXT,
    spam_verdict TEXT,
    spam_score DOUBLE PRECISION,
    last_error TEXT,
    created_at BIGINT NOT NULL,
    received_at BIGINT,
    sent_at BIGINT,
    delivered_at BIGINT,
    bounced_at BIGINT,
    bounce_type TEXT,
    PRIMARY KEY (account_id, email_id)
);
CREATE INDEX emails_by_mailbox ON emails (account_id, mailbox_id, email_id);
CREATE INDEX emails_by_thread ON emails (account_id, thread_id, email_id);
CREATE INDEX emails_by_message_id ON emails (account_id, mailbox_id, message_id, email_id);
CREATE INDEX emails_pending ON emails (account_id, email_id) WHERE state IN ('pending_approval', 'held');
CREATE INDEX emails_unreleased_by_author ON emails (account_id, author_id) WHERE state IN ('queued', 'scheduled');

-- The heavy half: what only a reader of this one email needs.
CREATE TABLE contents (
    account_id TEXT NOT NULL,
    email_id TEXT NOT NULL,
    raw_sha256 TEXT NOT NULL,
    markdown TEXT NOT NULL,
    text TEXT,
    html TEXT,
    quoted TEXT NOT NULL,
    headers_json TEXT NOT NULL,
    hidden_json TEXT NOT NULL,
    links_json TEXT NOT NULL,
    defects_json TEXT NOT NULL,
    PRIMARY KEY (account_id, email_id)
);

CREATE TABLE attachments (
    account_id TEXT NOT NULL,
    email_id TEXT NOT NULL,
    name TEXT NOT NULL,
    attachment_id TEXT NOT NULL,
    content_type TEXT NOT NULL,
    size BIGINT NOT NULL,
    sha256 TEXT NOT NULL,
    PRIMARY KEY (account_id, email_id, name)
);

CREATE TABLE tags (
    account_id TEXT NOT NULL,
    email_id TEXT NOT NULL,
    tag TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (account_id, email_id, tag)
);

-- content is NULL where the bytes are in the folder or bucket instead.
CREATE TABLE blobs (
    account_id TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    size BIGINT NOT NULL,
    content BYTEA,
    PRIMARY KEY (account_id, sha256)
);

-- What SMTP accepted and nobody has read yet; email_id is the id that the email will have.
CREATE TABLE intake (
    account_id TEXT NOT NULL,
    email_id TEXT NOT NULL,
    mailbox_id TEXT NOT NULL,
    recipient TEXT NOT NULL,
    sender TEXT NOT NULL,
    helo TEXT NOT NULL,
    peer TEXT NOT NULL,
    raw_sha256 TEXT NOT NULL,
    test BOOLEAN NOT NULL,
    received_at BIGINT NOT NULL,
    PRIMARY KEY (account_id, email_id)
);

CREATE TABLE jobs (
    account_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    subject_id TEXT NOT NULL,
    run_at BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    lease_until BIGINT NOT NULL,
    lease_owner TEXT NOT NULL,
    PRIMARY KEY (account_id, kind, subject_id)
);
CREATE INDEX jobs_due ON jobs (kind, run_at);
CREATE INDEX jobs_leased ON jobs (lease_owner) WHERE lease_owner <> '';

CREATE TABLE webhooks (
    account_id TEXT NOT NULL,
    webhook_id TEXT NOT NULL,
    url TEXT NOT NULL,
    events_json TEXT NOT NULL,
    mailbox_id TEXT,
    key_id TEXT,
    limited BOOLEAN NOT NULL,
    secret TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    deleted_at BIGINT,
    PRIMARY KEY (account_id, webhook_id)
);

CREATE TABLE deliveries (
    account_id TEXT NOT NULL,
    delivery_id TEXT NOT NULL,
    webhook_id TEXT NOT NULL,
    event_id TEXT NOT NULL,
    mailbox_id TEXT,
    heard_as TEXT NOT NULL,
    status TEXT NOT NULL,
    attempts BIGINT NOT NULL,
    response_status BIGINT,
    last_error TEXT,
    created_at BIGINT NOT NULL,
    delivered_at BIGINT,
    PRIMARY KEY (account_id, delivery_id)
);

-- seq, prev and hash are filled in by the sealer, within a second.
CREATE TABLE audit (
    account_id TEXT NOT NULL,
    entry_id TEXT NOT NULL,
    at BIGINT NOT NULL,
    actor_kind TEXT NOT NULL,
    actor_id TEXT NOT NULL,
    actor_name TEXT NOT NULL,
    action TEXT NOT NULL,
    resource_type TEXT NOT NULL,
    resource_id TEXT NOT NULL,
    mailbox_id TEXT,
    metadata_json TEXT NOT NULL,
    seq BIGINT,
    prev TEXT,
    hash TEXT,
    PRIMARY KEY (account_id, entry_id)
);
CREATE INDEX audit_unsealed ON audit (account_id, entry_id) WHERE seq IS NULL;
CREATE UNIQUE INDEX audit_chain ON audit (account_id, seq) WHERE seq IS NOT NULL;

CREATE TABLE audit_heads (
    account_id TEXT PRIMARY KEY,
    seq BIGINT NOT NULL,
    hash TEXT NOT NULL,
    published_at BIGINT NOT NULL
);

CREATE TABLE idempotency (
    account_id TEXT NOT NULL,
    operation TEXT NOT NULL,
    test BOOLEAN NOT NULL,
    idempotency_key TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    answer_json TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (account_id, operation, test, idempotency_key)
);
CREATE INDEX idempotency_by_age ON idempotency (created_at);

CREATE TABLE approval_requests (
    account_id TEXT NOT NULL,
    request_id TEXT NOT NULL,
    key_id TEXT NOT NULL,
    operation TEXT NOT NULL,
    input_sha256 TEXT NOT NULL,
    summary TEXT NOT NULL,
    code_hash TEXT NOT NULL,
    attempts BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at BIGINT,
    PRIMARY KEY (account_id, request_id)
);

-- What would have left the machine.
CREATE TABLE sandbox (
    account_id TEXT NOT NULL,
    email_id TEXT NOT NULL,
    mailbox_id TEXT NOT NULL,
    recipients_json TEXT NOT NULL,
    raw_sha256 TEXT NOT NULL,
    captured_at BIGINT NOT NULL,
    PRIMARY KEY (account_id, email_id)
);

CREATE TABLE signing_keys (
    purpose TEXT NOT NULL,
    name TEXT NOT NULL,
    private_pem TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (purpose, name)
);
