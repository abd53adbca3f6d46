-- name: add_draft!
INSERT INTO drafts (
    account_id, draft_id, mailbox_id, version, test, content_json, files_json, created_at, updated_at)
VALUES (
    :account_id, :draft_id, :mailbox_id, 1, :test, :content_json, :files_json, :created_at, :created_at);

-- name: get_draft^
SELECT * FROM drafts WHERE account_id = :account_id AND draft_id = :draft_id;

-- name: list_drafts
SELECT * FROM drafts
WHERE account_id = :account_id AND mailbox_id = :mailbox_id AND draft_id < :before
ORDER BY draft_id DESC LIMIT :limit;

-- name: edit_draft!
UPDATE drafts
SET content_json = :content_json, files_json = :files_json, updated_at = :updated_at, version = version + 1
WHERE account_id = :account_id AND draft_id = :draft_id;

-- name: remove_draft!
DELETE FROM drafts WHERE account_id = :account_id AND draft_id = :draft_id;

-- name: take_draft!
-- 0 rows where it has changed since it was composed, or is gone: it is sent once.
DELETE FROM drafts WHERE account_id = :account_id AND draft_id = :draft_id AND version = :version;
