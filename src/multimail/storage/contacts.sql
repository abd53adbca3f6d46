-- name: put_contact!
INSERT INTO contacts (account_id, contact_id, mailbox_id, address, name, notes, searched, created_at, updated_at)
VALUES (:account_id, :contact_id, :mailbox_id, :address, :name, :notes, :searched, :now, :now)
ON CONFLICT (account_id, address, mailbox_id) DO UPDATE
SET name = excluded.name, notes = excluded.notes, searched = excluded.searched, updated_at = excluded.updated_at;

-- name: get_contact^
SELECT * FROM contacts WHERE account_id = :account_id AND contact_id = :contact_id;

-- name: get_contact_by_address^
SELECT * FROM contacts WHERE account_id = :account_id AND address = :address AND mailbox_id = :mailbox_id;

-- name: delete_contact!
DELETE FROM contacts WHERE account_id = :account_id AND contact_id = :contact_id;

-- name: search_contacts
SELECT * FROM contacts c
WHERE account_id = :account_id AND contact_id < :before AND searched LIKE :pattern ESCAPE '!'
  AND (CAST(:unlimited AS BOOLEAN) OR EXISTS (
    SELECT 1 FROM key_mailboxes k
    WHERE k.account_id = c.account_id AND k.key_id = :key_id AND k.mailbox_id = c.mailbox_id))
ORDER BY contact_id DESC LIMIT :limit;
