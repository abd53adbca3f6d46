-- name: count_decisions^
-- Of the newest that a mailbox sent: a long history costs no more.
SELECT CAST(COALESCE(SUM(CASE WHEN decision = 'approved' THEN 1 ELSE 0 END), 0) AS BIGINT) AS approved,
    CAST(COALESCE(SUM(CASE WHEN decision = 'rejected' THEN 1 ELSE 0 END), 0) AS BIGINT) AS rejected,
    CAST(COALESCE(SUM(CASE WHEN editor_kind = 'operator' THEN 1 ELSE 0 END), 0) AS BIGINT) AS edited,
    MAX(decided_at) AS last_decided_at
FROM (
    SELECT decision, editor_kind, decided_at FROM emails INDEXED BY emails_decided
    WHERE account_id = :account_id AND mailbox_id = :mailbox_id AND direction = 'outbound' AND decision IS NOT NULL
    ORDER BY email_id DESC LIMIT :limit) AS newest;

-- name: list_mode_changes
SELECT * FROM audit INDEXED BY audit_of_mailboxes
WHERE account_id = :account_id AND resource_type = 'mailbox' AND resource_id = :mailbox_id
  AND action IN ('create_mailbox', 'update_mailbox', 'apply_upgrade', 'request_upgrade')
ORDER BY entry_id DESC LIMIT :limit;

-- name: count_unsealed$
SELECT COUNT(*) FROM audit INDEXED BY audit_unsealed WHERE account_id = :account_id AND seq IS NULL;
