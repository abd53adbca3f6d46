-- Who signs up is known by an address alone: these are asked before there is an account.

-- name: use_challenge!
-- 0 rows where its solution was used already.
INSERT INTO used_challenges (challenge, expires_at) VALUES (:challenge, :expires_at)
ON CONFLICT (challenge) DO NOTHING;

-- name: sweep_challenges!
DELETE FROM used_challenges WHERE expires_at < :before;

-- name: get_sign_up^
SELECT * FROM sign_ups WHERE email = :email;

-- name: start_sign_up!
INSERT INTO sign_ups (email, account_id, name, slug, code_hash, attempts, mails, mails_since, created_at, expires_at)
VALUES (:email, :account_id, :name, :slug, '', 0, 0, :now, :now, 0)
ON CONFLICT (email) DO NOTHING;

-- name: take_sign_up_mail!
-- One more mail to the address this hour: 0 rows once there were enough.
UPDATE sign_ups SET
    mails = CASE WHEN mails_since <= :hour_ago THEN 1 ELSE mails + 1 END,
    mails_since = CASE WHEN mails_since <= :hour_ago THEN :now ELSE mails_since END
WHERE email = :email AND (mails < :most OR mails_since <= :hour_ago);

-- name: renew_sign_up!
-- One per address: what was asked last counts, with its code.
UPDATE sign_ups SET
    account_id = :account_id, name = :name, slug = :slug, code_hash = :code_hash, attempts = 0,
    created_at = :now, expires_at = :expires_at
WHERE email = :email;

-- name: count_sign_up_attempt!
-- 0 rows once the attempts are used up or the code's time is over: attempts at the same moment queue on the row.
UPDATE sign_ups SET attempts = attempts + 1
WHERE email = :email AND attempts < :most AND expires_at > :now AND code_hash <> '';

-- name: remove_sign_up!
DELETE FROM sign_ups WHERE email = :email;

-- name: sweep_sign_ups!
DELETE FROM sign_ups WHERE created_at < :before;

-- name: add_owner_address!
INSERT INTO owner_addresses (address, account_id) VALUES (:address, :account_id)
ON CONFLICT (address) DO NOTHING;

-- name: find_owner_address^
SELECT account_id FROM owner_addresses WHERE address = :address;

-- name: is_challenge_used$
SELECT 1 FROM used_challenges WHERE challenge = :challenge;
