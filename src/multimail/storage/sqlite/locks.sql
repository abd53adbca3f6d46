-- name: lock_message^
-- There is one writer.
SELECT :name;

-- name: lock_email^
-- The email as it is once nobody else changes it; nobody will until this transaction ends.
SELECT * FROM emails WHERE account_id = :account_id AND email_id = :email_id;

-- name: lock_blob^
SELECT content IS NULL AS outside FROM blobs WHERE account_id = :account_id AND sha256 = :sha256;
