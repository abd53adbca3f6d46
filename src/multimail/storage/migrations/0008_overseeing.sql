-- Who is told of what waits for a decision. Minutes: of the day for quiet hours, else of time. Without a row a
-- person who may decide is told at once.
CREATE TABLE notification_settings (
    account_id TEXT NOT NULL,
    operator_id TEXT NOT NULL,
    pending TEXT NOT NULL,
    digest_minutes BIGINT NOT NULL,
    quiet_from BIGINT,
    quiet_until BIGINT,
    time_zone TEXT NOT NULL,
    PRIMARY KEY (account_id, operator_id)
);

-- chat_url is sealed, '' for none.
CREATE TABLE oversight_settings (
    account_id TEXT PRIMARY KEY,
    escalate_minutes BIGINT,
    escalate_to TEXT,
    expire_hours BIGINT,
    chat_url TEXT NOT NULL
);

-- Where a mailbox has any, they and the owners decide on its mail, and nobody else.
CREATE TABLE mailbox_approvers (
    account_id TEXT NOT NULL,
    mailbox_id TEXT NOT NULL,
    operator_id TEXT NOT NULL,
    PRIMARY KEY (account_id, mailbox_id, operator_id)
);

-- What was done about an email that waits, since it waits: another version of it is another wait.
CREATE TABLE watches (
    account_id TEXT NOT NULL,
    email_id TEXT NOT NULL,
    version BIGINT NOT NULL,
    since BIGINT NOT NULL,
    done_json TEXT NOT NULL,
    PRIMARY KEY (account_id, email_id)
);

ALTER TABLE mailboxes ADD COLUMN four_eyes BOOLEAN NOT NULL DEFAULT FALSE;
