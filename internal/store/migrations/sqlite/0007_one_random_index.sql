-- IDs are random, so every index that begins with one has each new guest rewrite
-- a page of its own: identities_by_pool took a third of the time of a durable
-- GetId. It was there for the foreign key that binds a login to an identity of
-- its own pool; here triggers hold that rule.

CREATE TABLE guarded_logins (
    pool_id     keytext NOT NULL,
    login_key   BYTEA   NOT NULL,
    identity_id keytext NOT NULL REFERENCES identities (identity_id),
    kind        keytext NOT NULL,
    provider    keytext NOT NULL,
    subject     BYTEA   NOT NULL,
    PRIMARY KEY (pool_id, login_key)
);
INSERT INTO guarded_logins (pool_id, login_key, identity_id, kind, provider, subject)
    SELECT pool_id, login_key, identity_id, kind, provider, subject FROM logins;
DROP TABLE logins;
ALTER TABLE guarded_logins RENAME TO logins;
CREATE INDEX logins_by_identity ON logins (identity_id);
CREATE UNIQUE INDEX logins_one_per_public_provider ON logins (identity_id, provider) WHERE kind = 'public';
DROP INDEX identities_by_pool;

CREATE TRIGGER logins_of_the_pool BEFORE INSERT ON logins
WHEN NOT EXISTS (SELECT 1 FROM identities AS i WHERE i.identity_id = NEW.identity_id AND i.pool_id = NEW.pool_id)
BEGIN
    SELECT RAISE(ABORT, 'a login belongs to an identity of its own pool');
END;

CREATE TRIGGER logins_stay_in_the_pool BEFORE UPDATE ON logins
WHEN NOT EXISTS (SELECT 1 FROM identities AS i WHERE i.identity_id = NEW.identity_id AND i.pool_id = NEW.pool_id)
BEGIN
    SELECT RAISE(ABORT, 'a login belongs to an identity of its own pool');
END;

CREATE TRIGGER identities_stay_in_the_pool BEFORE UPDATE OF pool_id ON identities
WHEN NEW.pool_id <> OLD.pool_id
BEGIN
    SELECT RAISE(ABORT, 'an identity stays in its pool');
END;
