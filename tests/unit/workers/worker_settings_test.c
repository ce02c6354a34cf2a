/* The section Worker of the configuration. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "pacs/util/text.h"
#include "tests/support/config_fixture.h"
#include "workers/loop/settings.h"

static const char *const topics[] = {"imaging.study.events.v1", "imaging.audit.v1"};
static const WorkerDefinition definition = {.name = "test-worker", .topics = topics, .topic_count = 2};

static PacsArena *arena;
static PacsConfig *config;
static char warned[256];

static int set_up(void **state)
{
    arena = pacs_arena_new(1u << 20);
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

static PacsStatus read_text(const char *text, WorkerSettings *settings, PacsError *err)
{
    pacs_config_free(config);
    config = config_fixture_load_text(text, NULL);
    assert_non_null(config);
    return worker_settings_read(config, &definition, arena, settings, warn, err);
}

static WorkerSettings read_good(const char *text)
{
    WorkerSettings settings = {0};
    PacsError err = {0};
    if (read_text(text, &settings, &err) != PACS_OK)
        fail_msg("%s", err.text);
    return settings;
}

static void assert_refused(const char *text, const char *reason)
{
    WorkerSettings settings = {0};
    PacsError err = {0};
    assert_int_equal(read_text(text, &settings, &err), PACS_INVALID);
    if (!strstr(err.text, reason))
        fail_msg("'%s' says nothing of '%s'", err.text, reason);
}

static void without_a_word_the_archive_beside_it_is_followed(void **state)
{
    (void)state;
    const WorkerSettings settings = read_good("{}");
    assert_string_equal(settings.source, "http");
    assert_string_equal(settings.group, "test-worker");
    assert_string_equal(settings.database, "sqlite:test-worker.sqlite");
    assert_string_equal(settings.archive.base_url, "http://127.0.0.1:8042");
    assert_string_equal(settings.dicomweb_root, "/dicom-web");
    assert_string_equal(settings.log_format, "json");
    assert_int_equal(settings.max_effect_s, 300);
}

static void with_brokers_kafka_is_the_source_and_every_lane_is_read(void **state)
{
    (void)state;
    const WorkerSettings settings = read_good(
        "{\"Worker\": {\"Kafka\": {\"Brokers\": \"k:9092\", \"TopicPrefix\": \"p.\"}}}");
    assert_string_equal(settings.source, "kafka");
    assert_int_equal(settings.topic_count, 5);
    assert_string_equal(settings.topics[0], "p.imaging.study.events.v1");
    assert_string_equal(settings.topics[1], "p.imaging.study.events.v1.vip");
    assert_string_equal(settings.topics[4], "p.imaging.audit.v1");
}

static void a_worker_may_be_for_one_lane(void **state)
{
    (void)state;
    const WorkerSettings settings = read_good(
        "{\"Worker\": {\"Kafka\": {\"Brokers\": \"k\"}, \"Lanes\": [\"svip1\"], \"Group\": \"fast\","
        " \"Topics\": [\"imaging.study.events.v1\", \"orders\", \"orders\"]}}");
    assert_string_equal(settings.group, "fast");
    assert_int_equal(settings.topic_count, 2);
    assert_string_equal(settings.topics[0], "imaging.study.events.v1.svip1");
    assert_string_equal(settings.topics[1], "orders"); /* of others: as it is called, once */
}

static void all_of_it_is_read(void **state)
{
    (void)state;
    const WorkerSettings settings = read_good(
        "{\"LogLevel\": \"debug\", \"Worker\": {\"Source\": \"http\", \"InstanceId\": \"pod-0\","
        " \"Database\": \"postgresql://db/x\", \"MaxEffectTime\": 20, \"InboxDays\": 90, \"ParkedDays\": 2,"
        " \"ShutdownTimeout\": 5, \"HttpAddress\": \"0.0.0.0\", \"HttpPort\": 9000,"
        " \"Archive\": {\"Url\": \"https://pacs\", \"DicomWebRoot\": \"/dw\", \"Username\": \"u\","
        " \"Password\": \"p\", \"CaLocation\": \"/ca.pem\", \"Timeout\": 7}}}");
    assert_string_equal(settings.log_level, "debug");
    assert_string_equal(settings.instance_id, "pod-0");
    assert_string_equal(settings.database, "postgresql://db/x");
    assert_int_equal(settings.parked_days, 2);
    assert_int_equal(settings.http_port, 9000);
    assert_string_equal(settings.archive.base_url, "https://pacs");
    assert_string_equal(settings.archive.username, "u");
    assert_string_equal(settings.archive.ca_file, "/ca.pem");
    assert_int_equal(settings.archive.timeout_ms, 7000);
    assert_string_equal(warned, "");
}

static void what_cannot_be_is_told_by_its_key(void **state)
{
    (void)state;
    assert_refused("{\"Worker\": {\"Source\": \"pigeon\"}}", "Worker.Source");
    assert_refused("{\"Worker\": {\"Source\": \"kafka\"}}", "Worker.Kafka.Brokers");
    assert_refused("{\"Worker\": {\"Group\": \"\"}}", "Worker.Group");
    assert_refused("{\"Worker\": {\"Topics\": []}}", "Worker.Topics");
    assert_refused("{\"Worker\": {\"Topics\": [7]}}", "Worker.Topics");
    assert_refused("{\"Worker\": {\"Lanes\": [\"slow\"]}}", "there is no lane 'slow'");
    assert_refused("{\"Worker\": {\"HttpPort\": 70000}}", "Worker.HttpPort");
    assert_refused("{\"Worker\": {\"Archive\": {\"DicomWebRoot\": \"dw\"}}}", "Worker.Archive.DicomWebRoot");
    assert_refused("{\"Worker\": {\"Kafka\": {\"Brokers\": \"k\", \"SaslUsername\": \"u\"}}}",
                   "Worker.Kafka");
}

static void a_key_that_nobody_knows_is_told_of(void **state)
{
    (void)state;
    (void)read_good("{\"Worker\": {\"Databse\": \"x\"}}");
    assert_string_equal(warned, "Worker.Databse");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(without_a_word_the_archive_beside_it_is_followed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(with_brokers_kafka_is_the_source_and_every_lane_is_read, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_worker_may_be_for_one_lane, set_up, tear_down),
        cmocka_unit_test_setup_teardown(all_of_it_is_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_cannot_be_is_told_by_its_key, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_key_that_nobody_knows_is_told_of, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
