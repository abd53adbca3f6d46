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
    suspended_at BIGINT,
    suspended_for TEXT,
    measured_from BIGINT NOT NULL DEFAULT 0,
    exported_at BIGINT,
    deleted_at BIGINT,
    deleted_by TEXT,
    created_at BIGINT NOT NULL
);

-- Whoever signs up is known by an address alone: these three are asked before there is an account.
CREATE TABLE sign_ups (
    email TEXT PRIMARY KEY,
    account_id TEXT NOT NULL,
    name TEXT NOT NULL,
    slug TEXT NOT NULL,
    code_hash TEXT NOT NULL,
    attempts BIGINT NOT NULL,
    mails BIGINT NOT NULL,
    mails_since BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);

CREATE TABLE used_challenges (
    challenge TEXT PRIMARY KEY,
    expires_at BIGINT NOT NULL
);

-- Who owns an account that was opened by signing up: an address opens one.
CREATE TABLE owner_addresses (
    address TEXT PRIMARY KEY,
    account_id TEXT NOT NULL
);

CREATE TABLE operators (
    account_id TEXT NOT NULL,
    operator_id TEXT NOT NULL,
    role TEXT NOT NULL,
    name TEXT NOT NULL,
    email TEXT,
    created_at BIGINT NOT NULL,
    joined_at BIGINT,
    removed_at BIGINT,
    PRIMARY KEY (account_id, operator_id)
);

-- A token is looked up before its account is known: these three are directories, by hash or by address.
CREATE TABLE key_hashes (
    hash TEXT PRIMARY KEY,
    account_id TEXT NOT NULL,
    key_id TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE operator_tokens (
    hash TEXT PRIMARY KEY,
    account_id TEXT NOT NULL,
    operator_id TEXT NOT NULL,
    token_id TEXT NOT NULL,
    purpose TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at BIGINT
);

CREATE TABLE addresses (
    address TEXT PRIMARY KEY,
    sha256 TEXT NOT NULL UNIQUE,
    account_id TEXT NOT NULL,
    mailbox_id TEXT NOT NULL
) WITHOUT ROWID;

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
) WITHOUT ROWID;

CREATE TABLE key_mailboxes (
    account_id TEXT NOT NULL,
    key_id TEXT NOT NULL,
    mailbox_id TEXT NOT NULL,
    PRIMARY KEY (account_id, key_id, mailbox_id)
) WITHOUT ROWID;

CREATE TABLE mailboxes (
    account_id TEXT NOT NULL,
    mailbox_id TEXT NOT NULL,
    address TEXT NOT NULL,
    name TEXT NOT NULL,
    oversight_mode TEXT NOT NULL,
    wanted_mode TEXT,
    human_written BOOLEAN NOT NULL,
    test BOOLEAN NOT NULL,
    paused_at BIGINT,
    created_at BIGINT NOT NULL,
    deleted_at BIGINT,
    PRIMARY KEY (account_id, mailbox_id)
) WITHOUT ROWID;

-- pattern is an address, *@domain, or '' for a cap; mailbox_id is '' where the rule is for all mailboxes.
CREATE TABLE rules (
    account_id TEXT NOT NULL,
    rule_id TEXT NOT NULL,
    mailbox_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    pattern TEXT NOT NULL,
    per_hour BIGINT,
    per_day BIGINT,
    created_at BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    PRIMARY KEY (account_id, rule_id)
) WITHOUT ROWID;
CREATE INDEX rules_by_pattern ON rules (account_id, pattern, mailbox_id);

-- mailbox_id is that of the email that met it.
CREATE TABLE suppressions (
    account_id TEXT NOT NULL,
    address TEXT NOT NULL,
    suppression_id TEXT NOT NULL,
    reason TEXT NOT NULL,
    email_id TEXT NOT NULL,
    mailbox_id TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (account_id, address)
) WITHOUT ROWID;
CREATE INDEX suppressions_by_id ON suppressions (account_id, suppression_id);

-- mailbox_id is '' where the contact is the whole account's; searched is address, name and notes, case folded.
CREATE TABLE contacts (
    account_id TEXT NOT NULL,
    contact_id TEXT NOT NULL,
    mailbox_id TEXT NOT NULL,
    address TEXT NOT NULL,
    name TEXT NOT NULL,
    notes TEXT NOT NULL,
    searched TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (account_id, contact_id)
);
CREATE UNIQUE INDEX contacts_by_address ON contacts (account_id, address, mailbox_id);

CREATE TABLE threads (
    account_id TEXT NOT NULL,
    thread_id TEXT NOT NULL,
    mailbox_id TEXT NOT NULL,
    subject TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (account_id, thread_id)
) WITHOUT ROWID;

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
    editor_kind TEXT,
    editor_id TEXT,
    edited_at BIGINT,
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
CREATE INDEX emails_by_arrival ON emails (account_id, mailbox_id, COALESCE(decided_at, created_at), email_id)
    WHERE direction = 'inbound';
CREATE INDEX emails_by_thread ON emails (account_id, thread_id, email_id);
CREATE INDEX emails_by_message_id ON emails (account_id, mailbox_id, message_id, email_id);
CREATE INDEX emails_sent_live ON emails (account_id, mailbox_id, sent_at) WHERE sent_at IS NOT NULL AND NOT test;
CREATE INDEX emails_pending ON emails (account_id, email_id) WHERE state IN ('pending_approval', 'held');
CREATE INDEX emails_unreleased_by_author ON emails (account_id, author_id) WHERE state IN ('queued', 'scheduled');
CREATE INDEX emails_unreleased_by_editor ON emails (account_id, editor_id)
    WHERE editor_id IS NOT NULL AND state IN ('queued', 'scheduled');

-- What an email was before each edit; what it is now is in emails and contents.
CREATE TABLE revisions (
    account_id TEXT NOT NULL,
    email_id TEXT NOT NULL,
    number BIGINT NOT NULL,
    revision TEXT NOT NULL,
    written_by TEXT NOT NULL,
    written_at BIGINT NOT NULL,
    subject TEXT NOT NULL,
    recipients_json TEXT NOT NULL,
    markdown TEXT NOT NULL,
    raw_sha256 TEXT NOT NULL,
    PRIMARY KEY (account_id, email_id, number)
);

-- With whom each mailbox has been in touch: written to, or heard from in mail that is not held.
CREATE TABLE correspondents (
    account_id TEXT NOT NULL,
    address TEXT NOT NULL,
    mailbox_id TEXT NOT NULL,
    PRIMARY KEY (account_id, address, mailbox_id)
) WITHOUT ROWID;

-- What waits for approval, by what it nearly says and to whom: texts that are alike share a mark.
CREATE TABLE marks (
    account_id TEXT NOT NULL,
    mark TEXT NOT NULL,
    email_id TEXT NOT NULL,
    mailbox_id TEXT NOT NULL,
    sketch TEXT NOT NULL,
    PRIMARY KEY (account_id, mark, email_id)
) WITHOUT ROWID;
CREATE INDEX marks_by_email ON marks (account_id, email_id);
-- What may become an email once it is sent. content_json is what send_email takes, without the attachments' bytes.
CREATE TABLE drafts (
    account_id TEXT NOT NULL,
    draft_id TEXT NOT NULL,
    mailbox_id TEXT NOT NULL,
    version BIGINT NOT NULL,
    test BOOLEAN NOT NULL,
    content_json TEXT NOT NULL,
    files_json TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (account_id, draft_id)
);
CREATE INDEX drafts_by_mailbox ON drafts (account_id, mailbox_id, draft_id);

-- The heavy half: what only a reader of this one email needs.
CREATE TABLE contents (
    account_id TEXT NOT NULL,
    email_id TEXT NOT NULL,
    raw_sha256 TEXT NOT NULL,
    sketch TEXT NOT NULL DEFAULT '',
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
) WITHOUT ROWID;

-- What search does not know yet (operations/indexing.py); fresh is what it never knew.
CREATE TABLE unindexed (
    account_id TEXT NOT NULL,
    email_id TEXT NOT NULL,
    fresh BOOLEAN NOT NULL,
    PRIMARY KEY (account_id, email_id)
) WITHOUT ROWID;

-- Counters that transactions keep as they go (storage/usage.sql). `day` is days since the epoch, UTC.
CREATE TABLE usage (
    account_id TEXT NOT NULL,
    mailbox_id TEXT NOT NULL,
    day BIGINT NOT NULL,
    test BOOLEAN NOT NULL,
    shard BIGINT NOT NULL,
    sent BIGINT NOT NULL,
    received BIGINT NOT NULL,
    failed BIGINT NOT NULL,
    bounced BIGINT NOT NULL,
    complained BIGINT NOT NULL,
    PRIMARY KEY (account_id, mailbox_id, day, test, shard)
) WITHOUT ROWID;

CREATE TABLE holdings (
    account_id TEXT NOT NULL,
    mailbox_id TEXT NOT NULL,
    test BOOLEAN NOT NULL,
    shard BIGINT NOT NULL,
    pending BIGINT NOT NULL,
    held BIGINT NOT NULL,
    bytes BIGINT NOT NULL,
    held_bytes BIGINT NOT NULL,
    PRIMARY KEY (account_id, mailbox_id, test, shard)
) WITHOUT ROWID;

-- Live emails accepted in a month (`2026-11`), for accounts with a quota.
CREATE TABLE monthly_emails (
    account_id TEXT NOT NULL,
    month TEXT NOT NULL,
    emails BIGINT NOT NULL,
    PRIMARY KEY (account_id, month)
) WITHOUT ROWID;

-- What became of live mail that left, by day: what suspends sending is told from it.
CREATE TABLE outcomes (
    account_id TEXT NOT NULL,
    day BIGINT NOT NULL,
    shard BIGINT NOT NULL,
    sends BIGINT NOT NULL,
    hard_bounces BIGINT NOT NULL,
    complaints BIGINT NOT NULL,
    PRIMARY KEY (account_id, day, shard)
) WITHOUT ROWID;

-- When a sending domain sent first, and today's emails: `step` is accepted or left.
CREATE TABLE warm_ups (
    account_id TEXT NOT NULL,
    domain TEXT NOT NULL,
    started_at BIGINT NOT NULL,
    PRIMARY KEY (account_id, domain)
);

CREATE TABLE warm_up_days (
    account_id TEXT NOT NULL,
    domain TEXT NOT NULL,
    step TEXT NOT NULL,
    day BIGINT NOT NULL,
    emails BIGINT NOT NULL,
    PRIMARY KEY (account_id, domain, step)
) WITHOUT ROWID;

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
) WITHOUT ROWID;
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

-- What a person is asked to agree to. `bound_to` is the key that asked, or what the consent is about: a mailbox
-- for an upgrade, the account for the proof of its oversight address.
CREATE TABLE approval_requests (
    account_id TEXT NOT NULL,
    request_id TEXT NOT NULL,
    bound_to TEXT NOT NULL,
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

-- What the product itself writes to people. It is no email of any mailbox. `text` is emptied once it has left:
-- it may hold a code.
CREATE TABLE operator_mail (
    account_id TEXT NOT NULL,
    notice_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    recipient TEXT NOT NULL,
    subject TEXT NOT NULL,
    text TEXT NOT NULL,
    email_id TEXT,
    revision TEXT,
    test BOOLEAN NOT NULL,
    status TEXT NOT NULL,
    last_error TEXT,
    created_at BIGINT NOT NULL,
    done_at BIGINT,
    PRIMARY KEY (account_id, notice_id)
);
-- One copy of what is sent, however often its delivery is tried.
CREATE UNIQUE INDEX operator_mail_copies ON operator_mail (account_id, email_id, revision);
CREATE INDEX operator_mail_by_age ON operator_mail (created_at);

CREATE TABLE signing_keys (
    purpose TEXT NOT NULL,
    name TEXT NOT NULL,
    private_pem TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (purpose, name)
);
