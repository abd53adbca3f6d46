-- name: add_audit!
INSERT INTO audit (
    account_id, entry_id, at, actor_kind, actor_id, actor_name, action, resource_type, resource_id, mailbox_id,
    metadata_json)
VALUES (
    :account_id, :entry_id, :at, :actor_kind, :actor_id, :actor_name, :action, :resource_type, :resource_id,
    :mailbox_id, :metadata_json);

-- name: list_accounts_to_seal
SELECT DISTINCT account_id FROM audit WHERE seq IS NULL;

-- name: list_unsealed
-- The index by its name: SQLite takes all of an account's entries for few, and would read every sealed one first.
SELECT * FROM audit INDEXED BY audit_unsealed
WHERE account_id = :account_id AND seq IS NULL ORDER BY entry_id LIMIT :limit;

-- name: seal_entries*!
UPDATE audit SET seq = :seq, prev = :prev, hash = :hash, salt = :salt, commitment = :commitment
WHERE account_id = :account_id AND entry_id = :entry_id;

-- name: get_audit_head^
SELECT * FROM audit_heads WHERE account_id = :account_id;

-- name: start_audit_head!
INSERT INTO audit_heads (account_id, seq, hash, published_at) VALUES (:account_id, 0, :hash, 0)
ON CONFLICT (account_id) DO NOTHING;

-- name: move_audit_head!
-- One sealer wins; the other finds 0 rows and lets go of its work.
UPDATE audit_heads SET seq = :seq, hash = :hash, published_at = :published_at
WHERE account_id = :account_id AND seq = :expected;

-- name: list_audit
-- Entries about held and declined inbound mail are left out for whoever may not know that it exists.
SELECT * FROM audit a
WHERE account_id = :account_id AND seq < :before AND seq > :after
  AND (CAST(:see_held AS BOOLEAN) OR NOT EXISTS (
    SELECT 1 FROM emails e
    WHERE e.account_id = a.account_id AND e.email_id = a.resource_id AND e.state IN ('held', 'declined')))
  AND (CAST(:any_action AS BOOLEAN) OR action = :action)
  AND (CAST(:any_resource AS BOOLEAN) OR resource_id = :resource_id)
  AND (CAST(:any_actor AS BOOLEAN) OR actor_id = :actor_id)
  AND (CAST(:any_metadata AS BOOLEAN) OR LOWER(metadata_json) LIKE :metadata ESCAPE '!')
  AND at >= :since AND at < :until
  AND (CAST(:unlimited AS BOOLEAN) OR EXISTS (
    SELECT 1 FROM key_mailboxes k
    WHERE k.account_id = a.account_id AND k.key_id = :key_id AND k.mailbox_id = a.mailbox_id))
ORDER BY seq DESC LIMIT :limit;

-- name: list_chain
SELECT * FROM audit WHERE account_id = :account_id AND seq > :after ORDER BY seq LIMIT :limit;

-- name: list_accounts
SELECT * FROM accounts WHERE deleted_at IS NULL ORDER BY account_id;

-- name: get_idempotent^
SELECT * FROM idempotency
WHERE account_id = :account_id AND operation = :operation AND test = :test AND idempotency_key = :idempotency_key;

-- name: add_idempotent!
-- On PostgreSQL a second request in flight waits here for the first, and then finds 0 rows.
INSERT INTO idempotency (account_id, operation, test, idempotency_key, fingerprint, answer_json, created_at)
VALUES (:account_id, :operation, :test, :idempotency_key, :fingerprint, '', :created_at)
ON CONFLICT (account_id, operation, test, idempotency_key) DO NOTHING;

-- name: answer_idempotent!
UPDATE idempotency SET answer_json = :answer_json
WHERE account_id = :account_id AND operation = :operation AND test = :test AND idempotency_key = :idempotency_key;

-- name: forget_idempotent!
-- One key whose time is over, so that it can be used anew; the sweeper takes the rest.
DELETE FROM idempotency
WHERE account_id = :account_id AND operation = :operation AND test = :test AND idempotency_key = :idempotency_key
  AND created_at < :before;

-- name: sweep_idempotency!
DELETE FROM idempotency WHERE created_at < :before;

-- name: sweep_operator_tokens!
DELETE FROM operator_tokens WHERE expires_at < :before;

-- name: sweep_approval_requests!
DELETE FROM approval_requests WHERE expires_at < :before;

-- name: add_approval_request!
INSERT INTO approval_requests (
    account_id, request_id, bound_to, operation, input_sha256, summary, code_hash, attempts, created_at, expires_at)
VALUES (
    :account_id, :request_id, :bound_to, :operation, :input_sha256, :summary, :code_hash, 0, :created_at, :expires_at);

-- name: get_approval_request^
SELECT * FROM approval_requests
WHERE account_id = :account_id AND bound_to = :bound_to AND operation = :operation AND input_sha256 = :input_sha256
  AND used_at IS NULL AND expires_at > :now AND attempts < 5
ORDER BY request_id DESC LIMIT 1;

-- name: list_approval_requests
SELECT * FROM approval_requests
WHERE account_id = :account_id AND used_at IS NULL AND expires_at > :now AND attempts < 5
ORDER BY created_at, request_id;

-- name: count_approval_requests$
SELECT COUNT(*) FROM approval_requests
WHERE account_id = :account_id AND bound_to = :bound_to AND operation = :operation AND created_at > :after;

-- name: count_open_requests^
-- Those whose attempts are used up count too: else a key that fails makes room by it.
SELECT COUNT(*) AS requests, MIN(expires_at) AS until FROM approval_requests
WHERE account_id = :account_id AND (CAST(:anybody AS BOOLEAN) OR bound_to = :bound_to)
  AND used_at IS NULL AND expires_at > :now;

-- name: void_approval_requests!
UPDATE approval_requests SET used_at = :now
WHERE account_id = :account_id AND bound_to = :bound_to AND operation = :operation AND used_at IS NULL;

-- name: count_approval_attempt!
-- 0 rows once the attempts are used up, or the code is: concurrent attempts queue on the row.
UPDATE approval_requests SET attempts = attempts + 1
WHERE account_id = :account_id AND request_id = :request_id AND used_at IS NULL AND attempts < 5;

-- name: use_approval_request!
UPDATE approval_requests SET used_at = :now
WHERE account_id = :account_id AND request_id = :request_id AND used_at IS NULL;

-- name: set_approval_code!
UPDATE approval_requests SET code_hash = :code_hash, expires_at = :expires_at
WHERE account_id = :account_id AND request_id = :request_id;
