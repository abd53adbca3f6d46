CREATE INDEX audit_reads ON audit (
    account_id, actor_id, COALESCE(json_extract(metadata_json, '$.run_id'), json_extract(metadata_json, '$.thread_id'), ''),
    at)
WHERE action IN ('read_email', 'get_thread', 'read_html', 'download_attachment', 'download_source',
    'get_attachment_url', 'review_email', 'get_message', 'check_inbox', 'list_emails', 'list_spam', 'list_threads',
    'search_emails', 'wait_for_email', 'list_events', 'get_webhook_delivery', 'export_account');
