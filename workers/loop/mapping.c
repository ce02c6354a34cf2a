#include "workers/loop/mapping.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "pacs/util/limits.h"
#include "pacs/util/text.h"
#include "workers/loop/json_pointer.h"
#include "workers/loop/mapping_private.h"

struct WorkerMapping {
    json_t *rows; /* checked */
};

#define TYPE(name)                                                                                           \
    {                                                                                                        \
        name, "org.sapoche.platform." name ".v1"                                                             \
    }

/* What the platform may tell the archive. What the archive tells the platform is "org.sapoche.imaging." (events/contract/event_types.h):
 * both have a report.amended. */
static const struct {
    const char *name, *ce_type;
} types[] = {
    TYPE("appointment.scheduled"), TYPE("appointment.rescheduled"),
    TYPE("appointment.cancelled"), TYPE("patient.created"),
    TYPE("patient.updated"),       TYPE("patient.merged"),
    TYPE("order.created"),         TYPE("order.updated"),
    TYPE("order.cancelled"),       TYPE("report.requested"),
    TYPE("report.finalised"),      TYPE("report.amended"),
    TYPE("report.cancelled"),      TYPE("user.created"),
    TYPE("user.disabled"),         TYPE("user.loggedin"),
    TYPE("erasure.requested"),     TYPE("retention.hold"),
};

const char *worker_mapping_type(const char *name)
{
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (strcmp(types[i].name, name) == 0)
            return types[i].ce_type;
    return NULL;
}

/* ---- The table ---- */

static const char *text_of(const json_t *row, const char *member)
{
    return json_string_value(json_object_get(row, member));
}

static PacsStatus check_condition(const json_t *condition, const char *topic, PacsError *err)
{
    const char *pointer = text_of(condition, "Pointer");
    const json_t *equals = json_object_get(condition, "Equals");

    if (!json_is_object(condition) || (!pointer == !text_of(condition, "Header")) ||
        (pointer && !worker_pointer_valid(pointer)) || !equals || json_object_size(condition) != 2)
        return pacs_fail(
            err, PACS_INVALID,
            "Worker.Mapping of topic '%s': 'When' is to have a 'Pointer' or a 'Header', and 'Equals'", topic);
    return PACS_OK;
}

static PacsStatus check_when(const json_t *when, const char *topic, PacsError *err)
{
    PacsStatus status = PACS_OK;

    if (!when)
        return PACS_OK;
    if (!json_is_array(when))
        return check_condition(when, topic, err);
    for (size_t i = 0; status == PACS_OK && i < json_array_size(when); i++)
        status = check_condition(json_array_get(when, i), topic, err);
    return status;
}

static PacsStatus check_fields(const json_t *fields, const char *topic, PacsError *err)
{
    const char *member;
    json_t *field;

    if (!json_is_object(fields))
        return pacs_fail(err, PACS_INVALID, "Worker.Mapping of topic '%s': 'Fields' is to be an object",
                         topic);
    json_object_foreach((json_t *)fields, member, field)
    {
        if (!*member || !worker_pointer_valid(member))
            return pacs_fail(err, PACS_INVALID,
                             "Worker.Mapping of topic '%s': '%s' is no JSON pointer to a member", topic,
                             member);
        const PacsStatus status = mapping_field_check(field, member, err);
        if (status != PACS_OK)
            return pacs_fail_context(err, status, "Worker.Mapping of topic '%s': ", topic);
    }
    return PACS_OK;
}

static PacsStatus check_row(const json_t *row, PacsError *err)
{
    static const char *const names[] = {"Id", "Key", "Revision"};
    const char *topic = text_of(row, "Topic");

    if (!topic || !*topic)
        return pacs_fail(err, PACS_INVALID, "Worker.Mapping: every row is to have a 'Topic'");
    if (!text_of(row, "Type") || !worker_mapping_type(text_of(row, "Type")))
        return pacs_fail(err, PACS_INVALID,
                         "Worker.Mapping of topic '%s': 'Type' is no type of event that is heard", topic);
    if (json_object_get(row, "Source") && !text_of(row, "Source"))
        return pacs_fail(err, PACS_INVALID, "Worker.Mapping of topic '%s': 'Source' is to be a text", topic);
    PacsStatus status = check_when(json_object_get(row, "When"), topic, err);
    for (size_t i = 0; status == PACS_OK && i < sizeof names / sizeof names[0]; i++)
        if (json_object_get(row, names[i]))
            status = mapping_field_check(json_object_get(row, names[i]), names[i], err);
    return status == PACS_OK ? check_fields(json_object_get(row, "Fields"), topic, err) : status;
}

PacsStatus worker_mapping_new(const json_t *rows, WorkerMapping **ret_mapping, PacsError *err)
{
    PACS_AUTO(WorkerMapping) mapping = calloc(1, sizeof *mapping);

    if (!mapping)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for Worker.Mapping");
    if (rows && !json_is_array(rows))
        return pacs_fail(err, PACS_INVALID, "Worker.Mapping is to be a list");
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const PacsStatus status = check_row(json_array_get(rows, i), err);
        if (status != PACS_OK)
            return status;
    }
    mapping->rows = json_incref((json_t *)rows); /* NULL stays NULL; counted, never changed */
    *ret_mapping = PACS_STEAL(mapping);
    return PACS_OK;
}

void worker_mapping_free(WorkerMapping *mapping)
{
    if (!mapping)
        return;
    json_decref(mapping->rows);
    free(mapping);
}

PacsStatus worker_mapping_topics(const json_t *rows, PacsArena *arena, const char *const **ret_topics,
                                 size_t *ret_count, PacsError *err)
{
    const char **topics = pacs_arena_array(arena, json_array_size(rows) + 1, sizeof *topics);
    size_t count = 0;

    if (!topics)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for the topics of Worker.Mapping");
    for (size_t i = 0; i < json_array_size(rows); i++)
        if (text_of(json_array_get(rows, i),
                    "Topic")) /* what is wrong in a row is told when the table is made */
            topics[count++] = text_of(json_array_get(rows, i), "Topic");
    *ret_topics = topics;
    *ret_count = count;
    return PACS_OK;
}

/* ---- Which row a message is for ---- */

typedef struct Decoding {
    const WorkerRecord *record;
    PacsArena *arena;
    json_t *message; /* NULL: no JSON */
} Decoding;

static bool equals_one(const json_t *expected, const json_t *value)
{
    if (json_equal((json_t *)expected, (json_t *)value))
        return true;
    for (size_t i = 0; i < json_array_size(expected); i++)
        if (json_equal(json_array_get(expected, i), (json_t *)value))
            return true;
    return false;
}

static bool holds(const Decoding *decoding, const json_t *condition)
{
    const char *pointer = text_of(condition, "Pointer");
    const json_t *expected = json_object_get(condition, "Equals");

    if (pointer)
        return equals_one(expected, worker_pointer_get(decoding->message, pointer));
    const PacsSlice header = mapping_header(decoding->record, text_of(condition, "Header"));
    json_t *value = header.text ? json_stringn(header.text, header.size)
                                : NULL; /* NULL for what is no UTF-8 */
    const bool is_equal = value && equals_one(expected, value);
    json_decref(value);
    return is_equal;
}

static bool is_for(const Decoding *decoding, const json_t *row)
{
    const json_t *when = json_object_get(row, "When");

    if (strcmp(text_of(row, "Topic"), decoding->record->topic) != 0)
        return false;
    if (!json_is_array(when))
        return !when || holds(decoding, when);
    for (size_t i = 0; i < json_array_size(when); i++)
        if (!holds(decoding, json_array_get(when, i)))
            return false;
    return true;
}

static bool is_mapped(const WorkerMapping *mapping, const char *topic)
{
    for (size_t i = 0; i < json_array_size(mapping->rows); i++)
        if (strcmp(text_of(json_array_get(mapping->rows, i), "Topic"), topic) == 0)
            return true;
    return false;
}

static const json_t *find_row(const WorkerMapping *mapping, const Decoding *decoding)
{
    for (size_t i = 0; i < json_array_size(mapping->rows); i++)
        if (is_for(decoding, json_array_get(mapping->rows, i)))
            return json_array_get(mapping->rows, i);
    return NULL;
}

/* ---- The event ---- */

/* A member of the row that names something of the event, as text in the arena; NULL: the row or the message has none. */
static PacsStatus read_name(const Decoding *decoding, const json_t *row, const char *member,
                            const char **ret_text, PacsError *err)
{
    const json_t *field = json_object_get(row, member);
    json_t *value = NULL;

    *ret_text = NULL;
    if (!field)
        return PACS_OK;
    PacsStatus status = mapping_field_read(field, member, decoding->record, decoding->message, &value, err);
    if (status != PACS_OK)
        return status;
    if (json_is_integer(value))
        *ret_text = pacs_arena_printf(decoding->arena, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    else if (json_is_string(value) && json_string_length(value) > 0)
        *ret_text = pacs_arena_strdup(decoding->arena, json_string_value(value));
    else
        status = pacs_fail(err, PACS_INVALID, "%s of a message of topic %s is missing or no text", member,
                           decoding->record->topic);
    json_decref(value);
    return status == PACS_OK && !*ret_text ? pacs_fail(err, PACS_NO_MEMORY, "no memory for a message")
                                           : status;
}

static PacsStatus make_data(const Decoding *decoding, const json_t *fields, json_t *data, PacsError *err)
{
    const char *member;
    json_t *field;
    PacsStatus status = PACS_OK;

    json_object_foreach((json_t *)fields, member, field)
    {
        json_t *value = NULL;
        if (status == PACS_OK)
            status = mapping_field_read(field, member, decoding->record, decoding->message, &value, err);
        if (status == PACS_OK && value)
            status = worker_pointer_set(data, member, value, err);
    }
    return status;
}

static PacsStatus keep_data(const Decoding *decoding, const json_t *data, EventsCloudEvent *event,
                            PacsError *err)
{
    const size_t size = json_dumpb(data, NULL, 0, JSON_COMPACT);
    char *text = pacs_arena_alloc(decoding->arena, size + 1);

    if (!text)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for a message of %zu bytes", size);
    event->data = (PacsSlice){text, json_dumpb(data, text, size, JSON_COMPACT)};
    const json_t *study = json_object_get(data, "studyInstanceUid");
    if (!event->partitionkey && json_is_string(study)) /* what the archive's own events are ordered by */
        event->partitionkey = pacs_arena_strdup(decoding->arena, json_string_value(study));
    event->subject = event->partitionkey;
    return PACS_OK;
}

static PacsStatus name_event(const Decoding *decoding, const json_t *row, EventsCloudEvent *event,
                             PacsError *err)
{
    const WorkerRecord *record = decoding->record;
    const char *revision = NULL;
    uint64_t number = 0;

    PacsStatus status = read_name(decoding, row, "Id", &event->id, err);
    if (status == PACS_OK)
        status = read_name(decoding, row, "Key", &event->partitionkey, err);
    if (status == PACS_OK)
        status = read_name(decoding, row, "Revision", &revision, err);
    if (status != PACS_OK)
        return status;
    if (!event->id)
        event->id = pacs_arena_printf(decoding->arena, "%s/%" PRId32 "/%" PRId64, record->topic,
                                      record->partition, record->offset);
    event->source = text_of(row, "Source") ? pacs_arena_strdup(decoding->arena, text_of(row, "Source"))
                                           : pacs_arena_printf(decoding->arena, "/topics/%s", record->topic);
    if (revision && pacs_parse_u64(pacs_slice(revision), UINT64_MAX, &number, NULL) != PACS_OK)
        return pacs_fail(err, PACS_INVALID, "Revision of a message of topic %s is no number", record->topic);
    if (revision)
        event->sequence = pacs_arena_printf(decoding->arena, "%020" PRIu64, number);
    event->type = worker_mapping_type(text_of(row, "Type"));
    event->datacontenttype = "application/json";
    if (!event->id || !event->source || (revision && !event->sequence))
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for a message");
    return PACS_OK;
}

static PacsStatus decode(const WorkerMapping *mapping, const Decoding *decoding, EventsCloudEvent *ret_event,
                         PacsError *err)
{
    const json_t *row = find_row(mapping, decoding);
    EventsCloudEvent event = {0};

    if (!row && !decoding->message)
        return pacs_fail(err, PACS_INVALID, "a message of topic %s is no JSON", decoding->record->topic);
    if (!row)
        return pacs_fail(err, PACS_UNSUPPORTED, "no row of Worker.Mapping is for this message of topic %s",
                         decoding->record->topic);
    if (!decoding->message)
        return pacs_fail(err, PACS_INVALID, "a message of topic %s (%s) is no JSON", decoding->record->topic,
                         text_of(row, "Type"));
    json_t *data = json_object();
    PacsStatus status = name_event(decoding, row, &event, err);
    if (status == PACS_OK)
        status = make_data(decoding, json_object_get(row, "Fields"), data, err);
    if (status == PACS_OK)
        status = keep_data(decoding, data, &event, err);
    json_decref(data);
    if (status == PACS_OK)
        *ret_event = event;
    return status;
}

PacsStatus worker_mapping_decode(const WorkerMapping *mapping, const WorkerRecord *record, PacsArena *arena,
                                 EventsCloudEvent *ret_event, PacsError *err)
{
    if (!is_mapped(mapping, record->topic))
        return events_cloudevent_parse(record->headers, record->header_count, record->value, arena, ret_event,
                                       err);
    if (!record->value.text)
        return pacs_fail(err, PACS_UNSUPPORTED, "a message of topic %s without a value", record->topic);
    if (record->value.size > PACS_MAX_MAPPED_MESSAGE)
        return pacs_fail(err, PACS_TOO_LARGE, "a message of %zu bytes, %u are looked into",
                         record->value.size, PACS_MAX_MAPPED_MESSAGE);
    const Decoding decoding = {.record = record,
                               .arena = arena,
                               .message = json_loadb(record->value.text, record->value.size, 0, NULL)};
    const PacsStatus status = decode(mapping, &decoding, ret_event, err);
    json_decref(decoding.message);
    return status;
}
