-- In which of an agent's turns its key read what others wrote; '' for a read that named none.
CREATE INDEX audit_reads ON audit (
    account_id, actor_id, COALESCE(metadata_json::json ->> 'run_id', metadata_json::json ->> 'thread_id', ''), at)
WHERE action IN ('read_email', 'get_thread', 'read_html', 'download_attachment', 'download_source',
    'get_attachment_url', 'list_events');
