-- Words of names became grams too (index_sqlite_search_gram.c): what they begin with, two to four letters.

INSERT INTO study_gram (study_gram) VALUES ('delete-all');
INSERT INTO study_gram (rowid, grams)
SELECT key, search_grams(patient_name, patient_id, birth_date, sex, accession_number, study_id, study_description,
    referring_physician, institution_name, modalities)
FROM study_search ORDER BY key;
