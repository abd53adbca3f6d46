-- An access token that a program renews ends before its key does.
ALTER TABLE key_hashes ADD COLUMN expires_at BIGINT;

-- With what a program gets its next access token, each good once: `used_at` says that it was. All of one key are one
-- family, and end with it.
CREATE TABLE refresh_tokens (
    hash TEXT PRIMARY KEY,
    account_id TEXT NOT NULL,
    key_id TEXT NOT NULL,
    client_id TEXT NOT NULL,
    used_at BIGINT,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
) WITHOUT ROWID;

CREATE INDEX refresh_tokens_of_account ON refresh_tokens (account_id);
