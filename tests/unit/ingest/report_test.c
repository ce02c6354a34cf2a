/* What is read of a report document at ingest. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "pacs/ingest/report.h"
#include "tests/support/archive.h"
#include "tests/support/object.h"

#define PDF "1.2.840.10008.5.1.4.1.1.104.1"

static const PacsReportFacts *facts_of(const char *sop_class, const char *json, PacsArena *arena)
{
    PACS_AUTO_BUFFER PacsBuffer text = PACS_BUFFER(1 << 16);
    const PacsReportFacts *facts = NULL;

    assert_true(pacs_buffer_add_text(&text, json));
    const PacsInstance instance = {.sop_class_uid = sop_class, .json = &text};
    assert_int_equal(ingest_report_facts(&instance, arena, &facts, NULL), PACS_OK);
    return facts;
}

static void an_image_is_no_report(void **state)
{
    PACS_AUTO(PacsArena) arena = pacs_arena_new(1 << 20);

    (void)state;
    assert_null(facts_of("1.2.840.10008.5.1.4.1.1.2", "{}", arena));
    assert_null(
        facts_of("1.2.840.10008.5.1.4.1.1.88.67", "{}", arena)); /* a dose report tells of no findings */
}

static void a_report_that_says_nothing_of_itself_is_one(void **state)
{
    PACS_AUTO(PacsArena) arena = pacs_arena_new(1 << 20);

    (void)state;
    const PacsReportFacts *facts = facts_of(PDF, "{}", arena);
    assert_non_null(facts);
    assert_null(facts->title_code);
    assert_null(facts->completion);
    assert_int_equal(facts->predecessor_count, 0);
}

static void title_flags_and_times_are_read(void **state)
{
    PACS_AUTO(PacsArena) arena = pacs_arena_new(1 << 20);

    (void)state;
    const PacsReportFacts *facts = facts_of(
        "1.2.840.10008.5.1.4.1.1.88.11",
        "{\"00080023\":{\"vr\":\"DA\",\"Value\":[\"20261121\"]},\"00080033\":{\"vr\":\"TM\",\"Value\":[\"094200\"]},"
        "\"0040A043\":{\"vr\":\"SQ\",\"Value\":[{\"00080100\":{\"vr\":\"SH\",\"Value\":[\"18748-4\"]},"
        "\"00080102\":{\"vr\":\"SH\",\"Value\":[\"LN\"]},\"00080104\":{\"vr\":\"LO\",\"Value\":[\"Report\"]}}]},"
        "\"0040A491\":{\"vr\":\"CS\",\"Value\":[\"COMPLETE\"]},\"0040A493\":{\"vr\":\"CS\",\"Value\":[\"VERIFIED\"]}}",
        arena);
    assert_string_equal(facts->title_code, "18748-4");
    assert_string_equal(facts->title_scheme, "LN");
    assert_string_equal(facts->completion, "COMPLETE");
    assert_string_equal(facts->verification, "VERIFIED");
    assert_string_equal(facts->content_date, "20261121");
    assert_string_equal(facts->content_time, "094200");
}

#define SOP(uid) "{\"00081155\":{\"vr\":\"UI\",\"Value\":[\"" uid "\"]}}"
#define SERIES(sops) "{\"00081199\":{\"vr\":\"SQ\",\"Value\":[" sops "]}}"
#define STUDY(series) "{\"00081115\":{\"vr\":\"SQ\",\"Value\":[" series "]}}"

static void predecessors_of_all_studies_and_series_are_read(void **state)
{
    PACS_AUTO(PacsArena) arena = pacs_arena_new(1 << 20);

    (void)state;
    const PacsReportFacts *facts = facts_of(
        PDF,
        "{\"0040A360\":{\"vr\":\"SQ\",\"Value\":[" STUDY(
            SERIES(SOP("1.1") "," SOP("1.2")) "," SERIES(SOP("1.3"))) "," STUDY(SERIES(SOP("1.4"))) ",{}]}}",
        arena);
    assert_int_equal(facts->predecessor_count, 4);
    assert_string_equal(facts->predecessors[0], "1.1");
    assert_string_equal(facts->predecessors[3], "1.4");
}

static void a_stored_document_is_told_of(void **state)
{
    TestArchive *archive = *state;
    PACS_AUTO_BUFFER PacsBuffer file = PACS_BUFFER(1 << 16);
    PACS_AUTO_BUFFER PacsBuffer title = PACS_BUFFER(1024);
    PACS_AUTO(PacsArena) arena = pacs_arena_new(1 << 20);
    TestObject object = test_object(1, 1, 1);
    const uint8_t item[8] = {0xFE, 0xFF, 0x00, 0xE0, 26};
    PacsIngested ingested;
    PacsEventPage page;

    object.sop_class_uid = PDF;
    object.rows = object.columns = 0;
    assert_true(pacs_buffer_add(&title, item, sizeof item));
    test_add_text(&title, PACS_TAG_CODE_VALUE, "SH", "18748-4");
    test_add_text(&title, PACS_TAG_CODING_SCHEME_DESIGNATOR, "SH", "LN");
    assert_int_equal(title.size, 8 + 26);
    test_object_file(&object, &file);
    test_add_bytes(&file, PACS_TAG_CONCEPT_NAME_CODE_SEQUENCE, "SQ", title.bytes, (uint32_t)title.size);
    assert_int_equal(test_archive_push(archive->ingest, file.bytes, file.size, 0, &ingested, NULL), PACS_OK);
    assert_int_equal(pacs_index_read_events(archive->index, &(PacsEventQuery){.max = 9}, arena, &page, NULL),
                     PACS_OK);
    assert_int_equal(page.count, 2);
    assert_string_equal(page.events[1].type, "report.available");
    assert_non_null(strstr(page.events[1].data, "\"code\":\"18748-4\""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_image_is_no_report),
        cmocka_unit_test(a_report_that_says_nothing_of_itself_is_one),
        cmocka_unit_test(title_flags_and_times_are_read),
        cmocka_unit_test(predecessors_of_all_studies_and_series_are_read),
        cmocka_unit_test_setup_teardown(a_stored_document_is_told_of, test_archive_set_up,
                                        test_archive_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
