-- name: add_event!
INSERT INTO events (
    account_id, event_id, type, created_at, mailbox_id, email_id, thread_id, data_json, withheld, test)
VALUES (
    :account_id, :event_id, :type, :created_at, :mailbox_id, :email_id, :thread_id, :data_json, :withheld, :test);

-- name: get_event^
SELECT * FROM events WHERE account_id = :account_id AND event_id = :event_id;

-- name: list_webhooks_for
-- Who listens: webhooks of the whole account, of this mailbox, or of a key that is limited to it.
SELECT w.* FROM webhooks w
WHERE account_id = :account_id AND deleted_at IS NULL
  AND (w.mailbox_id IS NULL OR w.mailbox_id = :mailbox_id)
  AND (NOT w.limited OR EXISTS (
    SELECT 1 FROM key_mailboxes k
    WHERE k.account_id = w.account_id AND k.key_id = w.key_id AND k.mailbox_id = :mailbox_id));

-- name: add_webhook!
INSERT INTO webhooks (account_id, webhook_id, url, events_json, mailbox_id, key_id, limited, secret, created_at)
VALUES (:account_id, :webhook_id, :url, :events_json, :mailbox_id, :key_id, :limited, :secret, :created_at);

-- name: get_webhook^
SELECT * FROM webhooks WHERE account_id = :account_id AND webhook_id = :webhook_id AND deleted_at IS NULL;

-- name: list_webhooks
SELECT * FROM webhooks w
WHERE account_id = :account_id AND deleted_at IS NULL AND webhook_id < :before
  AND (CAST(:unlimited AS BOOLEAN) OR w.key_id = :key_id OR EXISTS (
    SELECT 1 FROM key_mailboxes k
    WHERE k.account_id = w.account_id AND k.key_id = :key_id AND k.mailbox_id = w.mailbox_id))
ORDER BY webhook_id DESC LIMIT :limit;

-- name: delete_webhook!
UPDATE webhooks SET deleted_at = :now, secret = ''
WHERE account_id = :account_id AND webhook_id = :webhook_id AND deleted_at IS NULL;

-- name: add_delivery!
INSERT INTO deliveries (
    account_id, delivery_id, webhook_id, event_id, mailbox_id, heard_as, status, attempts, created_at)
VALUES (:account_id, :delivery_id, :webhook_id, :event_id, :mailbox_id, :heard_as, 'pending', 0, :created_at);

-- name: get_delivery^
SELECT * FROM deliveries WHERE account_id = :account_id AND delivery_id = :delivery_id;

-- name: get_delivery_told^
-- As list_deliveries shows it. A deleted webhook is told nothing any more.
SELECT d.*, e.type AS event_type, e.email_id, e.withheld, w.url FROM deliveries d
JOIN events e ON e.account_id = d.account_id AND e.event_id = d.event_id
JOIN webhooks w ON w.account_id = d.account_id AND w.webhook_id = d.webhook_id
WHERE d.account_id = :account_id AND d.delivery_id = :delivery_id AND w.deleted_at IS NULL;

-- name: replay_delivery!
-- 0 rows where it still waits for its turn: that one is not told twice at once.
UPDATE deliveries SET status = 'pending', attempts = 0, last_error = NULL
WHERE account_id = :account_id AND delivery_id = :delivery_id AND status <> 'pending';

-- name: record_delivery!
UPDATE deliveries
SET status = :status, attempts = :attempts, response_status = :response_status, last_error = :last_error,
    delivered_at = :delivered_at
WHERE account_id = :account_id AND delivery_id = :delivery_id;

-- name: list_deliveries
-- A limited key sees those of the webhooks that it sees. What tells of held inbound mail is left out as elsewhere.
SELECT d.*, e.type AS event_type, e.email_id, w.url FROM deliveries d
JOIN events e ON e.account_id = d.account_id AND e.event_id = d.event_id
JOIN webhooks w ON w.account_id = d.account_id AND w.webhook_id = d.webhook_id
WHERE d.account_id = :account_id AND d.delivery_id < :before
  AND (CAST(:any_webhook AS BOOLEAN) OR d.webhook_id = :webhook_id)
  AND (CAST(:any_status AS BOOLEAN) OR d.status = :status)
  AND (CAST(:see_withheld AS BOOLEAN) OR NOT e.withheld)
  AND (CAST(:unlimited AS BOOLEAN) OR w.key_id = :key_id OR EXISTS (
    SELECT 1 FROM key_mailboxes k
    WHERE k.account_id = w.account_id AND k.key_id = :key_id AND k.mailbox_id = w.mailbox_id))
ORDER BY d.delivery_id DESC LIMIT :limit;
