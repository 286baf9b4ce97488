-- One text for SQLite and PostgreSQL; statements end in a semicolon at the end of a line. Times are
-- microseconds since 1970, UTC. SQLite takes BYTEA for a column that keeps blobs as they are.

-- An incident: what it is in full in record, as JSON, and beside it what is searched, sorted or added
-- up. The one with the empty ID holds the books of the incidents that are no longer kept.
CREATE TABLE fault_incidents (
    id           TEXT PRIMARY KEY,
    state        TEXT NOT NULL,
    last_at      BIGINT NOT NULL,
    due_at       BIGINT,          -- when time alone brings something about; NULL: never
    deferred     BIGINT NOT NULL, -- the hour that had no mail left for it; 0: none
    since        BIGINT,          -- since when there are uncovered failures; NULL: there are none
    words        TEXT NOT NULL,   -- what a search looks at, in lower case
    failures     BIGINT NOT NULL,
    mailed       BIGINT NOT NULL,
    grouped      BIGINT NOT NULL,
    muted        BIGINT NOT NULL,
    given_up     BIGINT NOT NULL,
    not_for_mail BIGINT NOT NULL,
    record       TEXT NOT NULL
);
CREATE INDEX fault_incidents_last ON fault_incidents (last_at, id);
CREATE INDEX fault_incidents_due ON fault_incidents (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX fault_incidents_since ON fault_incidents (since) WHERE since IS NOT NULL;

-- Which failures belong to an incident. An incident gets further keys as an edit moves its lines.
CREATE TABLE fault_keys (
    key         TEXT PRIMARY KEY,
    incident_id TEXT NOT NULL,
    coarse      TEXT NOT NULL,
    place       TEXT NOT NULL,
    line        BIGINT NOT NULL,
    builds      TEXT NOT NULL, -- that it was last seen in, newest first, separated by spaces
    seen_at     BIGINT NOT NULL
);
CREATE INDEX fault_keys_place ON fault_keys (place);
CREATE INDEX fault_keys_incident ON fault_keys (incident_id);

CREATE TABLE fault_minutes (
    incident_id TEXT NOT NULL,
    minute      BIGINT NOT NULL, -- since 1970
    failures    BIGINT NOT NULL,
    PRIMARY KEY (incident_id, minute)
);
CREATE INDEX fault_minutes_minute ON fault_minutes (minute);

-- People and routes.
CREATE TABLE fault_tallies (
    incident_id TEXT NOT NULL,
    kind        TEXT NOT NULL,
    name        TEXT NOT NULL,
    failures    BIGINT NOT NULL,
    first_at    BIGINT NOT NULL,
    last_at     BIGINT NOT NULL,
    PRIMARY KEY (incident_id, kind, name)
);

-- Failures in full. Slot 0 is the first of an incident, the others are a ring of the newest.
CREATE TABLE fault_samples (
    incident_id TEXT NOT NULL,
    slot        BIGINT NOT NULL,
    failure_id  BYTEA NOT NULL,
    failed_at   BIGINT NOT NULL,
    failure     BYTEA NOT NULL, -- gzip of JSON
    PRIMARY KEY (incident_id, slot)
);

-- The IDs that people quote.
CREATE TABLE fault_failures (
    failure_id  BYTEA PRIMARY KEY,
    incident_id TEXT NOT NULL,
    failed_at   BIGINT NOT NULL
);
CREATE INDEX fault_failures_at ON fault_failures (failed_at);

CREATE TABLE fault_notices (
    key         TEXT PRIMARY KEY,
    incident_id TEXT NOT NULL, -- empty: about several
    state       TEXT NOT NULL,
    decided_at  BIGINT NOT NULL,
    lease_until BIGINT NOT NULL, -- 0: nobody has claimed it
    owner       TEXT NOT NULL,
    settled_at  BIGINT, -- NULL: under way
    notice      TEXT NOT NULL -- as JSON
);
CREATE INDEX fault_notices_decided ON fault_notices (decided_at) WHERE settled_at IS NULL;
CREATE INDEX fault_notices_settled ON fault_notices (settled_at) WHERE settled_at IS NOT NULL;

CREATE TABLE fault_covers (
    notice_key  TEXT NOT NULL,
    incident_id TEXT NOT NULL,
    failures    BIGINT NOT NULL,
    PRIMARY KEY (notice_key, incident_id)
);
CREATE INDEX fault_covers_incident ON fault_covers (incident_id);

-- How far each stream of captured failures is counted.
CREATE TABLE fault_streams (
    name       TEXT PRIMARY KEY,
    done       BIGINT NOT NULL,
    changed_at BIGINT NOT NULL
);

CREATE TABLE fault_builds (
    name     TEXT PRIMARY KEY,
    first_at BIGINT NOT NULL
);

-- State files that were taken over.
CREATE TABLE fault_imports (
    ledger      TEXT PRIMARY KEY,
    imported_at BIGINT NOT NULL
);

-- Rows by which transactions take turns, with what they share; and the books' random name, "ledger".
CREATE TABLE fault_turns (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
);
INSERT INTO fault_turns (name, value) VALUES ('groups', ''), ('hour', '{}');
