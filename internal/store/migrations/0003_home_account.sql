-- The account that the settings' roles and providers belong to unless the
-- settings name one: a single row, written by the first start of any node.

-- +goose Up
CREATE TABLE home_account (
    one     INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    account keytext NOT NULL
);
