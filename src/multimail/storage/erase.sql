-- An account that is deleted: what lets anybody in or anything out goes at once, the rest a batch at a time.

-- name: close_account!
-- What stays documented: that there was an account, under which name in addresses, and who deleted it when.
UPDATE accounts
SET name = '', oversight_email = NULL, oversight_email_verified_at = NULL, deleted_at = :now, deleted_by = :deleted_by
WHERE account_id = :account_id AND deleted_at IS NULL;

-- name: close_key_hashes!
DELETE FROM key_hashes WHERE account_id = :account_id;

-- name: close_operator_tokens!
DELETE FROM operator_tokens WHERE account_id = :account_id;

-- name: close_owner_addresses!
DELETE FROM owner_addresses WHERE account_id = :account_id;

-- name: close_sign_ups!
DELETE FROM sign_ups WHERE account_id = :account_id;

-- name: close_addresses!
DELETE FROM addresses WHERE account_id = :account_id;

-- name: close_api_keys!
DELETE FROM api_keys WHERE account_id = :account_id;

-- name: close_key_mailboxes!
DELETE FROM key_mailboxes WHERE account_id = :account_id;

-- name: close_passkeys!
DELETE FROM passkeys WHERE account_id = :account_id;

-- name: close_authorization_codes!
DELETE FROM authorization_codes WHERE account_id = :account_id;

-- name: close_refresh_tokens!
DELETE FROM refresh_tokens WHERE account_id = :account_id;

-- name: close_operators!
DELETE FROM operators WHERE account_id = :account_id;

-- name: close_approval_requests!
DELETE FROM approval_requests WHERE account_id = :account_id;

-- name: close_mailboxes!
DELETE FROM mailboxes WHERE account_id = :account_id;

-- name: close_webhooks!
DELETE FROM webhooks WHERE account_id = :account_id;

-- name: close_intake!
DELETE FROM intake WHERE account_id = :account_id;

-- name: close_unindexed!
DELETE FROM unindexed WHERE account_id = :account_id;

-- name: close_outcomes!
DELETE FROM outcomes WHERE account_id = :account_id;

-- name: close_drafts!
DELETE FROM drafts WHERE account_id = :account_id;

-- name: close_domains!
DELETE FROM domains WHERE account_id = :account_id;

-- name: close_dkim_keys!
DELETE FROM dkim_keys WHERE account_id = :account_id;

-- name: close_jobs!
DELETE FROM jobs WHERE account_id = :account_id;

-- name: erase_emails!
DELETE FROM emails WHERE account_id = :account_id AND email_id IN (
    SELECT email_id FROM emails WHERE account_id = :account_id LIMIT :limit);

-- name: erase_contents!
DELETE FROM contents WHERE account_id = :account_id AND email_id IN (
    SELECT email_id FROM contents WHERE account_id = :account_id LIMIT :limit);

-- name: erase_attachments!
DELETE FROM attachments WHERE account_id = :account_id AND attachment_id IN (
    SELECT attachment_id FROM attachments WHERE account_id = :account_id LIMIT :limit);

-- name: erase_revisions!
DELETE FROM revisions WHERE account_id = :account_id AND email_id IN (
    SELECT email_id FROM revisions WHERE account_id = :account_id LIMIT :limit);

-- name: erase_tags!
DELETE FROM tags WHERE account_id = :account_id AND email_id IN (
    SELECT email_id FROM tags WHERE account_id = :account_id LIMIT :limit);

-- name: erase_threads!
DELETE FROM threads WHERE account_id = :account_id AND thread_id IN (
    SELECT thread_id FROM threads WHERE account_id = :account_id LIMIT :limit);

-- name: erase_blobs!
DELETE FROM blobs WHERE account_id = :account_id AND sha256 IN (
    SELECT sha256 FROM blobs WHERE account_id = :account_id LIMIT :limit);

-- name: erase_deliveries!
DELETE FROM deliveries WHERE account_id = :account_id AND delivery_id IN (
    SELECT delivery_id FROM deliveries WHERE account_id = :account_id LIMIT :limit);

-- name: erase_events!
DELETE FROM events WHERE account_id = :account_id AND event_id IN (
    SELECT event_id FROM events WHERE account_id = :account_id LIMIT :limit);

-- name: erase_sandbox!
DELETE FROM sandbox WHERE account_id = :account_id AND email_id IN (
    SELECT email_id FROM sandbox WHERE account_id = :account_id LIMIT :limit);

-- name: erase_correspondents!
DELETE FROM correspondents WHERE account_id = :account_id AND address IN (
    SELECT address FROM correspondents WHERE account_id = :account_id LIMIT :limit);

-- name: erase_linked_hosts!
DELETE FROM linked_hosts WHERE account_id = :account_id AND email_id IN (
    SELECT email_id FROM linked_hosts WHERE account_id = :account_id LIMIT :limit);

-- name: erase_looks!
DELETE FROM looks WHERE account_id = :account_id AND email_id IN (
    SELECT email_id FROM looks WHERE account_id = :account_id LIMIT :limit);

-- name: erase_marks!
DELETE FROM marks WHERE account_id = :account_id AND email_id IN (
    SELECT email_id FROM marks WHERE account_id = :account_id LIMIT :limit);

-- name: erase_warm_ups!
DELETE FROM warm_ups WHERE account_id = :account_id AND domain IN (
    SELECT domain FROM warm_ups WHERE account_id = :account_id LIMIT :limit);

-- name: erase_warm_up_days!
DELETE FROM warm_up_days WHERE account_id = :account_id AND domain IN (
    SELECT domain FROM warm_up_days WHERE account_id = :account_id LIMIT :limit);

-- name: erase_audit!
-- Sealed entries: the head that stays covers them all.
DELETE FROM audit WHERE account_id = :account_id AND entry_id IN (
    SELECT entry_id FROM audit WHERE account_id = :account_id AND seq IS NOT NULL LIMIT :limit) AND seq IS NOT NULL;

-- name: erase_idempotency!
DELETE FROM idempotency WHERE account_id = :account_id AND idempotency_key IN (
    SELECT idempotency_key FROM idempotency WHERE account_id = :account_id LIMIT :limit);

-- name: erase_operator_mail!
DELETE FROM operator_mail WHERE account_id = :account_id AND notice_id IN (
    SELECT notice_id FROM operator_mail WHERE account_id = :account_id LIMIT :limit);

-- name: erase_contacts!
DELETE FROM contacts WHERE account_id = :account_id AND contact_id IN (
    SELECT contact_id FROM contacts WHERE account_id = :account_id LIMIT :limit);

-- name: erase_suppressions!
DELETE FROM suppressions WHERE account_id = :account_id AND suppression_id IN (
    SELECT suppression_id FROM suppressions WHERE account_id = :account_id LIMIT :limit);

-- name: erase_rules!
DELETE FROM rules WHERE account_id = :account_id AND rule_id IN (
    SELECT rule_id FROM rules WHERE account_id = :account_id LIMIT :limit);

-- name: erase_spam_tokens!
DELETE FROM spam_tokens WHERE account_id = :account_id AND token IN (
    SELECT token FROM spam_tokens WHERE account_id = :account_id LIMIT :limit);

-- name: erase_usage!
DELETE FROM usage WHERE account_id = :account_id AND mailbox_id IN (
    SELECT mailbox_id FROM usage WHERE account_id = :account_id LIMIT :limit);

-- name: erase_holdings!
DELETE FROM holdings WHERE account_id = :account_id AND mailbox_id IN (
    SELECT mailbox_id FROM holdings WHERE account_id = :account_id LIMIT :limit);

-- name: erase_monthly_emails!
DELETE FROM monthly_emails WHERE account_id = :account_id AND month IN (
    SELECT month FROM monthly_emails WHERE account_id = :account_id LIMIT :limit);

-- name: close_erased!
DELETE FROM erased WHERE account_id = :account_id;

-- name: close_erasures!
DELETE FROM erasures WHERE account_id = :account_id;

-- name: close_loose_blobs!
-- All its bytes go, named or not.
DELETE FROM loose_blobs WHERE account_id = :account_id;
