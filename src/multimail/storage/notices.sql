-- name: add_operator_mail!
INSERT INTO operator_mail (account_id, notice_id, kind, recipient, subject, text, email_id, test, status, created_at)
VALUES (:account_id, :notice_id, :kind, :recipient, :subject, :text, :email_id, :test, 'waiting', :created_at);

-- name: add_copy!
-- 0 rows where this revision's copy is filed already.
INSERT INTO operator_mail (
    account_id, notice_id, kind, recipient, subject, text, email_id, revision, test, status, created_at)
VALUES (
    :account_id, :notice_id, 'copy', :recipient, :subject, :text, :email_id, :revision, :test, 'waiting', :created_at)
ON CONFLICT DO NOTHING;

-- name: get_operator_mail^
SELECT * FROM operator_mail WHERE account_id = :account_id AND notice_id = :notice_id;

-- name: settle_operator_mail!
UPDATE operator_mail SET status = :status, text = :text, last_error = :last_error, done_at = :done_at
WHERE account_id = :account_id AND notice_id = :notice_id;

-- name: list_operator_mail
SELECT * FROM operator_mail WHERE account_id = :account_id AND status = 'sandboxed'
ORDER BY notice_id DESC LIMIT :limit;

-- name: list_all_operator_mail
-- For whoever has the data folder: of every account, those that are signing up too.
SELECT * FROM operator_mail WHERE status = 'sandboxed' ORDER BY notice_id DESC LIMIT :limit;

-- name: count_operator_mail$
SELECT COUNT(*) FROM operator_mail WHERE account_id = :account_id AND kind = :kind AND created_at > :after;

-- name: sweep_operator_mail!
DELETE FROM operator_mail WHERE created_at < :before;

-- name: is_hosted$
-- Whether mail to an address would come in here, whosever it is: mailboxes there were, and accounts' own domains.
SELECT 1 FROM addresses WHERE address = :address
UNION ALL
SELECT 1 FROM accounts WHERE slug = :slug;

-- name: stop_monitoring!
UPDATE mailboxes SET oversight_mode = 'gated_send'
WHERE account_id = :account_id AND mailbox_id = :mailbox_id AND oversight_mode = 'monitored';
