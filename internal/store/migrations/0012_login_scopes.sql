-- A SAML provider keeps its ARN when it gets another identity provider's metadata,
-- so its logins have the namespace in which the NameID is unique: scope. Logins
-- that were stored before have none, ''. They belong to one identity provider,
-- which saml_bindings names by its entity ID from the first start on; '' says that
-- it could not be found. Each gets its scope when its user signs in again.

-- +goose Up
ALTER TABLE logins ADD COLUMN scope keytext NOT NULL DEFAULT '';
CREATE INDEX logins_without_scope ON logins (provider)
    WHERE kind = 'public' AND scope = '' AND provider > 'arn:' AND provider < 'arn;';
CREATE TABLE saml_bindings (
    provider  keytext NOT NULL PRIMARY KEY,
    entity_id TEXT    NOT NULL
);
