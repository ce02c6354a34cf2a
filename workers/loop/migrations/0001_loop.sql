-- What every worker keeps beside its own tables. `consumer` is its group: several workers may share one database.

-- Events whose effect is committed. (source, id) names an event once and for all.
CREATE TABLE worker_inbox (
    consumer TEXT NOT NULL,
    source TEXT NOT NULL,
    id TEXT NOT NULL,
    handled_ms BIGINT NOT NULL,
    PRIMARY KEY (consumer, source, id)
);
CREATE INDEX worker_inbox_age ON worker_inbox (consumer, handled_ms);

-- The latest revision that was applied, by key.
CREATE TABLE worker_revision (
    consumer TEXT NOT NULL,
    aggregate TEXT NOT NULL,
    key TEXT NOT NULL,
    revision BIGINT NOT NULL,
    PRIMARY KEY (consumer, aggregate, key)
);

-- Events that wait because one before them of the same key cannot be applied yet; `place` is their order.
CREATE TABLE worker_parked (
    consumer TEXT NOT NULL,
    key TEXT NOT NULL,
    place BIGINT NOT NULL,
    source TEXT NOT NULL,
    id TEXT NOT NULL,
    topic TEXT NOT NULL,
    topic_partition BIGINT NOT NULL,
    topic_offset BIGINT NOT NULL,
    record_ms BIGINT NOT NULL,
    record_key BYTEA,
    record_value BYTEA,
    record_headers BYTEA NOT NULL,
    attempts BIGINT NOT NULL,
    parked_ms BIGINT NOT NULL,
    next_ms BIGINT NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (consumer, key, place)
);
CREATE UNIQUE INDEX worker_parked_event ON worker_parked (consumer, source, id);

-- Dead letters that no topic took.
CREATE TABLE worker_dead (
    consumer TEXT NOT NULL,
    topic TEXT NOT NULL,
    topic_partition BIGINT NOT NULL,
    topic_offset BIGINT NOT NULL,
    record_ms BIGINT NOT NULL,
    record_key BYTEA,
    record_value BYTEA,
    record_headers BYTEA NOT NULL,
    attempts BIGINT NOT NULL,
    dead_ms BIGINT NOT NULL,
    class TEXT NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (consumer, topic, topic_partition, topic_offset)
);

-- How far a source was read that keeps no positions of its own.
CREATE TABLE worker_position (
    consumer TEXT NOT NULL,
    source TEXT NOT NULL,
    position BIGINT NOT NULL,
    PRIMARY KEY (consumer, source)
);
