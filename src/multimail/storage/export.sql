-- Everything of an account, noun by noun, in pages: `position` is where the next page starts. Who may not know of
-- held inbound mail gets nothing that tells of it.

-- name: note_export!
-- 0 rows where the last one is too recent: of two requests at once, one wins.
UPDATE accounts SET exported_at = :now
WHERE account_id = :account_id AND (exported_at IS NULL OR exported_at <= :before);

-- name: export_accounts
SELECT *, account_id AS position FROM accounts WHERE account_id = :account_id AND account_id > :after LIMIT :limit;

-- name: export_operators
SELECT *, operator_id AS position FROM operators
WHERE account_id = :account_id AND operator_id > :after ORDER BY operator_id LIMIT :limit;

-- name: export_notification_settings
SELECT *, operator_id AS position FROM notification_settings
WHERE account_id = :account_id AND operator_id > :after ORDER BY operator_id LIMIT :limit;

-- name: export_oversight_settings
SELECT *, account_id AS position FROM oversight_settings
WHERE account_id = :account_id AND account_id > :after LIMIT :limit;

-- name: export_mailbox_approvers
SELECT *, mailbox_id || operator_id AS position FROM mailbox_approvers
WHERE account_id = :account_id AND mailbox_id || operator_id > :after ORDER BY mailbox_id || operator_id LIMIT :limit;

-- name: export_api_keys
SELECT *, key_id AS position FROM api_keys
WHERE account_id = :account_id AND key_id > :after ORDER BY key_id LIMIT :limit;

-- name: export_key_mailboxes
SELECT *, key_id || mailbox_id AS position FROM key_mailboxes
WHERE account_id = :account_id AND key_id || mailbox_id > :after ORDER BY key_id || mailbox_id LIMIT :limit;

-- name: export_webhooks
SELECT *, webhook_id AS position FROM webhooks
WHERE account_id = :account_id AND webhook_id > :after ORDER BY webhook_id LIMIT :limit;

-- name: export_emails
SELECT *, email_id AS position FROM emails
WHERE account_id = :account_id AND email_id > :after
  AND (CAST(:see_held AS BOOLEAN) OR state NOT IN ('held', 'declined'))
ORDER BY email_id LIMIT :limit;

-- name: export_sandbox
SELECT *, email_id AS position FROM sandbox
WHERE account_id = :account_id AND email_id > :after ORDER BY email_id LIMIT :limit;

-- name: export_threads
SELECT *, thread_id AS position FROM threads t
WHERE account_id = :account_id AND thread_id > :after
  AND (CAST(:see_held AS BOOLEAN) OR EXISTS (
    SELECT 1 FROM emails e
    WHERE e.account_id = t.account_id AND e.thread_id = t.thread_id AND e.state NOT IN ('held', 'declined')))
ORDER BY thread_id LIMIT :limit;

-- name: export_mailboxes
SELECT *, mailbox_id AS position FROM mailboxes
WHERE account_id = :account_id AND mailbox_id > :after ORDER BY mailbox_id LIMIT :limit;

-- name: export_rules
SELECT *, rule_id AS position FROM rules
WHERE account_id = :account_id AND rule_id > :after ORDER BY rule_id LIMIT :limit;

-- name: export_suppressions
SELECT *, suppression_id AS position FROM suppressions
WHERE account_id = :account_id AND suppression_id > :after ORDER BY suppression_id LIMIT :limit;

-- name: export_contacts
SELECT *, contact_id AS position FROM contacts
WHERE account_id = :account_id AND contact_id > :after ORDER BY contact_id LIMIT :limit;

-- name: export_events
SELECT *, event_id AS position FROM events
WHERE account_id = :account_id AND event_id > :after AND (CAST(:see_held AS BOOLEAN) OR NOT withheld)
ORDER BY event_id LIMIT :limit;

-- name: export_deliveries
SELECT d.*, d.delivery_id AS position FROM deliveries d
JOIN events e ON e.account_id = d.account_id AND e.event_id = d.event_id
WHERE d.account_id = :account_id AND d.delivery_id > :after AND (CAST(:see_held AS BOOLEAN) OR NOT e.withheld)
ORDER BY d.delivery_id LIMIT :limit;

-- name: export_audit
SELECT *, CAST(seq AS TEXT) AS position FROM audit a
WHERE account_id = :account_id AND seq > CAST(:after AS BIGINT)
  AND (CAST(:see_held AS BOOLEAN) OR NOT EXISTS (
    SELECT 1 FROM emails e
    WHERE e.account_id = a.account_id AND e.email_id = a.resource_id AND e.state IN ('held', 'declined')))
ORDER BY seq LIMIT :limit;

-- name: export_drafts
SELECT *, draft_id AS position FROM drafts
WHERE account_id = :account_id AND draft_id > :after ORDER BY draft_id LIMIT :limit;

-- name: export_domains
SELECT *, domain_id AS position FROM domains
WHERE account_id = :account_id AND domain_id > :after ORDER BY domain_id LIMIT :limit;
