#include "pacs/index/index_sqlite_resource.h"

#include "pacs/index/index_tags.h"

/* One row of the same columns at every level. */
enum {
    COLUMN_ID,
    COLUMN_PARENT,
    COLUMN_TAGS,
    COLUMN_PATIENT_TAGS,
    COLUMN_CHILDREN,
    COLUMN_INSTANCES,
    COLUMN_SIZE,
    COLUMN_UPDATED,
    COLUMN_STABLE,
    COLUMN_PROTECTED,
    COLUMN_EXPECTED,
    COLUMN_INDEX,
    COLUMN_KEY,
};

static const char *const resource_sql[PACS_LEVEL_COUNT] = {
    [PACS_LEVEL_PATIENT] = "SELECT orthanc_id, NULL, tags, NULL, study_count, instance_count, size_bytes,"
                           " last_update_ms, stable, protected, -1, -1, NULL FROM patient WHERE id = ?",
    [PACS_LEVEL_STUDY] =
        "SELECT st.orthanc_id, p.orthanc_id, st.tags, st.patient_tags, st.series_count, st.instance_count,"
        " st.size_bytes, st.last_update_ms, st.stable, 0, -1, -1, NULL"
        " FROM study st JOIN patient p ON p.id = st.patient WHERE st.id = ?",
    [PACS_LEVEL_SERIES] =
        "SELECT s.orthanc_id, st.orthanc_id, s.tags, NULL, s.instance_count, s.instance_count,"
        " s.size_bytes, s.last_update_ms, s.stable, 0, s.expected_instances, -1, NULL"
        " FROM series s JOIN study st ON st.id = s.study WHERE s.id = ?",
    [PACS_LEVEL_INSTANCE] =
        "SELECT i.orthanc_id, s.orthanc_id, i.tags, NULL, 0, 1, i.size_bytes, i.received_ms, 1, 0,"
        " -1, i.index_in_series, i.object_key FROM instance i JOIN series s ON s.id = i.series WHERE i.id = ?",
};

static PacsStatus read_id(sqlite3_stmt *rows, int column, char ret_id[PACS_ORTHANC_ID_SIZE], PacsError *err)
{
    PacsOrthancId id;
    const PacsStatus status = pacs_sqlite_fixed(rows, column, id.bytes, sizeof id.bytes, err);
    if (status == PACS_OK)
        pacs_index_id_format(&id, ret_id);
    return status;
}

static PacsStatus read_tags(sqlite3_stmt *rows, int column, PacsArena *arena, const PacsTagValue **ret_tags,
                            size_t *ret_count, PacsError *err)
{
    return pacs_index_tags_parse(sqlite3_column_blob(rows, column),
                                 (size_t)sqlite3_column_bytes(rows, column), arena, ret_tags, ret_count, err);
}

static PacsStatus read_row(sqlite3_stmt *rows, PacsResourceParts parts, PacsArena *arena,
                           PacsResource *resource, PacsError *err)
{
    resource->child_count = (size_t)sqlite3_column_int64(rows, COLUMN_CHILDREN);
    resource->instance_count = (uint64_t)sqlite3_column_int64(rows, COLUMN_INSTANCES);
    resource->size_bytes = (uint64_t)sqlite3_column_int64(rows, COLUMN_SIZE);
    resource->last_update_ms = sqlite3_column_int64(rows, COLUMN_UPDATED);
    resource->is_stable = sqlite3_column_int(rows, COLUMN_STABLE) != 0;
    resource->is_protected = sqlite3_column_int(rows, COLUMN_PROTECTED) != 0;
    resource->expected_instances = sqlite3_column_int64(rows, COLUMN_EXPECTED);
    resource->index_in_series = sqlite3_column_int64(rows, COLUMN_INDEX);

    PacsStatus status = read_id(rows, COLUMN_ID, resource->id, err);
    if (status == PACS_OK && resource->level == PACS_LEVEL_INSTANCE)
        status = pacs_sqlite_fixed(rows, COLUMN_KEY, resource->object_key.bytes,
                                   sizeof resource->object_key.bytes, err);
    if (status == PACS_OK && resource->level != PACS_LEVEL_PATIENT)
        status = read_id(rows, COLUMN_PARENT, resource->parent_id, err);
    if (status == PACS_OK && parts & PACS_WITH_TAGS)
        status = read_tags(rows, COLUMN_TAGS, arena, &resource->tags, &resource->tag_count, err);
    if (status == PACS_OK && parts & PACS_WITH_TAGS && resource->level == PACS_LEVEL_STUDY)
        status = read_tags(rows, COLUMN_PATIENT_TAGS, arena, &resource->patient_tags,
                           &resource->patient_tag_count, err);
    return status;
}

static PacsStatus load_children(PacsSqlite *db, int64_t row, PacsArena *arena, PacsResource *resource,
                                PacsError *err)
{
    static const char *const sql[] = {
        [PACS_LEVEL_PATIENT] = "SELECT orthanc_id FROM study WHERE patient = ? ORDER BY id",
        [PACS_LEVEL_STUDY] = "SELECT orthanc_id FROM series WHERE study = ? ORDER BY id",
        [PACS_LEVEL_SERIES] = "SELECT orthanc_id FROM instance WHERE series = ? ORDER BY id",
    };
    const char **ids = pacs_arena_array(arena, resource->child_count + 1, sizeof *ids);
    char(*texts)[PACS_ORTHANC_ID_SIZE] = pacs_arena_array(arena, resource->child_count + 1, sizeof *texts);
    if (!ids || !texts)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for %zu children", resource->child_count);
    PACS_AUTO_STATEMENT sqlite3_stmt *rows = NULL;
    size_t count = 0;
    PacsStatus status = PACS_SQL_QUERY(db, &rows, err, sql[resource->level], pacs_sql_i64(row));
    while (count < resource->child_count && pacs_sqlite_next(db, rows, &status, err)) {
        status = read_id(rows, 0, texts[count], err);
        ids[count] = texts[count];
        count++;
    }
    if (status == PACS_OK && count != resource->child_count)
        return pacs_fail(err, PACS_CORRUPT, "a %s counts %zu children and has %zu",
                         pacs_level_name(resource->level), resource->child_count, count);
    resource->child_ids = ids;
    return status;
}

static PacsStatus load_labels(PacsSqlite *db, int64_t row, PacsArena *arena, PacsResource *resource,
                              PacsError *err)
{
    static const char count_sql[] = "SELECT count(*) FROM label WHERE level = ? AND resource = ?";
    static const char sql[] = "SELECT label FROM label WHERE level = ? AND resource = ? ORDER BY label";
    int64_t max = 0;
    PacsStatus status = PACS_SQL_NUMBER(db, &max, err, count_sql, pacs_sql_i64(resource->level),
                                        pacs_sql_i64(row));
    if (status != PACS_OK || max == 0)
        return status;
    const char **labels = pacs_arena_array(arena, (size_t)max, sizeof *labels);
    if (!labels)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for labels");
    PACS_AUTO_STATEMENT sqlite3_stmt *rows = NULL;
    status = PACS_SQL_QUERY(db, &rows, err, sql, pacs_sql_i64(resource->level), pacs_sql_i64(row));
    while (resource->label_count < (size_t)max && pacs_sqlite_next(db, rows, &status, err))
        status = pacs_sqlite_text(rows, 0, arena, &labels[resource->label_count++], err);
    resource->labels = labels;
    return status;
}

static PacsStatus load_row(PacsSqlite *db, int64_t row, PacsResourceParts parts, PacsArena *arena,
                           PacsResource *resource, PacsError *err)
{
    PACS_AUTO_STATEMENT sqlite3_stmt *rows = NULL;
    PacsStatus status = PACS_SQL_FIRST(db, &rows, err, resource_sql[resource->level], pacs_sql_i64(row));
    if (status == PACS_NOT_FOUND)
        return pacs_fail(err, PACS_NOT_FOUND, "the %s is gone", pacs_level_name(resource->level));
    return status == PACS_OK ? read_row(rows, parts, arena, resource, err) : status;
}

PacsStatus pacs_index_sqlite_load_resource(PacsSqlite *connection, PacsLevel level, int64_t row,
                                           PacsResourceParts parts, PacsArena *arena,
                                           PacsResource *ret_resource, PacsError *err)
{
    PacsResource resource = {.level = level};
    PacsStatus status = load_row(connection, row, parts, arena, &resource, err);
    if (status == PACS_OK && parts & PACS_WITH_CHILDREN && level != PACS_LEVEL_INSTANCE)
        status = load_children(connection, row, arena, &resource, err);
    if (status == PACS_OK && parts & PACS_WITH_LABELS)
        status = load_labels(connection, row, arena, &resource, err);
    if (status == PACS_OK)
        *ret_resource = resource;
    return status;
}
