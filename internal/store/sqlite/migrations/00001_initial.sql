-- +goose Up
-- Ids are never used again (AUTOINCREMENT). Times are microseconds since 1970
-- UTC, 0 for never. Keys (…_key) are what must be unique: see package microblog.

CREATE TABLE users (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    username        TEXT    NOT NULL,
    username_key    TEXT    NOT NULL UNIQUE,
    email           TEXT    NOT NULL,
    email_key       TEXT    NOT NULL UNIQUE,
    about_me        TEXT    NOT NULL DEFAULT '',
    password_hash   TEXT    NOT NULL,
    created_at      INTEGER NOT NULL,
    last_seen       INTEGER NOT NULL DEFAULT 0,
    admin           BOOLEAN NOT NULL DEFAULT FALSE,
    generation      INTEGER NOT NULL DEFAULT 0,
    post_count      INTEGER NOT NULL DEFAULT 0,
    follower_count  INTEGER NOT NULL DEFAULT 0,
    following_count INTEGER NOT NULL DEFAULT 0
);

-- The name that somebody left leads to them until somebody else has it.
CREATE TABLE former_usernames (
    username_key TEXT    PRIMARY KEY,
    user_id      INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    left_at      INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX former_usernames_user ON former_usernames (user_id);

-- once is the hash of the submitted form and body, so that sending a form
-- twice posts once.
CREATE TABLE posts (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    author_id  INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    body       TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    once       BLOB
);
CREATE INDEX posts_author ON posts (author_id, id);
CREATE UNIQUE INDEX posts_once ON posts (author_id, once) WHERE once IS NOT NULL;

CREATE TABLE follows (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    follower_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    followed_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at  INTEGER NOT NULL,
    UNIQUE (follower_id, followed_id),
    CHECK (follower_id <> followed_id)
);
CREATE INDEX follows_following ON follows (follower_id, id);
CREATE INDEX follows_followers ON follows (followed_id, id);

CREATE TABLE sessions (
    token_hash BLOB    PRIMARY KEY,
    user_id    INTEGER REFERENCES users (id) ON DELETE CASCADE,
    generation INTEGER NOT NULL,
    data       BLOB    NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX sessions_user ON sessions (user_id, created_at);
CREATE INDEX sessions_expiry ON sessions (expires_at);

CREATE TABLE throttles (
    key           BLOB    PRIMARY KEY,
    attempts      INTEGER NOT NULL,
    blocked_until INTEGER NOT NULL,
    expires_at    INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX throttles_expiry ON throttles (expires_at);

CREATE TABLE settings (
    name  TEXT PRIMARY KEY,
    value BLOB NOT NULL
) WITHOUT ROWID;

-- +goose Down
DROP TABLE settings;
DROP TABLE throttles;
DROP TABLE sessions;
DROP TABLE follows;
DROP TABLE posts;
DROP TABLE former_usernames;
DROP TABLE users;
