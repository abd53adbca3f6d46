-- One term for the planners: SQLite takes each of many for a reason to sort instead of walking the index.
((CAST(:see_held AS BOOLEAN) OR e.state NOT IN ('held', 'declined'))
  AND (CAST(:any_direction AS BOOLEAN) OR e.direction = :direction)
  AND (CAST(:any_state AS BOOLEAN) OR e.state IN (:state_1, :state_2))
  AND (CAST(:any_sender AS BOOLEAN) OR e.from_address = :sender)
  AND (CAST(:any_participant AS BOOLEAN) OR e.participants LIKE :participant ESCAPE '!')
  AND (CAST(:any_subject AS BOOLEAN) OR lower(e.subject) LIKE :subject ESCAPE '!')
  AND (CAST(:any_thread AS BOOLEAN) OR e.thread_id = :thread_id)
  AND (CAST(:any_tag AS BOOLEAN) OR EXISTS (
    SELECT 1 FROM tags t WHERE t.account_id = e.account_id AND t.email_id = e.email_id AND t.tag = :tag))
  AND (CAST(:any_attachments AS BOOLEAN) OR e.has_attachments = CAST(:has_attachments AS BOOLEAN))
  AND e.created_at >= :after_us AND e.created_at < :before_us) IS TRUE
