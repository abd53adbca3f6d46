-- name: list_reads
-- What a key read in these turns of an agent's, and in none, in no order, so that the limit ends the search. The
-- conditions are those of the index.
SELECT at, action, resource_id, metadata_json, CAST(:run AS TEXT) AS turn FROM audit
WHERE COALESCE(metadata_json::json ->> 'run_id', metadata_json::json ->> 'thread_id', '') = :run
  AND {reads_of_key}
UNION ALL
SELECT at, action, resource_id, metadata_json, CAST(:conversation AS TEXT) AS turn FROM audit
WHERE COALESCE(metadata_json::json ->> 'run_id', metadata_json::json ->> 'thread_id', '') = :conversation
  AND {reads_of_key}
UNION ALL
SELECT at, action, resource_id, metadata_json, CAST('' AS TEXT) AS turn FROM audit
WHERE COALESCE(metadata_json::json ->> 'run_id', metadata_json::json ->> 'thread_id', '') = ''
  AND {reads_of_key}
LIMIT :limit;

-- name: newest_read^
-- What a key read last in this turn of an agent's.
SELECT at, action, resource_id, metadata_json FROM audit
WHERE COALESCE(metadata_json::json ->> 'run_id', metadata_json::json ->> 'thread_id', '') = :turn
  AND {reads_of_key}
ORDER BY at DESC LIMIT 1;
