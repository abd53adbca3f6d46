NOT e.test AND (e.state IN ('sent', 'bounced')
    OR (e.direction = 'inbound' AND e.state NOT IN ('held', 'declined', 'spam_flagged', 'spam_quarantined')))
