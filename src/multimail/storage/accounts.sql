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

-- name: verify_oversight_email!
UPDATE accounts SET oversight_email_verified_at = :now WHERE account_id = :account_id;

-- name: set_blocked_leaks!
UPDATE accounts SET blocked_leaks = :blocked_leaks WHERE account_id = :account_id;

-- name: rename_account!
UPDATE accounts SET name = :name WHERE account_id = :account_id;

-- name: pause_account!
-- A pause on top of a pause changes nothing.
UPDATE accounts SET paused_at = :now WHERE account_id = :account_id AND paused_at IS NULL;

-- name: resume_account!
UPDATE accounts SET paused_at = NULL WHERE account_id = :account_id;

-- name: add_operator!
INSERT INTO operators (account_id, operator_id, role, name, email, created_at)
VALUES (:account_id, :operator_id, :role, :name, :email, :created_at);

-- name: get_operator^
SELECT * FROM operators WHERE account_id = :account_id AND operator_id = :operator_id AND removed_at IS NULL;

-- name: get_owner^
SELECT * FROM operators
WHERE account_id = :account_id AND role = 'owner' AND removed_at IS NULL
ORDER BY operator_id LIMIT 1;

-- name: list_operators
SELECT * FROM operators WHERE account_id = :account_id AND operator_id < :before AND removed_at IS NULL
ORDER BY operator_id DESC LIMIT :limit;

-- name: find_operator^
SELECT * FROM operators WHERE account_id = :account_id AND email = :email AND removed_at IS NULL;

-- name: list_operators_by_email
-- Of every account: whoever signs in is known by an address alone.
SELECT o.* FROM operators o JOIN accounts a ON a.account_id = o.account_id
WHERE o.email = :email AND o.removed_at IS NULL AND a.deleted_at IS NULL
ORDER BY o.operator_id LIMIT 5;

-- name: count_other_owners$
SELECT COUNT(*) FROM operators
WHERE account_id = :account_id AND role = 'owner' AND removed_at IS NULL AND operator_id <> :operator_id;

-- name: update_operator!
UPDATE operators SET name = :name, role = :role
WHERE account_id = :account_id AND operator_id = :operator_id AND removed_at IS NULL;

-- name: note_joined!
UPDATE operators SET joined_at = :now
WHERE account_id = :account_id AND operator_id = :operator_id AND joined_at IS NULL;

-- name: remove_operator!
UPDATE operators SET removed_at = :now
WHERE account_id = :account_id AND operator_id = :operator_id AND removed_at IS NULL;

-- name: end_operator_tokens!
UPDATE operator_tokens SET used_at = :now
WHERE account_id = :account_id AND operator_id = :operator_id AND used_at IS NULL;

-- name: list_operator_sessions
SELECT t.*, o.name, o.role FROM operator_tokens t
JOIN operators o ON o.account_id = t.account_id AND o.operator_id = t.operator_id
WHERE t.account_id = :account_id AND t.purpose = 'session' AND t.expires_at > :now AND t.used_at IS NULL
  AND (CAST(:everybody AS BOOLEAN) OR t.operator_id = :operator_id) AND t.token_id < :before
ORDER BY t.token_id DESC LIMIT :limit;

-- name: get_operator_session^
SELECT t.*, o.name FROM operator_tokens t
JOIN operators o ON o.account_id = t.account_id AND o.operator_id = t.operator_id
WHERE t.account_id = :account_id AND t.token_id = :token_id AND t.purpose = 'session' AND t.expires_at > :now
  AND t.used_at IS NULL;

-- name: end_operator_session!
UPDATE operator_tokens SET used_at = :now
WHERE account_id = :account_id AND token_id = :token_id AND purpose = 'session' AND expires_at > :now
  AND used_at IS NULL AND (CAST(:everybody AS BOOLEAN) OR operator_id = :operator_id);

-- name: is_operator_address$
-- Whosever it is: their codes must not come in at a mailbox.
SELECT 1 FROM operators WHERE email = :address AND removed_at IS NULL
UNION ALL
SELECT 1 FROM accounts WHERE oversight_email = :address;

-- name: add_operator_token!
INSERT INTO operator_tokens (hash, account_id, operator_id, token_id, purpose, created_at, expires_at)
VALUES (:hash, :account_id, :operator_id, :token_id, :purpose, :created_at, :expires_at);

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
