-- name: add_email!
INSERT INTO emails (
    account_id, email_id, mailbox_id, thread_id, direction, state, version, test, from_address, from_name,
    to_json, cc_json, bcc_json, reply_to_json, participants, recipients_json, subject, message_id, in_reply_to,
    size, has_attachments, metadata_json, revision, revision_count, floor_mode, schedule_first,
    send_at, author_kind, author_id, auth_json, findings_json, automatic, spam_verdict, spam_score,
    spam_reasons_json, created_at, received_at)
VALUES (
    :account_id, :email_id, :mailbox_id, :thread_id, :direction, :state, 1, :test, :from_address, :from_name,
    :to_json, :cc_json, :bcc_json, :reply_to_json, :participants, :recipients_json, :subject, :message_id,
    :in_reply_to, :size, :has_attachments, :metadata_json, :revision, 1, :floor_mode,
    :schedule_first, :send_at, :author_kind, :author_id, :auth_json, :findings_json, :automatic, :spam_verdict,
    :spam_score, :spam_reasons_json, :created_at, :received_at);

-- name: add_contents!
INSERT INTO contents (
    account_id, email_id, raw_sha256, markdown, text, html, quoted, headers_json, hidden_json, links_json, defects_json,
    contains_json)
VALUES (
    :account_id, :email_id, :raw_sha256, :markdown, :text, :html, :quoted, :headers_json, :hidden_json, :links_json,
    :defects_json, :contains_json);

-- name: set_contents!
-- What we composed ourselves: the first time, or in place of what an edit changes.
INSERT INTO contents (
    account_id, email_id, raw_sha256, sketch, markdown, html, headers_json, hidden_json, quoted, links_json, defects_json)
VALUES (
    :account_id, :email_id, :raw_sha256, :sketch, :markdown, :html, :headers_json, :hidden_json, '', '[]', '[]')
ON CONFLICT (account_id, email_id) DO UPDATE
SET raw_sha256 = excluded.raw_sha256, sketch = excluded.sketch, markdown = excluded.markdown,
    html = excluded.html, headers_json = excluded.headers_json, hidden_json = excluded.hidden_json;

-- name: get_sketch$
SELECT sketch FROM contents WHERE account_id = :account_id AND email_id = :email_id;

-- name: edit_email!
UPDATE emails
SET from_address = :from_address, from_name = :from_name, to_json = :to_json, cc_json = :cc_json, bcc_json = :bcc_json,
    reply_to_json = :reply_to_json, participants = :participants, recipients_json = :recipients_json,
    subject = :subject, message_id = :message_id, size = :size, has_attachments = :has_attachments,
    revision = :revision, findings_json = :findings_json, revision_count = revision_count + 1, send_at = :send_at, editor_kind = :editor_kind,
    editor_id = :editor_id, edited_at = :edited_at
WHERE account_id = :account_id AND email_id = :email_id AND version = :version;

-- name: add_revision!
INSERT INTO revisions (
    account_id, email_id, number, revision, written_by, written_at, subject, recipients_json, markdown, raw_sha256)
VALUES (
    :account_id, :email_id, :number, :revision, :written_by, :written_at, :subject, :recipients_json, :markdown,
    :raw_sha256);

-- name: list_revisions
SELECT * FROM revisions WHERE account_id = :account_id AND email_id = :email_id ORDER BY number;

-- name: get_email^
SELECT * FROM emails WHERE account_id = :account_id AND email_id = :email_id;

-- name: get_contents^
SELECT * FROM contents WHERE account_id = :account_id AND email_id = :email_id;

-- name: get_raw^
-- The message as composed: its content is NULL where it is in the folder or bucket.
SELECT b.sha256, b.content FROM contents c
JOIN blobs b ON b.account_id = c.account_id AND b.sha256 = c.raw_sha256
WHERE c.account_id = :account_id AND c.email_id = :email_id;

-- name: get_email_by_message_id^
SELECT * FROM emails WHERE account_id = :account_id AND mailbox_id = :mailbox_id AND message_id = :message_id
ORDER BY email_id LIMIT 1;

-- name: list_answered
-- Who may have sent what a reply answers: a stranger can use a Message-ID again, or leave it out.
SELECT DISTINCT from_address FROM emails
WHERE account_id = :account_id AND thread_id = :thread_id AND message_id = :message_id AND email_id < :before
  AND direction = 'inbound' AND state NOT IN ('held', 'declined')
ORDER BY from_address LIMIT 10;

-- name: is_kept_already$
SELECT 1 FROM emails e
JOIN contents c ON c.account_id = e.account_id AND c.email_id = e.email_id
WHERE e.account_id = :account_id AND e.mailbox_id = :mailbox_id AND e.message_id = :message_id
  AND e.direction = 'inbound' AND c.raw_sha256 = :raw_sha256
LIMIT 1;

-- name: move_email!
-- The compare-and-swap behind every change of state: 0 rows where somebody was faster.
UPDATE emails SET state = :state, version = version + 1
WHERE account_id = :account_id AND email_id = :email_id AND version = :version;

-- name: record_decision!
UPDATE emails
SET decision = :decision, decision_reason = :reason, decided_revision = revision, decided_at = :now, decided_by = :decided_by
WHERE account_id = :account_id AND email_id = :email_id;

-- name: void_approval!
UPDATE emails
SET decision = NULL, decision_reason = NULL, decided_revision = NULL, decided_at = NULL, decided_by = NULL
WHERE account_id = :account_id AND email_id = :email_id;

-- name: record_results!
UPDATE emails
SET recipients_json = :recipients_json, last_error = :last_error, sent_at = :sent_at, delivered_at = :delivered_at
WHERE account_id = :account_id AND email_id = :email_id;

-- name: set_spam_verdict!
UPDATE emails SET spam_verdict = :verdict WHERE account_id = :account_id AND email_id = :email_id;

-- name: record_recipients!
UPDATE emails SET recipients_json = :recipients_json WHERE account_id = :account_id AND email_id = :email_id;

-- name: record_bounce!
UPDATE emails SET bounced_at = :bounced_at, bounce_type = :bounce_type
WHERE account_id = :account_id AND email_id = :email_id;

-- name: has_sent_live$
SELECT 1 FROM emails
WHERE account_id = :account_id AND mailbox_id = :mailbox_id AND sent_at IS NOT NULL AND NOT test LIMIT 1;

-- name: count_live_sent^
-- Of the newest `limit` at most, so that a mailbox with much mail costs no more.
SELECT COUNT(*) AS emails, COUNT(bounced_at) AS bounced FROM (
    SELECT bounced_at FROM emails
    WHERE account_id = :account_id AND mailbox_id = :mailbox_id AND sent_at IS NOT NULL AND NOT test
      AND sent_at > :after
    ORDER BY sent_at DESC LIMIT :limit) AS newest;

-- name: list_emails
SELECT * FROM emails e
WHERE account_id = :account_id AND mailbox_id = :mailbox_id AND email_id < :before AND email_id > :since
  AND {email_filters}
ORDER BY email_id DESC LIMIT :limit;

-- name: list_account_emails
SELECT * FROM emails e
WHERE account_id = :account_id AND email_id < :before AND email_id > :since
  AND {email_filters}
  AND {within_key}
ORDER BY email_id DESC LIMIT :limit;

-- name: next_arrival$
-- The first that came in, or was released, after a moment: only inbound mail that is held is decided on.
SELECT email_id FROM emails e
WHERE account_id = :account_id AND mailbox_id = :mailbox_id AND direction = 'inbound'
  AND COALESCE(decided_at, created_at) >= :since_us
  AND (COALESCE(decided_at, created_at) > :since_us OR email_id > :since_id)
  AND state NOT IN ('deleted', 'spam_quarantined')
  AND {email_filters}
ORDER BY COALESCE(decided_at, created_at), email_id LIMIT 1;

-- name: is_arrival$
SELECT email_id FROM emails e
WHERE account_id = :account_id AND email_id = :email_id
  AND {email_filters};

-- name: list_pending
SELECT * FROM emails e
WHERE account_id = :account_id AND state IN ('pending_approval', 'held') AND email_id > :after
  AND (CAST(:see_held AS BOOLEAN) OR state = 'pending_approval')
  AND (CAST(:any_mailbox AS BOOLEAN) OR mailbox_id = :mailbox_id)
  AND (CAST(:unlimited AS BOOLEAN) OR EXISTS (
    SELECT 1 FROM key_mailboxes k
    WHERE k.account_id = e.account_id AND k.key_id = :key_id AND k.mailbox_id = e.mailbox_id))
ORDER BY email_id LIMIT :limit;

-- name: list_unreleased_by_author
SELECT * FROM emails
WHERE account_id = :account_id AND (author_id = :author_id OR editor_id = :author_id)
  AND state IN ('queued', 'scheduled');

-- name: add_thread!
INSERT INTO threads (account_id, thread_id, mailbox_id, subject, created_at)
VALUES (:account_id, :thread_id, :mailbox_id, :subject, :created_at);

-- name: get_thread^
SELECT * FROM threads WHERE account_id = :account_id AND thread_id = :thread_id;

-- name: list_thread_emails
SELECT * FROM emails
WHERE account_id = :account_id AND thread_id = :thread_id AND email_id > :after
  AND (CAST(:see_held AS BOOLEAN) OR state NOT IN ('held', 'declined'))
ORDER BY email_id LIMIT :limit;

-- name: count_thread^
SELECT COUNT(*) AS message_count, MAX(created_at) AS last_activity FROM emails
WHERE account_id = :account_id AND thread_id = :thread_id
  AND (CAST(:see_held AS BOOLEAN) OR state NOT IN ('held', 'declined'));

-- name: list_thread_participants
SELECT DISTINCT participants FROM emails
WHERE account_id = :account_id AND thread_id = :thread_id
  AND (CAST(:see_held AS BOOLEAN) OR state NOT IN ('held', 'declined'))
LIMIT 200;

-- name: list_threads
-- Each by its newest email, as long as that is not newer than :newest: so that pages fit together while mail comes in.
SELECT e.thread_id, e.email_id FROM emails e
WHERE account_id = :account_id AND mailbox_id = :mailbox_id AND email_id < :before AND email_id <= :newest
  AND (CAST(:see_held AS BOOLEAN) OR state NOT IN ('held', 'declined'))
  AND NOT EXISTS (
    SELECT 1 FROM emails later
    WHERE later.account_id = e.account_id AND later.thread_id = e.thread_id
      AND later.email_id > e.email_id AND later.email_id <= :newest
      AND (CAST(:see_held AS BOOLEAN) OR later.state NOT IN ('held', 'declined')))
  AND (CAST(:any_participant AS BOOLEAN) OR EXISTS (
    SELECT 1 FROM emails p
    WHERE p.account_id = e.account_id AND p.thread_id = e.thread_id
      AND (CAST(:see_held AS BOOLEAN) OR p.state NOT IN ('held', 'declined'))
      AND p.participants LIKE :participant ESCAPE '!'))
ORDER BY email_id DESC LIMIT :limit;

-- name: latest_in_thread^
SELECT * FROM emails
WHERE account_id = :account_id AND thread_id = :thread_id
  AND (CAST(:see_held AS BOOLEAN) OR state NOT IN ('held', 'declined'))
  AND state NOT IN ('rejected', 'cancelled', 'failed', 'blocked')
ORDER BY email_id DESC LIMIT 1;

-- name: count_left_in_thread$
SELECT COUNT(*) FROM (
    SELECT 1 FROM emails
    WHERE account_id = :account_id AND thread_id = :thread_id AND direction = 'outbound' AND created_at > :after
      AND state IN ('queued', 'scheduled', 'delivering', 'sent', 'bounced')
    LIMIT :limit) AS newest;

-- name: list_thread_inbound
SELECT * FROM emails
WHERE account_id = :account_id AND thread_id = :thread_id AND direction = 'inbound' AND erased_at IS NULL
  AND state NOT IN ('held', 'declined', 'deleted', 'spam_quarantined')
ORDER BY email_id DESC LIMIT 100;

-- name: written_to_in_thread
SELECT to_json, cc_json, bcc_json FROM emails
WHERE account_id = :account_id AND thread_id = :thread_id AND direction = 'outbound' AND state IN ('sent', 'bounced')
LIMIT 100;

-- name: first_in_thread^
SELECT * FROM emails
WHERE account_id = :account_id AND thread_id = :thread_id
  AND (CAST(:see_held AS BOOLEAN) OR state NOT IN ('held', 'declined'))
ORDER BY email_id LIMIT 1;

-- name: add_attachment!
INSERT INTO attachments (account_id, email_id, name, attachment_id, content_type, size, sha256)
VALUES (:account_id, :email_id, :name, :attachment_id, :content_type, :size, :sha256);

-- name: remove_attachments!
DELETE FROM attachments WHERE account_id = :account_id AND email_id = :email_id;

-- name: list_attachments
SELECT * FROM attachments WHERE account_id = :account_id AND email_id = :email_id ORDER BY attachment_id;

-- name: get_attachment^
SELECT * FROM attachments WHERE account_id = :account_id AND email_id = :email_id AND name = :name;

-- name: set_tag!
INSERT INTO tags (account_id, email_id, tag, value) VALUES (:account_id, :email_id, :tag, :value)
ON CONFLICT (account_id, email_id, tag) DO UPDATE SET value = excluded.value;

-- name: remove_tag!
DELETE FROM tags WHERE account_id = :account_id AND email_id = :email_id AND tag = :tag;

-- name: list_tags
SELECT tag, value FROM tags WHERE account_id = :account_id AND email_id = :email_id ORDER BY tag;

-- name: set_notes!
UPDATE emails SET notes = :notes WHERE account_id = :account_id AND email_id = :email_id;

-- name: get_blob^
SELECT content, size FROM blobs WHERE account_id = :account_id AND sha256 = :sha256;

-- name: add_blob!
-- Bytes that are there already are held until the transaction ends: nobody removes them meanwhile.
INSERT INTO blobs (account_id, sha256, size, content) VALUES (:account_id, :sha256, :size, :content)
ON CONFLICT (account_id, sha256) DO UPDATE SET size = excluded.size;

-- name: add_intake!
INSERT INTO intake (
    account_id, email_id, mailbox_id, recipient, sender, helo, peer, protocol, tls, raw_sha256, test, received_at)
VALUES (
    :account_id, :email_id, :mailbox_id, :recipient, :sender, :helo, :peer, :protocol, :tls, :raw_sha256, :test,
    :received_at);

-- name: get_intake^
SELECT * FROM intake WHERE account_id = :account_id AND email_id = :email_id;

-- name: remove_intake!
DELETE FROM intake WHERE account_id = :account_id AND email_id = :email_id;

-- name: capture!
INSERT INTO sandbox (account_id, email_id, mailbox_id, recipients_json, raw_sha256, captured_at)
VALUES (:account_id, :email_id, :mailbox_id, :recipients_json, :raw_sha256, :captured_at)
ON CONFLICT (account_id, email_id) DO NOTHING;

-- name: list_sandbox
SELECT s.*, e.subject, e.from_address, e.test FROM sandbox s
JOIN emails e ON e.account_id = s.account_id AND e.email_id = s.email_id
WHERE s.account_id = :account_id AND s.email_id < :before
  AND (CAST(:unlimited AS BOOLEAN) OR EXISTS (
    SELECT 1 FROM key_mailboxes k
    WHERE k.account_id = s.account_id AND k.key_id = :key_id AND k.mailbox_id = s.mailbox_id))
ORDER BY s.email_id DESC LIMIT :limit;

-- name: note_lapsed!
-- Why an email waits that is put off, where it is for its domain.
UPDATE emails SET last_error = :last_error
WHERE account_id = :account_id AND email_id = :email_id AND EXISTS (
    SELECT 1 FROM mailboxes m
    WHERE m.account_id = emails.account_id AND m.mailbox_id = emails.mailbox_id AND m.lapsed_at IS NOT NULL);
