-- name: note_unindexed!
INSERT INTO unindexed (account_id, email_id, fresh) VALUES (:account_id, :email_id, :fresh)
ON CONFLICT (account_id, email_id) DO NOTHING;

-- name: list_unindexed
SELECT email_id, fresh FROM unindexed WHERE account_id = :account_id ORDER BY email_id DESC LIMIT :limit;

-- name: forget_unindexed!
DELETE FROM unindexed WHERE account_id = :account_id AND email_id = :email_id;

-- name: list_unindexed_accounts
SELECT DISTINCT account_id FROM unindexed;
