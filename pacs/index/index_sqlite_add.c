#include <string.h>

#include "pacs/index/index_sqlite.h"
#include "pacs/util/text.h"

/* One object's transaction. What follows from the object alone was worked out before (index_prepare.h). */

typedef struct AddArguments {
    const PacsPreparedAdd *prepared;
    PacsIndexAdded added;
} AddArguments;

static PacsSqlValue id_value(const PacsPreparedAdd *prepared, PacsLevel level)
{
    return pacs_sql_bytes(prepared->ids[level].bytes, sizeof prepared->ids[level].bytes);
}

static PacsSqlValue tags_value(const PacsPreparedAdd *prepared, PacsLevel level)
{
    return pacs_sql_bytes(prepared->tags[level].bytes, prepared->tags[level].size);
}

static PacsSqlValue tag_value(const PacsPreparedAdd *prepared, PacsLevel level, PacsTag tag)
{
    return pacs_sql_text(pacs_index_prepared_tag(prepared, level, tag));
}

/* ---- The peer it came from ---- */

static bool same_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool is_last_origin(const IndexSqlite *index, const PacsOrigin *origin)
{
    const PacsOrigin *last = &index->last_origin.origin;
    return index->last_origin.used && last->door == origin->door &&
           same_text(last->remote_ip, origin->remote_ip) &&
           same_text(last->calling_aet, origin->calling_aet) &&
           same_text(last->called_aet, origin->called_aet) && same_text(last->http_user, origin->http_user);
}

static void remember_origin(IndexSqlite *index, const PacsOrigin *origin, int64_t id)
{
    const char *const texts[] = {origin->remote_ip, origin->calling_aet, origin->called_aet,
                                 origin->http_user};
    const char *copies[4];
    for (size_t i = 0; i < 4; i++) {
        char *copy = index->last_origin.texts[i];
        if (texts[i] && !pacs_text_copy(copy, sizeof index->last_origin.texts[i], texts[i]))
            return; /* too long to remember: it is looked up every time */
        copies[i] = texts[i] ? copy : NULL;
    }
    index->last_origin.used = true;
    index->last_origin.id = id;
    index->last_origin.origin = (PacsOrigin){.door = origin->door,
                                             .remote_ip = copies[0],
                                             .calling_aet = copies[1],
                                             .called_aet = copies[2],
                                             .http_user = copies[3]};
}

static PacsStatus find_origin(IndexSqlite *index, const PacsOrigin *origin, int64_t *ret_id, PacsError *err)
{
    static const char find[] = "SELECT id FROM origin WHERE calling_aet IS ? AND remote_ip IS ? AND door = ?"
                               " AND called_aet IS ? AND http_user IS ?";
    static const char make[] =
        "INSERT INTO origin (calling_aet, remote_ip, door, called_aet, http_user) VALUES (?, ?, ?, ?, ?)";
    if (is_last_origin(index, origin)) {
        *ret_id = index->last_origin.id;
        return PACS_OK;
    }
    const PacsSqlValue values[] = {pacs_sql_text(origin->calling_aet), pacs_sql_text(origin->remote_ip),
                                   pacs_sql_i64(origin->door), pacs_sql_text(origin->called_aet),
                                   pacs_sql_text(origin->http_user)};
    const size_t count = sizeof values / sizeof values[0];
    index->last_origin.used = false;
    PacsStatus status = pacs_sqlite_number(index->writer, find, values, count, ret_id, err);
    if (status == PACS_NOT_FOUND) {
        status = pacs_sqlite_run(index->writer, make, values, count, err);
        if (status == PACS_OK)
            *ret_id = sqlite3_last_insert_rowid(pacs_sqlite_handle(index->writer));
    }
    if (status == PACS_OK)
        remember_origin(index, origin, *ret_id);
    return status;
}

/* ---- Patient, study and series ---- */

static PacsStatus make_patient(IndexSqlite *index, const PacsPreparedAdd *prepared, int64_t *ret_patient,
                               PacsError *err)
{
    static const char sql[] =
        "INSERT INTO patient (id, orthanc_id, last_update_ms, patient_id, patient_name,"
        " patient_name_search, birth_date, sex, tags) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)";
    *ret_patient = ++index->totals.last_patient;
    index->totals.patients++;
    return PACS_SQL_RUN(index->writer, err, sql, pacs_sql_i64(*ret_patient),
                        id_value(prepared, PACS_LEVEL_PATIENT), pacs_sql_i64(prepared->add->received_ms),
                        pacs_sql_text(prepared->instance->patient_id),
                        tag_value(prepared, PACS_LEVEL_PATIENT, PACS_TAG_PATIENT_NAME),
                        pacs_sql_text(prepared->patient_name_search),
                        tag_value(prepared, PACS_LEVEL_PATIENT, PACS_TAG_PATIENT_BIRTH_DATE),
                        tag_value(prepared, PACS_LEVEL_PATIENT, PACS_TAG_PATIENT_SEX),
                        tags_value(prepared, PACS_LEVEL_PATIENT));
}

/** The row of the Study Instance UID, made with the first study that has it. */
static PacsStatus count_study_uid(IndexSqlite *index, const PacsPreparedAdd *prepared, int64_t *ret_study_uid,
                                  PacsError *err)
{
    static const char sql[] = "INSERT INTO study_uid (uid, study_count) VALUES (?, 1)"
                              " ON CONFLICT (uid) DO UPDATE SET study_count = study_count + 1 RETURNING id";
    return PACS_SQL_NUMBER(index->writer, ret_study_uid, err, sql,
                           pacs_sql_text(prepared->instance->study_instance_uid));
}

static PacsStatus insert_study(IndexSqlite *index, const PacsPreparedAdd *prepared,
                               const IndexParents *parents, PacsError *err)
{
    static const char sql[] =
        "INSERT INTO study (id, orthanc_id, patient, study_uid, first_received_ms, last_update_ms, study_date,"
        " study_time, timezone, accession_number, study_id, study_description, referring_physician,"
        " referring_physician_search, institution_name, tags) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
    const PacsLevel level = PACS_LEVEL_STUDY;
    return PACS_SQL_RUN(
        index->writer, err, sql, pacs_sql_i64(parents->study), id_value(prepared, level),
        pacs_sql_i64(parents->patient), pacs_sql_i64(parents->study_uid),
        pacs_sql_i64(prepared->add->received_ms), pacs_sql_i64(prepared->add->received_ms),
        tag_value(prepared, level, PACS_TAG_STUDY_DATE), tag_value(prepared, level, PACS_TAG_STUDY_TIME),
        tag_value(prepared, level, PACS_TAG_TIMEZONE_OFFSET_FROM_UTC),
        tag_value(prepared, level, PACS_TAG_ACCESSION_NUMBER), tag_value(prepared, level, PACS_TAG_STUDY_ID),
        tag_value(prepared, level, PACS_TAG_STUDY_DESCRIPTION),
        tag_value(prepared, level, PACS_TAG_REFERRING_PHYSICIAN_NAME),
        pacs_sql_text(prepared->referring_physician_search),
        tag_value(prepared, level, PACS_TAG_INSTITUTION_NAME), tags_value(prepared, level));
}

static PacsStatus make_study(IndexSqlite *index, const PacsPreparedAdd *prepared, IndexParents *parents,
                             PacsError *err)
{
    parents->study = ++index->totals.last_study;
    index->totals.studies++;
    PacsStatus status = count_study_uid(index, prepared, &parents->study_uid, err);
    if (status == PACS_OK)
        status = insert_study(index, prepared, parents, err);
    if (status == PACS_OK)
        status = PACS_SQL_RUN(index->writer, err,
                              "UPDATE patient SET study_count = study_count + 1 WHERE id = ?",
                              pacs_sql_i64(parents->patient));
    return status;
}

static PacsStatus make_series(IndexSqlite *index, const PacsPreparedAdd *prepared, int64_t origin,
                              IndexParents *parents, PacsError *err)
{
    static const char sql[] =
        "INSERT INTO series (id, orthanc_id, study, last_update_ms, expected_instances, origin, series_uid, modality,"
        " series_number, body_part, series_date, series_time, series_description, sop_classes, tags)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
    const PacsLevel level = PACS_LEVEL_SERIES;
    parents->series = ++index->totals.last_series;
    index->totals.series++;
    PacsStatus status = PACS_SQL_RUN(
        index->writer, err, sql, pacs_sql_i64(parents->series), id_value(prepared, level),
        pacs_sql_i64(parents->study), pacs_sql_i64(prepared->add->received_ms),
        pacs_sql_i64(prepared->expected_instances), pacs_sql_i64(origin),
        pacs_sql_text(prepared->instance->series_instance_uid), tag_value(prepared, level, PACS_TAG_MODALITY),
        tag_value(prepared, level, PACS_TAG_SERIES_NUMBER),
        tag_value(prepared, level, PACS_TAG_BODY_PART_EXAMINED),
        tag_value(prepared, level, PACS_TAG_SERIES_DATE), tag_value(prepared, level, PACS_TAG_SERIES_TIME),
        tag_value(prepared, level, PACS_TAG_SERIES_DESCRIPTION),
        pacs_sql_text(prepared->instance->sop_class_uid), tags_value(prepared, level));
    if (status == PACS_OK)
        status = PACS_SQL_RUN(index->writer, err,
                              "UPDATE study SET series_count = series_count + 1 WHERE id = ?",
                              pacs_sql_i64(parents->study));
    return status;
}

/** Series with its ancestors by its id; PACS_NOT_FOUND if this is its first instance. */
static PacsStatus find_series(IndexSqlite *index, const PacsPreparedAdd *prepared, IndexRecentSeries *series,
                              PacsError *err)
{
    static const char sql[] = "SELECT s.id, s.study, st.patient, st.study_uid, s.expected_instances"
                              " FROM series s JOIN study st ON st.id = s.study WHERE s.orthanc_id = ?";
    PACS_AUTO_STATEMENT sqlite3_stmt *rows = NULL;
    bool has_row = false;
    PacsStatus status = PACS_SQL_QUERY(index->writer, &rows, err, sql, id_value(prepared, PACS_LEVEL_SERIES));
    if (status == PACS_OK)
        status = pacs_sqlite_step(index->writer, rows, &has_row, err);
    if (status != PACS_OK)
        return status;
    if (!has_row)
        return PACS_NOT_FOUND;
    series->parents = (IndexParents){
        .series = sqlite3_column_int64(rows, 0),
        .study = sqlite3_column_int64(rows, 1),
        .patient = sqlite3_column_int64(rows, 2),
        .study_uid = sqlite3_column_int64(rows, 3),
    };
    series->expected_instances = sqlite3_column_int64(rows, 4);
    return PACS_OK;
}

/** Find what is there of patient and study, make what is not, then the series. */
static PacsStatus make_ancestors(IndexSqlite *index, const PacsPreparedAdd *prepared, int64_t origin,
                                 IndexRecentSeries *series, PacsIndexAdded *added, PacsError *err)
{
    IndexParents *parents = &series->parents;
    PacsStatus status = pacs_index_sqlite_row_of(index->writer, PACS_LEVEL_PATIENT,
                                                 &prepared->ids[PACS_LEVEL_PATIENT], &parents->patient, err);
    if (status == PACS_NOT_FOUND) {
        added->is_new[PACS_LEVEL_PATIENT] = true;
        status = make_patient(index, prepared, &parents->patient, err);
    }
    if (status == PACS_OK)
        status = pacs_index_sqlite_row_of(index->writer, PACS_LEVEL_STUDY, &prepared->ids[PACS_LEVEL_STUDY],
                                          &parents->study, err);
    if (status == PACS_OK)
        status = PACS_SQL_NUMBER(index->writer, &parents->study_uid, err,
                                 "SELECT study_uid FROM study WHERE id = ?", pacs_sql_i64(parents->study));
    if (status == PACS_NOT_FOUND) {
        added->is_new[PACS_LEVEL_STUDY] = true;
        status = make_study(index, prepared, parents, err);
    }
    if (status != PACS_OK)
        return status;
    added->is_new[PACS_LEVEL_SERIES] = true;
    series->expected_instances = prepared->expected_instances;
    return make_series(index, prepared, origin, parents, err);
}

/** Something comes below them: none is stable now, and the next event has something to tell. */
static PacsStatus reopen_ancestors(IndexSqlite *index, const IndexParents *parents, PacsError *err)
{
    const struct {
        const char *sql;
        int64_t row;
    } steps[] = {
        {"UPDATE patient SET stable = 0 WHERE id = ? AND stable <> 0", parents->patient},
        {"UPDATE study SET stable = 0 WHERE id = ? AND stable <> 0", parents->study},
        {"UPDATE series SET stable = 0, changed = 1 WHERE id = ? AND (stable <> 0 OR changed = 0)",
         parents->series},
        {"UPDATE study_uid SET pending = 1 WHERE id = ? AND pending = 0", parents->study_uid},
    };
    PacsStatus status = PACS_OK;
    for (size_t i = 0; status == PACS_OK && i < sizeof steps / sizeof steps[0]; i++)
        status = PACS_SQL_RUN(index->writer, err, steps[i].sql, pacs_sql_i64(steps[i].row));
    return status;
}

static PacsStatus load_series(IndexSqlite *index, const PacsPreparedAdd *prepared, int64_t origin,
                              IndexRecentSeries *series, PacsIndexAdded *added, PacsError *err)
{
    int64_t study_count = 0;
    PacsStatus status = find_series(index, prepared, series, err);
    if (status == PACS_NOT_FOUND)
        status = make_ancestors(index, prepared, origin, series, added, err);
    if (status == PACS_OK)
        status = reopen_ancestors(index, &series->parents, err);
    if (status == PACS_OK)
        status = PACS_SQL_NUMBER(index->writer, &study_count, err,
                                 "SELECT study_count FROM study_uid WHERE id = ?",
                                 pacs_sql_i64(series->parents.study_uid));
    series->study_uid_collision = study_count > 1;
    return status;
}

/** A second patient's study of the same UID changes what is remembered of the first one's series. */
static void forget_study_uid(IndexSqlite *index, int64_t study_uid)
{
    for (size_t i = 0; i < INDEX_RECENT_SERIES; i++)
        if (index->recent[i].parents.study_uid == study_uid)
            index->recent[i].used = false;
}

static PacsStatus resolve_series(IndexSqlite *index, const PacsPreparedAdd *prepared, int64_t origin,
                                 IndexRecentSeries **ret_series, PacsIndexAdded *added, PacsError *err)
{
    const PacsOrthancId *id = &prepared->ids[PACS_LEVEL_SERIES];
    IndexRecentSeries *slot = &index->recent[id->bytes[0] % INDEX_RECENT_SERIES];
    *ret_series = slot;
    if (slot->used && memcmp(&slot->id, id, sizeof *id) == 0)
        return PACS_OK;

    IndexRecentSeries series = {.used = true, .id = *id};
    const PacsStatus status = load_series(index, prepared, origin, &series, added, err);
    if (status != PACS_OK)
        return status;
    if (added->is_new[PACS_LEVEL_STUDY])
        forget_study_uid(index, series.parents.study_uid);
    *slot = series;
    return PACS_OK;
}

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
                                       id_value(prepared, PACS_LEVEL_INSTANCE));
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
                                              id_value(prepared, PACS_LEVEL_INSTANCE));
    *ret_collision = found != 0;
    return status;
}

static PacsStatus insert_instance(IndexSqlite *index, const PacsPreparedAdd *prepared, int64_t series,
                                  int64_t origin, PacsError *err)
{
    static const char sql[] =
        "INSERT INTO instance (id, orthanc_id, series, object_key, inflated_key, size_bytes, inflated_size_bytes,"
        " dataset_offset, pixel_data_offset, pixel_data_tag, pixel_data_vr, received_ms, origin, index_in_series,"
        " sha256, sop_instance_uid, sop_class_uid, transfer_syntax_uid, instance_number, tags)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
    const PacsIndexAdd *add = prepared->add;
    const PacsInstance *instance = prepared->instance;
    const PacsLevel level = PACS_LEVEL_INSTANCE;
    return PACS_SQL_RUN(
        index->writer, err, sql, pacs_sql_i64(index->totals.last_instance), id_value(prepared, level),
        pacs_sql_i64(series), pacs_sql_bytes(add->key.bytes, sizeof add->key.bytes),
        add->has_inflated ? pacs_sql_bytes(add->inflated_key.bytes, sizeof add->inflated_key.bytes)
                          : pacs_sql_null(),
        pacs_sql_u64(instance->size_bytes), pacs_sql_u64(add->has_inflated ? add->inflated_size_bytes : 0),
        pacs_sql_u64(instance->dataset_offset), pacs_sql_u64(instance->pixel_data_offset),
        pacs_sql_i64(instance->pixel_data_tag), pacs_sql_text(prepared->pixel_data_vr),
        pacs_sql_i64(add->received_ms), pacs_sql_i64(origin), pacs_sql_i64(prepared->index_in_series),
        pacs_sql_bytes(add->sha256, sizeof add->sha256), pacs_sql_text(instance->sop_instance_uid),
        pacs_sql_text(instance->sop_class_uid), pacs_sql_text(instance->transfer_syntax_uid),
        tag_value(prepared, level, PACS_TAG_INSTANCE_NUMBER), tags_value(prepared, level));
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

/** As Orthanc's SeriesStatus "Complete": as many as expected, and numbered from 1 without gap or repetition.
 */
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
    status = find_origin(index, prepared->add->origin, &origin, err);
    if (status == PACS_OK)
        status = resolve_series(index, prepared, origin, &series, &added, err);
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
