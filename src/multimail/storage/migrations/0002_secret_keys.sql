-- The keys that stored secrets may be sealed with, by the names that tell nothing of them.
CREATE TABLE secret_keys (
    key_id TEXT PRIMARY KEY,
    created_at BIGINT NOT NULL
);
