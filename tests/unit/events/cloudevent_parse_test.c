#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "events/contract/cloudevent.h"
#include "pacs/util/limits.h"

typedef struct Fixture {
    PacsArena *arena;
    EventsCloudEvent event;
    PacsError err;
} Fixture;

static int set_up(void **state)
{
    static Fixture fixture;
    fixture = (Fixture){.arena = pacs_arena_new(4u << 20)};
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    Fixture *fixture = *state;
    pacs_arena_free(fixture->arena);
    return 0;
}

static PacsStatus parse_json(Fixture *fixture, const char *json)
{
    fixture->event = (EventsCloudEvent){0};
    return events_cloudevent_parse_structured(pacs_slice(json), fixture->arena, &fixture->event,
                                              &fixture->err);
}

#define REQUIRED "\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/s\",\"type\":\"t\""

static void what_was_formatted_is_read_back_from_headers(void **state)
{
    Fixture *fixture = *state;
    EventsHeader headers[EVENTS_HEADERS_MAX];
    const EventsCloudEvent sent = {.id = "1",
                                   .source = "/s",
                                   .type = "t",
                                   .subject = "studies/1.2",
                                   .time = "2026-11-21T06:47:00.123Z",
                                   .datacontenttype = "application/json",
                                   .lane = "vip",
                                   .traceparent = "00-x"};
    const size_t count = events_cloudevent_format_binary(&sent, headers);

    assert_int_equal(events_cloudevent_parse(headers, count, PACS_SLICE("{\"a\":1.50}"), fixture->arena,
                                             &fixture->event, &fixture->err),
                     PACS_OK);
    assert_string_equal(fixture->event.subject, "studies/1.2");
    assert_string_equal(fixture->event.lane, "vip");
    assert_string_equal(fixture->event.traceparent, "00-x");
    assert_null(fixture->event.dataschema);
    assert_true(pacs_slice_equal(fixture->event.data, "{\"a\":1.50}"));
}

static void what_was_formatted_is_read_back_from_a_document(void **state)
{
    Fixture *fixture = *state;
    PACS_AUTO_BUFFER PacsBuffer out = PACS_BUFFER(4096);
    EventsCloudEvent sent = {.id = "\"1\"", .source = "/s", .type = "t", .sequence = "00000000000000000007"};
    sent.data = pacs_slice("{\"a\":[1.50,{\"b\":null}]}");
    const EventsHeader header = {"Content-Type", PACS_SLICE(EVENTS_STRUCTURED_TYPE)};

    assert_int_equal(events_cloudevent_format_structured(&sent, &out, NULL), PACS_OK);
    assert_int_equal(events_cloudevent_parse(&header, 1, pacs_slice(pacs_buffer_text(&out)), fixture->arena,
                                             &fixture->event, &fixture->err),
                     PACS_OK);
    assert_string_equal(fixture->event.id, "\"1\"");
    assert_string_equal(fixture->event.sequence, sent.sequence);
    assert_true(pacs_slice_equal(fixture->event.data, sent.data.text));
}

static void unknown_attributes_are_passed_over(void **state)
{
    Fixture *fixture = *state;

    assert_int_equal(parse_json(fixture, "{" REQUIRED ",\"new\":{\"deep\":[]},\"data\" : 5 }"), PACS_OK);
    assert_true(pacs_slice_equal(fixture->event.data, "5"));
}

static void base64_data_is_decoded(void **state)
{
    Fixture *fixture = *state;

    assert_int_equal(parse_json(fixture,
                                "{" REQUIRED
                                ",\"datacontenttype\":\"application/pdf\",\"data_base64\":\"JVBERg==\"}"),
                     PACS_OK);
    assert_true(pacs_slice_equal(fixture->event.data, "%PDF"));
}

static void text_data_is_the_string_itself(void **state)
{
    Fixture *fixture = *state;

    assert_int_equal(
        parse_json(fixture, "{" REQUIRED ",\"datacontenttype\":\"text/plain\",\"data\":\"a\\nb\"}"), PACS_OK);
    assert_true(pacs_slice_equal(fixture->event.data, "a\nb"));
}

static void null_is_absent_and_numbers_are_text(void **state)
{
    Fixture *fixture = *state;

    assert_int_equal(parse_json(fixture, "{" REQUIRED ",\"subject\":null,\"sequence\":12,\"lane\":true}"),
                     PACS_OK);
    assert_null(fixture->event.subject);
    assert_string_equal(fixture->event.sequence, "12");
    assert_string_equal(fixture->event.lane, "true");
    assert_null(fixture->event.data.text);
}

static void plain_trace_headers_stand_in(void **state)
{
    Fixture *fixture = *state;
    const EventsHeader headers[] = {
        {"ce_specversion", PACS_SLICE("1.0")}, {"ce_id", PACS_SLICE("1")},
        {"ce_source", PACS_SLICE("s")},        {"ce_type", PACS_SLICE("t")},
        {"traceparent", PACS_SLICE("00-p")},   {"tracestate", PACS_SLICE("v=1")},
    };

    assert_int_equal(
        events_cloudevent_parse(headers, 6, PACS_SLICE("{}"), fixture->arena, &fixture->event, &fixture->err),
        PACS_OK);
    assert_string_equal(fixture->event.traceparent, "00-p");
    assert_string_equal(fixture->event.tracestate, "v=1");
}

static void a_tombstone_is_no_event(void **state)
{
    Fixture *fixture = *state;

    assert_int_equal(events_cloudevent_parse(NULL, 0, (PacsSlice){NULL, 0}, fixture->arena, &fixture->event,
                                             &fixture->err),
                     PACS_INVALID);
    assert_non_null(strstr(fixture->err.text, "no CloudEvent"));
}

typedef struct Broken {
    const char *json;
    PacsStatus status;
    const char *says;
} Broken;

static void broken_documents_are_refused_with_words(void **state)
{
    static const Broken broken[] = {
        {"", PACS_INVALID, "JSON"},
        {"[]", PACS_INVALID, "one JSON object"},
        {"[{" REQUIRED "}]", PACS_INVALID, "one JSON object"},
        {"{" REQUIRED, PACS_INVALID, "JSON"},
        {"{" REQUIRED "} {}", PACS_INVALID, "JSON"},
        {"{\"id\":\"1\",\"source\":\"s\",\"type\":\"t\"}", PACS_INVALID, "specversion"},
        {"{\"specversion\":\"0.3\",\"id\":\"1\",\"source\":\"s\",\"type\":\"t\"}", PACS_UNSUPPORTED, "1.0"},
        {"{\"specversion\":\"1.0\",\"source\":\"s\",\"type\":\"t\"}", PACS_INVALID, "no id"},
        {"{\"specversion\":\"1.0\",\"id\":\"\",\"source\":\"s\",\"type\":\"t\"}", PACS_INVALID, "no id"},
        {"{\"specversion\":\"1.0\",\"id\":\"1\",\"type\":\"t\"}", PACS_INVALID, "no source"},
        {"{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"s\"}", PACS_INVALID, "no type"},
        {"{" REQUIRED ",\"id\":\"2\"}", PACS_INVALID, "id twice"},
        {"{" REQUIRED ",\"specversion\":\"1.0\"}", PACS_INVALID, "specversion twice"},
        {"{" REQUIRED ",\"data\":1,\"data\":2}", PACS_INVALID, "data twice"},
        {"{" REQUIRED ",\"data\":1,\"data_base64\":\"\"}", PACS_INVALID, "data_base64"},
        {"{" REQUIRED ",\"data_base64\":\"?\"}", PACS_INVALID, "base64"},
        {"{" REQUIRED ",\"datacontenttype\":\"text/plain\",\"data\":1}", PACS_INVALID, "not a string"},
        {"{" REQUIRED ",\"subject\":{}}", PACS_INVALID, "subject is not a string"},
        {"{" REQUIRED ",\"subject\":\"a\\u0000b\"}", PACS_INVALID, "subject is not text"},
        {"{" REQUIRED ",\"subject\":\"\\ud800\"}", PACS_INVALID, "subject is not text"},
        {"{" REQUIRED ",\"time\":\"yesterday\"}", PACS_INVALID, "time"},
        {"{" REQUIRED ",\"time\":\"2026-11-21T06:47:00\"}", PACS_INVALID, "time"},
        {"{" REQUIRED ",\"subject\":\"\xff\"}", PACS_INVALID, "UTF-8"},
    };
    Fixture *fixture = *state;

    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
        assert_int_equal(parse_json(fixture, broken[i].json), broken[i].status);
        assert_non_null(strstr(fixture->err.text, broken[i].says));
        assert_null(fixture->event.id);
    }
}

static void times_of_every_form_are_taken(void **state)
{
    static const char *const times[] = {"2026-11-21T06:47:00Z", "2026-11-21t06:47:00z",
                                        "2026-11-21T06:47:00.123456789Z", "2026-11-21T06:47:00+07:00"};
    Fixture *fixture = *state;

    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        char json[200];
        (void)snprintf(json, sizeof json, "{" REQUIRED ",\"time\":\"%s\"}", times[i]);
        assert_int_equal(parse_json(fixture, json), PACS_OK);
    }
}

static void other_forms_are_said(void **state)
{
    static const char *const types[] = {"application/cloudevents-batch+json", "application/cloudevents+avro",
                                        "application/cloudevents"};
    Fixture *fixture = *state;

    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        const EventsHeader header = {"content-type", pacs_slice(types[i])};
        assert_int_equal(events_cloudevent_parse(&header, 1, PACS_SLICE("{}"), fixture->arena,
                                                 &fixture->event, &fixture->err),
                         PACS_UNSUPPORTED);
    }
}

static void headers_are_held_to_the_same_rules(void **state)
{
    Fixture *fixture = *state;
    EventsHeader headers[] = {{"ce_specversion", PACS_SLICE("1.0")},
                              {"ce_id", PACS_SLICE("1")},
                              {"ce_source", PACS_SLICE("s")},
                              {"ce_type", PACS_SLICE("t")},
                              {"ce_id", PACS_SLICE("2")}};

    assert_int_equal(
        events_cloudevent_parse(headers, 5, PACS_SLICE(""), fixture->arena, &fixture->event, &fixture->err),
        PACS_INVALID);
    assert_non_null(strstr(fixture->err.text, "id twice"));
    headers[4] = (EventsHeader){"ce_subject", PACS_SLICE("\xc3")};
    assert_int_equal(
        events_cloudevent_parse(headers, 5, PACS_SLICE(""), fixture->arena, &fixture->event, &fixture->err),
        PACS_INVALID);
    headers[4] = (EventsHeader){"ce_subject",
                                {NULL, 0}}; /* a header without a value, which a broker allows */
    assert_int_equal(
        events_cloudevent_parse(headers, 5, PACS_SLICE(""), fixture->arena, &fixture->event, &fixture->err),
        PACS_OK);
    assert_null(fixture->event.subject);
}

static void sizes_have_limits(void **state)
{
    Fixture *fixture = *state;
    static EventsHeader many[PACS_MAX_CLOUD_EVENT_HEADERS + 1];
    for (size_t i = 0; i < sizeof many / sizeof many[0]; i++)
        many[i].name = "x";
    assert_int_equal(events_cloudevent_parse(many, sizeof many / sizeof many[0], PACS_SLICE(""),
                                             fixture->arena, &fixture->event, &fixture->err),
                     PACS_TOO_LARGE);

    static char big[PACS_MAX_CLOUD_EVENT + 2];
    memset(big, ' ', sizeof big - 1);
    assert_int_equal(parse_json(fixture, big), PACS_TOO_LARGE);

    static char subject[PACS_MAX_CLOUD_EVENT_ATTRIBUTE + 1];
    memset(subject, 'a', sizeof subject);
    const EventsHeader long_one = {"ce_subject", {subject, sizeof subject}};
    assert_int_equal(
        events_cloudevent_parse(&long_one, 1, PACS_SLICE(""), fixture->arena, &fixture->event, &fixture->err),
        PACS_TOO_LARGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_formatted_is_read_back_from_headers),
        cmocka_unit_test(what_was_formatted_is_read_back_from_a_document),
        cmocka_unit_test(unknown_attributes_are_passed_over),
        cmocka_unit_test(base64_data_is_decoded),
        cmocka_unit_test(text_data_is_the_string_itself),
        cmocka_unit_test(null_is_absent_and_numbers_are_text),
        cmocka_unit_test(plain_trace_headers_stand_in),
        cmocka_unit_test(a_tombstone_is_no_event),
        cmocka_unit_test(broken_documents_are_refused_with_words),
        cmocka_unit_test(times_of_every_form_are_taken),
        cmocka_unit_test(other_forms_are_said),
        cmocka_unit_test(headers_are_held_to_the_same_rules),
        cmocka_unit_test(sizes_have_limits),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
