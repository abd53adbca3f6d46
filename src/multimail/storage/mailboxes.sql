-- name: add_mailbox!
INSERT INTO mailboxes (
    account_id, mailbox_id, address, domain_id, name, oversight_mode, wanted_mode, human_written, test, created_at)
VALUES (
    :account_id, :mailbox_id, :address, :domain_id, :name, :oversight_mode, :wanted_mode, :human_written, :test,
    :created_at);

-- name: add_address!
-- One address, one mailbox, whosever it is: 0 rows where it is taken.
INSERT INTO addresses (address, sha256, account_id, mailbox_id) VALUES (:address, :sha256, :account_id, :mailbox_id)
ON CONFLICT (address) DO NOTHING;

-- name: get_mailbox^
SELECT * FROM mailboxes WHERE account_id = :account_id AND mailbox_id = :mailbox_id AND deleted_at IS NULL;

-- name: find_address^
-- The directory of what is hosted here, by the normalised address; not of what is at a domain that lapsed.
SELECT a.account_id, a.mailbox_id, m.test FROM addresses a
JOIN mailboxes m ON m.account_id = a.account_id AND m.mailbox_id = a.mailbox_id
WHERE a.address = :address AND m.deleted_at IS NULL AND m.lapsed_at IS NULL;

-- name: is_address_disabled$
-- Somebody's once, and nobody's to write to now: its mailbox was deleted, or its domain lapsed.
SELECT 1 FROM addresses a
JOIN mailboxes m ON m.account_id = a.account_id AND m.mailbox_id = a.mailbox_id
WHERE a.address = :address AND (m.deleted_at IS NOT NULL OR m.lapsed_at IS NOT NULL);

-- name: find_own_address$
SELECT mailbox_id FROM addresses WHERE address = :address AND account_id = :account_id;

-- name: find_address_by_hash^
-- The same directory, by the hash that mail from the address carries.
SELECT account_id, mailbox_id FROM addresses WHERE sha256 = :sha256;

-- name: list_mailboxes
SELECT * FROM mailboxes m
WHERE account_id = :account_id AND mailbox_id < :before AND deleted_at IS NULL
  AND (CAST(:unlimited AS BOOLEAN) OR EXISTS (
    SELECT 1 FROM key_mailboxes k
    WHERE k.account_id = m.account_id AND k.key_id = :key_id AND k.mailbox_id = m.mailbox_id))
ORDER BY mailbox_id DESC LIMIT :limit;

-- name: update_mailbox!
UPDATE mailboxes
SET name = :name, oversight_mode = :oversight_mode, wanted_mode = :wanted_mode, human_written = :human_written
WHERE account_id = :account_id AND mailbox_id = :mailbox_id AND deleted_at IS NULL;

-- name: pause_mailbox!
UPDATE mailboxes SET paused_at = :now
WHERE account_id = :account_id AND mailbox_id = :mailbox_id AND paused_at IS NULL;

-- name: resume_mailbox!
UPDATE mailboxes SET paused_at = NULL WHERE account_id = :account_id AND mailbox_id = :mailbox_id;

-- name: set_wanted_mode!
UPDATE mailboxes SET wanted_mode = :wanted_mode WHERE account_id = :account_id AND mailbox_id = :mailbox_id;

-- name: mailbox_holds_mail$
SELECT 1 FROM emails WHERE account_id = :account_id AND mailbox_id = :mailbox_id LIMIT 1;

-- name: delete_mailbox!
UPDATE mailboxes SET deleted_at = :now
WHERE account_id = :account_id AND mailbox_id = :mailbox_id AND deleted_at IS NULL;

-- name: list_open_in_mailbox
-- What a deleted mailbox would still send.
SELECT * FROM emails
WHERE account_id = :account_id AND mailbox_id = :mailbox_id AND state IN ('pending_approval', 'scheduled', 'queued');

-- name: get_mailbox_even_deleted^
SELECT * FROM mailboxes WHERE account_id = :account_id AND mailbox_id = :mailbox_id;
