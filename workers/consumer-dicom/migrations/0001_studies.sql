-- The platform's table of imaging studies, kept in step with the archive. Read it, join it; only the worker writes it.
-- Texts are as DICOM writes them (dates 20261121, lists with backslashes); NULL where the archive knows nothing.

CREATE TABLE imaging_study (
    study_instance_uid TEXT NOT NULL PRIMARY KEY,
    accession_number TEXT,
    accession_issuer TEXT,
    patient_id TEXT,
    patient_id_issuer TEXT,
    patient_ref TEXT,
    study_id TEXT,
    study_date TEXT,
    study_time TEXT,
    study_description TEXT,
    modalities TEXT,
    series_count BIGINT NOT NULL,
    instance_count BIGINT NOT NULL,
    size_bytes BIGINT,
    lane TEXT,
    retrieve_url TEXT,
    viewer_url TEXT,
    manifest_sha256 TEXT,
    revision BIGINT NOT NULL,
    arrived_at TEXT,
    updated_at TEXT
);
CREATE INDEX imaging_study_patient ON imaging_study (patient_id, study_date);
CREATE INDEX imaging_study_accession ON imaging_study (accession_number);

CREATE TABLE imaging_series (
    study_instance_uid TEXT NOT NULL,
    series_instance_uid TEXT NOT NULL,
    series_number BIGINT,
    modality TEXT,
    body_part TEXT,
    series_description TEXT,
    instance_count BIGINT NOT NULL,
    PRIMARY KEY (study_instance_uid, series_instance_uid)
);

-- Every accession number that a study or one of its series names.
CREATE TABLE imaging_order_link (
    accession_number TEXT NOT NULL,
    study_instance_uid TEXT NOT NULL,
    accession_issuer TEXT,
    PRIMARY KEY (accession_number, study_instance_uid)
);
CREATE INDEX imaging_order_link_study ON imaging_order_link (study_instance_uid);

-- Orders as the platform knows them: whoever knows them writes here, before or after the study came.
CREATE TABLE imaging_order (
    order_id TEXT NOT NULL PRIMARY KEY,
    accession_number TEXT NOT NULL,
    accession_issuer TEXT,
    appointment_id TEXT
);
CREATE INDEX imaging_order_accession ON imaging_order (accession_number);

-- Which studies an order has. Where both sides name an issuer it has to be the same.
CREATE VIEW imaging_order_study AS
    SELECT o.order_id, o.appointment_id, l.accession_number, l.study_instance_uid
    FROM imaging_order AS o JOIN imaging_order_link AS l ON l.accession_number = o.accession_number
    WHERE o.accession_issuer IS NULL OR l.accession_issuer IS NULL OR o.accession_issuer = l.accession_issuer;
