-- +goose Up
-- What all nodes answered to an account in one region in an hour that has settled, in
-- periods of five minutes: one row in place of those of the nodes, so that a question
-- about 14 days reads hundreds of rows and not thousands for each node. period is the
-- begin of the hour. counts is in the format of internal/statistics (hour.go).
CREATE TABLE statistics_hours (
    account keytext NOT NULL,
    region  keytext NOT NULL,
    period  BIGINT  NOT NULL,
    counts  BYTEA   NOT NULL,
    PRIMARY KEY (account, region, period)
);
CREATE INDEX statistics_hours_by_period ON statistics_hours (period);

-- The primary key begins with the period: by it, a question about one pool reads the rows
-- of all pools.
CREATE INDEX pool_statistics_by_pool ON pool_statistics (account, region, pool_id, period);
