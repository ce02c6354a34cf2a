#include "pacs/index/index_sqlite_search.h"

/* Search rows follow their study: made with its first series, told of modalities, removed before it. */

/* FTS5 takes an entry away by the tokens it was made of. */
#define GRAMS                                                                                                \
    "search_grams(patient_name, patient_id, birth_date, sex, accession_number, study_id, study_description," \
    " referring_physician, institution_name, modalities)"
#define KEY "(SELECT search_key(study_date, study_time, id) FROM study WHERE id = ?)"
#define MODALITIES                                                                                           \
    "search_text((SELECT group_concat(modality, '\\') FROM (SELECT modality FROM series WHERE study = st.id" \
    " AND modality <> '' GROUP BY modality ORDER BY min(id))))"

static PacsStatus add_grams(IndexSqlite *index, int64_t study, PacsError *err)
{
    static const char sql[] = "INSERT INTO study_gram (rowid, grams) SELECT key, " GRAMS
                              " FROM study_search WHERE key = " KEY;
    return PACS_SQL_RUN(index->writer, err, sql, pacs_sql_i64(study));
}

static PacsStatus remove_grams(IndexSqlite *index, int64_t study, PacsError *err)
{
    static const char sql[] = "INSERT INTO study_gram (study_gram, rowid, grams) SELECT 'delete', key, " GRAMS
                              " FROM study_search WHERE key = " KEY;
    return PACS_SQL_RUN(index->writer, err, sql, pacs_sql_i64(study));
}

/* Beside this stand migrations/0002_search.sql and 0007_names.sql, which make the rows of studies that were there before. */
PacsStatus pacs_index_sqlite_search_add(IndexSqlite *index, int64_t study, PacsError *err)
{
    static const char sql[] =
        "INSERT INTO study_search SELECT search_key(st.study_date, st.study_time, st.id), st.id,"
        " search_name(search_tag(st.patient_tags, 0x00100010)), search_text(search_tag(st.patient_tags, 0x00100020)),"
        " search_date(search_tag(st.patient_tags, 0x00100030)), search_text(search_tag(st.patient_tags, 0x00100040)),"
        " search_text(st.accession_number), search_text(st.study_id), search_text(st.study_description),"
        " search_name(st.referring_physician), search_text(st.institution_name), " MODALITIES
        " FROM study st WHERE st.id = ?";
    PacsStatus status = PACS_SQL_RUN(index->writer, err, sql, pacs_sql_i64(study));
    if (status == PACS_OK)
        status = pacs_index_sqlite_names_add(index, study, err);
    return status == PACS_OK ? add_grams(index, study, err) : status;
}

PacsStatus pacs_index_sqlite_search_refresh(IndexSqlite *index, int64_t study, PacsError *err)
{
    static const char changed[] =
        "SELECT q.modalities <> " MODALITIES " FROM study st JOIN study_search q"
        " ON q.key = search_key(st.study_date, st.study_time, st.id) WHERE st.id = ?";
    static const char update[] = "UPDATE study_search SET modalities = (SELECT " MODALITIES
                                 " FROM study st WHERE st.id = study_search.study) WHERE key = " KEY;
    int64_t is_changed = 0;
    PacsStatus status = PACS_SQL_NUMBER(index->writer, &is_changed, err, changed, pacs_sql_i64(study));
    if (status != PACS_OK || !is_changed)
        return status;
    status = remove_grams(index, study, err);
    if (status == PACS_OK)
        status = PACS_SQL_RUN(index->writer, err, update, pacs_sql_i64(study));
    return status == PACS_OK ? add_grams(index, study, err) : status;
}

PacsStatus pacs_index_sqlite_search_remove(IndexSqlite *index, int64_t study, PacsError *err)
{
    PacsStatus status = remove_grams(index, study, err);
    if (status == PACS_OK)
        status = pacs_index_sqlite_names_remove(index, study, err);
    if (status == PACS_OK)
        status = PACS_SQL_RUN(index->writer, err, "DELETE FROM study_search WHERE key = " KEY,
                              pacs_sql_i64(study));
    return status;
}
