-- What studies are searched by (index_sqlite_search.h). One row a study, in the order of answers: `key` is made of
-- Study Date, Study Time and the study's row (pacs_search_key()), so that the newest stand together at the end, a range of
-- dates is a range of keys and a page goes on where another ended. Texts are in the form that is compared
-- (pacs_search_text()), patients' as the study has them. Functions search_* are ours (index_sqlite_search_sql.c).

CREATE TABLE study_search (
    key INTEGER PRIMARY KEY,
    study INTEGER NOT NULL,
    patient_name TEXT NOT NULL,
    patient_id TEXT NOT NULL,
    birth_date TEXT NOT NULL,
    sex TEXT NOT NULL,
    accession_number TEXT NOT NULL,
    study_id TEXT NOT NULL,
    study_description TEXT NOT NULL,
    referring_physician TEXT NOT NULL,
    institution_name TEXT NOT NULL,
    modalities TEXT NOT NULL -- of its series, each once
);

INSERT INTO study_search
SELECT search_key(st.study_date, st.study_time, st.id), st.id,
    search_name(search_tag(st.patient_tags, 0x00100010)),
    search_text(search_tag(st.patient_tags, 0x00100020)),
    search_date(search_tag(st.patient_tags, 0x00100030)),
    search_text(search_tag(st.patient_tags, 0x00100040)),
    search_text(st.accession_number), search_text(st.study_id), search_text(st.study_description),
    search_name(st.referring_physician), search_text(st.institution_name),
    search_text((SELECT group_concat(modality, '\') FROM
        (SELECT modality FROM series WHERE study = st.id AND modality <> '' GROUP BY modality ORDER BY min(id))))
FROM study st ORDER BY st.id;

CREATE INDEX study_search_patient_id ON study_search (patient_id) WHERE patient_id <> '\';
CREATE INDEX study_search_accession_number ON study_search (accession_number) WHERE accession_number <> '\';
CREATE INDEX study_search_birth_date ON study_search (birth_date) WHERE birth_date <> '\';

-- Which studies have a run of letters (a gram) in one of their texts, as tokens that search_grams() makes. Neither texts
-- nor positions are kept: what has all grams of a pattern is looked at again.
CREATE VIRTUAL TABLE study_gram USING fts5 (
    grams, content = '', columnsize = 0, detail = none, tokenize = 'ascii'
);
INSERT INTO study_gram (rowid, grams)
SELECT key, search_grams(patient_name, patient_id, birth_date, sex, accession_number, study_id, study_description,
    referring_physician, institution_name, modalities)
FROM study_search ORDER BY key;
