-- Which revision of what waits each operator has opened: several are decided on at once by whoever has seen them.
CREATE TABLE looks (
    account_id TEXT NOT NULL,
    email_id TEXT NOT NULL,
    operator_id TEXT NOT NULL,
    revision TEXT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (account_id, email_id, operator_id)
);

-- What operators sign in with beside links and codes (WebAuthn): the public half. passkey_id is the credential's
-- id in base64url, public_key COSE in base64url.
CREATE TABLE passkeys (
    account_id TEXT NOT NULL,
    passkey_id TEXT NOT NULL,
    operator_id TEXT NOT NULL,
    name TEXT NOT NULL,
    public_key TEXT NOT NULL,
    sign_count BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    last_used_at BIGINT,
    PRIMARY KEY (account_id, passkey_id)
);

-- Whoever asks for a code to sign in is known by an address alone.
CREATE INDEX operators_by_email ON operators (email) WHERE email IS NOT NULL;

-- How a mailbox came to its mode is asked for, and the log is long.
CREATE INDEX audit_of_mailboxes ON audit (account_id, resource_id, entry_id) WHERE resource_type = 'mailbox';
