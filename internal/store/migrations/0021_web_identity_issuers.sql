-- The issuer of an account's web identity tokens. Its ID is random and part of its public
-- address, so that nobody finds the issuers of others by counting. It stays when the account
-- disables the tokens. Its keys are in keys, with its ID in their purpose.

-- +goose Up
CREATE TABLE web_identity_issuers (
    account   keytext NOT NULL PRIMARY KEY,
    issuer_id keytext NOT NULL UNIQUE,
    enabled   BOOLEAN NOT NULL,
    created   BIGINT  NOT NULL
);
