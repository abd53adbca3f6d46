-- name: lock_message^
-- Until the transaction ends: whoever keeps the same message at the same moment waits, and then finds it kept.
SELECT pg_advisory_xact_lock(hashtextextended(CAST(:name AS TEXT), 0));
