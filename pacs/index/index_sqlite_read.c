#include "pacs/index/index_metadata.h"
#include "pacs/index/index_sqlite.h"
#include "pacs/index/index_sqlite_resource.h"
#include "pacs/index/index_tags.h"

/* Answers about one resource. */

PacsStatus pacs_index_sqlite_find(PacsIndex *self, PacsLevel level, const PacsOrthancId *id,
                                  PacsResourceParts parts, PacsArena *arena, PacsResource **ret_resource,
                                  PacsError *err)
{
    PacsResource *resource = pacs_arena_alloc(arena, sizeof *resource);
    if (!resource)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for a resource");
    INDEX_AUTO_READER IndexReader reader = {0};
    int64_t row = 0;
    PacsStatus status = pacs_index_sqlite_read_begin(pacs_index_sqlite(self), true, &reader, err);
    if (status == PACS_OK)
        status = pacs_index_sqlite_row_of(reader.connection, level, id, &row, err);
    if (status == PACS_OK)
        status = pacs_index_sqlite_load_resource(reader.connection, level, row, parts, arena, resource, err);
    if (status == PACS_OK)
        *ret_resource = resource;
    return status;
}

/* ---- The stored object ---- */

static PacsStatus read_object(sqlite3_stmt *rows, PacsArena *arena, PacsStoredObject *object, PacsError *err)
{
    object->size_bytes = (uint64_t)sqlite3_column_int64(rows, 2);
    object->inflated_size_bytes = (uint64_t)sqlite3_column_int64(rows, 3);
    object->dataset_offset = (uint64_t)sqlite3_column_int64(rows, 5);
    object->pixel_data_offset = (uint64_t)sqlite3_column_int64(rows, 6);
    object->pixel_data_tag = (PacsTag)sqlite3_column_int64(rows, 7);
    object->has_inflated = sqlite3_column_type(rows, 1) != SQLITE_NULL;
    const char **const texts[] = {&object->sop_instance_uid, &object->sop_class_uid,
                                  &object->transfer_syntax_uid};
    PacsStatus status = pacs_sqlite_fixed(rows, 0, object->key.bytes, sizeof object->key.bytes, err);
    if (status == PACS_OK && object->has_inflated)
        status = pacs_sqlite_fixed(rows, 1, object->inflated_key.bytes, sizeof object->inflated_key.bytes,
                                   err);
    if (status == PACS_OK)
        status = pacs_sqlite_fixed(rows, 4, object->sha256, sizeof object->sha256, err);
    for (int i = 0; status == PACS_OK && i < 3; i++)
        status = pacs_sqlite_text(rows, 8 + i, arena, texts[i], err);
    return status;
}

#define OBJECT_COLUMNS                                                                                       \
    "i.object_key, i.inflated_key, i.size_bytes, i.inflated_size_bytes, i.sha256, i.dataset_offset,"         \
    " i.pixel_data_offset, i.pixel_data_tag, i.sop_instance_uid, i.sop_class_uid, i.transfer_syntax_uid"
#define OBJECT_COLUMN_COUNT 11

PacsStatus pacs_index_sqlite_find_object(PacsIndex *self, const PacsOrthancId *id, PacsArena *arena,
                                         PacsStoredObject **ret_object, PacsError *err)
{
    static const char sql[] = "SELECT " OBJECT_COLUMNS
                              " FROM instance i JOIN series s ON s.id = i.series WHERE i.orthanc_id = ?";
    PacsStoredObject *object = pacs_arena_alloc(arena, sizeof *object);
    if (!object)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for an object's description");
    INDEX_AUTO_READER IndexReader reader = {0};
    PACS_AUTO_STATEMENT sqlite3_stmt *rows = NULL;
    PacsStatus status = pacs_index_sqlite_read_begin(pacs_index_sqlite(self), false, &reader, err);
    if (status == PACS_OK)
        status = PACS_SQL_FIRST(reader.connection, &rows, err, sql,
                                pacs_sql_bytes(id->bytes, sizeof id->bytes));
    if (status == PACS_NOT_FOUND)
        return pacs_fail(err, PACS_NOT_FOUND, "no Instance has this id");
    if (status == PACS_OK)
        status = read_object(rows, arena, object, err);
    if (status == PACS_OK)
        *ret_object = object;
    return status;
}

/* ---- Ready-made parts ---- */

/* What is not asked for is NULL already here, so that SQLite does not read its pages. */
#define BLOB_COLUMNS(parts)                                                                                  \
    "CASE WHEN " parts " & 1 THEN b.json_deflate END, b.json_size, b.json_crc32,"                            \
    " CASE WHEN " parts " & 2 THEN b.frame_table END, CASE WHEN " parts " & 4 THEN b.bulk_table END"

static PacsStatus read_blobs(sqlite3_stmt *rows, int first, PacsBlobParts parts, PacsArena *arena,
                             PacsInstanceBlobs *blobs, PacsError *err)
{
    PacsStatus status = PACS_OK;
    if (parts & PACS_BLOB_JSON) {
        blobs->json_size = (size_t)sqlite3_column_int64(rows, first + 1);
        blobs->json_crc32 = (uint32_t)sqlite3_column_int64(rows, first + 2);
        status = pacs_sqlite_bytes(rows, first, arena, &blobs->json_deflate, &blobs->json_deflate_size, err);
    }
    if (status == PACS_OK && parts & PACS_BLOB_FRAMES)
        status = pacs_sqlite_bytes(rows, first + 3, arena, &blobs->frame_table, &blobs->frame_table_size,
                                   err);
    if (status == PACS_OK && parts & PACS_BLOB_BULK)
        status = pacs_sqlite_bytes(rows, first + 4, arena, &blobs->bulk_table, &blobs->bulk_table_size, err);
    return status;
}

PacsStatus pacs_index_sqlite_find_blobs(PacsIndex *self, const PacsOrthancId *id, PacsBlobParts parts,
                                        PacsArena *arena, PacsInstanceBlobs *ret_blobs, PacsError *err)
{
    static const char sql[] = "SELECT " BLOB_COLUMNS(
        "?2") " FROM instance i JOIN series s ON s.id = i.series JOIN instance_blob b ON b.id = i.id"
              " WHERE i.orthanc_id = ?1";
    INDEX_AUTO_READER IndexReader reader = {0};
    PACS_AUTO_STATEMENT sqlite3_stmt *rows = NULL;
    PacsInstanceBlobs blobs = {0};
    PacsStatus status = pacs_index_sqlite_read_begin(pacs_index_sqlite(self), false, &reader, err);
    if (status == PACS_OK)
        status = PACS_SQL_FIRST(reader.connection, &rows, err, sql,
                                pacs_sql_bytes(id->bytes, sizeof id->bytes), pacs_sql_i64(parts));
    if (status == PACS_NOT_FOUND)
        return pacs_fail(err, PACS_NOT_FOUND, "no Instance has this id");
    if (status == PACS_OK)
        status = read_blobs(rows, 0, parts, arena, &blobs, err);
    if (status == PACS_OK)
        *ret_blobs = blobs;
    return status;
}

PacsStatus pacs_index_sqlite_find_object_at(PacsIndex *self, const PacsUidPath *path, PacsBlobParts parts,
                                            PacsArena *arena, PacsStoredObject **ret_object,
                                            PacsInstanceBlobs *ret_blobs, PacsError *err)
{
    /* By the SOP Instance UID, which is nearly unique; in the order of arrival, which its index has. */
    static const char sql[] = "SELECT " OBJECT_COLUMNS ", " BLOB_COLUMNS(
        "?4") " FROM instance i JOIN series s ON s.id = i.series JOIN study t ON t.id = s.study"
              " JOIN study_uid u ON u.id = t.study_uid JOIN instance_blob b ON b.id = i.id"
              " WHERE i.sop_instance_uid = ?3 AND s.series_uid = ?2 AND u.uid = ?1 ORDER BY i.id LIMIT 1";
    PacsStoredObject *object = pacs_arena_alloc(arena, sizeof *object);
    if (!object)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for an object's description");
    INDEX_AUTO_READER IndexReader reader = {0};
    PACS_AUTO_STATEMENT sqlite3_stmt *rows = NULL;
    PacsInstanceBlobs blobs = {0};
    PacsStatus status = pacs_index_sqlite_read_begin(pacs_index_sqlite(self), false, &reader, err);
    if (status == PACS_OK)
        status = PACS_SQL_FIRST(reader.connection, &rows, err, sql, pacs_sql_text(path->study_uid),
                                pacs_sql_text(path->series_uid), pacs_sql_text(path->sop_instance_uid),
                                pacs_sql_i64(parts));
    if (status == PACS_NOT_FOUND)
        return pacs_fail(err, PACS_NOT_FOUND, "no Instance has this UID");
    if (status == PACS_OK)
        status = read_object(rows, arena, object, err);
    if (status == PACS_OK)
        status = read_blobs(rows, OBJECT_COLUMN_COUNT, parts, arena, &blobs, err);
    if (status != PACS_OK)
        return status;
    *ret_object = object;
    *ret_blobs = blobs;
    return PACS_OK;
}

/* ---- Metadata ---- */

enum {
    COLUMN_TIME,
    COLUMN_EXPECTED,
    COLUMN_INDEX,
    COLUMN_PIXEL_DATA_OFFSET,
    COLUMN_TRANSFER_SYNTAX,
    COLUMN_SOP_CLASS,
    COLUMN_PIXEL_DATA_VR,
    COLUMN_DOOR,
    COLUMN_REMOTE_IP,
    COLUMN_CALLING_AET,
    COLUMN_CALLED_AET,
    COLUMN_HTTP_USER,
    COLUMN_TAGS,
};

static const char *const facts_sql[PACS_LEVEL_COUNT] = {
    [PACS_LEVEL_PATIENT] =
        "SELECT last_update_ms, -1, -1, -1, NULL, NULL, NULL, 0, NULL, NULL, NULL, NULL, tags"
        " FROM patient WHERE id = ?",
    [PACS_LEVEL_STUDY] =
        "SELECT last_update_ms, -1, -1, -1, NULL, NULL, NULL, 0, NULL, NULL, NULL, NULL, tags"
        " FROM study WHERE id = ?",
    [PACS_LEVEL_SERIES] = "SELECT s.last_update_ms, s.expected_instances, -1, -1, NULL, NULL, NULL, o.door,"
                          " o.remote_ip, o.calling_aet, o.called_aet, o.http_user, s.tags"
                          " FROM series s JOIN origin o ON o.id = s.origin WHERE s.id = ?",
    [PACS_LEVEL_INSTANCE] =
        "SELECT i.received_ms, -1, i.index_in_series, CASE WHEN i.pixel_data_tag = 0 THEN -1 ELSE i.pixel_data_offset END,"
        " i.transfer_syntax_uid, i.sop_class_uid, i.pixel_data_vr, o.door, o.remote_ip, o.calling_aet, o.called_aet,"
        " o.http_user, i.tags FROM instance i JOIN origin o ON o.id = i.origin WHERE i.id = ?",
};

static PacsStatus load_metadata_facts(PacsSqlite *db, PacsLevel level, int64_t row, PacsArena *arena,
                                      PacsMetadataFacts *facts, PacsError *err)
{
    PACS_AUTO_STATEMENT sqlite3_stmt *rows = NULL;
    PacsStatus status = PACS_SQL_FIRST(db, &rows, err, facts_sql[level], pacs_sql_i64(row));
    if (status == PACS_NOT_FOUND)
        return pacs_fail(err, PACS_CORRUPT, "a %s of the index has lost its origin", pacs_level_name(level));
    if (status != PACS_OK)
        return status;
    facts->level = level;
    facts->time_ms = sqlite3_column_int64(rows, COLUMN_TIME);
    facts->expected_instances = sqlite3_column_int64(rows, COLUMN_EXPECTED);
    facts->index_in_series = sqlite3_column_int64(rows, COLUMN_INDEX);
    facts->pixel_data_offset = sqlite3_column_int64(rows, COLUMN_PIXEL_DATA_OFFSET);
    facts->origin.door = (__typeof__(facts->origin.door))sqlite3_column_int(rows, COLUMN_DOOR);
    const char **const texts[] = {&facts->transfer_syntax_uid, &facts->sop_class_uid,
                                  &facts->pixel_data_vr,       NULL,
                                  &facts->origin.remote_ip,    &facts->origin.calling_aet,
                                  &facts->origin.called_aet,   &facts->origin.http_user};
    for (int i = 0; status == PACS_OK && i < 8; i++)
        if (texts[i])
            status = pacs_sqlite_text(rows, COLUMN_TRANSFER_SYNTAX + i, arena, texts[i], err);
    if (status != PACS_OK)
        return status;
    return pacs_index_tags_parse(sqlite3_column_blob(rows, COLUMN_TAGS),
                                 (size_t)sqlite3_column_bytes(rows, COLUMN_TAGS), arena, &facts->tags,
                                 &facts->tag_count, err);
}

/** Metadata that was set explicitly, in the order of its numbers. */
static PacsStatus load_set_metadata(PacsSqlite *db, PacsLevel level, int64_t row, PacsArena *arena,
                                    PacsMetadataValue **ret_values, size_t *ret_count, PacsError *err)
{
    static const char count_sql[] = "SELECT count(*) FROM metadata WHERE level = ? AND resource = ?";
    static const char sql[] =
        "SELECT number, value, revision FROM metadata WHERE level = ? AND resource = ? ORDER BY number";
    int64_t max = 0;
    PacsStatus status = PACS_SQL_NUMBER(db, &max, err, count_sql, pacs_sql_i64(level), pacs_sql_i64(row));
    if (status != PACS_OK)
        return status;
    PacsMetadataValue *values = pacs_arena_array(arena, (size_t)max + 1, sizeof *values);
    if (!values)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for metadata");
    PACS_AUTO_STATEMENT sqlite3_stmt *rows = NULL;
    size_t count = 0;
    status = PACS_SQL_QUERY(db, &rows, err, sql, pacs_sql_i64(level), pacs_sql_i64(row));
    while (count < (size_t)max && pacs_sqlite_next(db, rows, &status, err)) {
        values[count].number = (uint32_t)sqlite3_column_int64(rows, 0);
        values[count].revision = sqlite3_column_int64(rows, 2);
        status = pacs_sqlite_text(rows, 1, arena, &values[count++].value, err);
    }
    *ret_values = values;
    *ret_count = count;
    return status;
}

PacsStatus pacs_index_sqlite_read_metadata(PacsIndex *self, PacsLevel level, const PacsOrthancId *id,
                                           PacsArena *arena, PacsMetadataValue **ret_values,
                                           size_t *ret_count, PacsError *err)
{
    INDEX_AUTO_READER IndexReader reader = {0};
    int64_t row = 0;
    PacsMetadataFacts facts = {.extra_tags = &self->extra_tags};
    PacsMetadataValue *set = NULL;
    size_t set_count = 0;
    PacsStatus status = pacs_index_sqlite_read_begin(pacs_index_sqlite(self), true, &reader, err);
    if (status == PACS_OK)
        status = pacs_index_sqlite_row_of(reader.connection, level, id, &row, err);
    if (status == PACS_OK)
        status = load_metadata_facts(reader.connection, level, row, arena, &facts, err);
    if (status == PACS_OK)
        status = load_set_metadata(reader.connection, level, row, arena, &set, &set_count, err);
    return status == PACS_OK
               ? pacs_index_metadata_list(&facts, set, set_count, arena, ret_values, ret_count, err)
               : status;
}
