-- What reading tells of an email beyond its words: calendar, forwarded, protection and signature.
ALTER TABLE contents ADD COLUMN contains_json TEXT NOT NULL DEFAULT '{}';

-- What a reader or an approver should know: of mail that came in, deception; of mail that is to leave, leaks.
ALTER TABLE emails ADD COLUMN findings_json TEXT NOT NULL DEFAULT '[]';

-- Whether the mailbox has written to them: only then they are known, and can be imitated.
ALTER TABLE correspondents ADD COLUMN written BOOLEAN NOT NULL DEFAULT FALSE;

-- Why we think that a machine wrote it; NULL where a person did. Why the spam score is what it is. As what it was learned.
ALTER TABLE emails ADD COLUMN automatic TEXT;
ALTER TABLE emails ADD COLUMN spam_reasons_json TEXT NOT NULL DEFAULT '[]';
ALTER TABLE emails ADD COLUMN learned TEXT;

-- Kinds of leaks that keep mail from being accepted.
ALTER TABLE accounts ADD COLUMN blocked_leaks TEXT NOT NULL DEFAULT '';

-- In how many emails that were called spam, or not, a word was. `token` is one of a fixed number of buckets; the
-- bucket -1 counts the emails themselves.
CREATE TABLE spam_tokens (
    account_id TEXT NOT NULL,
    token BIGINT NOT NULL,
    spam BIGINT NOT NULL,
    ham BIGINT NOT NULL,
    PRIMARY KEY (account_id, token)
);
