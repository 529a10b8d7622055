-- A pool's identities are listed in the order of their creation.

-- +goose Up
CREATE INDEX identities_by_time ON identities (pool_id, created, identity_id);
