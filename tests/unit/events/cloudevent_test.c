#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "events/contract/cloudevent.h"

static const EventsCloudEvent sample = {
    .id = "0193-id",
    .source = "/lightbox/A",
    .type = "org.sapoche.imaging.study.arrived.v1",
    .datacontenttype = "application/json",
    .sequence = "00000000000000000042",
    .traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    .data = {"{\"a\":1}", 7},
};

static const EventsHeader *find(const EventsHeader *headers, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(headers[i].name, name) == 0)
            return &headers[i];
    return NULL;
}

static void assert_header(const EventsHeader *headers, size_t count, const char *name, const char *value)
{
    const EventsHeader *header = find(headers, count, name);
    assert_non_null(header);
    assert_true(pacs_slice_equal(header->value, value));
}

static void attributes_become_headers(void **state)
{
    (void)state;
    EventsHeader headers[EVENTS_HEADERS_MAX];
    const size_t count = events_cloudevent_format_binary(&sample, headers);

    assert_header(headers, count, "ce_specversion", "1.0");
    assert_header(headers, count, "ce_id", "0193-id");
    assert_header(headers, count, "ce_sequence", "00000000000000000042");
    assert_header(headers, count, "content-type", "application/json");
}

static void trace_context_stands_twice(void **state)
{
    (void)state;
    EventsHeader headers[EVENTS_HEADERS_MAX];
    const size_t count = events_cloudevent_format_binary(&sample, headers);

    assert_header(headers, count, "traceparent", sample.traceparent);
    assert_header(headers, count, "ce_traceparent", sample.traceparent);
}

static void what_is_absent_has_no_header(void **state)
{
    (void)state;
    EventsHeader headers[EVENTS_HEADERS_MAX];
    const size_t count = events_cloudevent_format_binary(&sample, headers);

    assert_null(find(headers, count, "ce_subject"));
    assert_null(find(headers, count, "tracestate"));
}

static void every_attribute_fits_into_the_headers(void **state)
{
    (void)state;
    EventsHeader headers[EVENTS_HEADERS_MAX];
    EventsCloudEvent full = {
        .id = "x",
        .source = "x",
        .type = "x",
        .subject = "x",
        .time = "x",
        .dataschema = "x",
        .datacontenttype = "x",
        .partitionkey = "x",
        .sequence = "x",
        .lane = "x",
        .correlationid = "x",
        .causationid = "x",
        .dataclassification = "x",
        .dataregulation = "x",
        .datacategory = "x",
        .dataref = "x",
        .traceparent = "x",
        .tracestate = "x",
    };

    assert_in_range(events_cloudevent_format_binary(&full, headers), 1, EVENTS_HEADERS_MAX);
}

static void json_data_stands_in_the_document_as_it_is(void **state)
{
    (void)state;
    PACS_AUTO_BUFFER PacsBuffer out = PACS_BUFFER(4096);

    assert_int_equal(events_cloudevent_format_structured(&sample, &out, NULL), PACS_OK);
    assert_string_equal(
        pacs_buffer_text(&out),
        "{\"specversion\":\"1.0\",\"id\":\"0193-id\",\"source\":\"/lightbox/A\","
        "\"type\":\"org.sapoche.imaging.study.arrived.v1\",\"datacontenttype\":\"application/json\","
        "\"sequence\":\"00000000000000000042\","
        "\"traceparent\":\"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\","
        "\"data\":{\"a\":1}}");
}

static void other_data_stands_there_as_base64(void **state)
{
    (void)state;
    PACS_AUTO_BUFFER PacsBuffer out = PACS_BUFFER(4096);
    EventsCloudEvent event = {.id = "1", .source = "s", .type = "t", .datacontenttype = "application/pdf"};
    event.data = pacs_slice("%PDF");

    assert_int_equal(events_cloudevent_format_structured(&event, &out, NULL), PACS_OK);
    assert_non_null(strstr(pacs_buffer_text(&out), "\"data_base64\":\"JVBERg==\""));
}

static void an_event_without_data_has_no_member_for_it(void **state)
{
    (void)state;
    PACS_AUTO_BUFFER PacsBuffer out = PACS_BUFFER(4096);
    const EventsCloudEvent event = {.id = "1", .source = "s", .type = "t"};

    assert_int_equal(events_cloudevent_format_structured(&event, &out, NULL), PACS_OK);
    assert_string_equal(pacs_buffer_text(&out),
                        "{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"s\",\"type\":\"t\"}");
}

static void a_document_that_does_not_fit_is_said(void **state)
{
    (void)state;
    PACS_AUTO_BUFFER PacsBuffer out = PACS_BUFFER(64);

    assert_int_equal(events_cloudevent_format_structured(&sample, &out, NULL), PACS_TOO_LARGE);
}

static void media_types_of_json_are_known(void **state)
{
    (void)state;
    assert_true(events_content_type_is_json(NULL));
    assert_true(events_content_type_is_json("Application/JSON ; charset=utf-8"));
    assert_true(events_content_type_is_json("application/dicom+json"));
    assert_false(events_content_type_is_json("application/pdf"));
    assert_false(events_content_type_is_json("+json"));
    assert_false(events_content_type_is_json(""));
}

static void a_sequence_is_a_revision(void **state)
{
    (void)state;
    uint64_t revision = 0;
    const EventsCloudEvent without = {.id = "1"};

    assert_int_equal(events_cloudevent_revision(&sample, &revision, NULL), PACS_OK);
    assert_int_equal(revision, 42);
    assert_int_equal(events_cloudevent_revision(&without, &revision, NULL), PACS_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(attributes_become_headers),
        cmocka_unit_test(trace_context_stands_twice),
        cmocka_unit_test(what_is_absent_has_no_header),
        cmocka_unit_test(every_attribute_fits_into_the_headers),
        cmocka_unit_test(json_data_stands_in_the_document_as_it_is),
        cmocka_unit_test(other_data_stands_there_as_base64),
        cmocka_unit_test(an_event_without_data_has_no_member_for_it),
        cmocka_unit_test(a_document_that_does_not_fit_is_said),
        cmocka_unit_test(media_types_of_json_are_known),
        cmocka_unit_test(a_sequence_is_a_revision),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
