-- What a readiness probe writes. It is one row, which no dump has.

-- +goose Up
CREATE TABLE write_probe (
    one     INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    written BIGINT  NOT NULL
);
