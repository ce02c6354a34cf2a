#include "pacs/index/index_sqlite.h"

/* Keys whose rows are gone, the question whether a key is known, and small settings. */

PacsStatus pacs_index_sqlite_read_garbage(PacsIndex *self, PacsKey *ret_keys, size_t max, size_t *ret_count,
                                          PacsError *err)
{
    INDEX_AUTO_READER IndexReader reader = {0};
    PACS_AUTO_STATEMENT sqlite3_stmt *rows = NULL;
    size_t count = 0;
    PacsStatus status = pacs_index_sqlite_read_begin(pacs_index_sqlite(self), false, &reader, err);
    if (status == PACS_OK)
        status = PACS_SQL_QUERY(reader.connection, &rows, err,
                                "SELECT object_key FROM garbage ORDER BY object_key LIMIT ?",
                                pacs_sql_u64(max));
    while (pacs_sqlite_next(reader.connection, rows, &status, err)) {
        status = pacs_sqlite_fixed(rows, 0, ret_keys[count].bytes, sizeof ret_keys[count].bytes, err);
        count++;
    }
    if (status == PACS_OK)
        *ret_count = count;
    return status;
}

typedef struct ForgetArguments {
    const PacsKey *keys;
    size_t count;
} ForgetArguments;

static PacsStatus forget_garbage(IndexSqlite *index, void *arguments, PacsError *err)
{
    const ForgetArguments *forget = arguments;
    PacsStatus status = PACS_OK;
    for (size_t i = 0; status == PACS_OK && i < forget->count; i++)
        status = PACS_SQL_RUN(index->writer, err, "DELETE FROM garbage WHERE object_key = ?",
                              pacs_sql_bytes(forget->keys[i].bytes, sizeof forget->keys[i].bytes));
    return status;
}

PacsStatus pacs_index_sqlite_forget_garbage(PacsIndex *self, const PacsKey *keys, size_t count,
                                            PacsError *err)
{
    ForgetArguments arguments = {keys, count};
    return pacs_index_sqlite_write(pacs_index_sqlite(self), forget_garbage, &arguments, err);
}

PacsStatus pacs_index_sqlite_has_key(PacsIndex *self, const PacsKey *key, bool *ret_known, PacsError *err)
{
    static const char sql[] = "SELECT EXISTS (SELECT 1 FROM instance WHERE object_key = ?1)"
                              " OR EXISTS (SELECT 1 FROM instance WHERE inflated_key = ?1)"
                              " OR EXISTS (SELECT 1 FROM attachment WHERE object_key = ?1)"
                              " OR EXISTS (SELECT 1 FROM garbage WHERE object_key = ?1)";
    INDEX_AUTO_READER IndexReader reader = {0};
    int64_t known = 0;
    PacsStatus status = pacs_index_sqlite_read_begin(pacs_index_sqlite(self), false, &reader, err);
    if (status == PACS_OK)
        status = PACS_SQL_NUMBER(reader.connection, &known, err, sql,
                                 pacs_sql_bytes(key->bytes, sizeof key->bytes));
    if (status == PACS_OK)
        *ret_known = known != 0;
    return status;
}

/* ---- Settings ---- */

PacsStatus pacs_index_sqlite_read_setting(PacsIndex *self, const char *name, PacsArena *arena,
                                          const char **ret_value, PacsError *err)
{
    INDEX_AUTO_READER IndexReader reader = {0};
    PACS_AUTO_STATEMENT sqlite3_stmt *rows = NULL;
    PacsStatus status = pacs_index_sqlite_read_begin(pacs_index_sqlite(self), false, &reader, err);
    if (status == PACS_OK)
        status = PACS_SQL_FIRST(reader.connection, &rows, err, "SELECT value FROM setting WHERE name = ?",
                                pacs_sql_text(name));
    if (status == PACS_NOT_FOUND)
        return pacs_fail(err, PACS_NOT_FOUND, "setting '%s' was never written", name);
    return status == PACS_OK ? pacs_sqlite_text(rows, 0, arena, ret_value, err) : status;
}

typedef struct SettingArguments {
    const char *name, *value;
} SettingArguments;

static PacsStatus write_setting(IndexSqlite *index, void *arguments, PacsError *err)
{
    const SettingArguments *setting = arguments;
    return PACS_SQL_RUN(index->writer, err,
                        "INSERT INTO setting (name, value) VALUES (?, ?)"
                        " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                        pacs_sql_text(setting->name), pacs_sql_text(setting->value));
}

PacsStatus pacs_index_sqlite_write_setting(PacsIndex *self, const char *name, const char *value,
                                           PacsError *err)
{
    SettingArguments arguments = {name, value};
    return pacs_index_sqlite_write(pacs_index_sqlite(self), write_setting, &arguments, err);
}
