-- What an account has learned of spam: in how many emails of each kind a bucket's words were.

-- name: list_spam_tokens
-- `tokens` is a JSON object whose names are buckets.
SELECT token, spam, ham FROM spam_tokens
WHERE account_id = :account_id AND token IN (SELECT CAST(key AS BIGINT) FROM json_each(:tokens));

-- name: count_spam_tokens*!
INSERT INTO spam_tokens (account_id, token, spam, ham) VALUES (:account_id, :token, :spam, :ham)
ON CONFLICT (account_id, token) DO UPDATE
SET spam = spam_tokens.spam + excluded.spam, ham = spam_tokens.ham + excluded.ham;

-- name: set_learned!
-- 0 rows where it was learned so already, or by somebody faster.
UPDATE emails SET learned = :learned
WHERE account_id = :account_id AND email_id = :email_id AND COALESCE(learned, '') = :was;

-- name: list_answered_unlearned
-- Of the newest: mail that was answered is surely no spam.
SELECT e.email_id FROM (
    SELECT account_id, email_id, thread_id, learned, direction, state, erased_at FROM emails
    WHERE account_id = :account_id AND mailbox_id = :mailbox_id ORDER BY email_id DESC LIMIT :looked_at) AS e
WHERE e.direction = 'inbound' AND e.learned IS NULL AND e.erased_at IS NULL AND e.state IN ('unread', 'read', 'archived')
  AND EXISTS (
    SELECT 1 FROM emails o
    WHERE o.account_id = e.account_id AND o.thread_id = e.thread_id AND o.direction = 'outbound' AND o.state = 'sent')
ORDER BY e.email_id DESC LIMIT :limit;
