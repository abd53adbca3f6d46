-- name: list_reads
-- What a key read in these turns of an agent's; the conditions are those of the index.
SELECT action, resource_id, metadata_json, COALESCE(metadata_json::json ->> 'run_id', metadata_json::json ->> 'thread_id', '') AS turn
FROM audit
WHERE account_id = :account_id AND actor_id = :actor_id
  AND COALESCE(metadata_json::json ->> 'run_id', metadata_json::json ->> 'thread_id', '') IN (:run, :conversation, '')
  AND at > :after AND at <= :before
  AND action IN ('read_email', 'get_thread', 'read_html', 'download_attachment', 'download_source',
    'get_attachment_url', 'list_events')
ORDER BY at DESC LIMIT :limit;
