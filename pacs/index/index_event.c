#include "pacs/index/index_event.h"

#include <string.h>

#include "pacs/util/clock.h"
#include "pacs/util/json.h"
#include "pacs/util/limits.h"
#include "pacs/util/text.h"

const char *pacs_index_event_type_name(PacsEventType type)
{
    static const char *const names[] = {
        [PACS_STUDY_RECEIVED] = "study.received",     [PACS_STUDY_ARRIVED] = "study.arrived",
        [PACS_STUDY_UPDATED] = "study.updated",       [PACS_STUDY_DELETED] = "study.deleted",
        [PACS_REPORT_AVAILABLE] = "report.available", [PACS_REPORT_AMENDED] = "report.amended",
        [PACS_REPORT_WITHDRAWN] = "report.withdrawn",
    };
    return names[type];
}

bool pacs_index_event_is_of_report(PacsEventType type)
{
    return type >= PACS_REPORT_AVAILABLE;
}

/* ---- What values look like: text in the wrong place could be anything, a name for one ---- */

typedef bool Likeness(PacsSlice value);

static bool consists_of(PacsSlice value, size_t max, const char *characters)
{
    for (size_t i = 0; i < value.size; i++)
        if (value.text[i] == '\0' || !strchr(characters, value.text[i]))
            return false;
    return value.size <= max;
}

static bool is_date(PacsSlice value) /* the dots are those of ACR-NEMA */
{
    return (value.size == 8 || value.size == 10) && consists_of(value, 10, "0123456789.");
}

static bool is_time(PacsSlice value)
{
    return consists_of(value, 16, "0123456789.:");
}

static bool is_timezone(PacsSlice value)
{
    return value.size == 5 && consists_of(value, 5, "+-0123456789");
}

static bool is_whole_number(PacsSlice value)
{
    return consists_of(value, 16, "+-0123456789");
}

static bool is_uid(PacsSlice value)
{
    return consists_of(value, 64, "0123456789.");
}

static bool is_code(PacsSlice value)
{
    return consists_of(value, 16, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_ ");
}

static bool is_identifier(PacsSlice value)
{
    return value.size <= 64;
}

/** A composition under way. `cap` bounds every list, so that the whole can be tried again with less. */
typedef struct Writer {
    PacsJson json;
    size_t cap;
    bool truncated;
} Writer;

static void member_text(Writer *writer, const char *key, const char *text)
{
    if (text && text[0])
        pacs_json_member_string(&writer->json, key, text);
}

static void member_like(Writer *writer, const char *key, const char *text, Likeness *is_like)
{
    if (text && is_like(pacs_slice(text)))
        member_text(writer, key, text);
}

static void member_time(Writer *writer, const char *key, int64_t ms)
{
    char text[32];
    pacs_time_format_rfc3339(ms, text);
    pacs_json_member_string(&writer->json, key, text);
}

static size_t capped(Writer *writer, size_t count)
{
    if (count <= writer->cap)
        return count;
    writer->truncated = true;
    return writer->cap;
}

typedef const char *SeriesText(const PacsEventSeries *series);

static const char *modality_of(const PacsEventSeries *series)
{
    return series->modality;
}

static const char *sop_classes_of(const PacsEventSeries *series)
{
    return series->sop_classes;
}

/** Modalities and SOP classes of one study; real ones have a handful. */
#define DISTINCT_MAX 128

typedef struct Distinct {
    PacsSlice values[DISTINCT_MAX];
    size_t count;
} Distinct;

static bool is_new(const Distinct *distinct, PacsSlice value)
{
    for (size_t i = 0; i < distinct->count; i++)
        if (distinct->values[i].size == value.size &&
            memcmp(distinct->values[i].text, value.text, value.size) == 0)
            return false;
    return value.size > 0;
}

/** The different values that a study's series have, in arrival order. */
static void member_distinct(Writer *writer, const char *key, const PacsStudyFacts *facts, SeriesText *text_of,
                            Likeness *is_like)
{
    Distinct distinct = {.count = 0};
    for (size_t i = 0; i < facts->series_count; i++) {
        PacsSlice rest = pacs_slice(text_of(&facts->series[i]));
        PacsSlice part;
        while (distinct.count < DISTINCT_MAX && pacs_slice_split(&rest, '\\', &part))
            if (is_like(part) && is_new(&distinct, part))
                distinct.values[distinct.count++] = part;
    }
    pacs_json_key(&writer->json, key);
    pacs_json_array_begin(&writer->json);
    const size_t count = capped(writer, distinct.count);
    for (size_t i = 0; i < count; i++)
        pacs_json_string_n(&writer->json, distinct.values[i].text, distinct.values[i].size);
    pacs_json_array_end(&writer->json);
}

static const char *body_part(const PacsStudyFacts *facts)
{
    for (size_t i = 0; i < facts->series_count; i++) {
        const char *part = facts->series[i].body_part;
        if (part && part[0] && is_code(pacs_slice(part)))
            return part;
    }
    return NULL;
}

static void member_series(Writer *writer, const PacsStudyFacts *facts)
{
    pacs_json_key(&writer->json, "series");
    pacs_json_array_begin(&writer->json);
    const size_t count = capped(writer, facts->series_count);
    for (size_t i = 0; i < count; i++) {
        pacs_json_object_begin(&writer->json);
        pacs_json_member_string(&writer->json, "uid", facts->series[i].uid);
        member_like(writer, "modality", facts->series[i].modality, is_code);
        member_like(writer, "number", facts->series[i].number, is_whole_number);
        pacs_json_member_u64(&writer->json, "instances", facts->series[i].instances);
        pacs_json_object_end(&writer->json);
    }
    pacs_json_array_end(&writer->json);
}

static void member_ids(Writer *writer, const PacsStudyFacts *facts)
{
    pacs_json_key(&writer->json, "orthancIds");
    pacs_json_array_begin(&writer->json);
    const size_t count = capped(writer, facts->id_count);
    for (size_t i = 0; i < count; i++) {
        pacs_json_object_begin(&writer->json);
        pacs_json_member_string(&writer->json, "patient", facts->ids[i].patient);
        pacs_json_member_string(&writer->json, "study", facts->ids[i].study);
        pacs_json_object_end(&writer->json);
    }
    pacs_json_array_end(&writer->json);
}

static void member_texts(Writer *writer, const char *key, const char *const *texts, size_t text_count)
{
    pacs_json_key(&writer->json, key);
    pacs_json_array_begin(&writer->json);
    const size_t count = capped(writer, text_count);
    for (size_t i = 0; i < count; i++)
        pacs_json_string(&writer->json, texts[i]);
    pacs_json_array_end(&writer->json);
}

/* ---- Reports ---- */

/** The code alone: its meaning is text, whoever wrote it. */
static void member_title(Writer *writer, const PacsReportFacts *report)
{
    if (!report->title_code || !report->title_scheme || !is_identifier(pacs_slice(report->title_code)) ||
        !is_identifier(pacs_slice(report->title_scheme)))
        return;
    pacs_json_key(&writer->json, "documentTitle");
    pacs_json_object_begin(&writer->json);
    member_text(writer, "code", report->title_code);
    member_text(writer, "scheme", report->title_scheme);
    pacs_json_object_end(&writer->json);
}

static void members_of_report(Writer *writer, PacsEventType type, const PacsEventReport *document)
{
    const PacsReportFacts *report = &document->facts;
    pacs_json_member_string(&writer->json, "seriesInstanceUid", document->series_instance_uid);
    pacs_json_member_string(&writer->json, "sopInstanceUid", document->sop_instance_uid);
    pacs_json_member_string(&writer->json, "sopClassUid", document->sop_class_uid);
    member_title(writer, report);
    member_like(writer, "verification", report->verification, is_code);
    member_like(writer, "completion", report->completion, is_code);
    member_like(writer, "contentDate", report->content_date, is_date);
    member_like(writer, "contentTime", report->content_time, is_time);
    if (type == PACS_REPORT_AMENDED)
        member_texts(writer, "predecessors", report->predecessors, report->predecessor_count);
}

/* ---- Studies ---- */

static void members_of_study_event(Writer *writer, PacsEventType type, const PacsStudyFacts *facts)
{
    switch (type) {
    case PACS_STUDY_RECEIVED:
        member_text(writer, "callingAet", facts->calling_aet);
        member_text(writer, "calledAet", facts->called_aet);
        member_like(writer, "modality", facts->series_count > 0 ? facts->series[0].modality : NULL, is_code);
        break;
    case PACS_STUDY_ARRIVED:
        pacs_json_member_string(&writer->json, "stableReason", facts->reason);
        pacs_json_member_string(&writer->json, "manifestSha256", facts->manifest_sha256);
        break;
    case PACS_STUDY_UPDATED:
        pacs_json_member_string(&writer->json, "reason", facts->reason);
        pacs_json_member_u64(&writer->json, "previousRevision", facts->revision - 1);
        member_texts(writer, "changedSeries", facts->changed_series, facts->changed_series_count);
        break;
    default:
        break;
    }
}

static void members_of_study(Writer *writer, PacsEventType type, const PacsStudyFacts *facts)
{
    PacsJson *json = &writer->json;
    member_like(writer, "referringPhysicianRef", facts->referring_physician_ref, is_identifier);
    member_like(writer, "studyDate", facts->study_date, is_date);
    member_like(writer, "studyTime", facts->study_time, is_time);
    member_like(writer, "timezone", facts->timezone, is_timezone);
    member_distinct(writer, "modalitiesInStudy", facts, modality_of, is_code);
    member_distinct(writer, "sopClassesInStudy", facts, sop_classes_of, is_uid);
    member_text(writer, "bodyPart", body_part(facts));
    pacs_json_member_u64(json, "seriesCount", facts->series_count);
    pacs_json_member_u64(json, "instancesCount", facts->instances);
    pacs_json_member_u64(json, "sizeBytes", facts->size_bytes);
    pacs_json_member_string(json, "instanceAvailability",
                            type == PACS_STUDY_DELETED ? "UNAVAILABLE" : "ONLINE");
    member_time(writer, "receivedAt", facts->received_ms);
    member_time(writer, "lastReceivedAt", facts->last_received_ms);
    members_of_study_event(writer, type, facts);
    member_series(writer, facts);
}

/* ---- All of them ---- */

static void members_of_all(Writer *writer, const PacsStudyFacts *facts)
{
    PacsJson *json = &writer->json;
    pacs_json_member_string(json, "studyInstanceUid", facts->study_instance_uid);
    member_like(writer, "accessionNumber", facts->accession_number, is_identifier);
    member_like(writer, "accessionIssuer", facts->accession_issuer, is_identifier);
    member_text(writer, "patientRef", facts->patient_ref);
    for (size_t i = 0; i < PACS_PHI_FIELD_COUNT; i++)
        member_text(writer, pacs_phi_fields[i].name, facts->phi[i]);
    member_ids(writer, facts);
    pacs_json_member_string(json, "lane", facts->lane);
    pacs_json_member_u64(json, "revision", facts->revision);
    pacs_json_member_i64(json, "changeSeq", facts->change_seq);
}

static void write_event(Writer *writer, PacsEventType type, const PacsStudyFacts *facts)
{
    pacs_json_object_begin(&writer->json);
    members_of_all(writer, facts);
    if (pacs_index_event_is_of_report(type))
        members_of_report(writer, type, facts->report);
    else
        members_of_study(writer, type, facts);
    if (writer->truncated)
        pacs_json_member_bool(&writer->json, "truncated", true);
    pacs_json_object_end(&writer->json);
}

PacsStatus pacs_index_event_format(PacsEventType type, const PacsStudyFacts *facts, PacsBuffer *out,
                                   PacsError *err)
{
    PACS_AUTO_BUFFER PacsBuffer text = PACS_BUFFER(PACS_MAX_EVENT_DATA);
    /* The shortest list entry is over 40 bytes, so the first cap cuts nothing that could have fitted. */
    for (size_t cap = PACS_MAX_EVENT_DATA / 32;; cap /= 2) {
        Writer writer = {.cap = cap};
        pacs_buffer_reset(&text);
        pacs_json_init(&writer.json, &text, false);
        write_event(&writer, type, facts);
        if (!text.failed || cap == 0)
            break;
    }
    const PacsStatus status = pacs_buffer_check(&text, err);
    if (status != PACS_OK)
        return status;
    pacs_buffer_add(out, text.bytes, text.size);
    return pacs_buffer_check(out, err);
}

PacsStatus pacs_index_event_patient_ref(const uint8_t key[PACS_SHA256_SIZE], const char *issuer,
                                        const char *patient_id, char ret_ref[2 * PACS_SHA256_SIZE + 1],
                                        PacsError *err)
{
    PACS_AUTO_BUFFER PacsBuffer text = PACS_BUFFER((size_t)4 * PACS_MAX_MAIN_TAG_VALUE);
    pacs_buffer_add_text(&text, issuer ? issuer : "");
    pacs_buffer_add_char(&text, '\0');
    pacs_buffer_add_text(&text, patient_id ? patient_id : "");
    PacsStatus status = pacs_buffer_check(&text, err);
    uint8_t digest[PACS_SHA256_SIZE];
    if (status == PACS_OK)
        status = pacs_hmac_sha256(key, PACS_SHA256_SIZE, text.bytes, text.size, digest, err);
    if (status == PACS_OK)
        pacs_hex_format(digest, sizeof digest, ret_ref);
    return status;
}
