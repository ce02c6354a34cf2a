-- Names by what they, and each of their words, begin with: the text from the word on, a backslash, and what stands in front of
-- it (index_sqlite_search_name.c). A search for the beginning of a name reads a range of them, whatever else there is.

CREATE TABLE study_name (
    name TEXT NOT NULL,
    key INTEGER NOT NULL, -- of study_search
    PRIMARY KEY (name, key)
) WITHOUT ROWID;

INSERT OR IGNORE INTO study_name (name, key)
WITH RECURSIVE entry (number) AS (SELECT 0 UNION ALL SELECT number + 1 FROM entry WHERE number < 31)
SELECT search_name_entry(q.patient_name, entry.number) AS name, q.key FROM study_search q CROSS JOIN entry
WHERE name IS NOT NULL;
