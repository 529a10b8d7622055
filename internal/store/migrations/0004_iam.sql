-- What the IAM API made. A resource is one row: role, policy, oidc-provider or
-- saml-provider, by its name as IAM compares it. What the settings define is
-- not here.

-- +goose Up
-- One row per account, whose revision every change of the account's resources
-- moves: what a change was decided on is then still so.
CREATE TABLE iam_accounts (
    account  keytext NOT NULL PRIMARY KEY,
    revision BIGINT  NOT NULL
);

CREATE TABLE iam_resources (
    account      keytext NOT NULL,
    kind         keytext NOT NULL,
    resource_key keytext NOT NULL,
    path         keytext NOT NULL,
    settings     TEXT    NOT NULL,
    created      BIGINT  NOT NULL,
    PRIMARY KEY (account, kind, resource_key)
);

-- Which role uses which managed policy, as its settings say, so that both
-- directions can be looked up. policy_key is empty for policies of AWS.
CREATE TABLE iam_attachments (
    account    keytext NOT NULL,
    role_key   keytext NOT NULL,
    usage      keytext NOT NULL,
    policy_arn keytext NOT NULL,
    policy_key keytext NOT NULL,
    PRIMARY KEY (account, role_key, usage, policy_arn)
);
CREATE INDEX iam_attachments_by_policy ON iam_attachments (account, policy_arn);
