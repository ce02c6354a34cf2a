-- What the report worker keeps. Texts of people stand in these tables: they are as confidential as the archive.

-- What was prepared for a study that nobody has read yet.
CREATE TABLE report_draft (
    study_uid TEXT PRIMARY KEY,
    revision BIGINT NOT NULL,
    lane TEXT,
    pdf BYTEA NOT NULL,
    made_ms BIGINT NOT NULL
);

-- Its key images, in their order.
CREATE TABLE report_draft_image (
    study_uid TEXT NOT NULL,
    place BIGINT NOT NULL,
    series_uid TEXT NOT NULL,
    sop_uid TEXT NOT NULL,
    frame BIGINT NOT NULL,
    caption TEXT NOT NULL,
    jpeg BYTEA NOT NULL,
    PRIMARY KEY (study_uid, place)
);

-- The last word on each report. version 0: not told.
CREATE TABLE report (
    study_uid TEXT NOT NULL,
    report_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    version BIGINT NOT NULL,
    issued_ms BIGINT NOT NULL,
    event_source TEXT NOT NULL,
    event_id TEXT NOT NULL,
    told_ms BIGINT NOT NULL,
    PRIMARY KEY (study_uid, report_id)
);

-- What was stored in the archive for it. withdrawn_ms: taken back since.
CREATE TABLE report_document (
    sop_uid TEXT PRIMARY KEY,
    study_uid TEXT NOT NULL,
    report_id TEXT NOT NULL,
    version BIGINT NOT NULL,
    issued_ms BIGINT NOT NULL,
    sop_class_uid TEXT NOT NULL,
    series_uid TEXT NOT NULL,
    stored_ms BIGINT NOT NULL,
    withdrawn_ms BIGINT
);
CREATE INDEX report_document_of ON report_document (study_uid, report_id);

-- Every word as it came: what was withdrawn can be told, and made again byte for byte.
CREATE TABLE report_event (
    event_source TEXT NOT NULL,
    event_id TEXT NOT NULL,
    study_uid TEXT NOT NULL,
    report_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    version BIGINT NOT NULL,
    outcome TEXT NOT NULL,
    data BYTEA NOT NULL,
    told_ms BIGINT NOT NULL,
    PRIMARY KEY (event_source, event_id)
);
