AND e.email_id < :before AND e.email_id > :since
  AND (CAST(:any_mailbox AS BOOLEAN) OR e.mailbox_id = :mailbox_id)
  AND (NOT CAST(:any_state AS BOOLEAN) OR e.state NOT IN ('deleted', 'spam_quarantined'))
  AND {email_filters}
  AND {within_key}
