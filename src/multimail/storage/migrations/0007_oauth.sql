-- A key that OAuth gave out ends by itself.
ALTER TABLE api_keys ADD COLUMN expires_at BIGINT;

-- What a person agreed to, until the program fetches its key: `key_id` says that it has.
CREATE TABLE authorization_codes (
    hash TEXT PRIMARY KEY,
    account_id TEXT NOT NULL,
    operator_id TEXT NOT NULL,
    grant_json TEXT NOT NULL,
    key_id TEXT,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);

CREATE INDEX authorization_codes_of_account ON authorization_codes (account_id);
