/* Which lane a study's events go by: rules over where its first instance came from and what it says. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "pacs/ingest/lane.h"
#include "pacs/util/arena.h"
#include "tests/support/archive.h"
#include "tests/support/indexed_object.h"
#include "tests/support/object.h"

#define TEXTS(...)                                                                                           \
    {                                                                                                        \
        .items = (const char *const[]){__VA_ARGS__},                                                         \
        .count = sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *)                           \
    }

static const char *lane_of(const EventsLaneRule *rules, size_t count, const IndexedObject *object)
{
    const char *lane = ingest_lane_of(rules, count, &object->origin, &object->instance);

    return lane ? lane : "none";
}

static void the_first_rule_that_matches_decides(void **state)
{
    IndexedObject object;
    const EventsLaneRule rules[] = {
        {.lane = "svip1", .calling_aets = TEXTS("MR_ROOM")},
        {.lane = "vip", .calling_aets = TEXTS("OTHER", "CT_*")},
        {.lane = "svip2", .modalities = TEXTS("CT")},
    };

    (void)state;
    indexed_object_init(&object, 1, 1, 1, 1);
    assert_string_equal(lane_of(rules, 3, &object), "vip");
    object.origin.calling_aet = "US1";
    assert_string_equal(lane_of(rules, 3, &object), "svip2");
    indexed_object_set(&object, PACS_LEVEL_SERIES, PACS_TAG_MODALITY, "MR");
    assert_string_equal(lane_of(rules, 3, &object), "none");
    assert_string_equal(lane_of(rules, 0, &object), "none");
}

static void all_conditions_of_a_rule_must_match(void **state)
{
    IndexedObject object;
    const EventsLaneRule rule = {.lane = "vip",
                                 .calling_aets = TEXTS("CT_ROOM"),
                                 .called_aets = TEXTS("LIGHT?OX"),
                                 .modalities = TEXTS("CT")};

    (void)state;
    indexed_object_init(&object, 1, 1, 1, 1);
    assert_string_equal(lane_of(&rule, 1, &object), "vip");
    object.origin.called_aet = "LIGHTBOX2";
    assert_string_equal(lane_of(&rule, 1, &object), "none");
    object.origin.called_aet = NULL; /* it came by HTTP */
    assert_string_equal(lane_of(&rule, 1, &object), "none");
}

static void a_rule_may_ask_for_any_attribute(void **state)
{
    IndexedObject object;
    PACS_AUTO_BUFFER PacsBuffer json = PACS_BUFFER(4096);
    const EventsLaneTag indexed = {.tag = PACS_TAG_ACCESSION_NUMBER, .values = TEXTS("V*", "A1*")};
    const EventsLaneTag other = {.tag = PACS_TAG_PATIENT_COMMENTS, .values = TEXTS("tier-one")};
    const EventsLaneTag both[] = {indexed, other};
    const EventsLaneRule rules[] = {{.lane = "svip1", .tags = both, .tag_count = 2},
                                    {.lane = "vip", .tags = &indexed, .tag_count = 1}};

    (void)state;
    indexed_object_init(&object, 1, 1, 1, 1);
    assert_string_equal(lane_of(rules, 2, &object), "vip");
    assert_true(pacs_buffer_add_text(
        &json, "{\"00104000\":{\"vr\":\"LT\",\"Value\":[\"tier-one\"]},\"00100020\":{\"vr\":\"LO\"}}"));
    object.instance.json = &json;
    assert_string_equal(lane_of(rules, 2, &object), "svip1");
    indexed_object_set(&object, PACS_LEVEL_STUDY, PACS_TAG_ACCESSION_NUMBER, "B1");
    assert_string_equal(lane_of(rules, 2, &object), "none");
}

static void of_several_values_any_may_match(void **state)
{
    IndexedObject object;
    const EventsLaneTag tag = {.tag = PACS_TAG_ACCESSION_NUMBER, .values = TEXTS("VIP")};
    const EventsLaneRule rule = {.lane = "vip", .tags = &tag, .tag_count = 1};

    (void)state;
    indexed_object_init(&object, 1, 1, 1, 1);
    indexed_object_set(&object, PACS_LEVEL_STUDY, PACS_TAG_ACCESSION_NUMBER, "A\\ VIP \\C");
    assert_string_equal(lane_of(&rule, 1, &object), "vip");
    indexed_object_set(&object, PACS_LEVEL_STUDY, PACS_TAG_ACCESSION_NUMBER, "");
    assert_string_equal(lane_of(&rule, 1, &object), "none");
}

static void ingest_gives_a_study_its_lane_and_trace(void **state)
{
    TestArchive *archive = *state;
    const EventsLaneRule rule = {.lane = "vip", .modalities = TEXTS("CT")};
    const PacsIngestOptions options = {.lanes = &rule, .lane_count = 1};
    const PacsUploadRequest request = {
        .traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"};
    PACS_AUTO_BUFFER PacsBuffer file = PACS_BUFFER(1 << 16);
    PACS_AUTO(PacsArena) arena = pacs_arena_new(1 << 20);
    PACS_AUTO(PacsUpload) upload = NULL;
    const TestObject object = test_object(1, 1, 1);
    PacsIngested ingested;
    PacsEventPage page;

    pacs_ingest_free(archive->ingest);
    assert_int_equal(pacs_ingest_new(&options, archive->store, archive->index, NULL, &archive->ingest, NULL),
                     PACS_OK);
    test_object_file(&object, &file);
    assert_int_equal(pacs_ingest_begin(archive->ingest, &request, &upload, NULL), PACS_OK);
    assert_int_equal(pacs_upload_feed(upload, file.bytes, file.size, NULL), PACS_OK);
    assert_int_equal(pacs_upload_finish(upload, &ingested, NULL), PACS_OK);
    assert_int_equal(pacs_index_read_events(archive->index, &(PacsEventQuery){.max = 9}, arena, &page, NULL),
                     PACS_OK);
    assert_int_equal(page.count, 1);
    assert_string_equal(page.events[0].lane, "vip");
    assert_string_equal(page.events[0].traceparent, request.traceparent);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_rule_that_matches_decides),
        cmocka_unit_test(all_conditions_of_a_rule_must_match),
        cmocka_unit_test(a_rule_may_ask_for_any_attribute),
        cmocka_unit_test(of_several_values_any_may_match),
        cmocka_unit_test_setup_teardown(ingest_gives_a_study_its_lane_and_trace, test_archive_set_up,
                                        test_archive_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
