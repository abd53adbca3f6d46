-- name: lock_message^
-- Until the transaction ends: whoever keeps the same message at the same moment waits, and then finds it kept.
SELECT pg_advisory_xact_lock(hashtextextended(CAST(:name AS TEXT), 0));

-- name: lock_email^
-- The email as it is once nobody else changes it; nobody will until this transaction ends.
SELECT * FROM emails WHERE account_id = :account_id AND email_id = :email_id
FOR UPDATE;

-- name: lock_blob^
-- Whoever names the same bytes at this moment waits (add_blob), and then finds what became of them.
SELECT content IS NULL AS outside FROM blobs WHERE account_id = :account_id AND sha256 = :sha256 FOR UPDATE;
