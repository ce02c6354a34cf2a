#include "workers/loop/settings.h"

#include <string.h>

#include "events/contract/topics.h"

#define TOPICS_MAX 200 /* of one worker: a dozen of ours in four lanes, and those of a whole platform */

/** As they are read, with what is parsed further. */
typedef struct Fields {
    WorkerSettings settings;
    const json_t *topics, *lanes;
    const json_t *kafka, *archive,
        *mapping; /* sections of their own: named here so that nobody is warned of them */
} Fields;

#define FIELD(name) offsetof(Fields, name)
#define TEXT(name, field)                                                                                    \
    {                                                                                                        \
        .key = (name), .kind = PACS_MEMBER_TEXT, .offset = FIELD(settings.field)                             \
    }
#define NUMBER(name, field, least, most)                                                                     \
    {                                                                                                        \
        .key = (name), .kind = PACS_MEMBER_NUMBER, .offset = FIELD(settings.field), .min = (least),          \
        .max = (most)                                                                                        \
    }
#define JSON(name, field)                                                                                    \
    {                                                                                                        \
        .key = (name), .kind = PACS_MEMBER_JSON, .offset = FIELD(field)                                      \
    }

static const char *const sources[] = {"kafka", "http", NULL};

static const PacsConfigMember members[] = {
    {.key = "Source", .kind = PACS_MEMBER_CHOICE, .offset = FIELD(settings.source), .choices = sources},
    TEXT("Group", group),
    TEXT("InstanceId", instance_id),
    JSON("Topics", topics),
    JSON("Lanes", lanes),
    TEXT("Database", database),
    NUMBER("DatabaseConnectTimeout", connect_timeout_s, 1, 300),
    NUMBER("DatabaseStatementTimeout", statement_timeout_s, 0, 3600),
    NUMBER("MaxEffectTime", max_effect_s, 10, 86400),
    NUMBER("InboxDays", inbox_days, 1, 3650),
    NUMBER("ParkedDays", parked_days, 1, 3650),
    NUMBER("ShutdownTimeout", shutdown_s, 1, 3600),
    TEXT("HttpAddress", http_address),
    NUMBER("HttpPort", http_port, 0, 65535),
    JSON("Kafka", kafka),
    JSON("Archive", archive),
    JSON("Mapping", mapping),
};

static const PacsConfigMember archive_members[] = {
    TEXT("Url", archive.base_url),
    TEXT("DicomWebRoot", dicomweb_root),
    TEXT("Username", archive.username),
    TEXT("Password", archive.password),
    TEXT("BearerToken", archive.bearer_token),
    TEXT("CaLocation", archive.ca_file),
    TEXT("CALocation", archive.ca_file), /* how a variable of the environment spells it */
    TEXT("CertificateLocation", archive.certificate_file),
    TEXT("KeyLocation", archive.key_file),
    NUMBER("Timeout", archive_timeout_s, 1, 3600),
};

#define COUNT(list) (sizeof(list) / sizeof(list)[0])

/* ---- Topics ---- */

typedef struct Topics {
    const char **names;
    size_t count;
} Topics;

static PacsStatus no_memory(PacsError *err)
{
    return pacs_fail(err, PACS_NO_MEMORY, "no memory for the settings");
}

static PacsStatus add_topic(Topics *topics, const char *name, PacsArena *arena, PacsError *err)
{
    for (size_t i = 0; i < topics->count; i++)
        if (strcmp(topics->names[i], name) == 0)
            return PACS_OK;
    if (topics->count == TOPICS_MAX)
        return pacs_fail(err, PACS_INVALID, "a worker reads at most %d topics", TOPICS_MAX);
    const char *copy = pacs_arena_strdup(arena, name);
    if (!copy)
        return no_memory(err);
    topics->names[topics->count++] = copy;
    return PACS_OK;
}

static const EventsTopic *find_topic(const char *name)
{
    const EventsTopic *topic = NULL;
    for (size_t i = 0; (topic = events_topic_at(i)); i++)
        if (strcmp(topic->name, name) == 0)
            return topic;
    return NULL;
}

static PacsStatus add_lane(Topics *topics, const EventsTopic *topic, const char *prefix, const char *lane,
                           PacsArena *arena, PacsError *err)
{
    char name[EVENTS_TOPIC_SIZE];
    const PacsStatus status = events_topic_name(topic, prefix, lane, name, err);
    return status == PACS_OK ? add_topic(topics, name, arena, err) : status;
}

/** One of ours in the lanes that are asked for; any other as it is called. */
static PacsStatus add_named(Topics *topics, const char *name, const Fields *fields, PacsArena *arena,
                            PacsError *err)
{
    const EventsTopic *topic = find_topic(name);
    const char *prefix = fields->settings.kafka.topic_prefix;
    PacsStatus status = PACS_OK;
    if (!topic)
        return add_topic(topics, name, arena, err);
    if (!topic->has_lanes || !fields->lanes) {
        const char *lane = NULL;
        for (size_t i = 0; status == PACS_OK && (lane = events_lane_at(i)); i++)
            status = add_lane(topics, topic, prefix, lane, arena, err);
        return status;
    }
    for (size_t i = 0; status == PACS_OK && i < json_array_size(fields->lanes); i++)
        status = add_lane(topics, topic, prefix, json_string_value(json_array_get(fields->lanes, i)), arena,
                          err);
    return status;
}

static PacsStatus check_texts(const json_t *list, const char *key, PacsError *err)
{
    bool sound = !list || (json_is_array(list) && json_array_size(list) > 0);
    for (size_t i = 0; sound && i < json_array_size(list); i++)
        sound = json_is_string(json_array_get(list, i));
    return sound ? PACS_OK : pacs_fail(err, PACS_INVALID, "'Worker.%s' is to be a list of texts", key);
}

static PacsStatus check_lanes(const json_t *lanes, PacsError *err)
{
    const PacsStatus status = check_texts(lanes, "Lanes", err);
    for (size_t i = 0; status == PACS_OK && i < json_array_size(lanes); i++) {
        const char *lane = json_string_value(json_array_get(lanes, i));
        if (!events_lane_is_known(lane))
            return pacs_fail(err, PACS_INVALID, "'Worker.Lanes': there is no lane '%s'", lane);
    }
    return status;
}

static PacsStatus collect_topics(const PacsConfig *config, const WorkerDefinition *definition, Fields *fields,
                                 PacsArena *arena, PacsError *err)
{
    Topics topics = {.names = pacs_arena_array(arena, TOPICS_MAX, sizeof *topics.names)};
    const char *const *more = NULL;
    size_t more_count = 0;
    PacsStatus status = check_texts(fields->topics, "Topics", err);
    if (status == PACS_OK)
        status = check_lanes(fields->lanes, err);
    if (status == PACS_OK && !topics.names)
        status = no_memory(err);
    for (size_t i = 0; status == PACS_OK && fields->topics && i < json_array_size(fields->topics); i++)
        status = add_named(&topics, json_string_value(json_array_get(fields->topics, i)), fields, arena, err);
    for (size_t i = 0; status == PACS_OK && !fields->topics && i < definition->topic_count; i++)
        status = add_named(&topics, definition->topics[i], fields, arena, err);
    if (status == PACS_OK && definition->more_topics)
        status = definition->more_topics(config, arena, &more, &more_count, err);
    for (size_t i = 0; status == PACS_OK && i < more_count; i++)
        status = add_named(&topics, more[i], fields, arena, err);
    fields->settings.topics = topics.names;
    fields->settings.topic_count = topics.count;
    return status;
}

/* ---- All of it ---- */

static void finish_archive(WorkerSettings *settings)
{
    settings->archive.timeout_ms = (uint32_t)settings->archive_timeout_s * 1000;
}

static PacsStatus check(const WorkerSettings *settings, PacsError *err)
{
    if (!settings->group[0])
        return pacs_fail(err, PACS_INVALID, "'Worker.Group' is to be a name");
    if (strcmp(settings->source, "kafka") == 0 && !settings->kafka.brokers[0])
        return pacs_fail(err, PACS_INVALID, "'Worker.Source' kafka needs 'Worker.Kafka.Brokers'");
    if (strcmp(settings->source, "kafka") == 0 && settings->topic_count == 0)
        return pacs_fail(err, PACS_INVALID, "'Worker.Topics' names no topic");
    if (settings->dicomweb_root[0] != '/')
        return pacs_fail(err, PACS_INVALID, "'Worker.Archive.DicomWebRoot' is to begin with a slash");
    return PACS_OK;
}

PacsStatus worker_settings_read(const PacsConfig *config, const WorkerDefinition *definition,
                                PacsArena *arena, WorkerSettings *ret_settings, PacsConfigWarning *warn,
                                PacsError *err)
{
    Fields fields = {.settings = {.source = "",
                                  .group = definition->name,
                                  .instance_id = "",
                                  .database = pacs_arena_printf(arena, "sqlite:%s.sqlite", definition->name),
                                  .connect_timeout_s = 10,
                                  .statement_timeout_s = 60,
                                  .max_effect_s = 300,
                                  .inbox_days = 30,
                                  .parked_days = 7,
                                  .shutdown_s = 30,
                                  .http_address = "127.0.0.1",
                                  .http_port = 8050,
                                  .log_level = "info",
                                  .log_format = "json",
                                  .archive = {.base_url = "http://127.0.0.1:8042"},
                                  .archive_timeout_s = 60,
                                  .dicomweb_root = "/dicom-web"}};
    WorkerSettings *settings = &fields.settings;
    if (!settings->database)
        return no_memory(err);
    PacsStatus status = pacs_config_read_section(config, "Worker", members, COUNT(members), &fields, warn,
                                                 err);
    if (status == PACS_OK)
        status = pacs_config_read_section(config, "Worker.Archive", archive_members, COUNT(archive_members),
                                          &fields, warn, err);
    if (status == PACS_OK)
        status = events_kafka_settings_read(config, "Worker.Kafka", arena, &settings->kafka, warn, err);
    if (status == PACS_OK)
        status = pacs_config_text(config, "LogLevel", &settings->log_level, err);
    if (status == PACS_OK)
        status = pacs_config_text(config, "LogFormat", &settings->log_format, err);
    if (status == PACS_OK)
        status = collect_topics(config, definition, &fields, arena, err);
    if (status != PACS_OK)
        return status;
    if (!settings->source[0])
        settings->source = settings->kafka.brokers[0] ? "kafka" : "http";
    finish_archive(settings);
    *ret_settings = *settings;
    return check(settings, err);
}
