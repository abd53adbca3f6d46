-- name: lock_message^
-- There is one writer.
SELECT :name;
