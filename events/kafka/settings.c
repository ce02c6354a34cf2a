#include "events/kafka/settings.h"

#include <string.h>

#define FIELD(name) offsetof(Fields, name)
#define TEXT(name, field)                                                                                    \
    {                                                                                                        \
        .key = (name), .kind = PACS_MEMBER_TEXT, .offset = FIELD(field)                                      \
    }
#define CHOICE(name, field, list)                                                                            \
    {                                                                                                        \
        .key = (name), .kind = PACS_MEMBER_CHOICE, .offset = FIELD(field), .choices = (list)                 \
    }
#define NUMBER(name, field, least, most)                                                                     \
    {                                                                                                        \
        .key = (name), .kind = PACS_MEMBER_NUMBER, .offset = FIELD(field), .min = (least), .max = (most)     \
    }

/** The settings as they are read, with what is parsed further. */
typedef struct Fields {
    EventsKafkaSettings settings;
    const json_t *properties;
} Fields;

static const char *const protocols[] = {"PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL", NULL};
static const char *const mechanisms[] = {"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", NULL};

static const PacsConfigMember members[] = {
    TEXT("Brokers", settings.brokers),
    TEXT("ClientId", settings.client_id),
    CHOICE("SecurityProtocol", settings.security_protocol, protocols),
    CHOICE("SaslMechanism", settings.sasl_mechanism, mechanisms),
    TEXT("SaslUsername", settings.sasl_username),
    TEXT("SaslPassword", settings.sasl_password),
    TEXT("CaLocation", settings.ca_location),
    TEXT("CALocation", settings.ca_location), /* how a variable of the environment spells it */
    TEXT("CertificateLocation", settings.certificate_location),
    TEXT("KeyLocation", settings.key_location),
    TEXT("TopicPrefix", settings.topic_prefix),
    NUMBER("Partitions", settings.partitions, 0, 10000),
    NUMBER("ReplicationFactor", settings.replication_factor, 0, 100),
    NUMBER("MinInsyncReplicas", settings.min_insync_replicas, 0, 100),
    NUMBER("DeliveryTimeout", settings.delivery_timeout_s, 1, 3600),
    {.key = "Properties", .kind = PACS_MEMBER_JSON, .offset = FIELD(properties)},
};

/* What the relay's promises and the settings above stand on: not to be changed behind their back. */
static const char *const kept_properties[] = {
    "acks", /* all of these belong to enable.idempotence */
    "request.required.acks",
    "enable.idempotence",
    "max.in.flight",
    "max.in.flight.requests.per.connection",
    "message.send.max.retries",
    "retries",
    "partitioner", /* keys stand where Java clients look for them */
    "delivery.timeout.ms",
    "message.timeout.ms",
    "transactional.id",
    "allow.auto.create.topics",
    "enable.auto.commit", /* consumers: offsets follow effects */
    "enable.auto.offset.store",
    "bootstrap.servers", /* settings of their own */
    "metadata.broker.list",
    "client.id",
    "security.protocol",
    "sasl.mechanism",
    "sasl.mechanisms",
    "sasl.username",
    "sasl.password",
    NULL,
};

static bool is_kept(const char *name)
{
    for (const char *const *kept = kept_properties; *kept; kept++) {
        if (strcmp(*kept, name) == 0)
            return true;
    }
    return false;
}

static const char *property_text(const json_t *value, PacsArena *arena)
{
    if (json_is_string(value))
        return json_string_value(value);
    if (json_is_integer(value))
        return pacs_arena_printf(arena, "%lld", (long long)json_integer_value(value));
    return json_is_boolean(value) ? (json_is_true(value) ? "true" : "false") : NULL;
}

static PacsStatus read_properties(const json_t *all, const char *path, PacsArena *arena,
                                  EventsKafkaSettings *settings, PacsError *err)
{
    const char *name;
    json_t *value;

    if (!all)
        return PACS_OK;
    if (!json_is_object(all))
        return pacs_fail(err, PACS_INVALID, "'%s.Properties' must be an object of librdkafka's properties",
                         path);
    settings->properties = pacs_arena_array(arena, json_object_size(all) + 1, sizeof *settings->properties);
    if (!settings->properties)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for the settings");
    json_object_foreach((json_t *)all, name, value) /* jansson iterates non-const */
    {
        const EventsKafkaProperty property = {.name = name, .value = property_text(value, arena)};
        if (is_kept(name))
            return pacs_fail(err, PACS_INVALID,
                             "'%s.Properties' may not have '%s': order and delivery depend on it, or it has "
                             "a setting of its own",
                             path, name);
        if (!property.value)
            return pacs_fail(err, PACS_INVALID, "'%s.Properties.%s' must be a text, a number or a bool", path,
                             name);
        settings->properties[settings->property_count++] = property;
    }
    return PACS_OK;
}

/* Credentials that are not used are a mistake that nobody would notice. */
static PacsStatus check_security(const EventsKafkaSettings *settings, const char *path, PacsError *err)
{
    const char *protocol = settings->security_protocol;
    const bool with_sasl = strncmp(protocol, "SASL_", 5) == 0;
    const bool with_tls = strstr(protocol, "SSL") != NULL;
    const bool has_tls = settings->ca_location[0] || settings->certificate_location[0] ||
                         settings->key_location[0];

    if (with_sasl && (!settings->sasl_username[0] || !settings->sasl_password[0]))
        return pacs_fail(err, PACS_INVALID,
                         "'%s.SecurityProtocol' %s needs SaslUsername and SaslPassword beside it", path,
                         protocol);
    if (!with_sasl && (settings->sasl_username[0] || settings->sasl_password[0]))
        return pacs_fail(err, PACS_INVALID,
                         "'%s' has SASL credentials, but SecurityProtocol %s does not use them", path,
                         protocol);
    if (!with_tls && has_tls)
        return pacs_fail(err, PACS_INVALID,
                         "'%s' has certificates, but SecurityProtocol %s does not use them", path, protocol);
    if (!settings->certificate_location[0] != !settings->key_location[0])
        return pacs_fail(err, PACS_INVALID, "'%s': CertificateLocation and KeyLocation go together", path);
    return PACS_OK;
}

#define TOPIC_PREFIX_MAX 100 /* a topic has 249 characters, ours with the workers' own behind them 120 */

static PacsStatus check_prefix(const char *prefix, const char *path, PacsError *err)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    const size_t size = strlen(prefix);

    if (size > TOPIC_PREFIX_MAX || strspn(prefix, allowed) != size)
        return pacs_fail(err, PACS_INVALID,
                         "'%s.TopicPrefix' must be at most %d letters, digits, dots, dashes and underscores",
                         path, TOPIC_PREFIX_MAX);
    return PACS_OK;
}

PacsStatus events_kafka_settings_read(const PacsConfig *config, const char *path, PacsArena *arena,
                                      EventsKafkaSettings *ret_settings, PacsConfigWarning *warn,
                                      PacsError *err)
{
    Fields fields = {.settings = {.brokers = "",
                                  .client_id = "lightbox",
                                  .security_protocol = "PLAINTEXT",
                                  .sasl_mechanism = "SCRAM-SHA-512",
                                  .sasl_username = "",
                                  .sasl_password = "",
                                  .ca_location = "",
                                  .certificate_location = "",
                                  .key_location = "",
                                  .topic_prefix = "",
                                  .delivery_timeout_s = 120}};

    PacsStatus status = pacs_config_read_section(config, path, members, sizeof members / sizeof *members,
                                                 &fields, warn, err);
    if (status == PACS_OK)
        status = read_properties(fields.properties, path, arena, &fields.settings, err);
    if (status == PACS_OK)
        status = check_prefix(fields.settings.topic_prefix, path, err);
    if (status == PACS_OK)
        status = check_security(&fields.settings, path, err);
    if (status != PACS_OK)
        return status;
    *ret_settings = fields.settings;
    return PACS_OK;
}
