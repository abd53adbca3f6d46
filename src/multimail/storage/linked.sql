-- name: add_linked_hosts*!
INSERT INTO linked_hosts (account_id, address, host, email_id) VALUES (:account_id, :address, :host, :email_id)
ON CONFLICT (account_id, address, host, email_id) DO NOTHING;

-- name: remove_linked_hosts!
DELETE FROM linked_hosts WHERE account_id = :account_id AND email_id = :email_id;

-- name: drop_linked_hosts_of!
DELETE FROM linked_hosts WHERE account_id = :account_id AND address = :address;

-- name: list_hosts_linked
-- '' alone where the indexer has not looked at the email as it is now.
SELECT '' AS host FROM unindexed WHERE account_id = :account_id AND email_id = :email_id
UNION
SELECT host FROM linked_hosts WHERE account_id = :account_id AND email_id = :email_id
ORDER BY host;

-- name: list_new_hosts
-- Of `hosts`, those that somebody of `addresses` never had; both are JSON objects whose names they are. Mail counts
-- that left, or that came in and is no spam.
SELECT h.key AS host FROM json_each(:hosts) h
WHERE EXISTS (
    SELECT 1 FROM json_each(:addresses) a
    WHERE NOT EXISTS (
        SELECT 1 FROM linked_hosts l JOIN emails e ON e.account_id = l.account_id AND e.email_id = l.email_id
        WHERE l.account_id = :account_id AND l.address = a.key AND l.host = h.key AND l.email_id <> :email_id
          AND {exchanged} AND {within_key}))
  AND NOT EXISTS (
    SELECT 1 FROM emails e JOIN linked_hosts l ON l.account_id = e.account_id AND l.email_id = e.email_id
    WHERE e.account_id = :account_id AND e.thread_id = :thread_id AND e.email_id <> :email_id AND l.host = h.key
      AND (e.direction = 'outbound' OR l.address IN (SELECT key FROM json_each(:addresses)))
      AND {exchanged} AND {within_key})
ORDER BY h.key LIMIT :limit;
