/* contract_tool tables: types, topics and lanes as one JSON object.
 * contract_tool structured | binary: an event in structured form on stdin, parsed and written again: as a document, or
 *     as {"headers": [[name, value], ...], "value": text}. Exits with 1 and the refusal's text on stderr.
 * contract_tool headers: what `binary` writes on stdin, parsed as a record and written as a document.
 * contract_tool compose: rows {ceId, type, key, lane, revision, timeMs, traceparent, data} one a line on stdin, as
 *     events in structured form. */

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "events/contract/cloudevent.h"
#include "events/contract/compose.h"
#include "events/contract/event_types.h"
#include "pacs/util/json.h"
#include "pacs/util/limits.h"

#define ARENA_MAX ((size_t)16 * PACS_MAX_CLOUD_EVENT)

static void write_type(PacsJson *json, const EventsType *type)
{
    static const char *const states[] = {"none", "kept", "tombstone"};
    pacs_json_object_begin(json);
    pacs_json_member_string(json, "name", type->name);
    pacs_json_member_string(json, "ceType", type->ce_type);
    pacs_json_member_string(json, "dataschema", type->dataschema);
    pacs_json_member_string(json, "schemaFile", type->schema_file);
    pacs_json_member_string(json, "topic", type->topic->name);
    pacs_json_member_string(json, "stateTopic", type->state_topic ? type->state_topic->name : NULL);
    pacs_json_member_string(json, "state", states[type->state]);
    pacs_json_object_end(json);
}

static void write_topic(PacsJson *json, const EventsTopic *topic)
{
    pacs_json_object_begin(json);
    pacs_json_member_string(json, "name", topic->name);
    pacs_json_member_bool(json, "lanes", topic->has_lanes);
    pacs_json_member_string(json, "cleanup.policy", topic->cleanup_policy);
    pacs_json_member_i64(json, "retention.ms", topic->retention_ms);
    pacs_json_member_i64(json, "min.compaction.lag.ms", topic->min_compaction_lag_ms);
    pacs_json_member_i64(json, "delete.retention.ms", topic->delete_retention_ms);
    pacs_json_object_end(json);
}

static void write_tables(PacsBuffer *out)
{
    PacsJson json;
    size_t count;
    const EventsType *types = events_types(&count);
    pacs_json_init(&json, out, false);
    pacs_json_object_begin(&json);
    pacs_json_key(&json, "types");
    pacs_json_array_begin(&json);
    for (size_t i = 0; i < count; i++)
        write_type(&json, &types[i]);
    pacs_json_array_end(&json);
    pacs_json_key(&json, "topics");
    pacs_json_array_begin(&json);
    for (size_t i = 0; events_topic_at(i); i++)
        write_topic(&json, events_topic_at(i));
    pacs_json_array_end(&json);
    pacs_json_key(&json, "lanes");
    pacs_json_array_begin(&json);
    for (size_t i = 0; events_lane_at(i); i++)
        pacs_json_string(&json, events_lane_at(i));
    pacs_json_array_end(&json);
    pacs_json_member_u64(&json, "partitions", EVENTS_TOPIC_PARTITIONS);
    pacs_json_member_u64(&json, "replicas", EVENTS_TOPIC_REPLICATION);
    pacs_json_member_u64(&json, "min.insync.replicas", EVENTS_TOPIC_MIN_INSYNC);
    pacs_json_object_end(&json);
}

static void write_binary(const EventsCloudEvent *event, PacsBuffer *out)
{
    PacsJson json;
    EventsHeader headers[EVENTS_HEADERS_MAX];
    const size_t count = events_cloudevent_format_binary(event, headers);
    pacs_json_init(&json, out, false);
    pacs_json_object_begin(&json);
    pacs_json_key(&json, "headers");
    pacs_json_array_begin(&json);
    for (size_t i = 0; i < count; i++) {
        pacs_json_array_begin(&json);
        pacs_json_string(&json, headers[i].name);
        pacs_json_string_n(&json, headers[i].value.text, headers[i].value.size);
        pacs_json_array_end(&json);
    }
    pacs_json_array_end(&json);
    pacs_json_key(&json, "value");
    pacs_json_string_n(&json, event->data.text, event->data.size);
    pacs_json_object_end(&json);
}

static PacsStatus read_all(FILE *file, PacsBuffer *out, PacsError *err)
{
    char bytes[4096];
    size_t size;
    while ((size = fread(bytes, 1, sizeof bytes, file)) > 0)
        pacs_buffer_add(out, bytes, size);
    return pacs_buffer_check(out, err);
}

static PacsStatus rewrite(bool binary, PacsArena *arena, PacsBuffer *out, PacsError *err)
{
    PACS_AUTO_BUFFER PacsBuffer in = PACS_BUFFER((size_t)2 * PACS_MAX_CLOUD_EVENT);
    EventsCloudEvent event = {0};
    PacsStatus status = read_all(stdin, &in, err);
    if (status == PACS_OK)
        status = events_cloudevent_parse_structured((PacsSlice){pacs_buffer_text(&in), in.size}, arena,
                                                    &event, err);
    if (status == PACS_OK && binary)
        write_binary(&event, out);
    else if (status == PACS_OK)
        status = events_cloudevent_format_structured(&event, out, err);
    return status;
}

static PacsSlice slice_of(const json_t *text)
{
    return (PacsSlice){json_string_value(text), json_string_length(text)};
}

static PacsStatus read_record(const json_t *record, PacsArena *arena, PacsBuffer *out, PacsError *err)
{
    const json_t *list = json_object_get(record, "headers");
    const size_t count = json_array_size(list);
    EventsHeader *headers = pacs_arena_array(arena, count + 1, sizeof *headers);
    if (!headers)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for headers");
    for (size_t i = 0; i < count; i++) {
        const json_t *pair = json_array_get(list, i);
        headers[i] = (EventsHeader){json_string_value(json_array_get(pair, 0)),
                                    slice_of(json_array_get(pair, 1))};
    }
    EventsCloudEvent event = {0};
    const PacsStatus status = events_cloudevent_parse(
        headers, count, slice_of(json_object_get(record, "value")), arena, &event, err);
    return status == PACS_OK ? events_cloudevent_format_structured(&event, out, err) : status;
}

static PacsStatus read_headers(PacsArena *arena, PacsBuffer *out, PacsError *err)
{
    json_t *record = json_loadf(stdin, 0, NULL);
    const PacsStatus status = read_record(record, arena, out, err);
    json_decref(record);
    return status;
}

static PacsStatus compose_row(const json_t *row, const EventsComposeOptions *options, PacsArena *arena,
                              PacsBuffer *out, PacsError *err)
{
    PACS_AUTO_FREE char *data = json_dumps(json_object_get(row, "data"), JSON_COMPACT);
    const EventsFacts facts = {
        .ce_id = json_string_value(json_object_get(row, "ceId")),
        .type = json_string_value(json_object_get(row, "type")),
        .key = json_string_value(json_object_get(row, "key")),
        .lane = json_string_value(json_object_get(row, "lane")),
        .traceparent = json_string_value(json_object_get(row, "traceparent")),
        .data = data,
        .revision = (uint64_t)json_integer_value(json_object_get(row, "revision")),
        .time_ms = json_integer_value(json_object_get(row, "timeMs")),
    };
    if (!facts.ce_id || !facts.type || !facts.key || !data)
        return pacs_fail(err, PACS_INVALID, "a row has ceId, type, key and data");
    EventsCloudEvent event = {0};
    PacsStatus status = events_compose(options, &facts, arena, &event, err);
    if (status == PACS_OK)
        status = events_cloudevent_format_structured(&event, out, err);
    pacs_buffer_add_char(out, '\n');
    return status;
}

static PacsStatus compose(PacsArena *arena, PacsBuffer *out, PacsError *err)
{
    const EventsComposeOptions options = {
        .source = "/lightbox/ORTHANC",
        .public_root = "https://pacs.example/dicom-web",
        .viewer_url = "https://viewer.example/viewer?StudyInstanceUIDs={StudyInstanceUID}"};
    PacsStatus status = PACS_OK;
    json_t *row;
    while (status == PACS_OK && (row = json_loadf(stdin, JSON_DISABLE_EOF_CHECK, NULL))) {
        status = compose_row(row, &options, arena, out, err);
        json_decref(row);
    }
    return status;
}

int main(int argc, char **argv)
{
    const char *verb = argc == 2 ? argv[1] : "";
    PacsError err = {0};
    PACS_AUTO_BUFFER PacsBuffer out = PACS_BUFFER(ARENA_MAX);
    PACS_AUTO(PacsArena) arena = pacs_arena_new(ARENA_MAX);
    PacsStatus status = arena ? PACS_OK : PACS_NO_MEMORY;
    if (status == PACS_OK && strcmp(verb, "tables") == 0)
        write_tables(&out);
    else if (status == PACS_OK && strcmp(verb, "compose") == 0)
        status = compose(arena, &out, &err);
    else if (status == PACS_OK && strcmp(verb, "headers") == 0)
        status = read_headers(arena, &out, &err);
    else if (status == PACS_OK && (strcmp(verb, "structured") == 0 || strcmp(verb, "binary") == 0))
        status = rewrite(strcmp(verb, "binary") == 0, arena, &out, &err);
    else if (status == PACS_OK)
        status = pacs_fail(&err, PACS_INVALID,
                           "usage: contract_tool tables | structured | binary | headers | compose");
    if (status == PACS_OK)
        status = pacs_buffer_check(&out, &err);
    if (status != PACS_OK) {
        (void)fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    (void)fwrite(pacs_buffer_text(&out), 1, out.size, stdout);
    return 0;
}
