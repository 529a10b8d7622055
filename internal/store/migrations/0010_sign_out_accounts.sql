-- A sign-out mark counts for the logins of one account, or of all accounts where
-- account is empty, as every mark did that was set before this migration. A mark
-- for one account has that account in its mark_key, beside the kind.

-- +goose Up
ALTER TABLE sign_outs ADD COLUMN account keytext NOT NULL DEFAULT '';
DROP INDEX sign_outs_by_provider;
CREATE INDEX sign_outs_by_provider ON sign_outs (provider, account);

-- Which accounts have registered an OpenID Connect provider.
CREATE INDEX iam_resources_by_key ON iam_resources (kind, resource_key);
