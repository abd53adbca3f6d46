-- name: note_look!
INSERT INTO looks (account_id, email_id, operator_id, revision, at)
VALUES (:account_id, :email_id, :operator_id, :revision, :at)
ON CONFLICT (account_id, email_id, operator_id) DO UPDATE SET revision = excluded.revision, at = excluded.at;

-- name: has_looked$
SELECT 1 FROM looks
WHERE account_id = :account_id AND email_id = :email_id AND operator_id = :operator_id AND revision = :revision;

-- name: list_looks
SELECT l.operator_id, l.revision, l.at, o.name FROM looks l
JOIN operators o ON o.account_id = l.account_id AND o.operator_id = l.operator_id
WHERE l.account_id = :account_id AND l.email_id = :email_id
ORDER BY l.at DESC LIMIT 20;

-- name: list_queue
-- The newest that wait; how closely to look at them is told from their facts.
SELECT * FROM emails e
WHERE account_id = :account_id AND state IN ('pending_approval', 'held') AND email_id < :before
  AND (CAST(:see_held AS BOOLEAN) OR state = 'pending_approval')
  AND (CAST(:any_mailbox AS BOOLEAN) OR mailbox_id = :mailbox_id)
  AND (CAST(:any_direction AS BOOLEAN) OR direction = :direction)
  AND (CAST(:any_words AS BOOLEAN) OR lower(e.subject) LIKE :words ESCAPE '!'
    OR e.participants LIKE :words ESCAPE '!')
  AND {within_key}
ORDER BY email_id DESC LIMIT :limit;

-- name: list_allowed_domains
-- What a person has allowed by name is known.
SELECT pattern FROM rules WHERE account_id = :account_id AND kind = 'allow' ORDER BY rule_id LIMIT 200;

-- name: list_contact_addresses
SELECT address FROM contacts WHERE account_id = :account_id ORDER BY contact_id DESC LIMIT 200;
