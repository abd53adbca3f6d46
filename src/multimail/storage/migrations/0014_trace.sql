-- How a message was handed over, for its Received header: the keyword of RFC 3848, the version and cipher of TLS.
ALTER TABLE intake ADD COLUMN protocol TEXT NOT NULL DEFAULT '';
ALTER TABLE intake ADD COLUMN tls TEXT NOT NULL DEFAULT '';
