-- What domains demand of whoever sends them mail (RFC 8461): public, no account's, shared by all processes.
CREATE TABLE mta_sts_policies (
    domain TEXT PRIMARY KEY,
    policy_id TEXT NOT NULL,
    mode TEXT NOT NULL,
    mx_json TEXT NOT NULL,
    max_age BIGINT NOT NULL,
    fetched_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
