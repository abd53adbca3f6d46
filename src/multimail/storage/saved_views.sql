-- name: save_view!
-- A name that is there already is the view of this name from now on.
INSERT INTO saved_views (account_id, operator_id, view_id, name, q, mailbox_id, direction, risk, grouped, created_at)
VALUES (:account_id, :operator_id, :view_id, :name, :q, :mailbox_id, :direction, :risk, :grouped, :created_at)
ON CONFLICT (account_id, operator_id, name) DO UPDATE
SET q = excluded.q, mailbox_id = excluded.mailbox_id, direction = excluded.direction, risk = excluded.risk,
    grouped = excluded.grouped;

-- name: list_saved_views
SELECT * FROM saved_views WHERE account_id = :account_id AND operator_id = :operator_id;

-- name: delete_saved_view!
DELETE FROM saved_views WHERE account_id = :account_id AND operator_id = :operator_id AND view_id = :view_id;

-- name: delete_views_of!
DELETE FROM saved_views WHERE account_id = :account_id AND operator_id = :operator_id;
