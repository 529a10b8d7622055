-- One text for SQLite and PostgreSQL. keytext is text that is compared and
-- ordered byte by byte: a domain on PostgreSQL (see postgresql.go), plain TEXT
-- to SQLite, which goes by the name's ending. BIGINT times are epoch milliseconds.

-- +goose Up
CREATE TABLE pools (
    pool_id  keytext NOT NULL PRIMARY KEY,
    account  keytext NOT NULL,
    region   keytext NOT NULL,
    settings TEXT    NOT NULL,
    version  BIGINT  NOT NULL,
    created  BIGINT  NOT NULL,
    updated  BIGINT  NOT NULL,
    deleting BOOLEAN NOT NULL
);
CREATE INDEX pools_by_account ON pools (account, region, pool_id);

-- One row per account and region, changed by each creation of a pool that is
-- subject to a limit, so that such creations take turns.
CREATE TABLE pool_counters (
    account       keytext NOT NULL,
    region        keytext NOT NULL,
    pools_created BIGINT  NOT NULL,
    PRIMARY KEY (account, region)
);

CREATE TABLE identities (
    identity_id keytext NOT NULL PRIMARY KEY,
    pool_id     keytext NOT NULL REFERENCES pools (pool_id),
    disabled    BOOLEAN NOT NULL,
    merged_to   keytext NOT NULL,
    ever_linked BOOLEAN NOT NULL,
    revision    BIGINT  NOT NULL,
    created     BIGINT  NOT NULL,
    modified    BIGINT  NOT NULL
);
CREATE UNIQUE INDEX identities_by_pool ON identities (pool_id, identity_id);

-- login_key is the SHA-256 of kind, provider and subject: subjects have no
-- length that every engine's index would take.
CREATE TABLE logins (
    pool_id     keytext NOT NULL,
    login_key   BYTEA   NOT NULL,
    identity_id keytext NOT NULL,
    kind        keytext NOT NULL,
    provider    keytext NOT NULL,
    subject     BYTEA   NOT NULL,
    PRIMARY KEY (pool_id, login_key),
    FOREIGN KEY (pool_id, identity_id) REFERENCES identities (pool_id, identity_id)
);
CREATE INDEX logins_by_identity ON logins (identity_id);
CREATE UNIQUE INDEX logins_one_per_public_provider ON logins (identity_id, provider) WHERE kind = 'public';

CREATE TABLE access_keys (
    access_key_id keytext NOT NULL PRIMARY KEY,
    account       keytext NOT NULL,
    sealed_secret BYTEA   NOT NULL,
    disabled      BOOLEAN NOT NULL,
    description   TEXT    NOT NULL,
    policy        TEXT    NOT NULL,
    created       BIGINT  NOT NULL
);

CREATE TABLE key_sets (
    purpose  keytext NOT NULL PRIMARY KEY,
    revision BIGINT  NOT NULL
);
CREATE TABLE keys (
    purpose    keytext NOT NULL REFERENCES key_sets (purpose),
    key_id     keytext NOT NULL,
    algorithm  TEXT    NOT NULL,
    sealed     BYTEA   NOT NULL,
    public     BYTEA   NOT NULL,
    created    BIGINT  NOT NULL,
    not_before BIGINT  NOT NULL,
    not_after  BIGINT  NOT NULL,
    PRIMARY KEY (purpose, key_id)
);
