-- name: claim_jobs
UPDATE jobs SET lease_until = :lease_until, lease_owner = :lease_owner
WHERE rowid IN (
    SELECT rowid FROM jobs WHERE kind = :kind AND run_at <= :now AND lease_until < :now ORDER BY run_at LIMIT :limit)
RETURNING account_id, kind, subject_id, attempts;
