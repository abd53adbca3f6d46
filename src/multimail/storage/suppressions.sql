-- name: add_suppression!
-- What met the address first stands.
INSERT INTO suppressions (account_id, address, suppression_id, reason, email_id, mailbox_id, created_at)
VALUES (:account_id, :address, :suppression_id, :reason, :email_id, :mailbox_id, :created_at)
ON CONFLICT (account_id, address) DO NOTHING;

-- name: get_suppression^
SELECT * FROM suppressions WHERE account_id = :account_id AND address = :address;

-- name: remove_suppression!
DELETE FROM suppressions WHERE account_id = :account_id AND address = :address;

-- name: list_suppressed_among
-- `addresses` is a JSON object whose names they are.
SELECT address FROM suppressions
WHERE account_id = :account_id AND address IN (SELECT key FROM json_each(:addresses));

-- name: list_suppressions
SELECT * FROM suppressions s
WHERE account_id = :account_id AND suppression_id < :before
  AND (CAST(:any_address AS BOOLEAN) OR address = :address)
  AND (CAST(:unlimited AS BOOLEAN) OR EXISTS (
    SELECT 1 FROM key_mailboxes k
    WHERE k.account_id = s.account_id AND k.key_id = :key_id AND k.mailbox_id = s.mailbox_id))
ORDER BY suppression_id DESC LIMIT :limit;
