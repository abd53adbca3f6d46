-- name: add_correspondents*!
INSERT INTO correspondents (account_id, address, mailbox_id, written, written_at)
VALUES (:account_id, :address, :mailbox_id, :written, :now)
ON CONFLICT (account_id, address, mailbox_id) DO UPDATE SET written = TRUE, written_at = excluded.written_at
WHERE excluded.written AND NOT correspondents.written;

-- name: list_written_to
-- The newest first.
SELECT address FROM correspondents
WHERE account_id = :account_id AND mailbox_id = :mailbox_id AND written AND written_at >= :since
ORDER BY written_at DESC LIMIT :limit;

-- name: list_known_names
-- What the people that it has written to call themselves, by the newest mail.
SELECT DISTINCT e.from_address, e.from_name FROM (
    SELECT account_id, mailbox_id, from_address, from_name FROM emails
    WHERE account_id = :account_id AND mailbox_id = :mailbox_id AND direction = 'inbound'
      AND state NOT IN ('held', 'declined', 'spam_quarantined', 'deleted')
    ORDER BY email_id DESC LIMIT :recent) AS e
JOIN correspondents c ON c.account_id = e.account_id AND c.address = e.from_address AND c.mailbox_id = e.mailbox_id
WHERE c.written
ORDER BY e.from_address, e.from_name;

-- name: get_contacts_state^
-- Another one after each change of the contacts that a mailbox knows.
SELECT COUNT(*) AS several, MAX(updated_at) AS changed_at FROM contacts
WHERE account_id = :account_id AND mailbox_id IN ('', :mailbox_id);

-- name: list_known_contacts
SELECT address, name, mailbox_id FROM contacts
WHERE account_id = :account_id AND mailbox_id IN ('', :mailbox_id) ORDER BY contact_id DESC LIMIT :limit;

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
-- `marks` is a JSON object whose names they are. In no order, so that the limit ends the search; SQLite keeps to the
-- order of a CROSS JOIN.
SELECT other.email_id, other.sketch FROM json_each(:marks) own CROSS JOIN marks other
WHERE other.account_id = :account_id AND other.mark = own.key AND other.email_id <> :email_id
  AND (CAST(:unlimited AS BOOLEAN) OR EXISTS (
    SELECT 1 FROM key_mailboxes k
    WHERE k.account_id = other.account_id AND k.key_id = :key_id AND k.mailbox_id = other.mailbox_id))
LIMIT :limit;
