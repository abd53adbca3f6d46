-- Codes and refresh tokens of OAuth 2.1: directories that are asked before the account is known. Each is kept as its hash.

-- name: add_authorization_code!
INSERT INTO authorization_codes (hash, account_id, operator_id, grant_json, created_at, expires_at)
VALUES (:hash, :account_id, :operator_id, :grant_json, :now, :expires_at);

-- name: get_authorization_code^
SELECT * FROM authorization_codes WHERE hash = :hash;

-- name: claim_authorization_code!
-- Of two who come at once with the same code one gets a key.
UPDATE authorization_codes SET key_id = '' WHERE hash = :hash AND key_id IS NULL;

-- name: note_authorized_key!
UPDATE authorization_codes SET key_id = :key_id WHERE hash = :hash;

-- name: remove_authorization_code!
DELETE FROM authorization_codes WHERE hash = :hash;

-- name: sweep_authorization_codes!
DELETE FROM authorization_codes WHERE expires_at < :before;

-- name: add_refresh_token!
INSERT INTO refresh_tokens (hash, account_id, key_id, client_id, created_at, expires_at)
VALUES (:hash, :account_id, :key_id, :client_id, :now, :expires_at);

-- name: get_refresh_token^
-- With the key that it renews, in the shape of get_key_by_hash.
SELECT k.*, a.plan, NULL AS token_ends_at, r.client_id FROM refresh_tokens r
JOIN api_keys k ON k.account_id = r.account_id AND k.key_id = r.key_id
JOIN accounts a ON a.account_id = r.account_id
WHERE r.hash = :hash;

-- name: claim_refresh_token!
-- Of two who come at once with the same token one gets another.
UPDATE refresh_tokens SET used_at = :now WHERE hash = :hash AND used_at IS NULL;

-- name: renew_key!
UPDATE api_keys SET hash = :hash, shown = :shown WHERE account_id = :account_id AND key_id = :key_id;

-- name: sweep_refresh_tokens!
DELETE FROM refresh_tokens WHERE expires_at < :before;

-- name: sweep_key_hashes!
DELETE FROM key_hashes WHERE expires_at < :before;
