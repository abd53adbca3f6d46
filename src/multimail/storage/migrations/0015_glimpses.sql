-- What shows a key strangers' words counts as read in its turn: lists, payloads of webhooks and whole archives too.
DROP INDEX audit_reads;
