/* Orthanc's REST API over a server without sockets: what a client sees. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pacs/http/http_memory.h"
#include "pacs/rest/rest.h"
#include "tests/support/archive.h"
#include "tests/support/object.h"

#define NOBODY "00000000-00000000-00000000-00000000-00000000"

typedef struct Fixture {
    TestArchive archive;
    PacsRetrieve *retrieve;
    PacsRest *rest;
    PacsMetrics *metrics;
    PacsHttpMemory *http;
} Fixture;

static int open_fixture(void **state)
{
    static Fixture fixture;
    PacsRestOptions options = {.name = "Test",
                               .dicom_aet = "LIGHTBOX",
                               .dicom_port = 4242,
                               .http_port = 8042,
                               .describe_errors = true};
    PacsHttpSiteOptions site = {.remote_access_allowed = true};

    test_archive_open(&fixture.archive, PACS_OVERWRITE_NEVER);
    TestArchive *archive = &fixture.archive;
    fixture.metrics = pacs_metrics_new();
    assert_int_equal(pacs_retrieve_new(archive->store, archive->index, &fixture.retrieve, NULL), PACS_OK);
    assert_int_equal(pacs_rest_new(&options, archive->ingest, fixture.retrieve, archive->index,
                                   archive->store, fixture.metrics, &fixture.rest, NULL),
                     PACS_OK);
    assert_int_equal(pacs_http_memory_new(&site, pacs_rest_mount(fixture.rest), 1, &fixture.http, NULL),
                     PACS_OK);
    *state = &fixture;
    return 0;
}

static int close_fixture(void **state)
{
    Fixture *fixture = *state;

    pacs_http_memory_free(fixture->http);
    pacs_rest_free(fixture->rest);
    pacs_retrieve_free(fixture->retrieve);
    pacs_metrics_free(fixture->metrics);
    test_archive_close(&fixture->archive);
    return 0;
}

/** The answer's body as JSON, after its code has been checked. */
static json_t *ask(Fixture *fixture, const char *method, const char *target, uint32_t expected_code)
{
    PacsHttpAnswer answer;
    PacsHttpAsk request = {.method = method, .target = target};

    assert_int_equal(pacs_http_perform(fixture->http, &request, &answer), expected_code);
    json_t *body = json_loads(pacs_buffer_text(&answer.body), 0, NULL);
    pacs_http_answer_clear(&answer);
    return body;
}

static json_t *post(Fixture *fixture, const void *bytes, size_t size, size_t piece, uint32_t expected_code)
{
    PacsHttpAnswer answer;
    PacsHttpAsk request = {
        .method = "POST", .target = "/instances", .body = bytes, .body_size = size, .piece_size = piece};

    assert_int_equal(pacs_http_perform(fixture->http, &request, &answer), expected_code);
    json_t *body = json_loads(pacs_buffer_text(&answer.body), 0, NULL);
    assert_non_null(body);
    pacs_http_answer_clear(&answer);
    return body;
}

static json_t *post_object(Fixture *fixture, const TestObject *object)
{
    PACS_AUTO_BUFFER PacsBuffer file = PACS_BUFFER(1 << 16);

    test_object_file(object, &file);
    return post(fixture, file.bytes, file.size, 100, 200);
}

static const char *text(json_t *object, const char *key)
{
    const char *value = json_string_value(json_object_get(object, key));

    assert_non_null(value);
    return value;
}

/** An object whose series has (0040,0275) with one item; the id of its series. */
static void post_requested(Fixture *fixture, char path[80])
{
    PACS_AUTO_BUFFER PacsBuffer file = PACS_BUFFER(1 << 16);
    PACS_AUTO_BUFFER PacsBuffer item = PACS_BUFFER(1024);
    TestObject object = test_object(1, 1, 1);
    const uint8_t header[8] = {0xFE, 0xFF, 0x00, 0xE0, 10};

    assert_true(pacs_buffer_add(&item, header, sizeof header));
    test_add_text(&item, PACS_TAG_SCHEDULED_PROCEDURE_STEP_ID, "SH", "S1");
    assert_int_equal(item.size, 18);
    test_object_file(&object, &file);
    test_add_bytes(&file, PACS_TAG_REQUEST_ATTRIBUTES_SEQUENCE, "SQ", item.bytes, (uint32_t)item.size);
    json_t *stored = post(fixture, file.bytes, file.size, 100, 200);
    (void)snprintf(path, 80, "/series/%s", text(stored, "ParentSeries"));
    json_decref(stored);
}

static void expect_requests(Fixture *fixture, const char *path, const char *query, const char *key,
                            const char *expected)
{
    char target[128];

    (void)snprintf(target, sizeof target, "%s%s", path, query);
    json_t *series = ask(fixture, "GET", target, 200);
    char *found = json_dumps(json_object_get(json_object_get(series, "MainDicomTags"), key), JSON_COMPACT);
    assert_non_null(found);
    assert_string_equal(found, expected);
    free(found);
    json_decref(series);
}

static void a_series_shows_its_main_sequences(void **state)
{
    Fixture *fixture = *state;
    char path[80];

    post_requested(fixture, path);
    expect_requests(fixture, path, "", "RequestAttributesSequence",
                    "[{\"ScheduledProcedureStepID\":\"S1\"}]");
    expect_requests(fixture, path, "?short", "0040,0275", "[{\"0040,0009\":\"S1\"}]");
    expect_requests(
        fixture, path, "?full", "0040,0275",
        "{\"Name\":\"RequestAttributesSequence\",\"Type\":\"Sequence\",\"Value\":[{\"0040,0009\":{\"Name\":"
        "\"ScheduledProcedureStepID\",\"Type\":\"String\",\"Value\":\"S1\"}}]}");
}

static void a_posted_file_is_answered_with_its_ids(void **state)
{
    Fixture *fixture = *state;
    TestObject object = test_object(1, 1, 1);
    json_t *stored = post_object(fixture, &object);
    char path[80];

    assert_string_equal(text(stored, "Status"), "Success");
    (void)snprintf(path, sizeof path, "/instances/%s", text(stored, "ID"));
    assert_string_equal(text(stored, "Path"), path);

    json_t *again = post_object(fixture, &object);
    assert_string_equal(text(again, "Status"), "AlreadyStored");
    assert_string_equal(text(again, "ID"), text(stored, "ID"));
    json_decref(stored);
    json_decref(again);
}

static void what_is_no_dicom_is_a_bad_file_format(void **state)
{
    Fixture *fixture = *state;
    json_t *error = post(fixture, "no DICOM at all, sorry about that", 33, 0, 400);

    assert_int_equal(json_integer_value(json_object_get(error, "OrthancStatus")), 15);
    assert_string_equal(text(error, "Message"), "Bad file format");
    assert_true(text(error, "Details")[0] != '\0');
    json_decref(error);

    json_t *statistics = ask(fixture, "GET", "/statistics", 200);
    assert_int_equal(json_integer_value(json_object_get(statistics, "CountInstances")), 0);
    json_decref(statistics);
}

static void a_file_comes_back_as_it_was_posted(void **state)
{
    Fixture *fixture = *state;
    TestObject object = test_object(1, 1, 1);
    PacsHttpAnswer answer;
    char path[100];
    PACS_AUTO_BUFFER PacsBuffer file = PACS_BUFFER(1 << 16);
    test_object_file(&object, &file);

    json_t *stored = post(fixture, file.bytes, file.size, 0, 200);
    (void)snprintf(path, sizeof path, "/instances/%s/file", text(stored, "ID"));
    PacsHttpAsk request = {.target = path};
    assert_int_equal(pacs_http_perform(fixture->http, &request, &answer), 200);
    assert_int_equal(answer.body.size, file.size);
    assert_memory_equal(answer.body.bytes, file.bytes, file.size);
    pacs_http_answer_clear(&answer);
    json_decref(stored);
}

static void every_level_lists_and_shows_its_resources(void **state)
{
    static const char *const levels[][2] = {
        {"patients", "Patient"}, {"studies", "Study"}, {"series", "Series"}, {"instances", "Instance"}};
    Fixture *fixture = *state;
    TestObject object = test_object(1, 1, 1);

    json_decref(post_object(fixture, &object));
    for (size_t i = 0; i < 4; i++) {
        char path[100];
        (void)snprintf(path, sizeof path, "/%s", levels[i][0]);
        json_t *ids = ask(fixture, "GET", path, 200);
        assert_int_equal(json_array_size(ids), 1);

        (void)snprintf(path, sizeof path, "/%s/%s", levels[i][0], json_string_value(json_array_get(ids, 0)));
        json_t *one = ask(fixture, "GET", path, 200);
        assert_string_equal(text(one, "Type"), levels[i][1]);

        (void)snprintf(path, sizeof path, "/%s?expand", levels[i][0]);
        json_t *expanded = ask(fixture, "GET", path, 200);
        assert_true(json_equal(json_array_get(expanded, 0), one));
        json_decref(ids);
        json_decref(one);
        json_decref(expanded);
    }
}

static void children_and_parents_are_found_from_every_level(void **state)
{
    static const char *const above[] = {"patient", "study", "series"};
    Fixture *fixture = *state;
    TestObject object = test_object(1, 1, 1);
    char path[120];

    json_t *stored = post_object(fixture, &object);
    for (size_t i = 0; i < 3; i++) {
        (void)snprintf(path, sizeof path, "/instances/%s/%s", text(stored, "ID"), above[i]);
        json_decref(ask(fixture, "GET", path, 200));
    }
    (void)snprintf(path, sizeof path, "/patients/%s/instances?expand=false", text(stored, "ParentPatient"));
    json_t *ids = ask(fixture, "GET", path, 200);
    assert_string_equal(json_string_value(json_array_get(ids, 0)), text(stored, "ID"));
    json_decref(ids);
    (void)snprintf(path, sizeof path, "/studies/%s/series", text(stored, "ParentStudy"));
    json_t *series = ask(fixture, "GET", path, 200);
    assert_string_equal(text(json_array_get(series, 0), "ID"), text(stored, "ParentSeries"));
    json_decref(series);
    json_decref(stored);
}

static void a_list_is_paged_by_since_and_limit(void **state)
{
    Fixture *fixture = *state;

    for (unsigned i = 1; i <= 5; i++) {
        TestObject object = test_object(1, 1, i);
        json_decref(post_object(fixture, &object));
    }
    json_t *all = ask(fixture, "GET", "/instances", 200);
    json_t *page = ask(fixture, "GET", "/instances?since=3&limit=10", 200);
    assert_int_equal(json_array_size(page), 2);
    assert_string_equal(json_string_value(json_array_get(page, 0)),
                        json_string_value(json_array_get(all, 3)));
    json_decref(all);
    json_decref(page);
    json_decref(ask(fixture, "GET", "/instances?limit=x", 400));
}

static void what_is_not_here_is_an_unknown_resource(void **state)
{
    static const char *const targets[] = {"/nothing",
                                          "/instances/" NOBODY,
                                          "/series/x",
                                          "/instances/" NOBODY "/file",
                                          "/instances/" NOBODY "/tags",
                                          "/patients/" NOBODY "/studies",
                                          "/instances/" NOBODY "/study"};
    Fixture *fixture = *state;

    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
        json_t *error = ask(fixture, "GET", targets[i], 404);
        assert_int_equal(json_integer_value(json_object_get(error, "OrthancStatus")), 17);
        json_decref(error);
    }
}

static void a_method_that_a_path_has_not_is_answered_with_those_it_has(void **state)
{
    Fixture *fixture = *state;
    PacsHttpAnswer answer;
    PacsHttpAsk request = {.method = "PUT", .target = "/instances"};
    char allow[100];

    assert_int_equal(pacs_http_perform(fixture->http, &request, &answer), 405);
    assert_non_null(strstr(pacs_http_answer_header(&answer, "Allow", allow, sizeof allow), "POST"));
    assert_int_equal(answer.body.size, 0);
    pacs_http_answer_clear(&answer);
}

static void deletion_says_what_remains(void **state)
{
    Fixture *fixture = *state;
    TestObject object = test_object(1, 1, 1);
    char path[100];

    json_t *first = post_object(fixture, &object);
    object = test_object(1, 1, 2);
    json_t *second = post_object(fixture, &object);

    (void)snprintf(path, sizeof path, "/instances/%s", text(first, "ID"));
    json_t *reply = ask(fixture, "DELETE", path, 200);
    assert_string_equal(text(json_object_get(reply, "RemainingAncestor"), "ID"), text(first, "ParentSeries"));
    json_decref(reply);
    json_decref(ask(fixture, "GET", path, 404));

    (void)snprintf(path, sizeof path, "/series/%s", text(second, "ParentSeries"));
    reply = ask(fixture, "DELETE", path, 200);
    assert_true(json_is_null(json_object_get(reply, "RemainingAncestor")));
    json_decref(reply);
    json_decref(ask(fixture, "DELETE", path, 404));
    json_decref(first);
    json_decref(second);
}

static void changes_tell_what_happened_in_order(void **state)
{
    static const char *const types[] = {"NewInstance", "NewSeries", "NewStudy", "NewPatient"};
    Fixture *fixture = *state;
    TestObject object = test_object(1, 1, 1);

    json_decref(post_object(fixture, &object));
    json_t *reply = ask(fixture, "GET", "/changes", 200);
    json_t *changes = json_object_get(reply, "Changes");
    assert_int_equal(json_array_size(changes), 4);
    assert_true(json_is_true(json_object_get(reply, "Done")));
    for (size_t i = 0; i < 4; i++)
        assert_string_equal(text(json_array_get(changes, i), "ChangeType"), types[i]);
    json_decref(reply);

    reply = ask(fixture, "GET", "/changes?since=1&limit=2&type=NewSeries;NewStudy;NewPatient", 200);
    assert_int_equal(json_array_size(json_object_get(reply, "Changes")), 2);
    assert_true(json_is_false(json_object_get(reply, "Done")));
    json_decref(reply);
    json_decref(ask(fixture, "GET", "/changes?type=NoSuchChange", 400));
}

static void the_probes_answer_without_a_password(void **state)
{
    Fixture *fixture = *state;

    json_decref(ask(fixture, "GET", "/livez", 200));
    json_decref(ask(fixture, "GET", "/readyz", 200));
    pacs_rest_set_draining(fixture->rest);
    json_decref(ask(fixture, "GET", "/readyz", 503));
    json_decref(ask(fixture, "GET", "/livez", 200));
}

static void errors_may_be_kept_short(void **state)
{
    Fixture *fixture = *state;
    PacsRest *quiet = NULL;
    PacsHttpMemory *http = NULL;
    PacsRestOptions options = {.name = "", .dicom_aet = "LIGHTBOX"};
    PacsHttpSiteOptions site = {.remote_access_allowed = true};
    PacsHttpAnswer answer;
    PacsHttpAsk request = {.target = "/nothing"};

    assert_int_equal(pacs_rest_new(&options, fixture->archive.ingest, fixture->retrieve,
                                   fixture->archive.index, fixture->archive.store, NULL, &quiet, NULL),
                     PACS_OK);
    assert_int_equal(pacs_http_memory_new(&site, pacs_rest_mount(quiet), 1, &http, NULL), PACS_OK);
    assert_int_equal(pacs_http_perform(http, &request, &answer), 404);
    assert_int_equal(answer.body.size, 0);
    pacs_http_answer_clear(&answer);
    pacs_http_memory_free(http);
    pacs_rest_free(quiet);
}

static void an_upload_goes_on_with_the_trace_of_its_request(void **state)
{
    Fixture *fixture = *state;
    const PacsHttpPair header = {"traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"};
    PACS_AUTO_BUFFER PacsBuffer file = PACS_BUFFER(1 << 16);
    PACS_AUTO(PacsArena) arena = pacs_arena_new(1 << 20);
    TestObject object = test_object(1, 1, 1);
    PacsHttpAnswer answer;
    PacsEventPage page;

    test_object_file(&object, &file);
    const PacsHttpAsk upload = {.method = "POST",
                                .target = "/instances",
                                .headers = &header,
                                .header_count = 1,
                                .body = file.bytes,
                                .body_size = file.size};
    assert_int_equal(pacs_http_perform(fixture->http, &upload, &answer), 200);
    pacs_http_answer_clear(&answer);
    assert_int_equal(
        pacs_index_read_events(fixture->archive.index, &(PacsEventQuery){.max = 9}, arena, &page, NULL),
        PACS_OK);
    assert_memory_equal(page.events[0].traceparent, header.value, 35); /* the trace */
    assert_string_not_equal(page.events[0].traceparent, header.value); /* and a span of ours */
}

static void a_backlog_of_events_refuses_uploads_for_a_while(void **state)
{
    Fixture *fixture = *state;
    PACS_AUTO_BUFFER PacsBuffer file = PACS_BUFFER(1 << 16);
    TestObject object = test_object(1, 1, 1);
    PacsHttpAnswer answer;
    char header[32];

    test_object_file(&object, &file);
    test_archive_set_backlog(&fixture->archive, true);
    const PacsHttpAsk upload = {
        .method = "POST", .target = "/instances", .body = file.bytes, .body_size = file.size};
    assert_int_equal(pacs_http_perform(fixture->http, &upload, &answer), 503);
    assert_non_null(pacs_http_answer_header(&answer, "Retry-After", header, sizeof header));
    pacs_http_answer_clear(&answer);
    json_decref(ask(fixture, "GET", "/studies", 200)); /* reading goes on */
    test_archive_set_backlog(&fixture->archive, false);
    json_decref(post_object(fixture, &object));
}

int main(void)
{
#define REST_TEST(function) cmocka_unit_test_setup_teardown(function, open_fixture, close_fixture)
    const struct CMUnitTest tests[] = {
        REST_TEST(a_series_shows_its_main_sequences),
        REST_TEST(a_posted_file_is_answered_with_its_ids),
        REST_TEST(what_is_no_dicom_is_a_bad_file_format),
        REST_TEST(a_file_comes_back_as_it_was_posted),
        REST_TEST(every_level_lists_and_shows_its_resources),
        REST_TEST(children_and_parents_are_found_from_every_level),
        REST_TEST(a_list_is_paged_by_since_and_limit),
        REST_TEST(what_is_not_here_is_an_unknown_resource),
        REST_TEST(a_method_that_a_path_has_not_is_answered_with_those_it_has),
        REST_TEST(deletion_says_what_remains),
        REST_TEST(changes_tell_what_happened_in_order),
        REST_TEST(the_probes_answer_without_a_password),
        REST_TEST(errors_may_be_kept_short),
        REST_TEST(an_upload_goes_on_with_the_trace_of_its_request),
        REST_TEST(a_backlog_of_events_refuses_uploads_for_a_while),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
