-- Ways to look at the queue that an operator named; '' is no filter.
CREATE TABLE saved_views (
    account_id TEXT NOT NULL,
    operator_id TEXT NOT NULL,
    view_id TEXT NOT NULL,
    name TEXT NOT NULL,
    q TEXT NOT NULL,
    mailbox_id TEXT NOT NULL,
    direction TEXT NOT NULL,
    risk TEXT NOT NULL,
    grouped TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (account_id, operator_id, view_id)
);
CREATE UNIQUE INDEX saved_views_by_name ON saved_views (account_id, operator_id, name);

-- Browsers that operators are told in (RFC 8030). sealed has the endpoint and its keys; an endpoint is one browser's.
CREATE TABLE push_subscriptions (
    account_id TEXT NOT NULL,
    subscription_id TEXT NOT NULL,
    operator_id TEXT NOT NULL,
    endpoint_sha256 TEXT NOT NULL,
    host TEXT NOT NULL,
    sealed TEXT NOT NULL,
    sent_at BIGINT NOT NULL DEFAULT 0,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (account_id, subscription_id)
);
CREATE UNIQUE INDEX push_subscriptions_by_endpoint ON push_subscriptions (account_id, endpoint_sha256);
CREATE INDEX push_subscriptions_by_operator ON push_subscriptions (account_id, operator_id);
