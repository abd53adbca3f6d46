-- Erasing mail (operations/erasing.py): what goes at once, what goes later, and bytes that nothing names any more.

-- name: set_retention!
UPDATE accounts SET retention_days = :retention_days WHERE account_id = :account_id;

-- name: list_retaining_accounts
SELECT account_id, retention_days FROM accounts WHERE retention_days IS NOT NULL AND deleted_at IS NULL;

-- name: list_erasable
-- Those that wait for somebody or are on their way are never erased.
SELECT * FROM emails
WHERE account_id = :account_id AND email_id > :after AND email_id < :before_id AND erased_at IS NULL
  AND state NOT IN ('pending_approval', 'scheduled', 'queued', 'delivering', 'held')
  AND COALESCE(sent_at, received_at, created_at) < :before
ORDER BY email_id LIMIT :limit;

-- name: list_emails_concerning
-- From, to, copied to or secretly copied to an address.
SELECT * FROM emails
WHERE account_id = :account_id AND email_id > :after AND erased_at IS NULL
  AND (participants LIKE :participant ESCAPE '!' OR lower(from_address) = :address
    OR lower(recipients_json) LIKE :named ESCAPE '!' OR lower(reply_to_json) LIKE :named ESCAPE '!')
ORDER BY email_id LIMIT :limit;

-- name: blank_email!
-- What it said and to whom. 0 rows where somebody changed or erased it meanwhile.
UPDATE emails
SET from_address = :from_address, from_name = '', to_json = '[]', cc_json = '[]', bcc_json = '[]', reply_to_json = '[]',
    participants = ' ', recipients_json = :recipients_json, subject = '', message_id = :message_id, in_reply_to = '',
    size = 0, metadata_json = '{}', findings_json = '[]', spam_reasons_json = '[]', automatic = NULL, notes = NULL,
    auth_json = :auth_json, decision_reason = NULL, last_error = NULL, erased_at = :now, version = version + 1
WHERE account_id = :account_id AND email_id = :email_id AND version = :version AND erased_at IS NULL;

-- name: note_loose_of_email!
INSERT INTO loose_blobs (account_id, sha256, noted_at)
SELECT account_id, raw_sha256, CAST(:now AS BIGINT) FROM contents
WHERE account_id = :account_id AND email_id = :email_id
UNION
SELECT account_id, sha256, CAST(:now AS BIGINT) FROM attachments
WHERE account_id = :account_id AND email_id = :email_id
UNION
SELECT account_id, raw_sha256, CAST(:now AS BIGINT) FROM revisions
WHERE account_id = :account_id AND email_id = :email_id AND raw_sha256 <> ''
UNION
SELECT account_id, raw_sha256, CAST(:now AS BIGINT) FROM sandbox
WHERE account_id = :account_id AND email_id = :email_id
ON CONFLICT (account_id, sha256) DO UPDATE SET noted_at = excluded.noted_at;

-- name: drop_contents!
DELETE FROM contents WHERE account_id = :account_id AND email_id = :email_id;

-- name: drop_tags!
DELETE FROM tags WHERE account_id = :account_id AND email_id = :email_id;

-- name: drop_captured!
DELETE FROM sandbox WHERE account_id = :account_id AND email_id = :email_id;

-- name: drop_copies!
DELETE FROM operator_mail WHERE account_id = :account_id AND email_id = :email_id;

-- name: blank_revisions!
-- Who wrote one, when, and its hash stay.
UPDATE revisions SET subject = '', recipients_json = '[]', markdown = '', raw_sha256 = ''
WHERE account_id = :account_id AND email_id = :email_id;

-- name: blank_thread!
UPDATE threads SET subject = ''
WHERE account_id = :account_id AND thread_id = :thread_id AND NOT EXISTS (
    SELECT 1 FROM emails e
    WHERE e.account_id = threads.account_id AND e.thread_id = threads.thread_id AND e.erased_at IS NULL);

-- name: note_erased!
INSERT INTO erased (account_id, resource_id, erased_at) VALUES (:account_id, :resource_id, :now)
ON CONFLICT (account_id, resource_id) DO UPDATE SET erased_at = excluded.erased_at;

-- name: list_events_to_scrub
SELECT event_id FROM events e
WHERE account_id = :account_id AND event_id > :after AND data_json <> '{}' AND EXISTS (
    SELECT 1 FROM erased r WHERE r.account_id = e.account_id AND r.resource_id = e.email_id)
ORDER BY event_id LIMIT :limit;

-- name: scrub_events*!
UPDATE events SET data_json = '{}' WHERE account_id = :account_id AND event_id = :event_id;

-- name: list_audit_to_scrub
-- What was said before the erasing was. Entries without a commitment are of releases that could not do without.
SELECT entry_id, seq FROM audit a
WHERE account_id = :account_id AND entry_id > :after AND metadata_json <> '{}' AND substr(action, 1, 6) <> 'erase_'
  AND (seq IS NULL OR commitment IS NOT NULL) AND EXISTS (
    SELECT 1 FROM erased r
    WHERE r.account_id = a.account_id AND r.resource_id = a.resource_id AND r.erased_at >= a.at)
ORDER BY entry_id LIMIT :limit;

-- name: scrub_audit*!
UPDATE audit SET metadata_json = '{}', salt = NULL
WHERE account_id = :account_id AND entry_id = :entry_id AND commitment IS NOT NULL;

-- name: forget_erased!
DELETE FROM erased WHERE account_id = :account_id AND erased_at < :before;

-- name: any_erased$
SELECT 1 FROM erased WHERE account_id = :account_id LIMIT 1;

-- name: note_loose*!
INSERT INTO loose_blobs (account_id, sha256, noted_at) VALUES (:account_id, :sha256, :noted_at)
ON CONFLICT (account_id, sha256) DO UPDATE SET noted_at = excluded.noted_at;

-- name: list_loose
-- Those whose next step is due.
SELECT * FROM loose_blobs
WHERE (removing_at IS NULL AND noted_at < :before) OR (removing_at < :settled AND going_at IS NULL)
  OR (going_at IS NOT NULL AND removed_at IS NULL) OR removed_at < :settled
ORDER BY noted_at LIMIT :limit;

-- name: forget_loose!
DELETE FROM loose_blobs WHERE account_id = :account_id AND sha256 = :sha256;

-- name: keep_after_all!
-- Whoever names the bytes again while their file is still there ends its removal.
DELETE FROM loose_blobs
WHERE account_id = :account_id AND sha256 = :sha256 AND removing_at IS NOT NULL AND going_at IS NULL;

-- name: is_going$
SELECT 1 FROM loose_blobs WHERE account_id = :account_id AND sha256 = :sha256 AND going_at IS NOT NULL;

-- name: set_removing!
UPDATE loose_blobs SET removing_at = :now WHERE account_id = :account_id AND sha256 = :sha256;

-- name: set_going!
-- 0 rows where somebody kept them after all.
UPDATE loose_blobs SET going_at = :now WHERE account_id = :account_id AND sha256 = :sha256;

-- name: set_removed!
UPDATE loose_blobs SET removed_at = :now WHERE account_id = :account_id AND sha256 = :sha256;

-- name: note_stray!
-- A file without a row.
INSERT INTO loose_blobs (account_id, sha256, noted_at)
SELECT CAST(:account_id AS TEXT), CAST(:sha256 AS TEXT), CAST(:now AS BIGINT)
WHERE NOT EXISTS (SELECT 1 FROM blobs WHERE account_id = :account_id AND sha256 = :sha256)
ON CONFLICT (account_id, sha256) DO NOTHING;

-- name: remove_blob!
DELETE FROM blobs WHERE account_id = :account_id AND sha256 = :sha256;

-- name: is_named$
-- Whether anything names these bytes. :listed is their address within a draft's list.
SELECT 1 FROM contents WHERE account_id = :account_id AND raw_sha256 = :sha256
UNION ALL
SELECT 1 FROM attachments WHERE account_id = :account_id AND sha256 = :sha256
UNION ALL
SELECT 1 FROM revisions WHERE account_id = :account_id AND raw_sha256 = :sha256
UNION ALL
SELECT 1 FROM sandbox WHERE account_id = :account_id AND raw_sha256 = :sha256
UNION ALL
SELECT 1 FROM intake WHERE account_id = :account_id AND raw_sha256 = :sha256
UNION ALL
SELECT 1 FROM drafts WHERE account_id = :account_id AND files_json LIKE :listed
LIMIT 1;

-- name: add_erasure!
INSERT INTO erasures (account_id, erasure_id, address, emails, waiting, created_at)
VALUES (:account_id, :erasure_id, :address, 0, 0, :created_at);

-- name: get_erasure^
SELECT * FROM erasures WHERE account_id = :account_id AND erasure_id = :erasure_id;

-- name: count_erased!
UPDATE erasures SET emails = emails + :emails WHERE account_id = :account_id AND erasure_id = :erasure_id;

-- name: finish_erasure!
UPDATE erasures SET address = '', waiting = :waiting, finished_at = :now
WHERE account_id = :account_id AND erasure_id = :erasure_id;

-- name: list_contacts_at
SELECT * FROM contacts WHERE account_id = :account_id AND address = :address;

-- name: list_allowing_rules_of
SELECT * FROM rules WHERE account_id = :account_id AND pattern = :address AND kind = 'allow';

-- name: drop_correspondent!
DELETE FROM correspondents WHERE account_id = :account_id AND address = :address;

-- name: list_drafts_after
SELECT * FROM drafts WHERE account_id = :account_id AND draft_id > :after ORDER BY draft_id LIMIT :limit;

-- name: list_old_drafts
SELECT * FROM drafts WHERE account_id = :account_id AND updated_at < :before ORDER BY draft_id LIMIT :limit;

-- name: drop_answers_with!
-- What a repeated create_draft would be told, for a day.
DELETE FROM idempotency WHERE account_id = :account_id AND lower(answer_json) LIKE :named ESCAPE '!';
