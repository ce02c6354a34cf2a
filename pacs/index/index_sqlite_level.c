#include "pacs/index/index_sqlite.h"

/* A deleted instance's row may still be there for a while: it is one only as long as its series stands. */
static const char *const row_of[PACS_LEVEL_COUNT] = {
    [PACS_LEVEL_PATIENT] = "SELECT id FROM patient WHERE orthanc_id = ?",
    [PACS_LEVEL_STUDY] = "SELECT id FROM study WHERE orthanc_id = ?",
    [PACS_LEVEL_SERIES] = "SELECT id FROM series WHERE orthanc_id = ?",
    [PACS_LEVEL_INSTANCE] =
        "SELECT i.id FROM instance i JOIN series s ON s.id = i.series WHERE i.orthanc_id = ?",
};

PacsStatus pacs_index_sqlite_row_of(PacsSqlite *connection, PacsLevel level, const PacsOrthancId *id,
                                    int64_t *ret_row, PacsError *err)
{
    const PacsStatus status = PACS_SQL_NUMBER(connection, ret_row, err, row_of[level],
                                              pacs_sql_bytes(id->bytes, sizeof id->bytes));
    if (status == PACS_NOT_FOUND)
        return pacs_fail(err, PACS_NOT_FOUND, "no %s has this id", pacs_level_name(level));
    return status;
}
