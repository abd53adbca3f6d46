-- name: index_email!
-- Each word with its place, and the account as a word without one.
INSERT INTO search (account_id, email_id, words)
SELECT CAST(:account_id AS TEXT), CAST(:email_id AS TEXT), CAST(
  '''' || CAST(:account_id AS TEXT) || ''' ' || COALESCE(string_agg('''' || word || ''':' || place, ' '), '') AS TSVECTOR)
FROM unnest(string_to_array(CAST(:words AS TEXT), ' ')) WITH ORDINALITY AS each (word, place)
WHERE word <> '·';

-- name: unindex_email!
DELETE FROM search WHERE account_id = :account_id AND email_id = :email_id;

-- name: search_emails
SELECT e.* FROM search s
JOIN emails e ON e.account_id = s.account_id AND e.email_id = s.email_id
WHERE s.account_id = :account_id AND s.words @@ CAST(:match AS TSQUERY)
  {search_filters}
ORDER BY e.email_id DESC LIMIT :limit;
