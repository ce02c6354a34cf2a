#include "dicomweb/accept.h"
#include "dicomweb/stow.h"
#include "dicomweb/url.h"

#include <stdio.h>
#include <string.h>

#include "pacs/dicom/dicom_xml.h"
#include "pacs/dicom/reply_codes.h"
#include "pacs/util/json.h"
#include "pacs/util/limits.h"

/* The Store Instances Response module (PS3.18 annex I.2): what was stored, what was not and why. */

#define RETRIEVE_URL "00081190"
#define FAILED_SOP_SEQUENCE "00081198"
#define REFERENCED_SOP_SEQUENCE "00081199"
#define OTHER_FAILURES_SEQUENCE "0008119A"
#define REFERENCED_SOP_CLASS_UID "00081150"
#define REFERENCED_SOP_INSTANCE_UID "00081155"
#define FAILURE_REASON "00081197"

/* ---- Outcomes ---- */

void stow_outcomes_init(StowOutcomes *outcomes)
{
    *outcomes = (StowOutcomes){0};
    pacs_buffer_init(&outcomes->items, PACS_MAX_STOW_INSTANCES * sizeof(StowOutcome));
}

void stow_outcomes_clear(StowOutcomes *outcomes)
{
    pacs_buffer_clear(&outcomes->items);
}

PacsStatus stow_outcomes_room(const StowOutcomes *outcomes, PacsError *err)
{
    if (outcomes->items.failed || outcomes->items.max - outcomes->items.size < sizeof(StowOutcome))
        return pacs_fail(err, PACS_TOO_LARGE, "a request may bring %d objects, the others are left out",
                         PACS_MAX_STOW_INSTANCES);
    return PACS_OK;
}

static void add(StowOutcomes *outcomes, const StowOutcome *outcome)
{
    (void)pacs_buffer_add(&outcomes->items, outcome,
                          sizeof *outcome); /* full: stow_outcomes_room() said so */
    if (outcome->status == PACS_OK)
        outcomes->stored++;
    else
        outcomes->failed++;
}

void stow_add_stored(StowOutcomes *outcomes, const PacsIngested *ingested)
{
    StowOutcome outcome = {.status = PACS_OK};

    memcpy(outcome.sop_class_uid, ingested->sop_class_uid, sizeof outcome.sop_class_uid);
    memcpy(outcome.sop_instance_uid, ingested->sop_instance_uid, sizeof outcome.sop_instance_uid);
    memcpy(outcome.study_instance_uid, ingested->study_instance_uid, sizeof outcome.study_instance_uid);
    memcpy(outcome.series_instance_uid, ingested->series_instance_uid, sizeof outcome.series_instance_uid);
    add(outcomes, &outcome);
}

void stow_add_failed(StowOutcomes *outcomes, const PacsScanNames *names, const PacsError *err)
{
    StowOutcome outcome = {.status = err->status};

    if (names) { /* they fit: they are UIDs */
        (void)pacs_text_copy(outcome.sop_class_uid, sizeof outcome.sop_class_uid, names->sop_class_uid);
        (void)pacs_text_copy(outcome.sop_instance_uid, sizeof outcome.sop_instance_uid,
                             names->sop_instance_uid);
    }
    if (outcomes->failed == 0)
        outcomes->first_failure = *err;
    add(outcomes, &outcome);
}

static const StowOutcome *items(const StowOutcomes *outcomes, size_t *ret_count)
{
    *ret_count = outcomes->items.size / sizeof(StowOutcome);
    return (const StowOutcome *)(const void *)outcomes->items.bytes; /* memory from malloc: aligned */
}

/* ---- The code ---- */

/** All failed: what they have in common, or the code for "nothing could be stored, for several reasons". */
static uint32_t code_of_failures(const StowOutcomes *outcomes)
{
    size_t count;
    const StowOutcome *item = items(outcomes, &count);
    PacsStatus status = item[0].status;

    for (size_t i = 1; i < count; i++) {
        if (item[i].status != status)
            return 409;
    }
    /* A part that is no DICOM is not a bad request: the reason stands in the answer (PS3.18 table 10.5.3-1). */
    return status == PACS_INVALID ? 409 : pacs_reply_codes(status).http;
}

static uint32_t code_of(const StowOutcomes *outcomes)
{
    if (outcomes->stored > 0)
        return outcomes->failed > 0 ? 202 : 200;
    return code_of_failures(outcomes);
}

/* ---- The data set ---- */

static void begin_attribute(PacsJson *json, const char *tag, const char *vr)
{
    pacs_json_key(json, tag);
    pacs_json_object_begin(json);
    pacs_json_member_string(json, "vr", vr);
}

static void begin_value(PacsJson *json, const char *tag, const char *vr)
{
    begin_attribute(json, tag, vr);
    pacs_json_key(json, "Value");
    pacs_json_array_begin(json);
}

static void end_value(PacsJson *json)
{
    pacs_json_array_end(json);
    pacs_json_object_end(json);
}

static void add_text(PacsJson *json, const char *tag, const char *vr, const char *text)
{
    if (!*text) {
        begin_attribute(json, tag, vr);
        pacs_json_object_end(json);
        return;
    }
    begin_value(json, tag, vr);
    pacs_json_string(json, text);
    end_value(json);
}

/** Of the study, if all that was stored is of one. */
static void add_study_url(PacsJson *json, const StowOutcomes *outcomes, const char *root, PacsArena *arena)
{
    size_t count;
    const StowOutcome *item = items(outcomes, &count);
    const char *study_uid = NULL;
    bool same = true;

    for (size_t i = 0; i < count; i++) {
        if (item[i].status != PACS_OK)
            continue;
        if (!study_uid)
            study_uid = item[i].study_instance_uid;
        same = same && strcmp(study_uid, item[i].study_instance_uid) == 0;
    }
    const char *url = study_uid && same ? pacs_arena_printf(arena, "%s/studies/%s", root, study_uid) : "";
    add_text(json, RETRIEVE_URL, "UR", url ? url : "");
}

static void add_names(PacsJson *json, const StowOutcome *outcome)
{
    add_text(json, REFERENCED_SOP_CLASS_UID, "UI", outcome->sop_class_uid);
    add_text(json, REFERENCED_SOP_INSTANCE_UID, "UI", outcome->sop_instance_uid);
}

static void add_reason(PacsJson *json, PacsStatus status)
{
    begin_value(json, FAILURE_REASON, "US");
    pacs_json_u64(json, pacs_reply_codes(status).dimse_store);
    end_value(json);
}

typedef struct Writing {
    PacsJson json;
    const char *root;
    PacsBuffer url; /* of the item at hand */
} Writing;

static void write_stored(Writing *writing, const StowOutcome *outcome)
{
    add_names(&writing->json, outcome);
    pacs_buffer_reset(&writing->url);
    (void)pacs_buffer_add_format(&writing->url, "%s/studies/%s/series/%s/instances/%s", writing->root,
                                 outcome->study_instance_uid, outcome->series_instance_uid,
                                 outcome->sop_instance_uid);
    add_text(&writing->json, RETRIEVE_URL, "UR", pacs_buffer_text(&writing->url));
}

static void write_failed(Writing *writing, const StowOutcome *outcome)
{
    add_names(&writing->json, outcome);
    add_reason(&writing->json, outcome->status);
}

static void write_other(Writing *writing, const StowOutcome *outcome)
{
    add_reason(&writing->json, outcome->status);
}

static bool is_stored(const StowOutcome *outcome)
{
    return outcome->status == PACS_OK;
}

static bool is_failed(const StowOutcome *outcome)
{
    return outcome->status != PACS_OK && outcome->sop_instance_uid[0];
}

static bool is_other(const StowOutcome *outcome)
{
    return outcome->status != PACS_OK && !outcome->sop_instance_uid[0];
}

static const struct {
    const char *tag;
    bool (*has)(const StowOutcome *outcome);
    void (*write)(Writing *writing, const StowOutcome *outcome);
} sequences[] = {
    {FAILED_SOP_SEQUENCE, is_failed, write_failed},
    {REFERENCED_SOP_SEQUENCE, is_stored, write_stored},
    {OTHER_FAILURES_SEQUENCE, is_other, write_other},
};

/** The sequence of all outcomes that belong to it; none where there are none. */
static void write_sequence(Writing *writing, size_t sequence, const StowOutcomes *outcomes)
{
    size_t count;
    const StowOutcome *item = items(outcomes, &count);
    bool begun = false;

    for (size_t i = 0; i < count; i++) {
        if (!sequences[sequence].has(&item[i]))
            continue;
        if (!begun)
            begin_value(&writing->json, sequences[sequence].tag, "SQ");
        begun = true;
        pacs_json_object_begin(&writing->json);
        sequences[sequence].write(writing, &item[i]);
        pacs_json_object_end(&writing->json);
    }
    if (begun)
        end_value(&writing->json);
}

static PacsStatus write_json(const StowOutcomes *outcomes, const char *root, PacsArena *arena,
                             PacsBuffer *out, PacsError *err)
{
    Writing writing = {.root = root, .url = PACS_BUFFER(64u << 10)};

    pacs_json_init(&writing.json, out, false);
    pacs_json_object_begin(&writing.json);
    add_study_url(&writing.json, outcomes, root, arena);
    for (size_t i = 0; i < sizeof sequences / sizeof sequences[0]; i++)
        write_sequence(&writing, i, outcomes);
    pacs_json_object_end(&writing.json);
    pacs_buffer_clear(&writing.url);
    return pacs_buffer_check(out, err);
}

/* ---- The reply ---- */

const char *stow_choose_answer(const Dicomweb *dicomweb, PacsHttpRequest *request, PacsHttpReply *reply)
{
    static const DicomwebOffer offers[] = {{.media_type = DICOMWEB_TYPE_JSON},
                                           {.media_type = DICOMWEB_TYPE_XML}};
    const char *accept = dicomweb_accept_text(request);

    /* Orthanc takes the objects and answers in JSON whatever is asked for. */
    if (!dicomweb->options.strict && accept && !dicomweb_accept_choose(pacs_slice(accept), offers, 2))
        return DICOMWEB_TYPE_JSON;
    const DicomwebOffer *offer = dicomweb_negotiate(request, reply, offers, 2);
    return offer ? offer->media_type : NULL;
}

static PacsStatus write_answer(const Dicomweb *dicomweb, PacsHttpRequest *request,
                               const StowOutcomes *outcomes, bool as_xml, PacsBuffer *out, PacsError *err)
{
    PACS_AUTO_BUFFER PacsBuffer text = PACS_BUFFER(PACS_MAX_STOW_ANSWER);
    const char *root = dicomweb_public_root(&dicomweb->options, request);
    if (!root)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for the answer");

    PacsStatus status = write_json(outcomes, root, pacs_http_arena(request), as_xml ? &text : out, err);
    if (status != PACS_OK || !as_xml)
        return status;
    return pacs_dicom_xml_write((PacsSlice){pacs_buffer_text(&text), text.size}, "", out, err);
}

void stow_reply(const Dicomweb *dicomweb, PacsHttpRequest *request, PacsHttpReply *reply,
                const StowOutcomes *outcomes, const char *media_type)
{
    PACS_AUTO_BUFFER PacsBuffer body = PACS_BUFFER(PACS_MAX_STOW_ANSWER);
    PacsError err = {0};

    if (write_answer(dicomweb, request, outcomes, strcmp(media_type, DICOMWEB_TYPE_XML) == 0, &body, &err) !=
        PACS_OK) {
        dicomweb_reply_failure(request, reply, &err);
        return;
    }
    pacs_http_reply_code(reply, code_of(outcomes));
    pacs_http_reply_buffer(reply, media_type, &body);
}
