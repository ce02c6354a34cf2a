#include <string.h>

#include "pacs/index/index_sqlite_search.h"
#include "pacs/index/index_tags.h"
#include "pacs/util/limits.h"

/* Rows of the four levels: read for testing without a copy, copied when they match. */

enum {
    STUDY_ROW,
    STUDY_ID,
    STUDY_TAGS,
    STUDY_PATIENT_TAGS,
    STUDY_UID,
    STUDY_MODALITIES,
    STUDY_SOP_CLASSES,
    STUDY_SERIES,
    STUDY_INSTANCES,
    STUDY_SIZE,
    STUDY_UPDATED,
    STUDY_STABLE,
    PATIENT_ROW,
    PATIENT_ID,
    PATIENT_TAGS,
    PATIENT_STUDIES,
    PATIENT_SIZE,
    PATIENT_UPDATED,
    PATIENT_STABLE,
};

static const char study_sql[] =
    "SELECT st.id, st.orthanc_id, st.tags, st.patient_tags, u.uid,"
    " (SELECT group_concat(modality, '\\') FROM (SELECT modality FROM series WHERE study = st.id"
    " AND modality <> '' GROUP BY modality ORDER BY min(id))),"
    " (SELECT group_concat(sop_classes, '\\') FROM (SELECT sop_classes FROM series WHERE study = st.id"
    " GROUP BY sop_classes ORDER BY min(id))),"
    " st.series_count, st.instance_count, st.size_bytes, st.last_update_ms, st.stable, p.id, p.orthanc_id, p.tags,"
    " p.study_count, p.size_bytes, p.last_update_ms, p.stable"
    " FROM study_search q JOIN study st ON st.id = q.study JOIN patient p ON p.id = st.patient"
    " JOIN study_uid u ON u.id = st.study_uid WHERE q.key = ?";

enum {
    SERIES_ROW,
    SERIES_ID,
    SERIES_TAGS,
    SERIES_UID,
    SERIES_SOP_CLASSES,
    SERIES_INSTANCES,
    SERIES_SIZE,
    SERIES_UPDATED,
    SERIES_STABLE
};

static const char series_sql[] =
    "SELECT id, orthanc_id, tags, series_uid, sop_classes, instance_count, size_bytes, last_update_ms, stable"
    " FROM series WHERE study = ? AND id > ? ORDER BY id";
static const char one_series_sql[] =
    "SELECT id, orthanc_id, tags, series_uid, sop_classes, instance_count, size_bytes, last_update_ms, stable"
    " FROM series WHERE study = ?1 AND id > ?2 AND id = ?3";

enum {
    INSTANCE_ROW,
    INSTANCE_ID,
    INSTANCE_TAGS,
    INSTANCE_UID,
    INSTANCE_SOP_CLASS,
    INSTANCE_SYNTAX,
    INSTANCE_SIZE,
    INSTANCE_RECEIVED
};

static const char instances_sql[] =
    "SELECT id, orthanc_id, tags, sop_instance_uid, sop_class_uid, transfer_syntax_uid, size_bytes, received_ms"
    " FROM instance WHERE series = ? AND id > ? ORDER BY id";
static const char one_instance_sql[] =
    "SELECT id, orthanc_id, tags, sop_instance_uid, sop_class_uid, transfer_syntax_uid, size_bytes, received_ms"
    " FROM instance WHERE series = ?1 AND id > ?2 AND id = ?3";

static const char *text(sqlite3_stmt *rows, int column)
{
    return (const char *)sqlite3_column_text(rows, column);
}

static void read_tags(IndexSearchCursor *cursor, PacsLevel level, sqlite3_stmt *rows, int column)
{
    cursor->facts.tags[level].bytes = sqlite3_column_blob(rows, column);
    cursor->facts.tags[level].size = (size_t)sqlite3_column_bytes(rows, column);
}

/* ---- Moving ---- */

static void leave_instances(IndexSearchCursor *cursor)
{
    pacs_auto_statement(&cursor->instance);
    cursor->instance = NULL;
    cursor->rows[PACS_LEVEL_INSTANCE] = 0;
    cursor->facts.tags[PACS_LEVEL_INSTANCE].bytes = NULL;
}

static void leave_series(IndexSearchCursor *cursor)
{
    leave_instances(cursor);
    pacs_auto_statement(&cursor->series);
    cursor->series = NULL;
    cursor->rows[PACS_LEVEL_SERIES] = 0;
    cursor->facts.tags[PACS_LEVEL_SERIES].bytes = NULL;
}

void pacs_index_sqlite_cursor_end(IndexSearchCursor *cursor)
{
    leave_series(cursor);
    pacs_auto_statement(&cursor->study);
    cursor->study = NULL;
}

PacsStatus pacs_index_sqlite_cursor_study(IndexSearchCursor *cursor, int64_t key, bool *ret_has,
                                          PacsError *err)
{
    pacs_index_sqlite_cursor_end(cursor);
    PacsStatus status = PACS_SQL_QUERY(cursor->db, &cursor->study, err, study_sql, pacs_sql_i64(key));
    if (status == PACS_OK)
        status = pacs_sqlite_step(cursor->db, cursor->study, ret_has, err);
    if (status != PACS_OK || !*ret_has)
        return status;
    sqlite3_stmt *rows = cursor->study;
    cursor->rows[PACS_LEVEL_PATIENT] = sqlite3_column_int64(rows, PATIENT_ROW);
    cursor->rows[PACS_LEVEL_STUDY] = sqlite3_column_int64(rows, STUDY_ROW);
    cursor->facts = (PacsSearchFacts){
        .study_uid = text(rows, STUDY_UID),
        .modalities_in_study = text(rows, STUDY_MODALITIES),
        .sop_classes_in_study = text(rows, STUDY_SOP_CLASSES),
        .patient_studies = sqlite3_column_int64(rows, PATIENT_STUDIES),
        .study_series = sqlite3_column_int64(rows, STUDY_SERIES),
        .study_instances = sqlite3_column_int64(rows, STUDY_INSTANCES),
    };
    read_tags(cursor, PACS_LEVEL_PATIENT, rows, STUDY_PATIENT_TAGS);
    read_tags(cursor, PACS_LEVEL_STUDY, rows, STUDY_TAGS);
    return PACS_OK;
}

PacsStatus pacs_index_sqlite_cursor_series(IndexSearchCursor *cursor, int64_t after, int64_t only,
                                           PacsError *err)
{
    const PacsSqlValue values[] = {pacs_sql_i64(cursor->rows[PACS_LEVEL_STUDY]), pacs_sql_i64(after),
                                   pacs_sql_i64(only)};
    leave_series(cursor);
    return pacs_sqlite_query(cursor->db, &cursor->series, only ? one_series_sql : series_sql, values,
                             only ? 3 : 2, err);
}

PacsStatus pacs_index_sqlite_cursor_next_series(IndexSearchCursor *cursor, bool *ret_has, PacsError *err)
{
    leave_instances(cursor);
    const PacsStatus status = pacs_sqlite_step(cursor->db, cursor->series, ret_has, err);
    if (status != PACS_OK || !*ret_has)
        return status;
    sqlite3_stmt *rows = cursor->series;
    cursor->rows[PACS_LEVEL_SERIES] = sqlite3_column_int64(rows, SERIES_ROW);
    cursor->facts.series_uid = text(rows, SERIES_UID);
    cursor->facts.sop_classes_in_series = text(rows, SERIES_SOP_CLASSES);
    cursor->facts.series_instances = sqlite3_column_int64(rows, SERIES_INSTANCES);
    read_tags(cursor, PACS_LEVEL_SERIES, rows, SERIES_TAGS);
    return PACS_OK;
}

PacsStatus pacs_index_sqlite_cursor_instances(IndexSearchCursor *cursor, int64_t after, int64_t only,
                                              PacsError *err)
{
    const PacsSqlValue values[] = {pacs_sql_i64(cursor->rows[PACS_LEVEL_SERIES]), pacs_sql_i64(after),
                                   pacs_sql_i64(only)};
    leave_instances(cursor);
    return pacs_sqlite_query(cursor->db, &cursor->instance, only ? one_instance_sql : instances_sql, values,
                             only ? 3 : 2, err);
}

PacsStatus pacs_index_sqlite_cursor_next_instance(IndexSearchCursor *cursor, bool *ret_has, PacsError *err)
{
    const PacsStatus status = pacs_sqlite_step(cursor->db, cursor->instance, ret_has, err);
    if (status != PACS_OK || !*ret_has)
        return status;
    sqlite3_stmt *rows = cursor->instance;
    cursor->rows[PACS_LEVEL_INSTANCE] = sqlite3_column_int64(rows, INSTANCE_ROW);
    cursor->facts.sop_instance_uid = text(rows, INSTANCE_UID);
    cursor->facts.sop_class_uid = text(rows, INSTANCE_SOP_CLASS);
    cursor->facts.transfer_syntax_uid = text(rows, INSTANCE_SYNTAX);
    read_tags(cursor, PACS_LEVEL_INSTANCE, rows, INSTANCE_TAGS);
    return PACS_OK;
}

/* ---- Copying ---- */

static PacsStatus copy_id(sqlite3_stmt *rows, int column, char ret_id[PACS_ORTHANC_ID_SIZE], PacsError *err)
{
    PacsOrthancId id;
    const PacsStatus status = pacs_sqlite_fixed(rows, column, id.bytes, sizeof id.bytes, err);
    if (status == PACS_OK)
        pacs_index_id_format(&id, ret_id);
    return status;
}

static PacsStatus copy_text(const char *value, PacsArena *arena, const char **ret_text, PacsError *err)
{
    *ret_text = pacs_arena_strdup(arena, value ? value : "");
    return *ret_text ? PACS_OK : pacs_fail(err, PACS_NO_MEMORY, "no memory for a search's answer");
}

/** Each value once, in the order in which they first stand. */
static PacsStatus copy_list(const char *values, PacsArena *arena, const char **ret_text, PacsError *err)
{
    const PacsStatus status = copy_text(values, arena, ret_text, err);
    if (status != PACS_OK || !strchr(*ret_text, '\\'))
        return status;
    char *out = pacs_arena_alloc(arena, strlen(*ret_text) + 1);
    if (!out)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for a search's answer");
    size_t size = 0;
    PacsSlice rest = pacs_slice(*ret_text);
    PacsSlice value;
    while (pacs_slice_split(&rest, '\\', &value)) {
        PacsSlice seen = {out, size};
        PacsSlice earlier;
        bool known = value.size == 0;
        while (!known && size > 0 && pacs_slice_split(&seen, '\\', &earlier))
            known = earlier.size == value.size && memcmp(earlier.text, value.text, value.size) == 0;
        if (known)
            continue;
        if (size > 0)
            out[size++] = '\\';
        memcpy(out + size, value.text, value.size);
        size += value.size;
    }
    out[size] = '\0';
    *ret_text = out;
    return PACS_OK;
}

static PacsStatus copy_tags(const void *bytes, size_t size, PacsLevel level, PacsArena *arena,
                            PacsSearchRow *row, PacsError *err)
{
    return pacs_index_tags_parse(bytes, size, arena, &row->tags[level], &row->tag_count[level], err);
}

static PacsStatus copy_patient(IndexSearchCursor *cursor, PacsArena *arena, PacsSearchRow *row,
                               PacsError *err)
{
    sqlite3_stmt *rows = cursor->study;
    row->patient_studies = (uint64_t)cursor->facts.patient_studies;
    row->size_bytes = (uint64_t)sqlite3_column_int64(rows, PATIENT_SIZE);
    row->last_update_ms = sqlite3_column_int64(rows, PATIENT_UPDATED);
    row->is_stable = sqlite3_column_int(rows, PATIENT_STABLE) != 0;
    const PacsStatus status = copy_id(rows, PATIENT_ID, row->ids[PACS_LEVEL_PATIENT], err);
    return status == PACS_OK ? copy_tags(sqlite3_column_blob(rows, PATIENT_TAGS),
                                         (size_t)sqlite3_column_bytes(rows, PATIENT_TAGS), PACS_LEVEL_PATIENT,
                                         arena, row, err)
                             : status;
}

static PacsStatus copy_study(IndexSearchCursor *cursor, PacsArena *arena, PacsSearchRow *row, PacsError *err)
{
    sqlite3_stmt *rows = cursor->study;
    const PacsSearchFacts *facts = &cursor->facts;
    row->patient_studies = (uint64_t)facts->patient_studies;
    row->study_series = (uint64_t)facts->study_series;
    row->study_instances = (uint64_t)facts->study_instances;
    row->size_bytes = (uint64_t)sqlite3_column_int64(rows, STUDY_SIZE);
    row->last_update_ms = sqlite3_column_int64(rows, STUDY_UPDATED);
    row->is_stable = sqlite3_column_int(rows, STUDY_STABLE) != 0;
    PacsStatus status = copy_id(rows, PATIENT_ID, row->ids[PACS_LEVEL_PATIENT], err);
    if (status == PACS_OK)
        status = copy_id(rows, STUDY_ID, row->ids[PACS_LEVEL_STUDY], err);
    if (status == PACS_OK)
        status = copy_text(facts->study_uid, arena, &row->study_instance_uid, err);
    if (status == PACS_OK)
        status = copy_list(facts->modalities_in_study, arena, &row->modalities_in_study, err);
    if (status == PACS_OK)
        status = copy_list(facts->sop_classes_in_study, arena, &row->sop_classes_in_study, err);
    for (PacsLevel level = PACS_LEVEL_PATIENT; status == PACS_OK && level <= PACS_LEVEL_STUDY; level++)
        status = copy_tags(facts->tags[level].bytes, facts->tags[level].size, level, arena, row, err);
    return status;
}

static PacsStatus copy_series(IndexSearchCursor *cursor, PacsArena *arena, PacsSearchRow *row, PacsError *err)
{
    sqlite3_stmt *rows = cursor->series;
    const PacsSearchFacts *facts = &cursor->facts;
    row->series_instances = (uint64_t)facts->series_instances;
    row->size_bytes = (uint64_t)sqlite3_column_int64(rows, SERIES_SIZE);
    row->last_update_ms = sqlite3_column_int64(rows, SERIES_UPDATED);
    row->is_stable = sqlite3_column_int(rows, SERIES_STABLE) != 0;
    PacsStatus status = copy_id(rows, SERIES_ID, row->ids[PACS_LEVEL_SERIES], err);
    if (status == PACS_OK)
        status = copy_text(facts->series_uid, arena, &row->series_instance_uid, err);
    if (status == PACS_OK)
        status = copy_list(facts->sop_classes_in_series, arena, &row->sop_classes_in_series, err);
    return status == PACS_OK
               ? copy_tags(facts->tags[PACS_LEVEL_SERIES].bytes, facts->tags[PACS_LEVEL_SERIES].size,
                           PACS_LEVEL_SERIES, arena, row, err)
               : status;
}

static PacsStatus copy_instance(IndexSearchCursor *cursor, PacsArena *arena, PacsSearchRow *row,
                                PacsError *err)
{
    sqlite3_stmt *rows = cursor->instance;
    const PacsSearchFacts *facts = &cursor->facts;
    row->size_bytes = (uint64_t)sqlite3_column_int64(rows, INSTANCE_SIZE);
    row->last_update_ms = sqlite3_column_int64(rows, INSTANCE_RECEIVED);
    row->is_stable = true;
    PacsStatus status = copy_id(rows, INSTANCE_ID, row->ids[PACS_LEVEL_INSTANCE], err);
    if (status == PACS_OK)
        status = copy_text(facts->sop_instance_uid, arena, &row->sop_instance_uid, err);
    if (status == PACS_OK)
        status = copy_text(facts->sop_class_uid, arena, &row->sop_class_uid, err);
    if (status == PACS_OK)
        status = copy_text(facts->transfer_syntax_uid, arena, &row->transfer_syntax_uid, err);
    return status == PACS_OK
               ? copy_tags(facts->tags[PACS_LEVEL_INSTANCE].bytes, facts->tags[PACS_LEVEL_INSTANCE].size,
                           PACS_LEVEL_INSTANCE, arena, row, err)
               : status;
}

PacsStatus pacs_index_sqlite_cursor_copy(IndexSearchCursor *cursor, PacsLevel level, PacsArena *arena,
                                         PacsSearchRow *ret_row, PacsError *err)
{
    PacsSearchRow row = {.json = NULL};
    PacsStatus status = level == PACS_LEVEL_PATIENT ? copy_patient(cursor, arena, &row, err)
                                                    : copy_study(cursor, arena, &row, err);
    if (status == PACS_OK && level >= PACS_LEVEL_SERIES)
        status = copy_series(cursor, arena, &row, err);
    if (status == PACS_OK && level >= PACS_LEVEL_INSTANCE)
        status = copy_instance(cursor, arena, &row, err);
    if (status == PACS_OK)
        *ret_row = row;
    return status;
}

/* ---- The first instance's DICOM JSON ---- */

PacsStatus pacs_index_sqlite_cursor_json(IndexSearchCursor *cursor, PacsLevel level, PacsArena *arena,
                                         PacsInstanceBlobs *ret_blobs, PacsError *err)
{
    static const char of_study[] =
        "SELECT json_deflate, json_size, json_crc32 FROM instance_blob WHERE id = (SELECT min(i.id) FROM series s"
        " JOIN instance i ON i.series = s.id WHERE s.id = (SELECT min(id) FROM series WHERE study = ?))";
    static const char of_series[] = "SELECT json_deflate, json_size, json_crc32 FROM instance_blob"
                                    " WHERE id = (SELECT min(id) FROM instance WHERE series = ?)";
    static const char of_instance[] =
        "SELECT json_deflate, json_size, json_crc32 FROM instance_blob WHERE id = ?";
    const char *sql = level == PACS_LEVEL_INSTANCE ? of_instance
                      : level == PACS_LEVEL_SERIES ? of_series
                                                   : of_study;
    const int64_t row = cursor->rows[level == PACS_LEVEL_PATIENT ? PACS_LEVEL_STUDY : level];
    PACS_AUTO_STATEMENT sqlite3_stmt *rows = NULL;
    bool has_row = false;
    PacsStatus status = PACS_SQL_QUERY(cursor->db, &rows, err, sql, pacs_sql_i64(row));
    if (status == PACS_OK)
        status = pacs_sqlite_step(cursor->db, rows, &has_row, err);
    if (status == PACS_OK && !has_row)
        return pacs_fail(err, PACS_CORRUPT, "a %s of the index has no instance", pacs_level_name(level));
    PacsInstanceBlobs blobs = {0};
    if (status == PACS_OK)
        status = pacs_sqlite_bytes(rows, 0, arena, &blobs.json_deflate, &blobs.json_deflate_size, err);
    if (status != PACS_OK)
        return status;
    blobs.json_size = (size_t)sqlite3_column_int64(rows, 1);
    blobs.json_crc32 = (uint32_t)sqlite3_column_int64(rows, 2);
    *ret_blobs = blobs;
    return PACS_OK;
}
