#include <inttypes.h>

#include "pacs/index/index_sqlite_outbox.h"
#include "pacs/index/index_tags.h"
#include "pacs/util/limits.h"
#include "pacs/util/text.h"

/* Reads what index_event.h writes down, on the writer's connection, so that an event tells of exactly the
 * state that its transaction leaves (or, for a deletion, ends). */

/** The next revision: studies and their reports count apart. */
static PacsStatus load_study_uid(IndexSqlite *index, int64_t study_uid, bool is_report, PacsArena *arena,
                                 PacsStudyFacts *facts, PacsError *err)
{
    static const char of_study[] = "UPDATE study_uid SET revision = revision + 1 WHERE id = ?"
                                   " RETURNING uid, lane, traceparent, revision";
    static const char of_report[] = "UPDATE study_uid SET report_revision = report_revision + 1 WHERE id = ?"
                                    " RETURNING uid, lane, traceparent, report_revision";
    const char **const texts[] = {&facts->study_instance_uid, &facts->lane, &facts->traceparent};
    PACS_AUTO_STATEMENT sqlite3_stmt *rows = NULL;
    PacsStatus status = PACS_SQL_FIRST(index->writer, &rows, err, is_report ? of_report : of_study,
                                       pacs_sql_i64(study_uid));
    if (status == PACS_NOT_FOUND)
        return pacs_fail(err, PACS_CORRUPT, "a study of the index has lost its UID");
    for (int i = 0; status == PACS_OK && i < 3; i++)
        status = pacs_sqlite_text(rows, i, arena, texts[i], err);
    if (status == PACS_OK)
        facts->revision = (uint64_t)sqlite3_column_int64(rows, 3);
    return status;
}

static PacsStatus parse_tags(sqlite3_stmt *rows, int column, PacsArena *arena, const PacsTagValue **ret_tags,
                             size_t *ret_count, PacsError *err)
{
    return pacs_index_tags_parse(sqlite3_column_blob(rows, column),
                                 (size_t)sqlite3_column_bytes(rows, column), arena, ret_tags, ret_count, err);
}

/** What the operator wants in events: patients' tags as the study has them. */
static PacsStatus load_phi(const IndexSqlite *index, sqlite3_stmt *rows, int patient_column, int study_column,
                           PacsArena *arena, PacsStudyFacts *facts, PacsError *err)
{
    const PacsTagValue *tags[2] = {NULL};
    size_t counts[2] = {0};
    if (index->phi_fields == 0)
        return PACS_OK;
    PacsStatus status = parse_tags(rows, patient_column, arena, &tags[0], &counts[0], err);
    if (status == PACS_OK)
        status = parse_tags(rows, study_column, arena, &tags[1], &counts[1], err);
    for (size_t i = 0; status == PACS_OK && i < PACS_PHI_FIELD_COUNT; i++) {
        const size_t which = pacs_phi_fields[i].level == PACS_LEVEL_STUDY;
        if (index->phi_fields & (1u << i))
            facts->phi[i] = pacs_arena_strdup(
                arena, pacs_index_tags_get(tags[which], counts[which], pacs_phi_fields[i].tag));
    }
    return status;
}

/** Issuer of Patient ID stands among the tags where it is configured as an extra one. */
static PacsStatus load_patient_ref(const IndexSqlite *index, sqlite3_stmt *rows, int column, PacsArena *arena,
                                   PacsStudyFacts *facts, PacsError *err)
{
    const PacsTagValue *tags = NULL;
    size_t count = 0;
    const char *patient_id = NULL;
    PacsStatus status = pacs_sqlite_text(rows, column, arena, &patient_id, err);
    if (status == PACS_OK)
        status = parse_tags(rows, column + 1, arena, &tags, &count, err);
    if (status != PACS_OK)
        return status;
    return pacs_index_event_patient_ref(index->patient_ref_key,
                                        pacs_index_tags_get(tags, count, PACS_TAG_ISSUER_OF_PATIENT_ID),
                                        patient_id, facts->patient_ref, err);
}

/** What all studies of the UID share is taken from the one that came first. */
static PacsStatus load_first_study(const IndexSqlite *index, sqlite3_stmt *rows, PacsArena *arena,
                                   PacsStudyFacts *facts, PacsError *err)
{
    const char **const texts[] = {&facts->accession_number, &facts->study_date,
                                  &facts->study_time,       &facts->timezone,
                                  &facts->accession_issuer, &facts->referring_physician_ref};
    PacsStatus status = PACS_OK;
    for (int i = 0; status == PACS_OK && i < 6; i++)
        status = pacs_sqlite_text(rows, 6 + i, arena, texts[i], err);
    facts->received_ms = sqlite3_column_int64(rows, 4);
    if (status == PACS_OK)
        status = load_patient_ref(index, rows, 12, arena, facts, err);
    return status == PACS_OK ? load_phi(index, rows, 14, 15, arena, facts, err) : status;
}

static PacsStatus load_study(sqlite3_stmt *rows, PacsEventIds *ids, PacsStudyFacts *facts, PacsError *err)
{
    PacsOrthancId patient;
    PacsOrthancId study;
    PacsStatus status = pacs_sqlite_fixed(rows, 0, patient.bytes, sizeof patient.bytes, err);
    if (status == PACS_OK)
        status = pacs_sqlite_fixed(rows, 1, study.bytes, sizeof study.bytes, err);
    if (status != PACS_OK)
        return status;
    pacs_index_id_format(&patient, ids->patient);
    pacs_index_id_format(&study, ids->study);
    facts->instances += (uint64_t)sqlite3_column_int64(rows, 2);
    facts->size_bytes += (uint64_t)sqlite3_column_int64(rows, 3);
    if (sqlite3_column_int64(rows, 5) > facts->last_received_ms)
        facts->last_received_ms = sqlite3_column_int64(rows, 5);
    return PACS_OK;
}

static PacsStatus load_studies(IndexSqlite *index, int64_t study_uid, PacsArena *arena, PacsStudyFacts *facts,
                               PacsError *err)
{
    static const char count_sql[] = "SELECT count(*) FROM study WHERE study_uid = ?";
    static const char sql[] =
        "SELECT p.orthanc_id, st.orthanc_id, st.instance_count, st.size_bytes, st.first_received_ms,"
        " st.last_update_ms, st.accession_number, st.study_date, st.study_time, st.timezone,"
        " st.accession_issuer, st.referring_physician_ref, p.patient_id, p.tags, st.patient_tags, st.tags"
        " FROM study st JOIN patient p ON p.id = st.patient WHERE st.study_uid = ? ORDER BY st.id";
    int64_t count = 0;
    PacsStatus status = PACS_SQL_NUMBER(index->writer, &count, err, count_sql, pacs_sql_i64(study_uid));
    if (status != PACS_OK)
        return status;
    PacsEventIds *ids = pacs_arena_array(arena, (size_t)count + 1, sizeof *ids);
    if (!ids)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for an event");
    PACS_AUTO_STATEMENT sqlite3_stmt *rows = NULL;
    status = PACS_SQL_QUERY(index->writer, &rows, err, sql, pacs_sql_i64(study_uid));
    while (pacs_sqlite_next(index->writer, rows, &status, err)) {
        if (facts->id_count == 0)
            status = load_first_study(index, rows, arena, facts, err);
        if (status == PACS_OK)
            status = load_study(rows, &ids[facts->id_count++], facts, err);
    }
    facts->ids = ids;
    return status;
}

static PacsStatus load_one_series(sqlite3_stmt *rows, PacsArena *arena, PacsEventSeries *series,
                                  PacsError *err)
{
    const char **const texts[] = {&series->uid, &series->modality, &series->number, &series->body_part,
                                  &series->sop_classes};
    PacsStatus status = PACS_OK;
    for (int i = 0; status == PACS_OK && i < 5; i++)
        status = pacs_sqlite_text(rows, i, arena, texts[i], err);
    series->instances = (uint64_t)sqlite3_column_int64(rows, 5);
    return status;
}

/** Series of all studies of the UID; those that changed since the last event are listed a second time. */
static PacsStatus load_series(IndexSqlite *index, int64_t study_uid, PacsArena *arena, PacsStudyFacts *facts,
                              PacsError *err)
{
    static const char count_sql[] = "SELECT total(series_count) FROM study WHERE study_uid = ?";
    static const char sql[] = "SELECT s.series_uid, s.modality, s.series_number, s.body_part, s.sop_classes,"
                              " s.instance_count, s.changed FROM study st JOIN series s ON s.study = st.id"
                              " WHERE st.study_uid = ? ORDER BY s.id";
    int64_t max = 0;
    PacsStatus status = PACS_SQL_NUMBER(index->writer, &max, err, count_sql, pacs_sql_i64(study_uid));
    if (status != PACS_OK)
        return status;
    PacsEventSeries *series = pacs_arena_array(arena, (size_t)max + 1, sizeof *series);
    const char **changed = pacs_arena_array(arena, (size_t)max + 1, sizeof *changed);
    if (!series || !changed)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for an event of %" PRId64 " series", max);
    PACS_AUTO_STATEMENT sqlite3_stmt *rows = NULL;
    status = PACS_SQL_QUERY(index->writer, &rows, err, sql, pacs_sql_i64(study_uid));
    while (facts->series_count < (size_t)max && pacs_sqlite_next(index->writer, rows, &status, err)) {
        PacsEventSeries *one = &series[facts->series_count++];
        status = load_one_series(rows, arena, one, err);
        if (sqlite3_column_int(rows, 6) != 0)
            changed[facts->changed_series_count++] = one->uid;
    }
    facts->series = series;
    facts->changed_series = changed;
    return status;
}

/** One line of the manifest: what a consumer can check what it fetched against. */
static PacsStatus add_to_manifest(PacsSha256 *hash, sqlite3_stmt *rows, PacsError *err)
{
    uint8_t digest[PACS_SHA256_SIZE];
    char hex[2 * PACS_SHA256_SIZE + 1];
    const void *uid = sqlite3_column_text(rows, 0);
    const size_t uid_size = (size_t)sqlite3_column_bytes(rows, 0);
    PacsStatus status = pacs_sqlite_fixed(rows, 1, digest, sizeof digest, err);
    if (status != PACS_OK)
        return status;
    pacs_hex_format(digest, sizeof digest, hex);
    status = pacs_sha256_add(hash, uid, uid_size, err);
    if (status == PACS_OK)
        status = pacs_sha256_add(hash, " ", 1, err);
    if (status == PACS_OK)
        status = pacs_sha256_add(hash, hex, sizeof hex - 1, err);
    return status == PACS_OK ? pacs_sha256_add(hash, "\n", 1, err) : status;
}

static PacsStatus load_manifest(IndexSqlite *index, int64_t study_uid, PacsStudyFacts *facts, PacsError *err)
{
    static const char sql[] =
        "SELECT i.sop_instance_uid, i.sha256 FROM study st JOIN series s ON s.study = st.id"
        " JOIN instance i ON i.series = s.id WHERE st.study_uid = ? ORDER BY 1, 2";
    PACS_AUTO(PacsSha256) hash = NULL;
    PACS_AUTO_STATEMENT sqlite3_stmt *rows = NULL;
    PacsStatus status = pacs_sha256_new(&hash, err);
    if (status == PACS_OK)
        status = PACS_SQL_QUERY(index->writer, &rows, err, sql, pacs_sql_i64(study_uid));
    while (pacs_sqlite_next(index->writer, rows, &status, err))
        status = add_to_manifest(hash, rows, err);
    uint8_t digest[PACS_SHA256_SIZE];
    if (status == PACS_OK)
        status = pacs_sha256_finish(hash, digest, err);
    if (status == PACS_OK)
        pacs_hex_format(digest, sizeof digest, facts->manifest_sha256);
    return status;
}

static PacsStatus load_study_facts(IndexSqlite *index, int64_t study_uid, PacsEventType type,
                                   const IndexEventExtra *extra, PacsArena *arena, PacsStudyFacts *facts,
                                   PacsError *err)
{
    PacsStatus status = load_series(index, study_uid, arena, facts, err);
    if (status == PACS_OK && type == PACS_STUDY_ARRIVED)
        status = load_manifest(index, study_uid, facts, err);
    facts->reason = extra->reason;
    if (extra->changed_series) {
        facts->changed_series = extra->changed_series;
        facts->changed_series_count = extra->changed_series_count;
    }
    if (extra->origin) {
        facts->calling_aet = extra->origin->calling_aet;
        facts->called_aet = extra->origin->called_aet;
    }
    return status;
}

static PacsStatus load_facts(IndexSqlite *index, int64_t study_uid, PacsEventType type,
                             const IndexEventExtra *extra, PacsArena *arena, PacsStudyFacts *facts,
                             PacsError *err)
{
    const bool is_report = pacs_index_event_is_of_report(type);
    PacsStatus status = load_study_uid(index, study_uid, is_report, arena, facts, err);
    if (status == PACS_OK)
        status = load_studies(index, study_uid, arena, facts, err);
    facts->change_seq = index->totals.last_change;
    facts->report = extra->report;
    return status == PACS_OK && !is_report
               ? load_study_facts(index, study_uid, type, extra, arena, facts, err)
               : status;
}

PacsStatus pacs_index_sqlite_write_event(IndexSqlite *index, int64_t study_uid, PacsEventType type,
                                         const IndexEventExtra *extra, PacsError *err)
{
    PACS_AUTO(PacsArena) arena = pacs_arena_new(PACS_MAX_INDEX_DELETE_ARENA);
    if (!arena)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for an event");
    PACS_AUTO_BUFFER PacsBuffer data = PACS_BUFFER(PACS_MAX_EVENT_DATA);
    PacsStudyFacts facts = {0};
    PacsStatus status = load_facts(index, study_uid, type, extra, arena, &facts, err);
    if (status == PACS_OK)
        status = pacs_index_event_format(type, &facts, &data, err);
    if (status != PACS_OK)
        return status;
    const IndexEventRow row = {.type = pacs_index_event_type_name(type),
                               .key = facts.study_instance_uid,
                               .lane = facts.lane,
                               .traceparent = facts.traceparent,
                               .data = pacs_buffer_text(&data),
                               .revision = facts.revision};
    return pacs_index_sqlite_append_event(index, &row, err);
}
