-- How a message was handed over, for its Received header: the keyword of RFC 3848, the version and cipher of TLS.
ALTER TABLE intake ADD COLUMN protocol TEXT NOT NULL DEFAULT '';
ALTER TABLE intake ADD COLUMN tls TEXT NOT NULL DEFAULT '';

-- Since when somebody was written to; 0 for before this was noted. What a process remembers of a mailbox is brought up to
-- date with each email that comes in: by who was written to since, and by whether contacts have changed.
ALTER TABLE correspondents ADD COLUMN written_at BIGINT NOT NULL DEFAULT 0;
CREATE INDEX correspondents_by_writing ON correspondents (account_id, mailbox_id, written_at) WHERE written;
CREATE INDEX contacts_by_change ON contacts (account_id, mailbox_id, updated_at);
