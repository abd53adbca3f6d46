-- name: add_usage!
-- A day's counts of one mailbox. Writers at the same moment take different shards, so that none waits for another.
INSERT INTO usage (account_id, mailbox_id, day, test, shard, sent, received, failed, bounced, complained)
VALUES (:account_id, :mailbox_id, :day, :test, :shard, :sent, :received, :failed, :bounced, :complained)
ON CONFLICT (account_id, mailbox_id, day, test, shard) DO UPDATE SET
    sent = usage.sent + excluded.sent, received = usage.received + excluded.received,
    failed = usage.failed + excluded.failed, bounced = usage.bounced + excluded.bounced,
    complained = usage.complained + excluded.complained;

-- name: add_holdings!
-- What a mailbox holds now.
INSERT INTO holdings (account_id, mailbox_id, test, shard, pending, held, bytes, held_bytes)
VALUES (:account_id, :mailbox_id, :test, :shard, :pending, :held, :bytes, :held_bytes)
ON CONFLICT (account_id, mailbox_id, test, shard) DO UPDATE SET
    pending = holdings.pending + excluded.pending, held = holdings.held + excluded.held,
    bytes = holdings.bytes + excluded.bytes, held_bytes = holdings.held_bytes + excluded.held_bytes;

-- name: list_usage
SELECT day, CAST(SUM(sent) AS BIGINT) AS sent, CAST(SUM(received) AS BIGINT) AS received,
    CAST(SUM(failed) AS BIGINT) AS failed, CAST(SUM(bounced) AS BIGINT) AS bounced,
    CAST(SUM(complained) AS BIGINT) AS complained
FROM usage u
WHERE account_id = :account_id AND day >= :first AND day <= :last AND test = CAST(:test AS BOOLEAN)
  AND (CAST(:any_mailbox AS BOOLEAN) OR mailbox_id = :mailbox_id)
  AND (CAST(:unlimited AS BOOLEAN) OR EXISTS (
    SELECT 1 FROM key_mailboxes k
    WHERE k.account_id = u.account_id AND k.key_id = :key_id AND k.mailbox_id = u.mailbox_id))
GROUP BY day ORDER BY day;

-- name: get_holdings^
SELECT CAST(COALESCE(SUM(pending), 0) AS BIGINT) AS pending, CAST(COALESCE(SUM(held), 0) AS BIGINT) AS held,
    CAST(COALESCE(SUM(bytes), 0) AS BIGINT) AS bytes, CAST(COALESCE(SUM(held_bytes), 0) AS BIGINT) AS held_bytes
FROM holdings h
WHERE account_id = :account_id AND (CAST(:any_kind AS BOOLEAN) OR test = CAST(:test AS BOOLEAN))
  AND (CAST(:any_mailbox AS BOOLEAN) OR mailbox_id = :mailbox_id)
  AND (CAST(:unlimited AS BOOLEAN) OR EXISTS (
    SELECT 1 FROM key_mailboxes k
    WHERE k.account_id = h.account_id AND k.key_id = :key_id AND k.mailbox_id = h.mailbox_id));

-- name: count_mailboxes$
SELECT COUNT(*) FROM mailboxes WHERE account_id = :account_id AND deleted_at IS NULL;

-- name: start_month!
INSERT INTO monthly_emails (account_id, month, emails) VALUES (:account_id, :month, 0)
ON CONFLICT (account_id, month) DO NOTHING;

-- name: take_email!
-- 0 rows once the month's quota is used up; senders at the same moment queue on the row, so none goes beyond it.
UPDATE monthly_emails SET emails = emails + 1
WHERE account_id = :account_id AND month = :month AND emails < :quota;

-- name: start_warm_up!
INSERT INTO warm_ups (account_id, domain, started_at) VALUES (:account_id, :domain, :now)
ON CONFLICT (account_id, domain) DO NOTHING;

-- name: get_warm_up_start$
SELECT started_at FROM warm_ups WHERE account_id = :account_id AND domain = :domain;

-- name: start_warm_up_day!
INSERT INTO warm_up_days (account_id, domain, step, day, emails) VALUES (:account_id, :domain, :step, :day, 0)
ON CONFLICT (account_id, domain, step) DO UPDATE SET day = excluded.day, emails = 0 WHERE warm_up_days.day < excluded.day;

-- name: take_warm_up!
-- 0 rows once today's are used up.
UPDATE warm_up_days SET emails = emails + 1
WHERE account_id = :account_id AND domain = :domain AND step = :step AND day = :day AND emails < :limit;

-- name: add_outcomes!
INSERT INTO outcomes (account_id, day, shard, sends, hard_bounces, complaints)
VALUES (:account_id, :day, :shard, :sends, :hard_bounces, :complaints)
ON CONFLICT (account_id, day, shard) DO UPDATE SET
    sends = outcomes.sends + excluded.sends, hard_bounces = outcomes.hard_bounces + excluded.hard_bounces,
    complaints = outcomes.complaints + excluded.complaints;

-- name: get_outcomes^
SELECT CAST(COALESCE(SUM(sends), 0) AS BIGINT) AS sends, CAST(COALESCE(SUM(hard_bounces), 0) AS BIGINT) AS hard_bounces,
    CAST(COALESCE(SUM(complaints), 0) AS BIGINT) AS complaints
FROM outcomes WHERE account_id = :account_id AND day >= :first;

-- name: suspend_sending!
UPDATE accounts SET suspended_at = :now, suspended_for = :reason
WHERE account_id = :account_id AND suspended_at IS NULL;

-- name: lift_suspension!
UPDATE accounts SET suspended_at = NULL, suspended_for = NULL, measured_from = :tomorrow WHERE account_id = :account_id;
