-- Revocation marks: session credentials of an access key, identity, pool or role
-- of an account that were issued before not_before are refused. mark_key is the
-- SHA-256 of kind, account and value, as in logins. expires is when no such
-- session can be alive any more.

-- +goose Up
CREATE TABLE revocations (
    mark_key   BYTEA   NOT NULL PRIMARY KEY,
    kind       keytext NOT NULL,
    account    keytext NOT NULL,
    value      keytext NOT NULL,
    not_before BIGINT  NOT NULL,
    expires    BIGINT  NOT NULL
);
CREATE INDEX revocations_by_expiry ON revocations (expires);
