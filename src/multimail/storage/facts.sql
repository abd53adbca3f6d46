-- name: add_correspondents*!
INSERT INTO correspondents (account_id, address, mailbox_id) VALUES (:account_id, :address, :mailbox_id)
ON CONFLICT (account_id, address, mailbox_id) DO NOTHING;

-- name: list_correspondents
-- `addresses` is a JSON object whose names they are.
SELECT address FROM correspondents c
WHERE account_id = :account_id AND address IN (SELECT key FROM json_each(:addresses))
  AND (CAST(:unlimited AS BOOLEAN) OR EXISTS (
    SELECT 1 FROM key_mailboxes k
    WHERE k.account_id = c.account_id AND k.key_id = :key_id AND k.mailbox_id = c.mailbox_id));

-- name: add_marks*!
INSERT INTO marks (account_id, mark, email_id, mailbox_id, sketch)
VALUES (:account_id, :mark, :email_id, :mailbox_id, :sketch)
ON CONFLICT (account_id, mark, email_id) DO NOTHING;

-- name: remove_marks!
DELETE FROM marks WHERE account_id = :account_id AND email_id = :email_id;

-- name: list_sharing_marks
-- In no order, so that the limit ends the search; SQLite keeps to the order of a CROSS JOIN.
SELECT other.email_id, other.sketch, own.sketch AS own_sketch FROM marks own CROSS JOIN marks other
WHERE own.account_id = :account_id AND own.email_id = :email_id
  AND other.account_id = :account_id AND other.mark = own.mark AND other.email_id <> own.email_id
  AND (CAST(:unlimited AS BOOLEAN) OR EXISTS (
    SELECT 1 FROM key_mailboxes k
    WHERE k.account_id = other.account_id AND k.key_id = :key_id AND k.mailbox_id = other.mailbox_id))
LIMIT :limit;
