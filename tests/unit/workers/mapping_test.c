#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "pacs/util/limits.h"
#include "workers/loop/json_pointer.h"
#include "workers/loop/mapping.h"

static int make_arena(void **state)
{
    *state = pacs_arena_new(64u << 20);
    return *state ? 0 : -1;
}

static int free_arena(void **state)
{
    pacs_arena_free(*state);
    return 0;
}

static json_t *json_of(const char *text)
{
    json_error_t error;
    json_t *json = json_loads(text, JSON_DECODE_ANY, &error);

    if (!json)
        fail_msg("%s: %s", text, error.text);
    return json;
}

static PacsStatus new_mapping(const char *rows, WorkerMapping **ret_mapping, PacsError *err)
{
    json_t *json = json_of(rows);
    const PacsStatus status = worker_mapping_new(json, ret_mapping, err);

    json_decref(json);
    return status;
}

/* Of a clinic that knows nothing of CloudEvents. */
static const char clinic[] =
    "[{\"Topic\":\"clinic.reports\",\"When\":[{\"Pointer\":\"/type\",\"Equals\":[\"FINAL\",\"FINAL2\"]},"
    "{\"Header\":\"site\",\"Equals\":\"q1\"}],\"Type\":\"report.finalised\",\"Id\":\"/id\",\"Source\":\"/clinic\","
    "\"Revision\":\"/seq\",\"Fields\":{\"/studyInstanceUid\":\"/study/uid\","
    "\"/reportId\":{\"Pointer\":\"/report\",\"As\":\"text\"},\"/version\":{\"Pointer\":\"/rev\",\"As\":\"integer\"},"
    "\"/issuedAt\":{\"Pointer\":\"/signed\",\"As\":\"time\",\"Zone\":\"+07:00\"},\"/language\":{\"Value\":\"vi\"},"
    "\"/author/name\":{\"Header\":\"doctor\",\"Default\":\"?\"},"
    "\"/keyImages\":{\"Pointer\":\"/pictures\",\"Items\":{\"/sopInstanceUid\":\"/uid\",\"/caption\":{\"Pointer\":\"/t\"}}},"
    "\"/sex\":{\"Pointer\":\"/sex\",\"Map\":{\"M\":\"male\"}}}}]";

typedef struct Sent {
    const char *topic, *value, *site, *doctor;
} Sent;

static PacsStatus decode(const char *rows, const Sent *sent, PacsArena *arena, EventsCloudEvent *ret_event,
                         PacsError *err)
{
    PACS_AUTO(WorkerMapping) mapping = NULL;
    const EventsHeader headers[] = {{"site", pacs_slice(sent->site)}, {"doctor", pacs_slice(sent->doctor)}};
    const WorkerRecord record = {.topic = sent->topic ? sent->topic : "clinic.reports",
                                 .partition = 3,
                                 .offset = 42,
                                 .value = {sent->value, sent->value ? strlen(sent->value) : 0},
                                 .headers = headers,
                                 .header_count = sent->doctor ? 2 : 1};

    const PacsStatus status = new_mapping(rows, &mapping, err);
    return status == PACS_OK ? worker_mapping_decode(mapping, &record, arena, ret_event, err) : status;
}

static void require_data(const EventsCloudEvent *event, const char *expected)
{
    json_t *data = json_loadb(event->data.text, event->data.size, 0, NULL);
    json_t *wanted = json_of(expected);

    if (!json_equal(data, wanted))
        fail_msg("%.*s instead of %s", (int)event->data.size, event->data.text, expected);
    json_decref(data);
    json_decref(wanted);
}

static void a_message_becomes_an_event_in_canonical_form(void **state)
{
    const Sent sent = {
        .value =
            "{\"type\":\"FINAL\",\"id\":\"m-1\",\"seq\":7,\"study\":{\"uid\":\"2.25.1\"},\"report\":12,\"rev\":\"2\","
            "\"signed\":\"2026-11-21 10:05\",\"pictures\":[{\"uid\":\"2.25.3\",\"t\":null},{\"uid\":\"2.25.4\","
            "\"t\":\"Hình\"}],\"sex\":\"M\",\"unknown\":{}}",
        .site = "q1",
        .doctor = "Lê Gấm"};
    EventsCloudEvent event;
    PacsError err = {0};

    assert_int_equal(decode(clinic, &sent, *state, &event, &err), PACS_OK);
    assert_string_equal(event.type, "org.sapoche.platform.report.finalised.v1");
    assert_string_equal(event.id, "m-1");
    assert_string_equal(event.source, "/clinic");
    assert_string_equal(event.sequence, "00000000000000000007");
    assert_string_equal(event.partitionkey, "2.25.1");
    require_data(
        &event,
        "{\"studyInstanceUid\":\"2.25.1\",\"reportId\":\"12\",\"version\":2,\"issuedAt\":\"2026-11-21T10:05:00+07:00\","
        "\"language\":\"vi\",\"author\":{\"name\":\"Lê Gấm\"},\"keyImages\":[{\"sopInstanceUid\":\"2.25.3\"},"
        "{\"sopInstanceUid\":\"2.25.4\",\"caption\":\"Hình\"}],\"sex\":\"male\"}");
}

static void what_a_message_lacks_is_left_out_or_has_a_default(void **state)
{
    const Sent sent = {.value = "{\"type\":\"FINAL2\",\"id\":\"m\",\"seq\":1,\"report\":null}", .site = "q1"};
    EventsCloudEvent event;
    PacsError err = {0};

    assert_int_equal(decode(clinic, &sent, *state, &event, &err), PACS_OK);
    require_data(&event, "{\"language\":\"vi\",\"author\":{\"name\":\"?\"}}");
    assert_null(event.partitionkey);
}

static void messages_that_no_row_is_for_are_passed_over(void **state)
{
    static const Sent others[] = {{.value = "{\"type\":\"DRAFT\"}", .site = "q1"},
                                  {.value = "{\"type\":\"FINAL\"}", .site = "q2"},
                                  {.value = "{}", .site = "q1"},
                                  {.value = "[]", .site = "q1"},
                                  {.value = NULL, .site = "q1"}};
    EventsCloudEvent event;
    PacsError err = {0};

    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        assert_int_equal(decode(clinic, &others[i], *state, &event, &err), PACS_UNSUPPORTED);
}

static void messages_that_cannot_be_what_they_say_are_refused_without_their_values(void **state)
{
    static const Sent wrong[] = {
        {.value = "{\"type\":", .site = "q1"},
        {.value = "\xFF\xFE", .site = "q1"},
        {.value = "{\"type\":\"FINAL\",\"seq\":1}", .site = "q1"}, /* no id */
        {.value = "{\"type\":\"FINAL\",\"id\":{\"Canary\":1},\"seq\":1}", .site = "q1"},
        {.value = "{\"type\":\"FINAL\",\"id\":\"m\",\"seq\":\"Canary\"}", .site = "q1"},
        {.value = "{\"type\":\"FINAL\",\"id\":\"m\",\"seq\":1,\"rev\":\"Canary\"}", .site = "q1"},
        {.value = "{\"type\":\"FINAL\",\"id\":\"m\",\"seq\":1,\"report\":[\"Canary\"]}", .site = "q1"},
        {.value = "{\"type\":\"FINAL\",\"id\":\"m\",\"seq\":1,\"signed\":\"Canary\"}", .site = "q1"},
        {.value = "{\"type\":\"FINAL\",\"id\":\"m\",\"seq\":1,\"signed\":1e300}", .site = "q1"},
        {.value = "{\"type\":\"FINAL\",\"id\":\"m\",\"seq\":1,\"pictures\":\"Canary\"}", .site = "q1"},
    };
    EventsCloudEvent event;

    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        PacsError err = {0};
        assert_int_equal(decode(clinic, &wrong[i], *state, &event, &err), PACS_INVALID);
        assert_null(strstr(err.text, "Canary"));
    }
}

static void a_message_over_the_maximum_is_not_looked_into(void **state)
{
    char *value = pacs_arena_alloc(*state, PACS_MAX_MAPPED_MESSAGE + 2);
    EventsCloudEvent event;
    PacsError err = {0};

    memset(value, ' ', PACS_MAX_MAPPED_MESSAGE + 1);
    const Sent sent = {.value = value, .site = "q1"};
    assert_int_equal(decode(clinic, &sent, *state, &event, &err), PACS_TOO_LARGE);
}

static void without_an_id_the_place_in_the_topic_names_an_event(void **state)
{
    const Sent sent = {.topic = "t", .value = "{\"uid\":\"2.25.1\",\"n\":9}", .site = ""};
    EventsCloudEvent event;
    PacsError err = {0};

    assert_int_equal(
        decode("[{\"Topic\":\"t\",\"Type\":\"patient.merged\",\"Key\":{\"Pointer\":\"/n\",\"As\":\"text\"},"
               "\"Fields\":{\"/a\":\"/n\"}}]",
               &sent, *state, &event, &err),
        PACS_OK);
    assert_string_equal(event.id, "t/3/42");
    assert_string_equal(event.source, "/topics/t");
    assert_string_equal(event.partitionkey, "9");
    assert_null(event.sequence);
}

static void times_of_every_kind_become_one(void **state)
{
    static const struct {
        const char *value, *time;
    } times[] = {{"0", "1970-01-01T00:00:00.000Z"},
                 {"1795251909", "2026-11-21T09:05:09.000Z"},
                 {"1795251909250", "2026-11-21T09:05:09.250Z"},
                 {"\"2026-11-21 10:05:09.5\"", "2026-11-21T10:05:09.5Z"},
                 {"\"2026-11-21T10:05:09+07:00\"", "2026-11-21T10:05:09+07:00"}};

    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        const Sent sent = {
            .topic = "t", .value = pacs_arena_printf(*state, "{\"t\":%s}", times[i].value), .site = ""};
        EventsCloudEvent event;
        PacsError err = {0};
        assert_int_equal(
            decode(
                "[{\"Topic\":\"t\",\"Type\":\"patient.merged\",\"Fields\":{\"/t\":{\"Pointer\":\"/t\",\"As\":\"time\"}}}]",
                &sent, *state, &event, &err),
            PACS_OK);
        require_data(&event, pacs_arena_printf(*state, "{\"t\":\"%s\"}", times[i].time));
    }
}

static void topics_without_a_row_carry_cloud_events(void **state)
{
    const Sent sent = {.topic = "other", .value = "{}", .site = ""};
    const EventsHeader headers[] = {{"ce_specversion", PACS_SLICE("1.0")},
                                    {"ce_id", PACS_SLICE("e1")},
                                    {"ce_source", PACS_SLICE("/p")},
                                    {"ce_type", PACS_SLICE("org.sapoche.imaging.report.finalised.v1")}};
    const WorkerRecord record = {
        .topic = "other", .value = PACS_SLICE("{}"), .headers = headers, .header_count = 4};
    PACS_AUTO(WorkerMapping) mapping = NULL;
    EventsCloudEvent event;
    PacsError err = {0};

    assert_int_equal(decode(clinic, &sent, *state, &event, &err), PACS_INVALID); /* no CloudEvent at all */
    assert_int_equal(worker_mapping_new(NULL, &mapping, &err), PACS_OK);
    assert_int_equal(worker_mapping_decode(mapping, &record, *state, &event, &err), PACS_OK);
    assert_string_equal(event.id, "e1");
}

static void a_table_that_is_wrong_is_refused_at_the_start(void **state)
{
    static const char *const wrong[] = {
        "{}",
        "[7]",
        "[{\"Topic\":\"\",\"Type\":\"report.finalised\",\"Fields\":{}}]",
        "[{\"Topic\":\"t\",\"Type\":\"report.finalized\",\"Fields\":{}}]",
        "[{\"Topic\":\"t\",\"Type\":\"report.finalised\"}]",
        "[{\"Topic\":\"t\",\"Type\":\"report.finalised\",\"Fields\":{\"a\":\"/b\"}}]",
        "[{\"Topic\":\"t\",\"Type\":\"report.finalised\",\"Fields\":{\"/a\":\"b\"}}]",
        "[{\"Topic\":\"t\",\"Type\":\"report.finalised\",\"Fields\":{\"/a\":\"/b~2\"}}]",
        "[{\"Topic\":\"t\",\"Type\":\"report.finalised\",\"Fields\":{\"/a\":{}}}]",
        "[{\"Topic\":\"t\",\"Type\":\"report.finalised\",\"Fields\":{\"/a\":{\"Pointer\":\"/b\",\"Value\":1}}}]",
        "[{\"Topic\":\"t\",\"Type\":\"report.finalised\",\"Fields\":{\"/a\":{\"Pointer\":\"/b\",\"As\":\"date\"}}}]",
        "[{\"Topic\":\"t\",\"Type\":\"report.finalised\",\"Fields\":{\"/a\":{\"Pointer\":\"/b\",\"Zone\":\"7\"}}}]",
        "[{\"Topic\":\"t\",\"Type\":\"report.finalised\",\"Fields\":{\"/a\":{\"Pointer\":\"/b\",\"Typo\":\"7\"}}}]",
        "[{\"Topic\":\"t\",\"Type\":\"report.finalised\",\"Fields\":{\"/a\":{\"Pointer\":\"/b\",\"Items\":{\"x\":\"/y\"}}}}]",
        "[{\"Topic\":\"t\",\"Type\":\"report.finalised\",\"When\":{\"Pointer\":\"/a\"},\"Fields\":{}}]",
        "[{\"Topic\":\"t\",\"Type\":\"report.finalised\",\"When\":{\"Pointer\":\"/a\",\"Header\":\"b\",\"Equals\":1},\"Fields\":{}}]",
        "[{\"Topic\":\"t\",\"Type\":\"report.finalised\",\"Id\":7,\"Fields\":{}}]",
    };

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        PACS_AUTO(WorkerMapping) mapping = NULL;
        PacsError err = {0};
        if (new_mapping(wrong[i], &mapping, &err) != PACS_INVALID)
            fail_msg("taken: %s", wrong[i]);
        assert_string_not_equal(err.text, "");
    }
}

static void the_topics_of_the_rows_are_read(void **state)
{
    json_t *rows = json_of("[{\"Topic\":\"a\"},{\"Topic\":\"b\"},7]");
    const char *const *topics = NULL;
    size_t count = 0;
    PacsError err = {0};

    assert_int_equal(worker_mapping_topics(rows, *state, &topics, &count, &err), PACS_OK);
    assert_int_equal(count, 2);
    assert_string_equal(topics[1], "b");
    json_decref(rows);
    assert_int_equal(worker_mapping_topics(NULL, *state, &topics, &count, &err), PACS_OK);
    assert_int_equal(count, 0);
}

static void pointers_find_what_they_point_at(void **state)
{
    json_t *root = json_of("{\"a\":[{\"b/c\":1},{\"m~n\":2}],\"\":3}");

    (void)state;
    assert_ptr_equal(worker_pointer_get(root, ""), root);
    assert_int_equal(json_integer_value(worker_pointer_get(root, "/a/0/b~1c")), 1);
    assert_int_equal(json_integer_value(worker_pointer_get(root, "/a/1/m~0n")), 2);
    assert_int_equal(json_integer_value(worker_pointer_get(root, "/")), 3);
    assert_null(worker_pointer_get(root, "/a/2"));
    assert_null(worker_pointer_get(root, "/a/00"));
    assert_null(worker_pointer_get(root, "/a/-"));
    assert_null(worker_pointer_get(root, "/a/0/b~1c/d"));
    json_decref(root);
    assert_false(worker_pointer_valid("/a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q"));
    assert_false(worker_pointer_valid("a"));
}

static void pointers_set_members_but_do_not_go_through_values(void **state)
{
    json_t *root = json_object();
    PacsError err = {0};

    (void)state;
    assert_int_equal(worker_pointer_set(root, "/a/b", json_integer(1), &err), PACS_OK);
    assert_int_equal(worker_pointer_set(root, "/a/c", json_integer(2), &err), PACS_OK);
    assert_int_equal(worker_pointer_set(root, "/a/b/x", json_integer(3), &err), PACS_INVALID);
    assert_int_equal(worker_pointer_set(root, "", json_integer(3), &err), PACS_INVALID);
    assert_int_equal(json_object_size(json_object_get(root, "a")), 2);
    json_decref(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_becomes_an_event_in_canonical_form),
        cmocka_unit_test(what_a_message_lacks_is_left_out_or_has_a_default),
        cmocka_unit_test(messages_that_no_row_is_for_are_passed_over),
        cmocka_unit_test(messages_that_cannot_be_what_they_say_are_refused_without_their_values),
        cmocka_unit_test(a_message_over_the_maximum_is_not_looked_into),
        cmocka_unit_test(without_an_id_the_place_in_the_topic_names_an_event),
        cmocka_unit_test(times_of_every_kind_become_one),
        cmocka_unit_test(topics_without_a_row_carry_cloud_events),
        cmocka_unit_test(a_table_that_is_wrong_is_refused_at_the_start),
        cmocka_unit_test(the_topics_of_the_rows_are_read),
        cmocka_unit_test(pointers_find_what_they_point_at),
        cmocka_unit_test(pointers_set_members_but_do_not_go_through_values),
    };
    return cmocka_run_group_tests(tests, make_arena, free_arena);
}
