#include <string.h>

#include "pacs/index/index_sqlite_add.h"
#include "pacs/index/index_sqlite_report.h"
#include "pacs/util/text.h"

/* One object's transaction. What follows from the object alone was worked out before (index_prepare.h). */

typedef struct AddArguments {
    const PacsPreparedAdd *prepared;
    PacsIndexAdded added;
} AddArguments;

/* ---- The instance ---- */

static bool may_replace(const PacsIndexAdd *add, const uint8_t *stored_sha256)
{
    switch (add->overwrite) {
    case PACS_OVERWRITE_NEVER:
        return false;
    case PACS_OVERWRITE_ALWAYS:
        return true;
    case PACS_OVERWRITE_IF_CHANGED:
        break;
    }
    return memcmp(stored_sha256, add->sha256, sizeof add->sha256) != 0;
}

/** What stands under the instance's id already. */
typedef struct Former {
    bool exists;
    bool deleted; /* its row waits to be purged */
    int64_t instance, series;
    uint8_t sha256[32];
} Former;

static PacsStatus find_former(IndexSqlite *index, const PacsPreparedAdd *prepared, Former *ret_former,
                              PacsError *err)
{
    static const char sql[] = "SELECT i.id, i.series, i.sha256, s.id IS NULL FROM instance i"
                              " LEFT JOIN series s ON s.id = i.series WHERE i.orthanc_id = ?";
    PACS_AUTO_STATEMENT sqlite3_stmt *rows = NULL;
    bool has_row = false;
    PacsStatus status = PACS_SQL_QUERY(index->writer, &rows, err, sql,
                                       pacs_index_sqlite_id(prepared, PACS_LEVEL_INSTANCE));
    if (status == PACS_OK)
        status = pacs_sqlite_step(index->writer, rows, &has_row, err);
    *ret_former = (Former){.exists = status == PACS_OK && has_row};
    if (status != PACS_OK || !has_row)
        return status;
    ret_former->instance = sqlite3_column_int64(rows, 0);
    ret_former->series = sqlite3_column_int64(rows, 1);
    ret_former->deleted = sqlite3_column_int(rows, 3) != 0;
    return pacs_sqlite_fixed(rows, 2, ret_former->sha256, sizeof ret_former->sha256, err);
}

/** Apply the duplicate rule; *ret_result tells what becomes of the object. */
static PacsStatus settle_former(IndexSqlite *index, const PacsPreparedAdd *prepared,
                                PacsAddResult *ret_result, PacsError *err)
{
    Former former;
    PacsStatus status = find_former(index, prepared, &former, err);
    *ret_result = PACS_ADD_NEW;
    if (status != PACS_OK || !former.exists)
        return status;
    if (former.deleted)
        return pacs_index_sqlite_purge_instance(index, former.series, former.instance, err);
    if (!may_replace(prepared->add, former.sha256)) {
        *ret_result = PACS_ADD_DUPLICATE;
        return PACS_OK;
    }
    *ret_result = PACS_ADD_REPLACED;
    return pacs_index_sqlite_delete_replaced(index, former.instance, err);
}

static PacsStatus find_collision(IndexSqlite *index, const PacsPreparedAdd *prepared, bool *ret_collision,
                                 PacsError *err)
{
    static const char sql[] = "SELECT EXISTS (SELECT 1 FROM instance i JOIN series s ON s.id = i.series"
                              " WHERE i.sop_instance_uid = ? AND i.orthanc_id <> ?)";
    int64_t found = 0;
    const PacsStatus status = PACS_SQL_NUMBER(index->writer, &found, err, sql,
                                              pacs_sql_text(prepared->instance->sop_instance_uid),
                                              pacs_index_sqlite_id(prepared, PACS_LEVEL_INSTANCE));
    *ret_collision = found != 0;
    return status;
}

static PacsStatus insert_instance(IndexSqlite *index, const PacsPreparedAdd *prepared, int64_t series,
                                  int64_t origin, PacsError *err)
{
    static const char sql[] =
        "INSERT INTO instance (id, orthanc_id, series, object_key, inflated_key, size_bytes, inflated_size_bytes,"
        " dataset_offset, pixel_data_offset, pixel_data_tag, pixel_data_vr, received_ms, change_seq, origin, index_in_series,"
        " sha256, sop_instance_uid, sop_class_uid, transfer_syntax_uid, instance_number, tags)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
    const PacsIndexAdd *add = prepared->add;
    const PacsInstance *instance = prepared->instance;
    const PacsLevel level = PACS_LEVEL_INSTANCE;
    return PACS_SQL_RUN(
        index->writer, err, sql, pacs_sql_i64(index->totals.last_instance),
        pacs_index_sqlite_id(prepared, level), pacs_sql_i64(series),
        pacs_sql_bytes(add->key.bytes, sizeof add->key.bytes),
        add->has_inflated ? pacs_sql_bytes(add->inflated_key.bytes, sizeof add->inflated_key.bytes)
                          : pacs_sql_null(),
        pacs_sql_u64(instance->size_bytes), pacs_sql_u64(add->has_inflated ? add->inflated_size_bytes : 0),
        pacs_sql_u64(instance->dataset_offset), pacs_sql_u64(instance->pixel_data_offset),
        pacs_sql_i64(instance->pixel_data_tag), pacs_sql_text(prepared->pixel_data_vr),
        pacs_sql_i64(add->received_ms),
        pacs_sql_i64(index->totals.last_change + 1), /* log_changes() begins with it */
        pacs_sql_i64(origin), pacs_sql_i64(prepared->index_in_series),
        pacs_sql_bytes(add->sha256, sizeof add->sha256), pacs_sql_text(instance->sop_instance_uid),
        pacs_sql_text(instance->sop_class_uid), pacs_sql_text(instance->transfer_syntax_uid),
        pacs_index_sqlite_tag(prepared, level, PACS_TAG_INSTANCE_NUMBER),
        pacs_index_sqlite_tags(prepared, level));
}

static PacsSqlValue table_value(const void *bytes, size_t size)
{
    return size > 0 ? pacs_sql_bytes(bytes, size) : pacs_sql_null();
}

static PacsStatus insert_blobs(IndexSqlite *index, const PacsInstanceBlobs *blobs, PacsError *err)
{
    static const char sql[] =
        "INSERT INTO instance_blob (id, json_deflate, json_size, json_crc32, frame_table,"
        " bulk_table) VALUES (?, ?, ?, ?, ?, ?)";
    return PACS_SQL_RUN(index->writer, err, sql, pacs_sql_i64(index->totals.last_instance),
                        pacs_sql_bytes(blobs->json_deflate, blobs->json_deflate_size),
                        pacs_sql_u64(blobs->json_size), pacs_sql_i64(blobs->json_crc32),
                        table_value(blobs->frame_table, blobs->frame_table_size),
                        table_value(blobs->bulk_table, blobs->bulk_table_size));
}

static PacsStatus count_instance(IndexSqlite *index, const PacsPreparedAdd *prepared,
                                 const IndexParents *parents, PacsError *err)
{
    static const char series[] =
        "UPDATE series SET instance_count = instance_count + 1, size_bytes = size_bytes + ?2,"
        " last_update_ms = max(last_update_ms, ?3), inflated_bytes = inflated_bytes + ?4"
        " WHERE id = ?1";
    static const char study[] =
        "UPDATE study SET instance_count = instance_count + 1, size_bytes = size_bytes + ?2,"
        " last_update_ms = max(last_update_ms, ?3) WHERE id = ?1";
    static const char patient[] = "UPDATE patient SET instance_count = instance_count + 1,"
                                  " size_bytes = size_bytes + ?2, last_update_ms = max(last_update_ms, ?3)"
                                  " WHERE id = ?1";
    const PacsSqlValue size = pacs_sql_u64(prepared->instance->size_bytes);
    const PacsSqlValue time = pacs_sql_i64(prepared->add->received_ms);
    const PacsSqlValue inflated = pacs_sql_u64(
        prepared->add->has_inflated ? prepared->add->inflated_size_bytes : 0);
    index->totals.instances++;
    index->totals.uncompressed_bytes += size.number;
    index->totals.size_bytes += size.number + inflated.number;
    PacsStatus status = PACS_SQL_RUN(index->writer, err, series, pacs_sql_i64(parents->series), size, time,
                                     inflated);
    if (status == PACS_OK)
        status = PACS_SQL_RUN(index->writer, err, study, pacs_sql_i64(parents->study), size, time);
    if (status == PACS_OK)
        status = PACS_SQL_RUN(index->writer, err, patient, pacs_sql_i64(parents->patient), size, time);
    return status;
}

/** Most series have one SOP class: the list is touched when another one comes. */
static PacsStatus note_sop_class(IndexSqlite *index, const PacsPreparedAdd *prepared,
                                 IndexRecentSeries *series, PacsError *err)
{
    static const char sql[] = "UPDATE series SET sop_classes = sop_classes || '\\' || ?2 WHERE id = ?1"
                              " AND instr('\\' || sop_classes || '\\', '\\' || ?2 || '\\') = 0";
    const char *sop_class = prepared->instance->sop_class_uid;
    if (strcmp(series->sop_class_uid, sop_class) == 0)
        return PACS_OK;
    const PacsStatus status = PACS_SQL_RUN(index->writer, err, sql, pacs_sql_i64(series->parents.series),
                                           pacs_sql_text(sop_class));
    (void)pacs_text_copy(series->sop_class_uid, sizeof series->sop_class_uid,
                         sop_class); /* 64 characters: checked */
    return status;
}

static PacsStatus store_instance(IndexSqlite *index, const PacsPreparedAdd *prepared,
                                 IndexRecentSeries *series, int64_t origin, PacsError *err)
{
    index->totals.last_instance++;
    PacsStatus status = insert_instance(index, prepared, series->parents.series, origin, err);
    if (status == PACS_OK)
        status = insert_blobs(index, &prepared->add->blobs, err);
    if (status == PACS_OK)
        status = count_instance(index, prepared, &series->parents, err);
    if (status == PACS_OK)
        status = note_sop_class(index, prepared, series, err);
    return status;
}

/* ---- What is told of it ---- */

/** As Orthanc's SeriesStatus "Complete": as many as expected, and numbered from 1 without gap
 * or repetition. */
static PacsStatus is_complete(IndexSqlite *index, const IndexRecentSeries *series, bool *ret_complete,
                              PacsError *err)
{
    static const char count[] = "SELECT instance_count FROM series WHERE id = ?";
    static const char numbers[] = "SELECT count(DISTINCT index_in_series) FROM instance"
                                  " WHERE series = ? AND index_in_series BETWEEN 1 AND ?";
    int64_t found = 0;
    *ret_complete = false;
    PacsStatus status = PACS_SQL_NUMBER(index->writer, &found, err, count,
                                        pacs_sql_i64(series->parents.series));
    if (status != PACS_OK || found != series->expected_instances)
        return status;
    status = PACS_SQL_NUMBER(index->writer, &found, err, numbers, pacs_sql_i64(series->parents.series),
                             pacs_sql_i64(series->expected_instances));
    *ret_complete = found == series->expected_instances;
    return status;
}

/** Orthanc's order: instance first, then what it made new, from the bottom up, then the completed series. */
static PacsStatus log_changes(IndexSqlite *index, const PacsPreparedAdd *prepared,
                              const IndexRecentSeries *series, const PacsIndexAdded *added, PacsError *err)
{
    const struct {
        PacsChangeType type;
        PacsLevel level;
        int64_t row;
    } news[] = {
        {PACS_CHANGE_NEW_INSTANCE, PACS_LEVEL_INSTANCE, index->totals.last_instance},
        {PACS_CHANGE_NEW_SERIES, PACS_LEVEL_SERIES, series->parents.series},
        {PACS_CHANGE_NEW_STUDY, PACS_LEVEL_STUDY, series->parents.study},
        {PACS_CHANGE_NEW_PATIENT, PACS_LEVEL_PATIENT, series->parents.patient},
    };
    const int64_t time_ms = prepared->add->received_ms;
    bool complete = false;
    PacsStatus status = PACS_OK;
    for (size_t i = 0; status == PACS_OK && i < sizeof news / sizeof news[0]; i++)
        if (added->is_new[news[i].level])
            status = pacs_index_sqlite_log_change(index, news[i].type, news[i].level, news[i].row, time_ms,
                                                  err);
    if (status == PACS_OK && series->expected_instances > 0)
        status = is_complete(index, series, &complete, err);
    if (status == PACS_OK && complete)
        status = pacs_index_sqlite_log_change(index, PACS_CHANGE_COMPLETED_SERIES, PACS_LEVEL_SERIES,
                                              series->parents.series, time_ms, err);
    return status;
}

/** `study.received` goes with the first instance of a UID; a second patient's study is told of when it is
 * stable. */
static bool is_received(const PacsIndexAdded *added)
{
    return added->is_new[PACS_LEVEL_STUDY] && !added->study_uid_collision && added->result == PACS_ADD_NEW;
}

static PacsStatus add_instance(IndexSqlite *index, void *arguments, PacsError *err)
{
    AddArguments *add = arguments;
    const PacsPreparedAdd *prepared = add->prepared;
    PacsIndexAdded added = {0};
    memcpy(added.ids, prepared->id_texts, sizeof added.ids);

    PacsStatus status = settle_former(index, prepared, &added.result, err);
    add->added = added;
    if (status != PACS_OK || added.result == PACS_ADD_DUPLICATE)
        return status;

    int64_t origin = 0;
    IndexRecentSeries *series = NULL;
    added.is_new[PACS_LEVEL_INSTANCE] = true;
    status = pacs_index_sqlite_find_origin(index, prepared->add->origin, &origin, err);
    if (status == PACS_OK)
        status = pacs_index_sqlite_resolve_series(index, prepared, origin, &series, &added, err);
    if (status == PACS_OK)
        status = find_collision(index, prepared, &added.uid_collision, err);
    if (status == PACS_OK)
        status = store_instance(index, prepared, series, origin, err);
    if (status != PACS_OK)
        return status;
    added.study_uid_collision = series->study_uid_collision;
    add->added = added;

    status = log_changes(index, prepared, series, &added, err);
    if (status == PACS_OK && is_received(&added)) {
        const IndexEventExtra extra = {.origin = prepared->add->origin};
        status = pacs_index_sqlite_write_event(index, series->parents.study_uid, PACS_STUDY_RECEIVED, &extra,
                                               err);
    }
    if (status == PACS_OK && prepared->add->report)
        status = pacs_index_sqlite_add_report(index, prepared, &series->parents,
                                              added.result == PACS_ADD_REPLACED, err);
    return status;
}

PacsStatus pacs_index_sqlite_add(PacsIndex *self, const PacsPreparedAdd *prepared, PacsIndexAdded *ret_added,
                                 PacsError *err)
{
    AddArguments arguments = {.prepared = prepared};
    const PacsStatus status = pacs_index_sqlite_write(pacs_index_sqlite(self), add_instance, &arguments, err);
    if (status == PACS_OK)
        *ret_added = arguments.added;
    return status;
}
