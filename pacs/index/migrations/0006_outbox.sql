-- The outbox as a log whose rows never change, and short lists of what is not sent (pacs/index/index_outbox.h): marking
-- an event sent takes a number off a list and does not rewrite the event.

DROP INDEX outbox_unsent;
ALTER TABLE outbox RENAME TO outbox_before;

CREATE TABLE outbox (
    id INTEGER PRIMARY KEY, -- given out from `total`
    ce_id TEXT NOT NULL,
    type TEXT NOT NULL,
    key TEXT NOT NULL,
    lane TEXT NOT NULL,
    revision INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    traceparent TEXT,
    data TEXT NOT NULL -- last: what looks for something else does not read it
);
INSERT INTO outbox SELECT id, ce_id, type, key, 'normal', revision, created_ms, NULL, data FROM outbox_before ORDER BY id;
CREATE INDEX outbox_key ON outbox (key);

CREATE TABLE outbox_unsent (
    id INTEGER PRIMARY KEY
);
INSERT INTO outbox_unsent SELECT id FROM outbox_before WHERE sent_ms IS NULL ORDER BY id;

CREATE TABLE outbox_dead (
    id INTEGER PRIMARY KEY,
    ce_id TEXT NOT NULL UNIQUE,
    key TEXT NOT NULL,
    reason TEXT NOT NULL
);
CREATE INDEX outbox_dead_key ON outbox_dead (key);

CREATE TABLE outbox_parked (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL
);
CREATE INDEX outbox_parked_key ON outbox_parked (key);

ALTER TABLE total ADD COLUMN last_event INTEGER NOT NULL DEFAULT 0;
ALTER TABLE total ADD COLUMN purged_event INTEGER NOT NULL DEFAULT 0; -- the newest that was purged
ALTER TABLE total ADD COLUMN unsent_events INTEGER NOT NULL DEFAULT 0;
ALTER TABLE total ADD COLUMN parked_events INTEGER NOT NULL DEFAULT 0;
ALTER TABLE total ADD COLUMN dead_events INTEGER NOT NULL DEFAULT 0;
UPDATE total SET
    last_event = coalesce((SELECT max(seq) FROM sqlite_sequence WHERE name = 'outbox_before'), 0),
    unsent_events = (SELECT count(*) FROM outbox_unsent);
UPDATE total SET purged_event = coalesce((SELECT min(id) - 1 FROM outbox), last_event);
DROP TABLE outbox_before;

-- What the events of a study have in common, for ever: a study that is deleted and comes again stays in its lane.
ALTER TABLE study_uid ADD COLUMN lane TEXT NOT NULL DEFAULT 'normal';
ALTER TABLE study_uid ADD COLUMN traceparent TEXT; -- of what was received last
ALTER TABLE study_uid ADD COLUMN report_revision INTEGER NOT NULL DEFAULT 0; -- of the last report.*

-- Revisions of keys whose events tell of nothing in the index ("access", "ingest", "relay").
CREATE TABLE told_key (
    aggregate TEXT NOT NULL,
    key TEXT NOT NULL,
    revision INTEGER NOT NULL,
    PRIMARY KEY (aggregate, key)
) WITHOUT ROWID;

-- Instances that are report documents, with what is told when they are withdrawn.
CREATE TABLE report (
    instance INTEGER PRIMARY KEY,
    study_uid INTEGER NOT NULL,
    title_scheme TEXT,
    title_code TEXT,
    verification TEXT,
    completion TEXT,
    content_date TEXT,
    content_time TEXT
);
CREATE INDEX report_study_uid ON report (study_uid);

-- Rises whenever the lease changes hands; the row stays.
ALTER TABLE lease ADD COLUMN epoch INTEGER NOT NULL DEFAULT 0;
