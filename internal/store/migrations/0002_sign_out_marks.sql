-- Sign-out marks: what was issued to a subject before not_before, or in a
-- session at any time, is no longer a login. mark_key is the SHA-256 of kind,
-- provider and value, as in logins. expires is when no such credential can be
-- valid any more.

-- +goose Up
CREATE TABLE sign_outs (
    mark_key   BYTEA   NOT NULL PRIMARY KEY,
    kind       keytext NOT NULL,
    provider   keytext NOT NULL,
    value      BYTEA   NOT NULL,
    not_before BIGINT  NOT NULL,
    expires    BIGINT  NOT NULL
);
CREATE INDEX sign_outs_by_expiry ON sign_outs (expires);
CREATE INDEX sign_outs_by_provider ON sign_outs (provider);
