#include "pacs/index/index_event.h"

#include <string.h>

#include "pacs/util/clock.h"
#include "pacs/util/json.h"
#include "pacs/util/limits.h"
#include "pacs/util/text.h"

const char *pacs_index_event_type_name(PacsStudyEventType type)
{
    static const char *const names[] = {
        [PACS_STUDY_RECEIVED] = "study.received",
        [PACS_STUDY_ARRIVED] = "study.arrived",
        [PACS_STUDY_UPDATED] = "study.updated",
        [PACS_STUDY_DELETED] = "study.deleted",
    };
    return names[type];
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
static void member_distinct(Writer *writer, const char *key, const PacsStudyFacts *facts, SeriesText *text_of)
{
    Distinct distinct = {.count = 0};
    for (size_t i = 0; i < facts->series_count; i++) {
        PacsSlice rest = pacs_slice(text_of(&facts->series[i]));
        PacsSlice part;
        while (distinct.count < DISTINCT_MAX && pacs_slice_split(&rest, '\\', &part))
            if (is_new(&distinct, part))
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
    for (size_t i = 0; i < facts->series_count; i++)
        if (facts->series[i].body_part && facts->series[i].body_part[0])
            return facts->series[i].body_part;
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
        member_text(writer, "modality", facts->series[i].modality);
        member_text(writer, "number", facts->series[i].number);
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

static void member_changed_series(Writer *writer, const PacsStudyFacts *facts)
{
    pacs_json_key(&writer->json, "changedSeries");
    pacs_json_array_begin(&writer->json);
    const size_t count = capped(writer, facts->changed_series_count);
    for (size_t i = 0; i < count; i++)
        pacs_json_string(&writer->json, facts->changed_series[i]);
    pacs_json_array_end(&writer->json);
}

static void members_of_type(Writer *writer, PacsStudyEventType type, const PacsStudyFacts *facts)
{
    switch (type) {
    case PACS_STUDY_RECEIVED:
        member_text(writer, "callingAet", facts->calling_aet);
        member_text(writer, "calledAet", facts->called_aet);
        member_text(writer, "modality", facts->series_count > 0 ? facts->series[0].modality : NULL);
        break;
    case PACS_STUDY_ARRIVED:
        pacs_json_member_string(&writer->json, "stableReason", "stable-age");
        pacs_json_member_string(&writer->json, "manifestSha256", facts->manifest_sha256);
        break;
    case PACS_STUDY_UPDATED:
        pacs_json_member_string(&writer->json, "reason", facts->reason);
        pacs_json_member_u64(&writer->json, "previousRevision", facts->revision - 1);
        member_changed_series(writer, facts);
        break;
    case PACS_STUDY_DELETED:
        break;
    }
}

static void write_event(Writer *writer, PacsStudyEventType type, const PacsStudyFacts *facts)
{
    PacsJson *json = &writer->json;
    pacs_json_object_begin(json);
    pacs_json_member_string(json, "studyInstanceUid", facts->study_instance_uid);
    member_text(writer, "accessionNumber", facts->accession_number);
    member_text(writer, "patientRef", facts->patient_ref);
    member_text(writer, "studyDate", facts->study_date);
    member_text(writer, "studyTime", facts->study_time);
    member_text(writer, "timezone", facts->timezone);
    member_distinct(writer, "modalitiesInStudy", facts, modality_of);
    member_distinct(writer, "sopClassesInStudy", facts, sop_classes_of);
    member_text(writer, "bodyPart", body_part(facts));
    pacs_json_member_u64(json, "seriesCount", facts->series_count);
    pacs_json_member_u64(json, "instancesCount", facts->instances);
    pacs_json_member_u64(json, "sizeBytes", facts->size_bytes);
    member_ids(writer, facts);
    pacs_json_member_string(json, "instanceAvailability",
                            type == PACS_STUDY_DELETED ? "UNAVAILABLE" : "ONLINE");
    pacs_json_member_u64(json, "revision", facts->revision);
    pacs_json_member_i64(json, "changeSeq", facts->change_seq);
    member_time(writer, "receivedAt", facts->received_ms);
    member_time(writer, "lastReceivedAt", facts->last_received_ms);
    members_of_type(writer, type, facts);
    member_series(writer, facts);
    if (writer->truncated)
        pacs_json_member_bool(json, "truncated", true);
    pacs_json_object_end(json);
}

PacsStatus pacs_index_event_format(PacsStudyEventType type, const PacsStudyFacts *facts, PacsBuffer *out,
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
