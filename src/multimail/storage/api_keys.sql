-- name: get_key_by_hash^
SELECT k.*, a.plan, h.expires_at AS token_ends_at FROM key_hashes h
JOIN api_keys k ON k.account_id = h.account_id AND k.key_id = h.key_id
JOIN accounts a ON a.account_id = h.account_id
WHERE h.hash = :hash AND k.revoked_at IS NULL;

-- name: get_key^
SELECT * FROM api_keys WHERE account_id = :account_id AND key_id = :key_id;

-- name: get_live_key^
-- Whether it has expired is for whoever asks to say: so all who ask at once are told the same.
SELECT last_used_at, expires_at FROM api_keys
WHERE account_id = :account_id AND key_id = :key_id AND revoked_at IS NULL;

-- name: list_keys
-- :key_id is the asking key when it is limited to mailboxes: it sees those made with no more than its own.
SELECT * FROM api_keys k
WHERE account_id = :account_id AND key_id < :before AND revoked_at IS NULL
  AND (CAST(:unlimited AS BOOLEAN) OR k.key_id = :key_id)
ORDER BY key_id DESC LIMIT :limit;

-- name: add_key_hash!
INSERT INTO key_hashes (hash, account_id, key_id, expires_at) VALUES (:hash, :account_id, :key_id, :expires_at);

-- name: add_key!
INSERT INTO api_keys (account_id, key_id, name, hash, shown, scopes, limited, test, created_at, created_by, expires_at)
VALUES (:account_id, :key_id, :name, :hash, :shown, :scopes, :limited, :test, :created_at, :created_by, :expires_at);

-- name: touch_key!
UPDATE api_keys SET last_used_at = :now WHERE account_id = :account_id AND key_id = :key_id;

-- name: revoke_key!
UPDATE api_keys SET revoked_at = :now WHERE account_id = :account_id AND key_id = :key_id AND revoked_at IS NULL;

-- name: update_key!
UPDATE api_keys SET name = :name, scopes = :scopes, limited = :limited
WHERE account_id = :account_id AND key_id = :key_id AND revoked_at IS NULL;

-- name: clear_key_mailboxes!
DELETE FROM key_mailboxes WHERE account_id = :account_id AND key_id = :key_id;

-- name: limit_webhooks_of!
-- What a key subscribed to while it saw everything, it hears no more.
UPDATE webhooks SET limited = TRUE WHERE account_id = :account_id AND key_id = :key_id;

-- name: list_key_mailboxes
SELECT mailbox_id FROM key_mailboxes WHERE account_id = :account_id AND key_id = :key_id ORDER BY mailbox_id;

-- name: add_key_mailbox!
INSERT INTO key_mailboxes (account_id, key_id, mailbox_id) VALUES (:account_id, :key_id, :mailbox_id)
ON CONFLICT DO NOTHING;
