#include "events/relay/settings.h"

#include <string.h>

#include "pacs/dicom/dictionary.h"

#define FIELD(name) offsetof(Fields, name)
#define TEXT(name, field)                                                                                    \
    {                                                                                                        \
        .key = (name), .kind = PACS_MEMBER_TEXT, .offset = FIELD(field)                                      \
    }
#define JSON(name, field)                                                                                    \
    {                                                                                                        \
        .key = (name), .kind = PACS_MEMBER_JSON, .offset = FIELD(field)                                      \
    }
#define NUMBER(name, field, least, most)                                                                     \
    {                                                                                                        \
        .key = (name), .kind = PACS_MEMBER_NUMBER, .offset = FIELD(field), .min = (least), .max = (most)     \
    }

/** The settings as they are read, with what is parsed further. */
typedef struct Fields {
    EventsSettings settings;
    const json_t *phi_fields, *lanes, *content_mode, *kafka;
} Fields;

static const PacsConfigMember members[] = {
    TEXT("Source", settings.source),
    TEXT("PublicRoot", settings.public_root),
    TEXT("ViewerUrl", settings.viewer_url),
    JSON("PhiFields", phi_fields),
    JSON("Lanes", lanes),
    JSON("ContentMode", content_mode),
    NUMBER("RetentionDays", settings.retention_days, 1, 3650),
    NUMBER("MaxOutboxRows", settings.max_outbox_rows, 0, UINT64_C(1) << 40),
    NUMBER("MaxOutboxAgeSeconds", settings.max_outbox_age_s, 0, UINT64_C(3650) * 86400),
    TEXT("LogSink", settings.log_sink),
    JSON("Kafka", kafka), /* a section of its own */
};

static PacsStatus no_memory(PacsError *err)
{
    return pacs_fail(err, PACS_NO_MEMORY, "no memory for the settings");
}

/** A text, or a list of texts; nothing where it is not given. `key` is for the error. */
static PacsStatus read_texts(const json_t *value, const char *key, PacsArena *arena, EventsTextList *ret_list,
                             PacsError *err)
{
    const size_t count = json_is_array(value) ? json_array_size(value) : value != NULL;
    const char **items = pacs_arena_array(arena, count + 1, sizeof *items);

    if (!items)
        return no_memory(err);
    for (size_t i = 0; i < count; i++) {
        items[i] = json_string_value(json_is_array(value) ? json_array_get(value, i) : value);
        if (!items[i] || !items[i][0])
            return pacs_fail(err, PACS_INVALID, "'%s' must be a text or a list of texts", key);
    }
    *ret_list = (EventsTextList){.items = items, .count = count};
    return PACS_OK;
}

/* ---- Lanes ---- */

static const char *const lane_names[] = {"normal", "vip", "svip1", "svip2"};

static const char *find_lane(const char *name)
{
    for (size_t i = 0; name && i < sizeof lane_names / sizeof *lane_names; i++) {
        if (strcmp(lane_names[i], name) == 0)
            return lane_names[i];
    }
    return NULL;
}

static PacsStatus read_lane_tags(const json_t *all, const char *place, PacsArena *arena, EventsLaneRule *rule,
                                 PacsError *err)
{
    const char *name;
    json_t *value;

    if (!json_is_object(all))
        return pacs_fail(err, PACS_INVALID, "'%s' must be an object of tags and the values they may have",
                         place);
    EventsLaneTag *tags = pacs_arena_array(arena, json_object_size(all) + 1, sizeof *tags);
    if (!tags)
        return no_memory(err);
    json_object_foreach((json_t *)all, name, value) /* jansson iterates non-const */
    {
        EventsLaneTag *tag = &tags[rule->tag_count];
        if (pacs_dictionary_parse_tag(pacs_slice(name), &tag->tag, NULL) != PACS_OK)
            return pacs_fail(err, PACS_INVALID, "'%s' names '%.64s', which is no tag", place, name);
        PacsStatus status = read_texts(value, place, arena, &tag->values, err);
        if (status != PACS_OK)
            return status;
        rule->tag_count++;
    }
    rule->tags = tags;
    return PACS_OK;
}

static PacsStatus read_lane_member(const char *key, const json_t *value, const char *place, PacsArena *arena,
                                   EventsLaneRule *rule, PacsError *err)
{
    const struct {
        const char *key;
        EventsTextList *list;
    } lists[] = {{"CallingAet", &rule->calling_aets},
                 {"CalledAet", &rule->called_aets},
                 {"Modality", &rule->modalities}};

    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        if (strcmp(lists[i].key, key) == 0)
            return read_texts(value, place, arena, lists[i].list, err);
    }
    if (strcmp(key, "Tags") == 0)
        return read_lane_tags(value, place, arena, rule, err);
    if (strcmp(key, "Lane") == 0) {
        rule->lane = find_lane(json_string_value(value));
        return rule->lane ? PACS_OK
                          : pacs_fail(err, PACS_INVALID,
                                      "'%s' must be one of \"normal\", \"vip\", \"svip1\", \"svip2\"", place);
    }
    /* An unknown condition that is passed over would match too much. */
    return pacs_fail(err, PACS_INVALID,
                     "'%s' is no condition of a lane; these are CallingAet, CalledAet, Modality and Tags",
                     place);
}

static PacsStatus read_lane(const json_t *value, size_t index, PacsArena *arena, EventsLaneRule *rule,
                            PacsError *err)
{
    const char *key;
    json_t *member;

    if (!json_is_object(value))
        return pacs_fail(err, PACS_INVALID, "'Events.Lanes[%zu]' must be an object with Lane and conditions",
                         index);
    json_object_foreach((json_t *)value, key, member)
    {
        const char *place = pacs_arena_printf(arena, "Events.Lanes[%zu].%.64s", index, key);
        if (!place)
            return no_memory(err);
        PacsStatus status = read_lane_member(key, member, place, arena, rule, err);
        if (status != PACS_OK)
            return status;
    }
    if (!rule->lane)
        return pacs_fail(err, PACS_INVALID, "'Events.Lanes[%zu]' lacks its Lane", index);
    return PACS_OK;
}

static PacsStatus read_lanes(const json_t *all, PacsArena *arena, EventsSettings *settings, PacsError *err)
{
    if (!all)
        return PACS_OK;
    if (!json_is_array(all))
        return pacs_fail(err, PACS_INVALID, "'Events.Lanes' must be a list of rules");
    EventsLaneRule *rules = pacs_arena_array(arena, json_array_size(all) + 1, sizeof *rules);
    if (!rules)
        return no_memory(err);
    for (size_t i = 0; i < json_array_size(all); i++) {
        PacsStatus status = read_lane(json_array_get(all, i), i, arena, &rules[i], err);
        if (status != PACS_OK)
            return status;
    }
    settings->lanes = rules;
    settings->lane_count = json_array_size(all);
    return PACS_OK;
}

/* ---- ContentMode ---- */

static bool read_mode(const json_t *value, bool *ret_structured)
{
    const char *text = json_string_value(value);

    if (!text || (strcmp(text, "structured") != 0 && strcmp(text, "binary") != 0))
        return false;
    *ret_structured = strcmp(text, "structured") == 0;
    return true;
}

static PacsStatus fail_mode(PacsError *err)
{
    return pacs_fail(
        err, PACS_INVALID,
        "'Events.ContentMode' must be \"binary\" or \"structured\", or an object of these by topic");
}

static PacsStatus read_content_mode(const json_t *value, PacsArena *arena, EventsSettings *settings,
                                    PacsError *err)
{
    const char *topic;
    json_t *mode;

    if (!value || read_mode(value, &settings->structured))
        return PACS_OK;
    if (!json_is_object(value))
        return fail_mode(err);
    EventsTopicMode *modes = pacs_arena_array(arena, json_object_size(value) + 1, sizeof *modes);
    if (!modes)
        return no_memory(err);
    json_object_foreach((json_t *)value, topic, mode)
    {
        EventsTopicMode *row = &modes[settings->topic_mode_count++];
        row->topic = topic;
        if (!read_mode(mode, &row->structured))
            return fail_mode(err);
    }
    settings->topic_modes = modes;
    return PACS_OK;
}

/* ---- All of it ---- */

/* A source is a URI reference (CloudEvents 1.0); a space or a quote in the server's name is none. */
static char *default_source(const char *server_name, PacsArena *arena)
{
    char *source = pacs_arena_printf(arena, "/lightbox/%s", server_name);

    for (char *at = source; at && *at; at++) {
        if ((unsigned char)*at <= ' ' || (unsigned char)*at >= 0x7F || strchr("\"<>\\^`{|}%", *at))
            *at = '-';
    }
    return source;
}

PacsStatus events_settings_read(const PacsConfig *config, const char *server_name, PacsArena *arena,
                                EventsSettings *ret_settings, PacsConfigWarning *warn, PacsError *err)
{
    Fields fields = {.settings = {.source = default_source(server_name, arena),
                                  .public_root = "",
                                  .viewer_url = "",
                                  .retention_days = 14,
                                  .max_outbox_rows = 5000000,
                                  .max_outbox_age_s = UINT64_C(7) * 86400,
                                  .log_sink = ""}};
    EventsSettings *settings = &fields.settings;

    if (!settings->source)
        return no_memory(err);
    PacsStatus status = pacs_config_read_section(config, "Events", members, sizeof members / sizeof *members,
                                                 &fields, warn, err);
    if (status == PACS_OK)
        status = read_texts(fields.phi_fields, "Events.PhiFields", arena, &settings->phi_fields, err);
    if (status == PACS_OK)
        status = read_lanes(fields.lanes, arena, settings, err);
    if (status == PACS_OK)
        status = read_content_mode(fields.content_mode, arena, settings, err);
    if (status == PACS_OK)
        status = events_kafka_settings_read(config, "Events.Kafka", arena, &settings->kafka, warn, err);
    if (status != PACS_OK)
        return status;
    *ret_settings = *settings;
    return PACS_OK;
}

bool events_settings_has_kafka(const EventsSettings *settings)
{
    return settings->kafka.brokers[0] != '\0';
}

bool events_settings_is_structured(const EventsSettings *settings, const char *topic)
{
    for (size_t i = 0; i < settings->topic_mode_count; i++) {
        if (strcmp(settings->topic_modes[i].topic, topic) == 0)
            return settings->topic_modes[i].structured;
    }
    return settings->structured;
}
