-- name: add_account!
-- Two processes may start at once on an empty database: the second waits here for the first, then finds 0 rows.
INSERT INTO accounts (account_id, slug, name, plan, created_at)
VALUES (:account_id, :slug, :name, :plan, :created_at)
ON CONFLICT (slug) DO NOTHING;

-- name: get_account^
SELECT * FROM accounts WHERE account_id = :account_id;

-- name: get_account_by_slug^
SELECT * FROM accounts WHERE slug = :slug;

-- name: set_oversight_email!
UPDATE accounts SET oversight_email = :oversight_email, oversight_email_verified_at = NULL
WHERE account_id = :account_id;

-- name: add_operator!
INSERT INTO operators (account_id, operator_id, role, name, email, created_at)
VALUES (:account_id, :operator_id, :role, :name, :email, :created_at);

-- name: get_operator^
SELECT * FROM operators WHERE account_id = :account_id AND operator_id = :operator_id AND removed_at IS NULL;

-- name: get_owner^
SELECT * FROM operators
WHERE account_id = :account_id AND role = 'owner' AND removed_at IS NULL
ORDER BY operator_id LIMIT 1;

-- name: is_operator_address$
SELECT 1 FROM operators WHERE account_id = :account_id AND email = :address AND removed_at IS NULL
UNION ALL
SELECT 1 FROM accounts WHERE account_id = :account_id AND oversight_email = :address;

-- name: add_operator_token!
INSERT INTO operator_tokens (hash, account_id, operator_id, purpose, created_at, expires_at)
VALUES (:hash, :account_id, :operator_id, :purpose, :created_at, :expires_at);

-- name: get_operator_token^
SELECT * FROM operator_tokens WHERE hash = :hash AND purpose = :purpose AND expires_at > :now AND used_at IS NULL;

-- name: use_operator_token!
UPDATE operator_tokens SET used_at = :now
WHERE hash = :hash AND purpose = :purpose AND expires_at > :now AND used_at IS NULL;

-- name: get_signing_key$
SELECT private_pem FROM signing_keys WHERE purpose = :purpose AND name = :name;

-- name: add_signing_key!
INSERT INTO signing_keys (purpose, name, private_pem, created_at)
VALUES (:purpose, :name, :private_pem, :created_at)
ON CONFLICT (purpose, name) DO NOTHING;
