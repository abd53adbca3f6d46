-- A mailbox's record asks for its last decisions, however few of its emails were decided.
CREATE INDEX emails_decided ON emails (account_id, mailbox_id, email_id) WHERE decision IS NOT NULL;
