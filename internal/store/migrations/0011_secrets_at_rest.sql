-- A signing key that was taken out of use before its end: since when, 0 = it was not.

-- +goose Up
ALTER TABLE keys ADD COLUMN withdrawn BIGINT NOT NULL DEFAULT 0;

-- Each row says that the database's files may hold secrets in clear: in rows that
-- were not sealed yet, or in free pages. A start removes the rows that it found
-- once it has sealed the secrets and rewritten the files.
CREATE TABLE clear_secrets (
    mark keytext NOT NULL PRIMARY KEY
);

-- A database that was used before this version may hold some.
INSERT INTO clear_secrets (mark)
    SELECT 'upgrade' WHERE EXISTS (SELECT 1 FROM pools) OR EXISTS (SELECT 1 FROM home_account) OR EXISTS (SELECT 1 FROM access_keys);
