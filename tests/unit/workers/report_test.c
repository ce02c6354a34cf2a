#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/report.h"
#include "workers/imaging-report/jpeg.h"
#include "workers/imaging-report/words.h"

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

static void require_refused(PacsArena *arena, ReportKind kind, const char *more, const char *member)
{
    PacsError err = {0};
    Report report;

    assert_int_equal(sample_report_parse(kind, more, arena, &report, &err), PACS_INVALID);
    if (!strstr(err.text, member))
        fail_msg("'%s' does not name %s", err.text, member);
}

static void a_report_needs_something_to_say(void **state)
{
    PacsError err = {0};
    Report report;

    require_refused(*state, REPORT_FINALISED, "", "/findings");
    assert_int_equal(sample_report_parse(REPORT_FINALISED, ",\"addendum\":\"x\"", *state, &report, &err),
                     PACS_OK);
    assert_int_equal(sample_report_parse(REPORT_FINALISED, ",\"pdf\":{\"dataref\":\"https://f/x.pdf\"}",
                                         *state, &report, &err),
                     PACS_OK);
    assert_int_equal(sample_report_parse(REPORT_CANCELLED, "", *state, &report, &err), PACS_OK);
}

static void the_member_that_is_wrong_is_named_without_its_value(void **state)
{
    PacsError err = {0};
    Report report;

    require_refused(*state, REPORT_FINALISED, ",\"findings\":7", "/findings");
    require_refused(*state, REPORT_FINALISED, ",\"findings\":\"x\\u0000y\"", "JSON");
    require_refused(*state, REPORT_FINALISED, ",\"findings\":\"x\\u0001y\"", "/findings");
    require_refused(*state, REPORT_FINALISED, ",\"findings\":\"x\",\"version\":-1", "/version");
    require_refused(*state, REPORT_FINALISED, ",\"findings\":\"x\",\"language\":\"fr\"", "/language");
    require_refused(*state, REPORT_FINALISED, ",\"findings\":\"x\",\"author\":\"x\"", "/author");
    require_refused(*state, REPORT_FINALISED, ",\"findings\":\"x\",\"verifier\":{\"name\":\"x\"}",
                    "/verifier/at");
    require_refused(*state, REPORT_FINALISED, ",\"pdf\":{}", "/pdf/dataref");
    require_refused(*state, REPORT_FINALISED, ",\"pdf\":{\"dataref\":\"x\",\"sha256\":\"12\"}",
                    "/pdf/sha256");
    require_refused(*state, REPORT_FINALISED, ",\"findings\":\"x\",\"keyImages\":{}", "/keyImages");
    require_refused(*state, REPORT_FINALISED,
                    ",\"findings\":\"x\",\"keyImages\":[{\"sopInstanceUid\":\"Canary\"}]", "/keyImages");
    require_refused(*state, REPORT_FINALISED, ",\"findings\":\"x\",\"documentTitle\":{\"code\":\"1\"}",
                    "/documentTitle/");
    assert_int_not_equal(
        sample_report_parse(REPORT_FINALISED, ",\"findings\":[\"Canary\"]", *state, &report, &err), PACS_OK);
    assert_null(strstr(err.text, "Canary"));
}

static void a_text_over_its_maximum_is_refused(void **state)
{
    char *more = pacs_arena_alloc(*state, (1u << 20) + 32);
    PacsError err = {0};
    Report report;

    strcpy(more, ",\"findings\":\"");
    memset(more + strlen(more), 'x', 1u << 20);
    strcat(more, "\"");
    assert_int_equal(sample_report_parse(REPORT_FINALISED, more, *state, &report, &err), PACS_TOO_LARGE);
}

static void letters_with_separate_marks_become_one_character(void **state)
{
    PacsError err = {0};
    Report report;

    assert_int_equal(
        sample_report_parse(REPORT_FINALISED, ",\"findings\":\"A\\u0302\\u0301n\"", *state, &report, &err),
        PACS_OK);
    assert_string_equal(report.sections[REPORT_FINDINGS], "Ấn");
}

static void versions_tell_which_word_is_later_and_times_where_there_are_none(void **state)
{
    (void)state;
    assert_true(report_is_later(2, 0, 1, 100));
    assert_false(report_is_later(1, 100, 1, 0));
    assert_true(report_is_later(0, 100, 7, 99));
    assert_false(report_is_later(0, 99, 0, 99));
}

static void names_are_spoken_as_their_language_has_it(void **state)
{
    assert_string_equal(report_person_name(REPORT_VIETNAMESE, "Nguyễn^Ánh^Thị", *state), "Nguyễn Thị Ánh");
    assert_string_equal(report_person_name(REPORT_ENGLISH, "Doe^John^Q^Dr.^Jr.=X", *state),
                        "Dr. Doe, John Q Jr.");
    assert_string_equal(report_person_name(REPORT_ENGLISH, "^John", *state), "John");
    assert_string_equal(report_person_name(REPORT_VIETNAMESE, "Lê Gấm", *state), "Lê Gấm");
    assert_string_equal(report_person_name(REPORT_VIETNAMESE, "", *state), "");
}

static void dates_are_written_as_their_language_has_it(void **state)
{
    assert_string_equal(report_date(REPORT_VIETNAMESE, "20260203", *state), "03/02/2026");
    assert_string_equal(report_date(REPORT_ENGLISH, "20260203", *state), "3 Feb 2026");
    assert_string_equal(report_date(REPORT_ENGLISH, "20269903", *state), "20269903");
    assert_string_equal(report_date(REPORT_ENGLISH, "1987", *state), "1987");
    assert_string_equal(report_time("091530.5", *state), "09:15");
    assert_string_equal(report_time("", *state), "");
}

static void a_study_keeps_what_belongs_into_documents_and_nothing_of_its_images(void **state)
{
    SampleReport sample;

    sample_report_init(&sample, *state);
    assert_string_equal(sample.study.patient_name, "Nguyễn^Ánh^Thị");
    assert_true(sample.study.has_zone);
    assert_non_null(strstr(sample.study.modules.text, "70.1"));
    assert_null(strstr(sample.study.modules.text, "70.09")); /* as it was, not as the machine holds it */
    assert_null(strstr(sample.study.modules.text, "00180050"));
    assert_non_null(strstr(sample.study.modules.text,
                           "\"00100040\":{\"vr\":\"CS\"}")); /* type 2: there without a value */
    assert_non_null(strstr(sample.study.request.text, "A1"));
}

static void an_answer_about_another_study_is_refused(void **state)
{
    PacsError err = {0};
    ReportStudy study;

    static const char *const wrong[] = {"", "{}", "[]", "[7]",
                                        "[{\"0020000D\":{\"vr\":\"UI\",\"Value\":[\"2.25.9\"]}}]"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_int_equal(report_study_parse(pacs_slice(wrong[i]), "2.25.1", *state, &study, &err),
                         PACS_UNSUPPORTED);
}

static void jpegs_say_what_they_are(void **state)
{
    static const uint8_t grey[] = {0xFF, 0xD8, 0xFF, 0xE0, 0, 4, 1, 2, 0xFF, 0xFF, 0xC2,
                                   0,    11,   8,    1,    0, 2, 1, 1, 1,    0x11, 0};
    uint8_t bytes[sizeof grey];
    ReportJpeg jpeg;
    PacsError err = {0};

    (void)state;
    assert_int_equal(report_jpeg_read(grey, sizeof grey, &jpeg, &err), PACS_OK);
    assert_int_equal(jpeg.height, 256);
    assert_int_equal(jpeg.width, 513);
    assert_int_equal(jpeg.components, 1);
    for (size_t size = 0; size < sizeof grey; size++)
        assert_int_equal(report_jpeg_read(grey, size, &jpeg, &err), PACS_INVALID);
    memcpy(bytes, grey, sizeof grey);
    bytes[10] = 0xC3; /* lossless */
    assert_int_equal(report_jpeg_read(bytes, sizeof bytes, &jpeg, &err), PACS_UNSUPPORTED);
    bytes[10] = 0xC0;
    bytes[14] = bytes[15] = 0;
    assert_int_equal(report_jpeg_read(bytes, sizeof bytes, &jpeg, &err), PACS_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_report_needs_something_to_say),
        cmocka_unit_test(the_member_that_is_wrong_is_named_without_its_value),
        cmocka_unit_test(a_text_over_its_maximum_is_refused),
        cmocka_unit_test(letters_with_separate_marks_become_one_character),
        cmocka_unit_test(versions_tell_which_word_is_later_and_times_where_there_are_none),
        cmocka_unit_test(names_are_spoken_as_their_language_has_it),
        cmocka_unit_test(dates_are_written_as_their_language_has_it),
        cmocka_unit_test(a_study_keeps_what_belongs_into_documents_and_nothing_of_its_images),
        cmocka_unit_test(an_answer_about_another_study_is_refused),
        cmocka_unit_test(jpegs_say_what_they_are),
    };
    return cmocka_run_group_tests(tests, make_arena, free_arena);
}
