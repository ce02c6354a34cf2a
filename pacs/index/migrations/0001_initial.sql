-- What an index of Lightbox holds. Rows of the four levels have integer keys that are never used twice (the
-- writer hands them out from `total`), so that a key left behind in another table can never come to mean
-- something else. Orthanc ids are kept as their 20 bytes. `tags` holds every indexed tag of the level
-- (pacs/index/index_tags.h); the columns beside it are those that searches compare.
-- Times are milliseconds since 1970 UTC. Levels: 0 patient, 1 study, 2 series, 3 instance.

CREATE TABLE patient (
    id INTEGER PRIMARY KEY,
    orthanc_id BLOB NOT NULL UNIQUE,
    study_count INTEGER NOT NULL DEFAULT 0,
    instance_count INTEGER NOT NULL DEFAULT 0,
    size_bytes INTEGER NOT NULL DEFAULT 0,
    last_update_ms INTEGER NOT NULL,
    stable INTEGER NOT NULL DEFAULT 0,
    protected INTEGER NOT NULL DEFAULT 0,
    patient_id TEXT NOT NULL,
    patient_name TEXT,
    patient_name_search TEXT,
    birth_date TEXT,
    sex TEXT,
    tags BLOB NOT NULL
);
CREATE INDEX patient_unstable ON patient (stable) WHERE stable = 0;

CREATE TABLE study (
    id INTEGER PRIMARY KEY,
    orthanc_id BLOB NOT NULL UNIQUE,
    patient INTEGER NOT NULL,
    study_uid INTEGER NOT NULL,
    series_count INTEGER NOT NULL DEFAULT 0,
    instance_count INTEGER NOT NULL DEFAULT 0,
    size_bytes INTEGER NOT NULL DEFAULT 0,
    first_received_ms INTEGER NOT NULL,
    last_update_ms INTEGER NOT NULL,
    stable INTEGER NOT NULL DEFAULT 0,
    study_date TEXT,
    study_time TEXT,
    timezone TEXT,
    accession_number TEXT,
    study_id TEXT,
    study_description TEXT,
    referring_physician TEXT,
    referring_physician_search TEXT,
    institution_name TEXT,
    tags BLOB NOT NULL,
    patient_tags BLOB NOT NULL -- as this study's first instance has them: one PatientID may have several names
);
CREATE INDEX study_patient ON study (patient);
CREATE INDEX study_study_uid ON study (study_uid);
CREATE INDEX study_unstable ON study (stable) WHERE stable = 0;

-- One row per Study Instance UID, for ever: what events count by. The same UID may stand under two patients,
-- and a study that was deleted and sent again must go on with the revisions its consumers have seen.
CREATE TABLE study_uid (
    id INTEGER PRIMARY KEY,
    uid TEXT NOT NULL UNIQUE,
    study_count INTEGER NOT NULL DEFAULT 0, -- studies (of different patients) that have this UID
    revision INTEGER NOT NULL DEFAULT 0,    -- of the last event
    arrived INTEGER NOT NULL DEFAULT 0      -- study.arrived was told
);

CREATE TABLE series (
    id INTEGER PRIMARY KEY,
    orthanc_id BLOB NOT NULL UNIQUE,
    study INTEGER NOT NULL,
    instance_count INTEGER NOT NULL DEFAULT 0,
    size_bytes INTEGER NOT NULL DEFAULT 0,
    inflated_bytes INTEGER NOT NULL DEFAULT 0, -- stored beside deflated objects
    last_update_ms INTEGER NOT NULL,
    stable INTEGER NOT NULL DEFAULT 0,
    changed INTEGER NOT NULL DEFAULT 1, -- instances came since the study's last event
    expected_instances INTEGER NOT NULL,
    origin INTEGER NOT NULL, -- of the first instance
    series_uid TEXT NOT NULL,
    modality TEXT,
    series_number TEXT,
    body_part TEXT,
    series_date TEXT,
    series_time TEXT,
    series_description TEXT,
    sop_classes TEXT NOT NULL, -- of the instances, joined by backslash
    tags BLOB NOT NULL
);
CREATE INDEX series_study ON series (study);
CREATE INDEX series_uid ON series (series_uid);
CREATE INDEX series_unstable ON series (stable) WHERE stable = 0;

-- An instance whose series row is gone is deleted; a large deletion removes such rows a few at a time
-- (`doomed`), so every read of an instance joins its series.
CREATE TABLE instance (
    id INTEGER PRIMARY KEY,
    orthanc_id BLOB NOT NULL UNIQUE,
    series INTEGER NOT NULL,
    object_key BLOB NOT NULL,
    inflated_key BLOB,
    size_bytes INTEGER NOT NULL,
    inflated_size_bytes INTEGER NOT NULL,
    dataset_offset INTEGER NOT NULL,
    pixel_data_offset INTEGER NOT NULL,
    pixel_data_tag INTEGER NOT NULL,
    pixel_data_vr TEXT, -- where it is not the one its transfer syntax implies
    received_ms INTEGER NOT NULL,
    change_seq INTEGER NOT NULL, -- of its NewInstance
    origin INTEGER NOT NULL,
    index_in_series INTEGER NOT NULL,
    sha256 BLOB NOT NULL,
    sop_instance_uid TEXT NOT NULL,
    sop_class_uid TEXT NOT NULL,
    transfer_syntax_uid TEXT NOT NULL,
    instance_number TEXT,
    tags BLOB NOT NULL
);
CREATE INDEX instance_series ON instance (series);
CREATE INDEX instance_sop_instance_uid ON instance (sop_instance_uid);
CREATE INDEX instance_object_key ON instance (object_key);
CREATE INDEX instance_inflated_key ON instance (inflated_key) WHERE inflated_key IS NOT NULL;

CREATE TABLE instance_blob (
    id INTEGER PRIMARY KEY, -- the instance's
    json_deflate BLOB NOT NULL,
    json_size INTEGER NOT NULL,
    json_crc32 INTEGER NOT NULL,
    frame_table BLOB,
    bulk_table BLOB
);

CREATE TABLE doomed (
    series INTEGER PRIMARY KEY -- deleted, but rows of its instances are still there
);

-- Doors and peers, each combination once: metadata Origin, RemoteAET, RemoteIP, CalledAET, HttpUsername.
CREATE TABLE origin (
    id INTEGER PRIMARY KEY,
    door INTEGER NOT NULL,
    remote_ip TEXT,
    calling_aet TEXT,
    called_aet TEXT,
    http_user TEXT
);
CREATE INDEX origin_calling_aet ON origin (calling_aet, remote_ip);

-- Metadata that does not follow from the columns above: set by users and by modification.
CREATE TABLE metadata (
    level INTEGER NOT NULL,
    resource INTEGER NOT NULL,
    number INTEGER NOT NULL,
    value TEXT NOT NULL,
    revision INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (level, resource, number)
) WITHOUT ROWID;

-- User attachments; the DICOM object itself stands in `instance`.
CREATE TABLE attachment (
    level INTEGER NOT NULL,
    resource INTEGER NOT NULL,
    number INTEGER NOT NULL,
    object_key BLOB NOT NULL,
    size_bytes INTEGER NOT NULL,
    md5 TEXT NOT NULL,
    revision INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (level, resource, number)
) WITHOUT ROWID;
CREATE INDEX attachment_object_key ON attachment (object_key);

CREATE TABLE label (
    level INTEGER NOT NULL,
    resource INTEGER NOT NULL,
    label TEXT NOT NULL,
    PRIMARY KEY (level, resource, label)
) WITHOUT ROWID;

-- Orthanc's feed. Entries go with their resource.
CREATE TABLE change (
    seq INTEGER PRIMARY KEY,
    type INTEGER NOT NULL,
    level INTEGER NOT NULL,
    resource INTEGER NOT NULL,
    time_ms INTEGER NOT NULL
);
-- The one change that every instance has (1: NewInstance) is found by instance.change_seq instead.
CREATE INDEX change_resource ON change (resource, level) WHERE type <> 1;

-- Events on their way to the relay (PLATFORM contract: binary CloudEvents; envelope and links are the relay's).
CREATE TABLE outbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    ce_id TEXT NOT NULL,
    type TEXT NOT NULL,
    key TEXT NOT NULL,
    revision INTEGER NOT NULL,
    data TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    sent_ms INTEGER
);
CREATE INDEX outbox_unsent ON outbox (id) WHERE sent_ms IS NULL;

-- Events that were consumed: once each, and none older than what was seen of its key.
CREATE TABLE inbox (
    source TEXT NOT NULL,
    ce_id TEXT NOT NULL,
    received_ms INTEGER NOT NULL,
    PRIMARY KEY (source, ce_id)
) WITHOUT ROWID;

CREATE TABLE job (
    id TEXT PRIMARY KEY,
    type TEXT NOT NULL,
    state TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    content TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE worklist (
    id INTEGER PRIMARY KEY,
    accession_number TEXT,
    scheduled_ms INTEGER,
    station_aet TEXT,
    modality TEXT,
    state TEXT NOT NULL,
    dataset TEXT NOT NULL
);

CREATE TABLE setting (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;

-- Objects whose rows are gone and whose bytes have to follow.
CREATE TABLE garbage (
    object_key BLOB PRIMARY KEY
) WITHOUT ROWID;

-- One row: totals and the last number given out of each kind.
CREATE TABLE total (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    patients INTEGER NOT NULL DEFAULT 0,
    studies INTEGER NOT NULL DEFAULT 0,
    series INTEGER NOT NULL DEFAULT 0,
    instances INTEGER NOT NULL DEFAULT 0,
    size_bytes INTEGER NOT NULL DEFAULT 0,
    uncompressed_bytes INTEGER NOT NULL DEFAULT 0,
    last_patient INTEGER NOT NULL DEFAULT 0,
    last_study INTEGER NOT NULL DEFAULT 0,
    last_series INTEGER NOT NULL DEFAULT 0,
    last_instance INTEGER NOT NULL DEFAULT 0,
    last_change INTEGER NOT NULL DEFAULT 0
);
INSERT INTO total (id) VALUES (1);
