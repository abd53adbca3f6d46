-- name: is_watched$
-- Nothing where nobody could be told and nothing ends by itself: most test accounts and first steps.
SELECT 1 FROM operators WHERE account_id = :account_id AND email IS NOT NULL AND removed_at IS NULL
UNION ALL
SELECT 1 FROM oversight_settings WHERE account_id = :account_id
UNION ALL
SELECT 1 FROM push_subscriptions WHERE account_id = :account_id
LIMIT 1;

-- name: add_watch_job!
INSERT INTO jobs (account_id, kind, subject_id, run_at, attempts, lease_until, lease_owner)
VALUES (:account_id, 'watch', :email_id, :run_at, 0, 0, '')
ON CONFLICT (account_id, kind, subject_id) DO UPDATE SET run_at = excluded.run_at, attempts = 0;

-- name: watch_all_pending!
INSERT INTO jobs (account_id, kind, subject_id, run_at, attempts, lease_until, lease_owner)
SELECT account_id, 'watch', email_id, :run_at, 0, 0, '' FROM emails
WHERE account_id = :account_id AND state IN ('pending_approval', 'held')
ON CONFLICT (account_id, kind, subject_id) DO UPDATE SET run_at = excluded.run_at;

-- name: add_digest_job!
-- One that is due already keeps its time: what comes now must not put it off.
INSERT INTO jobs (account_id, kind, subject_id, run_at, attempts, lease_until, lease_owner)
VALUES (:account_id, 'digest', :operator_id, :run_at, 0, 0, '')
ON CONFLICT (account_id, kind, subject_id) DO NOTHING;

-- name: get_watch^
SELECT * FROM watches WHERE account_id = :account_id AND email_id = :email_id;

-- name: set_watch!
INSERT INTO watches (account_id, email_id, version, since, done_json)
VALUES (:account_id, :email_id, :version, :since, :done_json)
ON CONFLICT (account_id, email_id)
DO UPDATE SET version = excluded.version, since = excluded.since, done_json = excluded.done_json;

-- name: remove_watch!
DELETE FROM watches WHERE account_id = :account_id AND email_id = :email_id;

-- name: sweep_watches!
-- Of what waits no more.
DELETE FROM watches WHERE NOT EXISTS (
    SELECT 1 FROM emails e
    WHERE e.account_id = watches.account_id AND e.email_id = watches.email_id
      AND e.state IN ('pending_approval', 'held'));

-- name: list_deciders
-- People who may decide, are in and can be told, with how they want to hear of it.
SELECT o.operator_id, o.name, o.email, o.role, n.pending, n.digest_minutes, n.quiet_from, n.quiet_until, n.time_zone
FROM operators o
LEFT JOIN notification_settings n ON n.account_id = o.account_id AND n.operator_id = o.operator_id
WHERE o.account_id = :account_id AND o.role IN ('owner', 'approver') AND o.removed_at IS NULL
  AND o.joined_at IS NOT NULL AND (o.email IS NOT NULL OR EXISTS (
    SELECT 1 FROM push_subscriptions p WHERE p.account_id = o.account_id AND p.operator_id = o.operator_id))
ORDER BY o.operator_id;

-- name: list_notified
SELECT o.operator_id, o.name, o.email, o.role, n.pending, n.digest_minutes, n.quiet_from, n.quiet_until, n.time_zone
FROM operators o
LEFT JOIN notification_settings n ON n.account_id = o.account_id AND n.operator_id = o.operator_id
WHERE o.account_id = :account_id AND o.role IN ('owner', 'approver') AND o.removed_at IS NULL
ORDER BY o.operator_id;

-- name: set_notification_settings!
INSERT INTO notification_settings (
    account_id, operator_id, pending, digest_minutes, quiet_from, quiet_until, time_zone)
VALUES (:account_id, :operator_id, :pending, :digest_minutes, :quiet_from, :quiet_until, :time_zone)
ON CONFLICT (account_id, operator_id) DO UPDATE SET
    pending = excluded.pending, digest_minutes = excluded.digest_minutes, quiet_from = excluded.quiet_from,
    quiet_until = excluded.quiet_until, time_zone = excluded.time_zone;

-- name: get_oversight_settings^
SELECT * FROM oversight_settings WHERE account_id = :account_id;

-- name: set_oversight_settings!
INSERT INTO oversight_settings (account_id, escalate_minutes, escalate_to, expire_hours, chat_url)
VALUES (:account_id, :escalate_minutes, :escalate_to, :expire_hours, :chat_url)
ON CONFLICT (account_id) DO UPDATE SET
    escalate_minutes = excluded.escalate_minutes, escalate_to = excluded.escalate_to,
    expire_hours = excluded.expire_hours, chat_url = excluded.chat_url;

-- name: list_four_eyes
SELECT mailbox_id FROM mailboxes WHERE account_id = :account_id AND four_eyes AND deleted_at IS NULL
ORDER BY mailbox_id;

-- name: clear_four_eyes!
UPDATE mailboxes SET four_eyes = FALSE WHERE account_id = :account_id AND four_eyes;

-- name: set_four_eyes!
UPDATE mailboxes SET four_eyes = TRUE WHERE account_id = :account_id AND mailbox_id = :mailbox_id;

-- name: list_approvers
SELECT * FROM mailbox_approvers WHERE account_id = :account_id ORDER BY mailbox_id, operator_id;

-- name: list_mailbox_approvers
SELECT operator_id FROM mailbox_approvers WHERE account_id = :account_id AND mailbox_id = :mailbox_id
ORDER BY operator_id;

-- name: clear_approvers!
DELETE FROM mailbox_approvers WHERE account_id = :account_id;

-- name: clear_mailbox_approvers!
DELETE FROM mailbox_approvers WHERE account_id = :account_id AND mailbox_id = :mailbox_id;

-- name: add_approver!
INSERT INTO mailbox_approvers (account_id, mailbox_id, operator_id)
VALUES (:account_id, :mailbox_id, :operator_id) ON CONFLICT DO NOTHING;

-- name: close_notification_settings!
DELETE FROM notification_settings WHERE account_id = :account_id;

-- name: close_oversight_settings!
DELETE FROM oversight_settings WHERE account_id = :account_id;

-- name: close_mailbox_approvers!
DELETE FROM mailbox_approvers WHERE account_id = :account_id;

-- name: close_saved_views!
DELETE FROM saved_views WHERE account_id = :account_id;

-- name: close_push_subscriptions!
DELETE FROM push_subscriptions WHERE account_id = :account_id;

-- name: close_watches!
DELETE FROM watches WHERE account_id = :account_id;
