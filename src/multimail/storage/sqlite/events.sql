-- name: list_events
SELECT * FROM events e
WHERE account_id = :account_id AND seq > :after_seq
  AND (CAST(:see_withheld AS BOOLEAN) OR NOT withheld)
  AND (CAST(:any_mailbox AS BOOLEAN) OR mailbox_id = :mailbox_id)
  AND (CAST(:any_type AS BOOLEAN) OR type = :type)
  AND (CAST(:unlimited AS BOOLEAN) OR EXISTS (
    SELECT 1 FROM key_mailboxes k
    WHERE k.account_id = e.account_id AND k.key_id = :key_id AND k.mailbox_id = e.mailbox_id))
ORDER BY seq LIMIT :limit;

-- name: last_event^
SELECT xid, seq FROM events
WHERE account_id = :account_id
ORDER BY seq DESC LIMIT 1;
