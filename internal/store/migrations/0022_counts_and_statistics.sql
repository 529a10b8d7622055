-- How many identities a pool has. Nodes add what they changed every few seconds, never in
-- the transaction of a sign-in. counted is false until the identities of an older version's
-- pool were counted. The last three columns belong to a count under way: it counts what was
-- made until recount_until, recount_later gathers what changes afterwards, and
-- recount_disturbed says that the count may have seen such a change.

-- +goose Up
CREATE TABLE pool_counts (
    pool_id           keytext NOT NULL PRIMARY KEY,
    identities        BIGINT  NOT NULL,
    counted           BOOLEAN NOT NULL,
    counted_until     BIGINT  NOT NULL,
    recount_until     BIGINT  NOT NULL,
    recount_later     BIGINT  NOT NULL,
    recount_disturbed BIGINT  NOT NULL
);

-- What each node answered to an account in one region, in periods of five minutes, and to
-- a pool in periods of an hour. period is its begin. Only the node itself changes its rows,
-- and a node is one process: a restart makes other rows.
CREATE TABLE statistics (
    account keytext NOT NULL,
    region  keytext NOT NULL,
    period  BIGINT  NOT NULL,
    node    keytext NOT NULL,
    counts  TEXT    NOT NULL,
    PRIMARY KEY (account, region, period, node)
);
CREATE INDEX statistics_by_period ON statistics (period);

CREATE TABLE pool_statistics (
    account  keytext NOT NULL,
    region   keytext NOT NULL,
    period   BIGINT  NOT NULL,
    pool_id  keytext NOT NULL,
    node     keytext NOT NULL,
    sign_ins BIGINT  NOT NULL,
    refused  BIGINT  NOT NULL,
    counts   TEXT    NOT NULL,
    PRIMARY KEY (account, region, period, pool_id, node)
);
CREATE INDEX pool_statistics_by_period ON pool_statistics (period);
