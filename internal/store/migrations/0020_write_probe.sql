-- What a readiness probe writes. It is one row, which no dump has; filler makes it
-- as large as what clients write, so that it meets a full disk when they do.

-- +goose Up
CREATE TABLE write_probe (
    one     INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    written BIGINT  NOT NULL,
    filler  BYTEA   NOT NULL
);
