-- What came first: that an account got a pool's ID, or that a trust policy was
-- written. Both take the next number of one row, which orders them on all nodes
-- without a clock. Pools and trust policies that are older than this table have
-- the number 0.

-- +goose Up
CREATE TABLE ownership_order (
    one  INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    last BIGINT  NOT NULL
);
INSERT INTO ownership_order (one, last) VALUES (1, 0);

ALTER TABLE pools ADD COLUMN owned_since BIGINT NOT NULL DEFAULT 0;

-- The trust policies that the settings of this deployment ever had: a restart
-- does not write them again. Those of the IAM API have their number in
-- iam_resources.
CREATE TABLE settings_trust (
    role_arn keytext NOT NULL,
    sha256   BYTEA   NOT NULL,
    written  BIGINT  NOT NULL,
    PRIMARY KEY (role_arn, sha256)
);
