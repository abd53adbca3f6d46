-- name: add_rule!
INSERT INTO rules (account_id, rule_id, mailbox_id, kind, pattern, per_hour, per_day, created_at, created_by)
VALUES (:account_id, :rule_id, :mailbox_id, :kind, :pattern, :per_hour, :per_day, :created_at, :created_by);

-- name: get_rule^
SELECT * FROM rules WHERE account_id = :account_id AND rule_id = :rule_id;

-- name: remove_rule!
DELETE FROM rules WHERE account_id = :account_id AND rule_id = :rule_id;

-- name: list_rules
SELECT * FROM rules r
WHERE account_id = :account_id AND rule_id < :before
  AND (CAST(:any_mailbox AS BOOLEAN) OR mailbox_id IN ('', :mailbox_id))
  AND (CAST(:unlimited AS BOOLEAN) OR mailbox_id = '' OR EXISTS (
    SELECT 1 FROM key_mailboxes k
    WHERE k.account_id = r.account_id AND k.key_id = :key_id AND k.mailbox_id = r.mailbox_id))
ORDER BY rule_id DESC LIMIT :limit;

-- name: list_rules_about
-- What concerns mail of one mailbox: `patterns` is a JSON object whose names are the patterns, '' that of caps.
SELECT kind, pattern, MIN(per_hour) AS per_hour, MIN(per_day) AS per_day FROM rules
WHERE account_id = :account_id AND mailbox_id IN ('', :mailbox_id)
  AND pattern IN (SELECT key FROM json_each(:patterns))
GROUP BY kind, pattern;

-- name: nth_newest_send$
-- When a mailbox's newest email but :skip was accepted; none since then is NULL. Ids sort by time, so that the
-- index ends the search.
SELECT created_at FROM emails
WHERE account_id = :account_id AND mailbox_id = :mailbox_id AND email_id > :since_id AND created_at > :since
  AND direction = 'outbound' AND test = :test
ORDER BY created_at DESC LIMIT 1 OFFSET :skip;
