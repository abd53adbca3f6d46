-- name: erase_search!
DELETE FROM search WHERE rowid IN (
    SELECT rowid FROM search WHERE search MATCH 'account_id : "' || :account_id || '"' LIMIT :limit);
