-- Policies of MTA-STS, kept so that whoever blocks the DNS or the web later does not undo them.

-- name: get_mta_sts_policy^
SELECT * FROM mta_sts_policies WHERE domain = :domain;

-- name: keep_mta_sts_policy!
INSERT INTO mta_sts_policies (domain, policy_id, mode, mx_json, max_age, fetched_at, expires_at)
VALUES (:domain, :policy_id, :mode, :mx_json, :max_age, :fetched_at, :expires_at)
ON CONFLICT (domain) DO UPDATE SET policy_id = excluded.policy_id, mode = excluded.mode,
    mx_json = excluded.mx_json, max_age = excluded.max_age, fetched_at = excluded.fetched_at,
    expires_at = excluded.expires_at
WHERE excluded.fetched_at >= mta_sts_policies.fetched_at;

-- name: sweep_mta_sts_policies!
DELETE FROM mta_sts_policies WHERE expires_at < :before;
