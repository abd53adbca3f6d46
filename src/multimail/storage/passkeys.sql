-- name: add_passkey!
INSERT INTO passkeys (account_id, passkey_id, operator_id, name, public_key, sign_count, created_at)
VALUES (:account_id, :passkey_id, :operator_id, :name, :public_key, :sign_count, :created_at)
ON CONFLICT (account_id, passkey_id) DO NOTHING;

-- name: get_passkey^
SELECT * FROM passkeys WHERE account_id = :account_id AND passkey_id = :passkey_id;

-- name: list_passkeys
SELECT * FROM passkeys WHERE account_id = :account_id AND operator_id = :operator_id;

-- name: use_passkey!
UPDATE passkeys SET sign_count = :sign_count, last_used_at = :now
WHERE account_id = :account_id AND passkey_id = :passkey_id;

-- name: remove_passkey!
DELETE FROM passkeys WHERE account_id = :account_id AND passkey_id = :passkey_id AND operator_id = :operator_id;
