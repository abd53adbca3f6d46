-- Stored secrets (operations/vault.py): what is sealed with which key. :prefix is how the envelopes of the key
-- that seals now begin; what begins otherwise waits to be sealed anew.

-- name: list_secret_keys
SELECT key_id FROM secret_keys ORDER BY created_at, key_id;

-- name: add_secret_key!
INSERT INTO secret_keys (key_id, created_at) VALUES (:key_id, :created_at) ON CONFLICT DO NOTHING;

-- name: forget_secret_key!
DELETE FROM secret_keys WHERE key_id = :key_id;

-- name: list_stale_webhooks
SELECT account_id, webhook_id, secret AS sealed FROM webhooks
WHERE secret <> '' AND substr(secret, 1, length(:prefix)) <> :prefix
ORDER BY account_id, webhook_id LIMIT :limit;

-- name: reseal_webhooks!
UPDATE webhooks SET secret = :sealed
WHERE account_id = :account_id AND webhook_id = :webhook_id AND secret = :was;

-- name: list_stale_signing_keys
SELECT purpose, name, private_pem AS sealed FROM signing_keys
WHERE private_pem <> '' AND substr(private_pem, 1, length(:prefix)) <> :prefix
ORDER BY purpose, name LIMIT :limit;

-- name: reseal_signing_keys!
UPDATE signing_keys SET private_pem = :sealed WHERE purpose = :purpose AND name = :name AND private_pem = :was;

-- name: list_stale_dkim_keys
SELECT account_id, domain_id, selector, private_pem AS sealed FROM dkim_keys
WHERE private_pem <> '' AND substr(private_pem, 1, length(:prefix)) <> :prefix
ORDER BY account_id, domain_id, selector LIMIT :limit;

-- name: reseal_dkim_keys!
UPDATE dkim_keys SET private_pem = :sealed
WHERE account_id = :account_id AND domain_id = :domain_id AND selector = :selector AND private_pem = :was;

-- name: list_stale_operator_mail
SELECT account_id, notice_id, text AS sealed FROM operator_mail
WHERE text <> '' AND substr(text, 1, length(:prefix)) <> :prefix
ORDER BY account_id, notice_id LIMIT :limit;

-- name: reseal_operator_mail!
UPDATE operator_mail SET text = :sealed
WHERE account_id = :account_id AND notice_id = :notice_id AND text = :was;

-- name: abandon_webhooks!
UPDATE webhooks SET secret = '', deleted_at = COALESCE(deleted_at, :now)
WHERE account_id = :account_id AND webhook_id = :webhook_id;

-- name: abandon_signing_keys!
DELETE FROM signing_keys WHERE purpose = :purpose AND name = :name AND created_at <= :now;

-- name: abandon_dkim_keys!
DELETE FROM dkim_keys
WHERE account_id = :account_id AND domain_id = :domain_id AND selector = :selector AND created_at <= :now;

-- name: abandon_operator_mail!
UPDATE operator_mail SET text = '', status = 'failed', last_error = 'its secret key is lost', done_at = :now
WHERE account_id = :account_id AND notice_id = :notice_id;

-- name: list_stale_oversight_settings
SELECT account_id, chat_url AS sealed FROM oversight_settings
WHERE chat_url <> '' AND substr(chat_url, 1, length(:prefix)) <> :prefix
ORDER BY account_id LIMIT :limit;

-- name: reseal_oversight_settings!
UPDATE oversight_settings SET chat_url = :sealed WHERE account_id = :account_id AND chat_url = :was;

-- name: abandon_oversight_settings!
UPDATE oversight_settings SET chat_url = '' WHERE account_id = :account_id AND CAST(:now AS BIGINT) > 0;

-- name: list_stale_push_subscriptions
SELECT account_id, subscription_id, sealed FROM push_subscriptions
WHERE substr(sealed, 1, length(:prefix)) <> :prefix
ORDER BY account_id, subscription_id LIMIT :limit;

-- name: reseal_push_subscriptions!
UPDATE push_subscriptions SET sealed = :sealed
WHERE account_id = :account_id AND subscription_id = :subscription_id AND sealed = :was;

-- name: abandon_push_subscriptions!
DELETE FROM push_subscriptions
WHERE account_id = :account_id AND subscription_id = :subscription_id AND created_at <= :now;
