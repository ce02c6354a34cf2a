#include <string.h>

#include "pacs/index/index_sqlite_add.h"
#include "pacs/index/index_sqlite_search.h"
#include "pacs/util/limits.h"
#include "pacs/util/text.h"

/* What an instance hangs on: the peer it came from, its patient, study and series. */

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

PacsStatus pacs_index_sqlite_find_origin(IndexSqlite *index, const PacsOrigin *origin, int64_t *ret_id,
                                         PacsError *err)
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
                        pacs_index_sqlite_id(prepared, PACS_LEVEL_PATIENT),
                        pacs_sql_i64(prepared->add->received_ms),
                        pacs_sql_text(prepared->instance->patient_id),
                        pacs_index_sqlite_tag(prepared, PACS_LEVEL_PATIENT, PACS_TAG_PATIENT_NAME),
                        pacs_sql_text(prepared->patient_name_search),
                        pacs_index_sqlite_tag(prepared, PACS_LEVEL_PATIENT, PACS_TAG_PATIENT_BIRTH_DATE),
                        pacs_index_sqlite_tag(prepared, PACS_LEVEL_PATIENT, PACS_TAG_PATIENT_SEX),
                        pacs_index_sqlite_tags(prepared, PACS_LEVEL_PATIENT));
}

/** The row of the Study Instance UID, made with the first study that has it: its lane is that one's, for ever. */
static PacsStatus count_study_uid(IndexSqlite *index, const PacsPreparedAdd *prepared, int64_t *ret_study_uid,
                                  PacsError *err)
{
    static const char sql[] =
        "INSERT INTO study_uid (uid, study_count, lane, traceparent) VALUES (?, 1, ?, ?)"
        " ON CONFLICT (uid) DO UPDATE SET study_count = study_count + 1,"
        " traceparent = coalesce(excluded.traceparent, traceparent) RETURNING id";
    const char *lane = prepared->add->lane;
    return PACS_SQL_NUMBER(
        index->writer, ret_study_uid, err, sql, pacs_sql_text(prepared->instance->study_instance_uid),
        pacs_sql_text(lane ? lane : PACS_LANE_NORMAL), pacs_sql_text(prepared->add->traceparent));
}

static PacsStatus insert_study(IndexSqlite *index, const PacsPreparedAdd *prepared,
                               const IndexParents *parents, const PacsStudyLinks *links, PacsError *err)
{
    static const char sql[] =
        "INSERT INTO study (id, orthanc_id, patient, study_uid, first_received_ms, last_update_ms, study_date,"
        " study_time, timezone, accession_number, study_id, study_description, referring_physician,"
        " referring_physician_search, institution_name, accession_issuer, referring_physician_ref, tags, patient_tags)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
    const PacsLevel level = PACS_LEVEL_STUDY;
    return PACS_SQL_RUN(
        index->writer, err, sql, pacs_sql_i64(parents->study), pacs_index_sqlite_id(prepared, level),
        pacs_sql_i64(parents->patient), pacs_sql_i64(parents->study_uid),
        pacs_sql_i64(prepared->add->received_ms), pacs_sql_i64(prepared->add->received_ms),
        pacs_index_sqlite_tag(prepared, level, PACS_TAG_STUDY_DATE),
        pacs_index_sqlite_tag(prepared, level, PACS_TAG_STUDY_TIME),
        pacs_index_sqlite_tag(prepared, level, PACS_TAG_TIMEZONE_OFFSET_FROM_UTC),
        pacs_index_sqlite_tag(prepared, level, PACS_TAG_ACCESSION_NUMBER),
        pacs_index_sqlite_tag(prepared, level, PACS_TAG_STUDY_ID),
        pacs_index_sqlite_tag(prepared, level, PACS_TAG_STUDY_DESCRIPTION),
        pacs_index_sqlite_tag(prepared, level, PACS_TAG_REFERRING_PHYSICIAN_NAME),
        pacs_sql_text(prepared->referring_physician_search),
        pacs_index_sqlite_tag(prepared, level, PACS_TAG_INSTITUTION_NAME),
        pacs_sql_text(links->accession_issuer), pacs_sql_text(links->referring_physician_ref),
        pacs_index_sqlite_tags(prepared, level), pacs_index_sqlite_tags(prepared, PACS_LEVEL_PATIENT));
}

static PacsStatus make_study(IndexSqlite *index, const PacsPreparedAdd *prepared, IndexParents *parents,
                             PacsError *err)
{
    PACS_AUTO(PacsArena) arena = pacs_arena_new(PACS_MAX_INDEX_ADD_ARENA);
    PacsStudyLinks links;
    if (!arena)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory to index a study");
    parents->study = ++index->totals.last_study;
    index->totals.studies++;
    PacsStatus status = pacs_index_prepare_links(prepared, arena, &links, err);
    if (status == PACS_OK)
        status = count_study_uid(index, prepared, &parents->study_uid, err);
    if (status == PACS_OK)
        status = insert_study(index, prepared, parents, &links, err);
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
        index->writer, err, sql, pacs_sql_i64(parents->series), pacs_index_sqlite_id(prepared, level),
        pacs_sql_i64(parents->study), pacs_sql_i64(prepared->add->received_ms),
        pacs_sql_i64(prepared->expected_instances), pacs_sql_i64(origin),
        pacs_sql_text(prepared->instance->series_instance_uid),
        pacs_index_sqlite_tag(prepared, level, PACS_TAG_MODALITY),
        pacs_index_sqlite_tag(prepared, level, PACS_TAG_SERIES_NUMBER),
        pacs_index_sqlite_tag(prepared, level, PACS_TAG_BODY_PART_EXAMINED),
        pacs_index_sqlite_tag(prepared, level, PACS_TAG_SERIES_DATE),
        pacs_index_sqlite_tag(prepared, level, PACS_TAG_SERIES_TIME),
        pacs_index_sqlite_tag(prepared, level, PACS_TAG_SERIES_DESCRIPTION),
        pacs_sql_text(prepared->instance->sop_class_uid), pacs_index_sqlite_tags(prepared, level));
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
    PacsStatus status = PACS_SQL_QUERY(index->writer, &rows, err, sql,
                                       pacs_index_sqlite_id(prepared, PACS_LEVEL_SERIES));
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
    status = make_series(index, prepared, origin, parents, err);
    if (status != PACS_OK)
        return status;
    return added->is_new[PACS_LEVEL_STUDY] ? pacs_index_sqlite_search_add(index, parents->study, err)
                                           : pacs_index_sqlite_search_refresh(index, parents->study, err);
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
    };
    PacsStatus status = PACS_OK;
    for (size_t i = 0; status == PACS_OK && i < sizeof steps / sizeof steps[0]; i++)
        status = PACS_SQL_RUN(index->writer, err, steps[i].sql, pacs_sql_i64(steps[i].row));
    return status;
}

/** Of what was received last; a row is written only where another association or request goes on with the study. */
static PacsStatus keep_trace(IndexSqlite *index, const PacsPreparedAdd *prepared, int64_t study_uid,
                             PacsError *err)
{
    return PACS_SQL_RUN(index->writer, err,
                        "UPDATE study_uid SET traceparent = ?2 WHERE id = ?1 AND traceparent IS NOT ?2",
                        pacs_sql_i64(study_uid), pacs_sql_text(prepared->add->traceparent));
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
    if (status == PACS_OK && prepared->add->traceparent)
        status = keep_trace(index, prepared, series->parents.study_uid, err);
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

PacsStatus pacs_index_sqlite_resolve_series(IndexSqlite *index, const PacsPreparedAdd *prepared,
                                            int64_t origin, IndexRecentSeries **ret_series,
                                            PacsIndexAdded *added, PacsError *err)
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
