account_id = :account_id AND actor_id = :actor_id AND at > :after AND at <= :before
  AND action IN ('read_email', 'get_thread', 'read_html', 'download_attachment', 'download_source',
    'get_attachment_url', 'list_events')
