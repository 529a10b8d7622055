-- IDs that were deleted. An ID belongs for good to the account that first had
-- it, because policies of any account may still name it. kind is pool or
-- identity; deleted is the time of the last deletion. A pool's owned_since is
-- kept for the day when its account makes the pool again.

-- +goose Up
CREATE TABLE former_ids (
    kind        keytext NOT NULL,
    id          keytext NOT NULL,
    account     keytext NOT NULL,
    owned_since BIGINT  NOT NULL,
    deleted     BIGINT  NOT NULL,
    PRIMARY KEY (kind, id)
);
