-- The names of the last senders, asked for with each email that comes in, however much was sent since. With all that the
-- question names, so that SQLite reads no email for it.
CREATE INDEX emails_by_last_names ON emails (account_id, mailbox_id, email_id, direction, state, from_address, from_name)
WHERE direction = 'inbound' AND state NOT IN ('held', 'declined', 'spam_quarantined', 'deleted');
