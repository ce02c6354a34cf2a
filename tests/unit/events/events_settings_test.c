/* The section Events of the configuration. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "events/relay/settings.h"
#include "tests/support/config_fixture.h"

#define ARENA_MAX (1u << 20)

static PacsArena *arena;
static PacsConfig *config;
static char warned[256];

static int set_up(void **state)
{
    arena = pacs_arena_new(ARENA_MAX);
    config = NULL;
    warned[0] = '\0';
    return config_fixture_make(state);
}

static int tear_down(void **state)
{
    pacs_config_free(config);
    pacs_arena_free(arena);
    return config_fixture_remove(state);
}

static void warn(const char *key, const char *text)
{
    (void)text;
    (void)pacs_text_copy(warned, sizeof warned, key);
}

static PacsStatus read_text(const char *text, EventsSettings *settings, PacsError *err)
{
    pacs_config_free(config);
    config = config_fixture_load_text(text, NULL);
    assert_non_null(config);
    return events_settings_read(config, "Ward 3", arena, settings, warn, err);
}

static EventsSettings read_good(const char *text)
{
    EventsSettings settings = {0};
    PacsError err = {0};

    if (read_text(text, &settings, &err) != PACS_OK)
        fail_msg("%s", err.text);
    return settings;
}

static void assert_refused(const char *text, const char *key, const char *reason)
{
    EventsSettings settings;
    PacsError err = {0};

    assert_int_equal(read_text(text, &settings, &err), PACS_INVALID);
    if (!strstr(err.text, key) || !strstr(err.text, reason))
        fail_msg("'%s' names neither %s nor %s", err.text, key, reason);
}

static void without_the_section_events_go_nowhere_but_are_kept(void **state)
{
    (void)state;
    EventsSettings settings = read_good("{}");

    assert_false(events_settings_has_kafka(&settings));
    assert_string_equal(settings.log_sink, "");
    assert_int_equal(settings.retention_days, 14);
    assert_int_equal(settings.lane_count, 0);
    assert_false(events_settings_is_structured(&settings, "imaging.study.events.v1"));
}

static void a_source_is_made_from_the_name_as_a_uri(void **state)
{
    (void)state;
    assert_string_equal(read_good("{}").source, "/lightbox/Ward-3");
    assert_string_equal(read_good("{\"Events\": {\"Source\": \"urn:x\"}}").source, "urn:x");
}

static void kafka_is_on_where_brokers_are_named(void **state)
{
    (void)state;
    EventsSettings settings = read_good(
        "{\"Events\": {\"Kafka\": {\"Brokers\": \"a:9092,b:9092\", \"ClientId\": \"x\","
        "\"TopicPrefix\": \"test.\", \"Partitions\": 3, \"DeliveryTimeout\": 5}}}");

    assert_true(events_settings_has_kafka(&settings));
    assert_string_equal(settings.kafka.brokers, "a:9092,b:9092");
    assert_string_equal(settings.kafka.client_id, "x");
    assert_string_equal(settings.kafka.topic_prefix, "test.");
    assert_int_equal(settings.kafka.partitions, 3);
    assert_int_equal(settings.kafka.replication_factor, 0);
    assert_int_equal(settings.kafka.delivery_timeout_s, 5);
}

static void values_come_from_the_environment_too(void **state)
{
    (void)state;
    static const char *const environment[] = {
        "ORTHANC__EVENTS__KAFKA__BROKERS=a:1",         "ORTHANC__EVENTS__KAFKA__SECURITY_PROTOCOL=SASL_SSL",
        "ORTHANC__EVENTS__KAFKA__SASL_USERNAME=007",   "ORTHANC__EVENTS__KAFKA__SASL_PASSWORD=0123",
        "ORTHANC__EVENTS__KAFKA__CA_LOCATION=/ca.pem", NULL};
    EventsSettings settings = {0};

    config = config_fixture_load_environment(environment);
    assert_non_null(config);
    assert_int_equal(events_settings_read(config, "x", arena, &settings, warn, NULL), PACS_OK);
    assert_string_equal(settings.kafka.sasl_username, "007");
    assert_string_equal(settings.kafka.sasl_password, "0123");
    assert_string_equal(settings.kafka.ca_location, "/ca.pem");
    assert_string_equal(warned, "");
}

static void lanes_are_rules_in_their_order(void **state)
{
    (void)state;
    EventsSettings settings = read_good(
        "{\"Events\": {\"Lanes\": [{\"Lane\": \"svip1\", \"CallingAet\": \"CT1\", \"Tags\": {\"0040,1003\": "
        "[\"STAT\", \"HIGH\"]}}, {\"Lane\": \"vip\", \"CalledAet\": [\"VIP*\"], \"Modality\": [\"CT\", \"MR\"]}]}}");

    assert_int_equal(settings.lane_count, 2);
    const EventsLaneRule *first = &settings.lanes[0], *second = &settings.lanes[1];
    assert_string_equal(first->lane, "svip1");
    assert_int_equal(first->calling_aets.count, 1);
    assert_string_equal(first->calling_aets.items[0], "CT1");
    assert_int_equal(first->tag_count, 1);
    assert_int_equal(first->tags[0].tag, PACS_TAG(0x0040, 0x1003));
    assert_int_equal(first->tags[0].values.count, 2);
    assert_string_equal(first->tags[0].values.items[1], "HIGH");
    assert_string_equal(second->called_aets.items[0], "VIP*");
    assert_int_equal(second->modalities.count, 2);
    assert_int_equal(second->tag_count, 0);
}

static void a_lane_that_is_not_understood_is_refused(void **state)
{
    (void)state;
    assert_refused("{\"Events\": {\"Lanes\": [{\"Lane\": \"gold\"}]}}", "Events.Lanes[0].Lane", "svip2");
    assert_refused("{\"Events\": {\"Lanes\": [{\"CallingAet\": \"CT1\"}]}}", "Events.Lanes[0]", "Lane");
    assert_refused("{\"Events\": {\"Lanes\": [{\"Lane\": \"vip\", \"Aet\": \"CT1\"}]}}",
                   "Events.Lanes[0].Aet", "CallingAet");
    assert_refused("{\"Events\": {\"Lanes\": [{\"Lane\": \"vip\", \"Tags\": {\"NoTag\": \"x\"}}]}}",
                   "Events.Lanes[0].Tags", "NoTag");
    assert_refused("{\"Events\": {\"Lanes\": [{\"Lane\": \"vip\", \"Modality\": 7}]}}",
                   "Events.Lanes[0].Modality", "list of texts");
    assert_refused("{\"Events\": {\"Lanes\": {}}}", "Events.Lanes", "list");
}

static void the_content_mode_is_one_or_one_for_each_topic(void **state)
{
    (void)state;
    EventsSettings all = read_good("{\"Events\": {\"ContentMode\": \"structured\"}}");
    assert_true(events_settings_is_structured(&all, "imaging.audit.v1"));

    EventsSettings some = read_good(
        "{\"Events\": {\"ContentMode\": {\"imaging.audit.v1\": \"structured\"}}}");
    assert_true(events_settings_is_structured(&some, "imaging.audit.v1"));
    assert_false(events_settings_is_structured(&some, "imaging.study.events.v1"));

    assert_refused("{\"Events\": {\"ContentMode\": \"xml\"}}", "Events.ContentMode", "structured");
    assert_refused("{\"Events\": {\"ContentMode\": {\"a\": 1}}}", "Events.ContentMode", "by topic");
}

static void credentials_that_nobody_would_use_are_refused(void **state)
{
    (void)state;
    assert_refused("{\"Events\": {\"Kafka\": {\"SaslUsername\": \"a\", \"SaslPassword\": \"b\"}}}", "SASL",
                   "PLAINTEXT");
    assert_refused("{\"Events\": {\"Kafka\": {\"CaLocation\": \"/ca.pem\"}}}", "certificates", "PLAINTEXT");
    assert_refused("{\"Events\": {\"Kafka\": {\"SecurityProtocol\": \"SASL_SSL\"}}}", "SASL_SSL",
                   "SaslPassword");
    assert_refused("{\"Events\": {\"Kafka\": {\"SecurityProtocol\": \"SSL\", \"KeyLocation\": \"/k\"}}}",
                   "KeyLocation", "CertificateLocation");
    assert_refused("{\"Events\": {\"Kafka\": {\"SecurityProtocol\": \"TLS\"}}}",
                   "Events.Kafka.SecurityProtocol", "\"SASL_SSL\"");
    assert_refused("{\"Events\": {\"Kafka\": {\"SaslMechanism\": \"NTLM\"}}}", "Events.Kafka.SaslMechanism",
                   "\"SCRAM-SHA-256\"");
}

static void properties_that_order_depends_on_are_not_for_the_operator(void **state)
{
    (void)state;
    EventsSettings settings = read_good(
        "{\"Events\": {\"Kafka\": {\"Properties\": {\"linger.ms\": 20, \"socket.keepalive.enable\": true}}}}");
    assert_int_equal(settings.kafka.property_count, 2);
    assert_string_equal(settings.kafka.properties[0].value, "20");
    assert_string_equal(settings.kafka.properties[1].value, "true");

    assert_refused("{\"Events\": {\"Kafka\": {\"Properties\": {\"enable.idempotence\": \"false\"}}}}",
                   "enable.idempotence", "order and delivery");
    assert_refused("{\"Events\": {\"Kafka\": {\"Properties\": {\"linger.ms\": [1]}}}}", "linger.ms", "text");
    assert_refused("{\"Events\": {\"Kafka\": {\"Properties\": []}}}", "Events.Kafka.Properties", "object");
}

static void types_and_ranges_are_checked(void **state)
{
    (void)state;
    assert_refused("{\"Events\": []}", "Events", "object");
    assert_refused("{\"Events\": {\"Kafka\": \"broker:9092\"}}", "Events.Kafka", "object");
    assert_refused("{\"Events\": {\"RetentionDays\": 0}}", "Events.RetentionDays", "from 1");
    assert_refused("{\"Events\": {\"PhiFields\": {\"a\": 1}}}", "Events.PhiFields", "list of texts");
    assert_refused("{\"Events\": {\"Kafka\": {\"TopicPrefix\": \"a b\"}}}", "TopicPrefix", "letters");
}

static void unknown_keys_are_told_of(void **state)
{
    (void)state;
    (void)read_good("{\"Events\": {\"Kafka\": {\"Broker\": \"a:1\"}}}");
    assert_string_equal(warned, "Events.Kafka.Broker");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(without_the_section_events_go_nowhere_but_are_kept),
        TEST(a_source_is_made_from_the_name_as_a_uri),
        TEST(kafka_is_on_where_brokers_are_named),
        TEST(values_come_from_the_environment_too),
        TEST(lanes_are_rules_in_their_order),
        TEST(a_lane_that_is_not_understood_is_refused),
        TEST(the_content_mode_is_one_or_one_for_each_topic),
        TEST(credentials_that_nobody_would_use_are_refused),
        TEST(properties_that_order_depends_on_are_not_for_the_operator),
        TEST(types_and_ranges_are_checked),
        TEST(unknown_keys_are_told_of),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
