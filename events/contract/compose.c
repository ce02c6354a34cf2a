#include "events/contract/compose.h"

#include <inttypes.h>
#include <string.h>

#include "events/contract/event_types.h"
#include "pacs/util/clock.h"
#include "pacs/util/json.h"
#include "pacs/util/json_read.h"
#include "pacs/util/limits.h"

#define TIME_SIZE 25
#define VIEWER_PLACE "{StudyInstanceUID}"

/** The text of a member at the top of an object, raw (UIDs need no unescaping); NULL where it is not there. */
static PacsStatus find_member(const char *data, const char *name, PacsSlice *ret_text, PacsError *err)
{
    PacsJsonReader reader = pacs_json_reader(data, strlen(data));
    PacsJsonToken token;
    PacsSlice text;
    PacsStatus status = pacs_json_next(&reader, &token, &text, err); /* its brace */
    *ret_text = (PacsSlice){NULL, 0};
    while (status == PACS_OK) {
        status = pacs_json_next(&reader, &token, &text, err);
        if (status != PACS_OK || token != PACS_JSON_KEY)
            return status;
        if (pacs_slice_equal(text, name))
            return pacs_json_next(&reader, &token, ret_text, err);
        status = pacs_json_skip(&reader, err);
    }
    return status;
}

static bool is_given(const char *text)
{
    return text && text[0];
}

static void add_retrieve_url(PacsJson *json, const EventsComposeOptions *options, const EventsFacts *facts,
                             PacsArena *arena)
{
    if (is_given(options->public_root))
        pacs_json_member_string(json, "retrieveUrl",
                                pacs_arena_printf(arena, "%s/studies/%s", options->public_root, facts->key));
}

static void add_viewer_url(PacsJson *json, const EventsComposeOptions *options, const EventsFacts *facts,
                           PacsArena *arena)
{
    const char *place = is_given(options->viewer_url) ? strstr(options->viewer_url, VIEWER_PLACE) : NULL;
    if (place)
        pacs_json_member_string(json, "viewerUrl",
                                pacs_arena_printf(arena, "%.*s%s%s", (int)(place - options->viewer_url),
                                                  options->viewer_url, facts->key,
                                                  place + strlen(VIEWER_PLACE)));
}

/** Where the document itself is, as a PDF or a page (WADO-RS rendered). */
static PacsStatus add_content_url(PacsJson *json, const EventsComposeOptions *options,
                                  const EventsFacts *facts, PacsArena *arena, PacsError *err)
{
    PacsSlice series, instance;
    PacsStatus status = find_member(facts->data, "seriesInstanceUid", &series, err);
    if (status == PACS_OK)
        status = find_member(facts->data, "sopInstanceUid", &instance, err);
    if (status == PACS_OK && series.text && instance.text && is_given(options->public_root))
        pacs_json_member_string(json, "contentUrl",
                                pacs_arena_printf(arena, "%s/studies/%s/series/%.*s/instances/%.*s/rendered",
                                                  options->public_root, facts->key, (int)series.size,
                                                  series.text, (int)instance.size, instance.text));
    return status;
}

/** What is put in front of the facts: an object of its own, still open. */
static PacsStatus write_additions(const EventsComposeOptions *options, const EventsFacts *facts,
                                  const EventsType *type, PacsArena *arena, PacsJson *json, PacsError *err)
{
    PacsStatus status = PACS_OK;
    if (type->subject == EVENTS_ABOUT_STUDY || type->subject == EVENTS_ABOUT_REPORT) {
        add_retrieve_url(json, options, facts, arena);
        add_viewer_url(json, options, facts, arena);
    }
    if (type->subject == EVENTS_ABOUT_REPORT)
        status = add_content_url(json, options, facts, arena, err);
    return status;
}

static PacsStatus compose_data(const EventsComposeOptions *options, const EventsFacts *facts,
                               const EventsType *type, PacsArena *arena, PacsSlice *ret_data, PacsError *err)
{
    const size_t size = strlen(facts->data);
    if (size < 2 || facts->data[0] != '{' || facts->data[size - 1] != '}')
        return pacs_fail(err, PACS_CORRUPT, "the event's data is not a JSON object");
    PACS_AUTO_BUFFER PacsBuffer out = PACS_BUFFER(PACS_MAX_CLOUD_EVENT);
    PacsJson json;
    pacs_json_init(&json, &out, false);
    pacs_json_object_begin(&json);
    PacsStatus status = write_additions(options, facts, type, arena, &json, err);
    if (status != PACS_OK)
        return status;
    const char *members = facts->data + 1; /* up to and with its closing brace */
    if (out.size > 1 && size > 2)
        pacs_buffer_add_char(&out, ',');
    pacs_buffer_add_text(&out, members);
    status = pacs_buffer_check(&out, err);
    if (status != PACS_OK)
        return status;
    const char *copy = pacs_arena_strndup(arena, pacs_buffer_text(&out), out.size);
    if (!copy)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for an event");
    *ret_data = (PacsSlice){copy, out.size};
    return PACS_OK;
}

PacsStatus events_compose(const EventsComposeOptions *options, const EventsFacts *facts, PacsArena *arena,
                          EventsCloudEvent *ret_event, PacsError *err)
{
    const EventsType *type = events_type_find(facts->type);
    if (!type)
        return pacs_fail(err, PACS_CORRUPT, "an event's type '%.64s' is unknown", facts->type);
    const bool is_house = type->subject == EVENTS_ABOUT_HOUSE;
    char *time = pacs_arena_alloc(arena, TIME_SIZE);
    const char *sequence = pacs_arena_printf(arena, "%020" PRIu64, facts->revision);
    const char *subject = is_house ? facts->key : pacs_arena_printf(arena, "studies/%s", facts->key);
    if (!time || !sequence || !subject)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for an event");
    pacs_time_format_rfc3339(facts->time_ms, time);

    EventsCloudEvent event = {
        .id = facts->ce_id,
        .source = options->source,
        .type = type->ce_type,
        .subject = subject[0] ? subject : NULL,
        .time = time,
        .dataschema = type->dataschema,
        .datacontenttype = "application/json",
        .partitionkey = facts->key[0] ? facts->key : NULL,
        .sequence = sequence,
        .lane = is_house ? NULL : (facts->lane ? facts->lane : EVENTS_LANE_NORMAL),
        .correlationid = is_house || !facts->key[0] ? NULL : facts->key,
        .dataclassification = "confidential",
        .dataregulation = "GDPR,HIPAA",
        .datacategory = "phi", /* UIDs and accession numbers name a person to whoever has the archive */
        .traceparent = facts->traceparent,
    };
    const PacsStatus status = compose_data(options, facts, type, arena, &event.data, err);
    if (status == PACS_OK)
        *ret_event = event;
    return status;
}
