-- +goose Up
-- Ids are never used again (IDENTITY). Times are microseconds since 1970
-- UTC, 0 for never. Keys (…_key) are what must be unique: see package microblog.

CREATE TABLE users (
    id              BIGINT           GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    username        TEXT             NOT NULL,
    username_key    TEXT COLLATE "C" NOT NULL UNIQUE,
    email           TEXT             NOT NULL,
    email_key       TEXT COLLATE "C" NOT NULL UNIQUE,
    about_me        TEXT             NOT NULL DEFAULT '',
    password_hash   TEXT             NOT NULL,
    created_at      BIGINT           NOT NULL,
    last_seen       BIGINT           NOT NULL DEFAULT 0,
    admin           BOOLEAN          NOT NULL DEFAULT FALSE,
    generation      BIGINT           NOT NULL DEFAULT 0,
    post_count      BIGINT           NOT NULL DEFAULT 0,
    follower_count  BIGINT           NOT NULL DEFAULT 0,
    following_count BIGINT           NOT NULL DEFAULT 0
);

-- The name that somebody left leads to them until somebody else has it.
CREATE TABLE former_usernames (
    username_key TEXT COLLATE "C" PRIMARY KEY,
    user_id      BIGINT           NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    left_at      BIGINT           NOT NULL
);
CREATE INDEX former_usernames_user ON former_usernames (user_id);

-- once is the hash of the submitted form and body, so that sending a form
-- twice posts once.
CREATE TABLE posts (
    id         BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    author_id  BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    body       TEXT   NOT NULL,
    created_at BIGINT NOT NULL,
    once       BYTEA
);
CREATE INDEX posts_author ON posts (author_id, id);
CREATE UNIQUE INDEX posts_once ON posts (author_id, once) WHERE once IS NOT NULL;

CREATE TABLE follows (
    id          BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    follower_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    followed_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at  BIGINT NOT NULL,
    UNIQUE (follower_id, followed_id),
    CHECK (follower_id <> followed_id)
);
CREATE INDEX follows_following ON follows (follower_id, id);
CREATE INDEX follows_followers ON follows (followed_id, id);

CREATE TABLE sessions (
    token_hash BYTEA  PRIMARY KEY,
    user_id    BIGINT REFERENCES users (id) ON DELETE CASCADE,
    generation BIGINT NOT NULL,
    data       BYTEA  NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX sessions_user ON sessions (user_id, created_at);
CREATE INDEX sessions_expiry ON sessions (expires_at);

CREATE TABLE throttles (
    key           BYTEA  PRIMARY KEY,
    attempts      BIGINT NOT NULL,
    blocked_until BIGINT NOT NULL,
    expires_at    BIGINT NOT NULL
);
CREATE INDEX throttles_expiry ON throttles (expires_at);

CREATE TABLE settings (
    name  TEXT  PRIMARY KEY,
    value BYTEA NOT NULL
);

-- +goose Down
DROP TABLE settings;
DROP TABLE throttles;
DROP TABLE sessions;
DROP TABLE follows;
DROP TABLE posts;
DROP TABLE former_usernames;
DROP TABLE users;
