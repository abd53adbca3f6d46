-- name: add_job!
-- One job per kind and subject: asking again moves its time, never doubles it.
INSERT INTO jobs (account_id, kind, subject_id, run_at, attempts, lease_until, lease_owner)
VALUES (:account_id, :kind, :subject_id, :run_at, 0, 0, '')
ON CONFLICT (account_id, kind, subject_id) DO UPDATE SET run_at = excluded.run_at, attempts = 0;

-- name: get_job_time$
SELECT run_at FROM jobs WHERE account_id = :account_id AND kind = :kind AND subject_id = :subject_id;

-- name: finish_job!
-- By its lease alone: a worker that lost it can't finish another's.
DELETE FROM jobs
WHERE account_id = :account_id AND kind = :kind AND subject_id = :subject_id AND lease_owner = :lease_owner;

-- name: drop_job!
DELETE FROM jobs WHERE account_id = :account_id AND kind = :kind AND subject_id = :subject_id;

-- name: retry_job!
UPDATE jobs SET run_at = :run_at, attempts = attempts + 1, lease_until = 0, lease_owner = ''
WHERE account_id = :account_id AND kind = :kind AND subject_id = :subject_id AND lease_owner = :lease_owner;

-- name: renew_leases!
UPDATE jobs SET lease_until = :lease_until WHERE lease_owner = :lease_owner AND lease_owner <> '';

-- name: release_leases!
UPDATE jobs SET lease_until = 0, lease_owner = '' WHERE lease_owner = :lease_owner AND lease_owner <> '';

-- name: release_all_leases!
-- One process owns an SQLite file's jobs: what it leased before it died is free at its next start.
UPDATE jobs SET lease_until = 0, lease_owner = '' WHERE lease_owner <> '';

-- name: next_job_time$
SELECT MIN(run_at) FROM jobs WHERE kind = :kind AND lease_until < :now;

-- name: release_job!
-- Back in the queue without counting as an attempt.
UPDATE jobs SET run_at = :run_at, lease_until = 0, lease_owner = ''
WHERE account_id = :account_id AND kind = :kind AND subject_id = :subject_id AND lease_owner = :lease_owner;

-- name: hasten_deliveries!
-- What a pause put off and nobody has tried yet; what a far side deferred keeps its time.
UPDATE jobs SET run_at = :now
WHERE account_id = :account_id AND kind = 'deliver' AND attempts = 0 AND lease_owner = '' AND run_at > :now;

-- name: count_jobs
SELECT kind, COUNT(*) AS waiting FROM jobs GROUP BY kind;

-- name: holds_lease$
SELECT 1 FROM jobs
WHERE account_id = :account_id AND kind = :kind AND subject_id = :subject_id AND lease_owner = :lease_owner;
