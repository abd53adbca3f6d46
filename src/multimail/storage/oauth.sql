-- Codes of OAuth 2.1: a directory that is asked before the account is known. A code is kept as its hash.

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
