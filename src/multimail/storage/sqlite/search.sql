-- name: index_email!
INSERT INTO search (account_id, email_id, words) VALUES (:account_id, :email_id, :words);

-- name: unindex_email!
DELETE FROM search
WHERE account_id = :account_id
  AND rowid IN (SELECT rowid FROM search WHERE search MATCH 'email_id : "' || :email_id || '"');

-- name: search_emails
SELECT e.* FROM search s
CROSS JOIN emails e ON e.account_id = :account_id AND e.email_id = s.email_id
WHERE s.search MATCH :match
  {search_filters}
ORDER BY e.email_id DESC LIMIT :limit;
