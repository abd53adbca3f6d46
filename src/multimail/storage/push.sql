-- name: add_push_subscription!
INSERT INTO push_subscriptions (
    account_id, subscription_id, operator_id, endpoint_sha256, host, sealed, sent_at, created_at)
VALUES (:account_id, :subscription_id, :operator_id, :endpoint_sha256, :host, :sealed, 0, :created_at);

-- name: drop_push_endpoint!
-- A browser is one person's at a time.
DELETE FROM push_subscriptions WHERE account_id = :account_id AND endpoint_sha256 = :endpoint_sha256;

-- name: list_push_subscriptions
SELECT * FROM push_subscriptions WHERE account_id = :account_id AND operator_id = :operator_id;

-- name: get_push_subscription^
SELECT * FROM push_subscriptions WHERE account_id = :account_id AND subscription_id = :subscription_id;

-- name: remove_push_subscription!
DELETE FROM push_subscriptions
WHERE account_id = :account_id AND subscription_id = :subscription_id AND operator_id = :operator_id;

-- name: end_push_subscription!
DELETE FROM push_subscriptions WHERE account_id = :account_id AND subscription_id = :subscription_id;

-- name: delete_push_of!
DELETE FROM push_subscriptions WHERE account_id = :account_id AND operator_id = :operator_id;

-- name: note_pushed!
UPDATE push_subscriptions SET sent_at = :now
WHERE account_id = :account_id AND subscription_id = :subscription_id;

-- name: add_push_jobs!
-- In each of a person's browsers; one that waits to be told keeps its time.
INSERT INTO jobs (account_id, kind, subject_id, run_at, attempts, lease_until, lease_owner)
SELECT account_id, 'push', subscription_id, CAST(:run_at AS BIGINT), 0, 0, '' FROM push_subscriptions
WHERE account_id = :account_id AND operator_id = :operator_id
ON CONFLICT (account_id, kind, subject_id) DO NOTHING;
