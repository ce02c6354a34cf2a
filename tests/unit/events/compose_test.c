#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "events/contract/compose.h"

static const EventsComposeOptions options = {
    .source = "/lightbox/A",
    .public_root = "https://pacs.example/dicom-web",
    .viewer_url = "https://viewer.example/?StudyInstanceUIDs={StudyInstanceUID}&x=1",
};

static EventsFacts facts_of(const char *type, const char *data)
{
    return (EventsFacts){
        .ce_id = "0193", .type = type, .key = "1.2.3", .data = data, .revision = 7, .time_ms = 1763707620123};
}

static PacsArena *arena;

static int set_up(void **state)
{
    (void)state;
    arena = pacs_arena_new(4u << 20);
    return arena ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    pacs_arena_free(arena);
    return 0;
}

static EventsCloudEvent compose(const EventsComposeOptions *with, const EventsFacts *facts)
{
    EventsCloudEvent event = {0};
    assert_int_equal(events_compose(with, facts, arena, &event, NULL), PACS_OK);
    return event;
}

static void the_envelope_is_made_of_the_row(void **state)
{
    (void)state;
    EventsFacts facts = facts_of("study.arrived", "{}");
    facts.traceparent = "00-a-b-01";
    const EventsCloudEvent event = compose(&options, &facts);

    assert_string_equal(event.id, "0193");
    assert_string_equal(event.source, "/lightbox/A");
    assert_string_equal(event.type, "org.sapoche.imaging.study.arrived.v1");
    assert_string_equal(event.subject, "studies/1.2.3");
    assert_string_equal(event.time, "2025-11-21T06:47:00.123Z");
    assert_string_equal(event.dataschema, "https://schemas.sapoche.org/imaging/v1/study.arrived.json");
    assert_string_equal(event.partitionkey, "1.2.3");
    assert_string_equal(event.sequence, "00000000000000000007");
    assert_string_equal(event.lane, "normal");
    assert_string_equal(event.datacategory, "phi");
    assert_string_equal(event.traceparent, "00-a-b-01");
}

static void addresses_stand_in_front_of_the_facts(void **state)
{
    (void)state;
    const EventsFacts facts = facts_of("study.arrived", "{\"studyInstanceUid\":\"1.2.3\"}");
    const EventsCloudEvent event = compose(&options, &facts);

    assert_true(pacs_slice_equal(event.data,
                                 "{\"retrieveUrl\":\"https://pacs.example/dicom-web/studies/1.2.3\","
                                 "\"viewerUrl\":\"https://viewer.example/?StudyInstanceUIDs=1.2.3&x=1\","
                                 "\"studyInstanceUid\":\"1.2.3\"}"));
}

static void a_report_says_where_its_document_is(void **state)
{
    (void)state;
    const EventsComposeOptions no_viewer = {.source = "s", .public_root = "/dicom-web"};
    const EventsFacts facts = facts_of(
        "report.available",
        "{\"list\":[{\"sopInstanceUid\":\"0\"}],\"seriesInstanceUid\":\"4\",\"sopInstanceUid\":\"5\"}");
    const EventsCloudEvent event = compose(&no_viewer, &facts);

    assert_non_null(strstr(event.data.text,
                           "\"contentUrl\":\"/dicom-web/studies/1.2.3/series/4/instances/5/rendered\","));
}

static void what_is_gone_has_no_address(void **state)
{
    (void)state;
    const EventsFacts facts = facts_of("study.deleted", "{\"a\":1}");

    assert_true(pacs_slice_equal(compose(&options, &facts).data, "{\"a\":1}"));
}

static void no_root_is_no_address(void **state)
{
    (void)state;
    const EventsComposeOptions bare = {.source = "s"};
    const EventsFacts facts = facts_of("study.arrived", "{}");

    assert_true(pacs_slice_equal(compose(&bare, &facts).data, "{}"));
}

static void the_lane_of_the_row_is_the_events(void **state)
{
    (void)state;
    EventsFacts facts = facts_of("study.arrived", "{}");
    facts.lane = "svip1";

    assert_string_equal(compose(&options, &facts).lane, "svip1");
}

static void an_event_about_the_house_has_no_lane(void **state)
{
    (void)state;
    EventsFacts facts = facts_of("ingest.rejected", "{}");
    facts.key = "";
    const EventsCloudEvent event = compose(&options, &facts);

    assert_null(event.lane);
    assert_null(event.subject);
    assert_null(event.partitionkey);
}

static void a_row_that_makes_no_sense_is_said(void **state)
{
    (void)state;
    const EventsFacts unknown = facts_of("study.vanished", "{}");
    const EventsFacts broken = facts_of("study.arrived", "[]");
    EventsCloudEvent event;

    assert_int_equal(events_compose(&options, &unknown, arena, &event, NULL), PACS_CORRUPT);
    assert_int_equal(events_compose(&options, &broken, arena, &event, NULL), PACS_CORRUPT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_envelope_is_made_of_the_row),
        cmocka_unit_test(addresses_stand_in_front_of_the_facts),
        cmocka_unit_test(a_report_says_where_its_document_is),
        cmocka_unit_test(what_is_gone_has_no_address),
        cmocka_unit_test(no_root_is_no_address),
        cmocka_unit_test(the_lane_of_the_row_is_the_events),
        cmocka_unit_test(an_event_about_the_house_has_no_lane),
        cmocka_unit_test(a_row_that_makes_no_sense_is_said),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
