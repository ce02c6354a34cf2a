#include "pacs/index/index_sqlite.h"

/* From the UIDs of a DICOMweb path to ids. Series and instances are looked for by their own UID, which is
 * nearly unique, and then checked against the rest of the path. */

static const char *const uid_sql[PACS_LEVEL_COUNT] = {
    [PACS_LEVEL_STUDY] = "SELECT t.orthanc_id FROM study_uid u JOIN study t ON t.study_uid = u.id"
                         " WHERE u.uid = ?1 ORDER BY t.id",
    [PACS_LEVEL_SERIES] = "SELECT s.orthanc_id FROM series s JOIN study t ON t.id = s.study"
                          " JOIN study_uid u ON u.id = t.study_uid"
                          " WHERE s.series_uid = ?2 AND u.uid = ?1 ORDER BY s.id",
    [PACS_LEVEL_INSTANCE] =
        "SELECT i.orthanc_id FROM instance i JOIN series s ON s.id = i.series"
        " JOIN study t ON t.id = s.study JOIN study_uid u ON u.id = t.study_uid"
        " WHERE i.sop_instance_uid = ?3 AND s.series_uid = ?2 AND u.uid = ?1 ORDER BY i.id",
};

PacsStatus pacs_index_sqlite_find_uids(PacsIndex *self, const PacsUidPath *path, PacsOrthancId *ret_ids,
                                       size_t max, size_t *ret_count, PacsError *err)
{
    const PacsLevel level = pacs_uid_path_level(path);
    const PacsSqlValue values[] = {pacs_sql_text(path->study_uid), pacs_sql_text(path->series_uid),
                                   pacs_sql_text(path->sop_instance_uid)};
    INDEX_AUTO_READER IndexReader reader = {0};
    PACS_AUTO_STATEMENT sqlite3_stmt *rows = NULL;
    size_t count = 0;

    PacsStatus status = pacs_index_sqlite_read_begin(pacs_index_sqlite(self), false, &reader, err);
    if (status == PACS_OK)
        status = pacs_sqlite_query(reader.connection, &rows, uid_sql[level], values, (size_t)level, err);
    while (count < max && pacs_sqlite_next(reader.connection, rows, &status, err)) {
        status = pacs_sqlite_fixed(rows, 0, ret_ids[count].bytes, sizeof ret_ids[count].bytes, err);
        count++;
    }
    if (status == PACS_OK)
        *ret_count = count;
    return status;
}
