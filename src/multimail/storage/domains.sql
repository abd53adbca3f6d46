-- name: add_domain!
-- 0 rows where the account claims it already.
INSERT INTO domains (account_id, domain_id, domain, token, status, findings_json, created_at)
VALUES (:account_id, :domain_id, :domain, :token, 'pending', '{}', :created_at)
ON CONFLICT (account_id, domain) DO NOTHING;

-- name: get_domain^
SELECT * FROM domains WHERE account_id = :account_id AND domain_id = :domain_id;

-- name: get_domain_by_name^
SELECT * FROM domains WHERE account_id = :account_id AND domain = :domain;

-- name: list_domains
SELECT * FROM domains WHERE account_id = :account_id AND domain_id < :before ORDER BY domain_id DESC LIMIT :limit;

-- name: list_own_hosts
-- Where the account's own addresses may be: below the platform's domain, and at domains that it has proven.
SELECT slug || '.' || :platform AS domain FROM accounts WHERE account_id = :account_id
UNION ALL SELECT domain FROM domains WHERE account_id = :account_id AND status = 'verified';

-- name: count_domains$
SELECT COUNT(*) FROM domains WHERE account_id = :account_id;

-- name: is_another_accounts_domain$
SELECT 1 FROM domains WHERE domain = :domain AND status = 'verified' AND account_id <> :account_id;

-- name: record_check!
UPDATE domains
SET status = :status, findings_json = :findings_json, checked_at = :checked_at, verified_at = :verified_at,
    missing_at = :missing_at, lapsed_at = :lapsed_at
WHERE account_id = :account_id AND domain_id = :domain_id;

-- name: delete_domain!
DELETE FROM domains WHERE account_id = :account_id AND domain_id = :domain_id;

-- name: domain_has_mailboxes$
SELECT 1 FROM mailboxes WHERE account_id = :account_id AND domain_id = :domain_id AND deleted_at IS NULL LIMIT 1;

-- name: list_domain_mailboxes
-- Deleted ones too: their addresses stay taken as long as the domain is the account's.
SELECT mailbox_id, address FROM mailboxes WHERE account_id = :account_id AND domain_id = :domain_id;

-- name: mark_lapsed!
UPDATE mailboxes SET lapsed_at = :lapsed_at WHERE account_id = :account_id AND domain_id = :domain_id;

-- name: release_addresses!
-- Out of the directory, whosever they are but the account's own: the domain is proven to be another's now.
DELETE FROM addresses WHERE account_id <> :account_id AND EXISTS (
    SELECT 1 FROM domains d JOIN mailboxes m ON m.account_id = d.account_id AND m.domain_id = d.domain_id
    WHERE d.domain = :domain AND d.account_id = addresses.account_id AND m.mailbox_id = addresses.mailbox_id);

-- name: release_own_addresses!
DELETE FROM addresses WHERE account_id = :account_id AND mailbox_id IN (
    SELECT mailbox_id FROM mailboxes WHERE account_id = :account_id AND domain_id = :domain_id);

-- name: add_dkim_key!
INSERT INTO dkim_keys (account_id, domain_id, selector, algorithm, public_value, private_pem, created_at, signs_at)
VALUES (:account_id, :domain_id, :selector, :algorithm, :public_value, :private_pem, :created_at, :signs_at)
ON CONFLICT (account_id, domain_id, selector) DO NOTHING;

-- name: list_dkim_keys
SELECT * FROM dkim_keys WHERE account_id = :account_id AND domain_id = :domain_id ORDER BY created_at DESC, algorithm DESC;

-- name: list_all_dkim_keys
SELECT * FROM dkim_keys WHERE account_id = :account_id ORDER BY created_at DESC, algorithm DESC;

-- name: list_signing_dkim_keys
SELECT k.account_id, k.domain_id, k.selector, k.private_pem, d.domain FROM dkim_keys k
LEFT JOIN domains d ON d.account_id = k.account_id AND d.domain_id = k.domain_id
WHERE k.account_id = :account_id AND k.domain_id = :domain_id AND k.signs_at IS NOT NULL AND k.retired_at IS NULL
ORDER BY k.algorithm DESC;

-- name: start_dkim_key!
UPDATE dkim_keys SET signs_at = :now
WHERE account_id = :account_id AND domain_id = :domain_id AND selector = :selector AND signs_at IS NULL;

-- name: retire_dkim_keys!
-- All that sign with this algorithm but the one that takes over.
UPDATE dkim_keys SET retired_at = :now, private_pem = ''
WHERE account_id = :account_id AND domain_id = :domain_id AND algorithm = :algorithm AND selector <> :selector
  AND signs_at IS NOT NULL AND retired_at IS NULL;

-- name: sweep_dkim_keys!
DELETE FROM dkim_keys WHERE account_id = :account_id AND domain_id = :domain_id AND retired_at < :before;

-- name: drop_dkim_keys!
DELETE FROM dkim_keys WHERE account_id = :account_id AND domain_id = :domain_id;
