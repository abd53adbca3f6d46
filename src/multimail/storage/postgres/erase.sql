-- name: erase_search!
DELETE FROM search WHERE account_id = :account_id AND email_id IN (
    SELECT email_id FROM search WHERE account_id = :account_id LIMIT :limit);
