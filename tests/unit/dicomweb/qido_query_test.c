/* What a search's query means. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "dicomweb/qido_query.h"
#include "pacs/http/query.h"
#include "pacs/util/limits.h"

typedef struct Asked {
    PacsArena *arena;
    QidoQuery query;
    PacsError err;
} Asked;

static int open_arena(void **state)
{
    static Asked asked;

    asked = (Asked){.arena = pacs_arena_new(1 << 24)};
    *state = &asked;
    return 0;
}

static int close_arena(void **state)
{
    pacs_arena_free(((Asked *)*state)->arena);
    return 0;
}

static PacsStatus parse_at(Asked *asked, PacsLevel level, bool strict, const char *text)
{
    PacsHttpPair *pairs = NULL;
    size_t count = 0;
    const PacsUidPath path = {0};

    asked->query = (QidoQuery){0};
    assert_int_equal(pacs_http_query_parse(asked->arena, pacs_slice(text), &pairs, &count, NULL), PACS_OK);
    return qido_query_parse(level, &path, pairs, count, strict, asked->arena, &asked->query, &asked->err);
}

static PacsStatus parse(Asked *asked, const char *text)
{
    return parse_at(asked, PACS_LEVEL_STUDY, false, text);
}

/** The only term of a query. */
static const PacsSearchTerm *only_term(Asked *asked, const char *text)
{
    assert_int_equal(parse(asked, text), PACS_OK);
    assert_int_equal(asked->query.term_count, 1);
    return asked->query.terms;
}

static void expect_values(Asked *asked, const char *text, PacsTag tag, PacsMatch match, const char *joined)
{
    const PacsSearchTerm *term = only_term(asked, text);
    char values[512] = "";

    assert_int_equal(term->tag, tag);
    assert_int_equal(term->match, match);
    for (size_t i = 0; i < term->value_count; i++) {
        strcat(values, i > 0 ? "|" : "");
        strcat(values, term->values[i]);
    }
    assert_string_equal(values, joined);
}

static const char *or_none(const char *text)
{
    return text ? text : "(none)";
}

static void expect_range(Asked *asked, const char *text, const char *from, const char *to)
{
    const PacsSearchTerm *term = only_term(asked, text);

    assert_int_equal(term->match, PACS_MATCH_RANGE);
    assert_string_equal(or_none(term->from), from);
    assert_string_equal(or_none(term->to), to);
}

static void expect_invalid(Asked *asked, const char *text, const char *part_of_error)
{
    assert_int_equal(parse(asked, text), PACS_INVALID);
    if (!strstr(asked->err.text, part_of_error))
        assert_string_equal(asked->err.text, part_of_error);
}

static void keys_are_keywords_or_tags(void **state)
{
    expect_values(*state, "PatientID=A1", PACS_TAG_PATIENT_ID, PACS_MATCH_VALUES, "A1");
    expect_values(*state, "00100020=A1", PACS_TAG_PATIENT_ID, PACS_MATCH_VALUES, "A1");
    expect_values(*state, "0008103e=CHEST", PACS_TAG_SERIES_DESCRIPTION, PACS_MATCH_VALUES, "CHEST");
    expect_values(*state, "00091001=x%5Cy", PACS_TAG(0x0009, 0x1001), PACS_MATCH_VALUES, "x|y");
}

static void paths_go_through_sequences(void **state)
{
    Asked *asked = *state;
    const PacsSearchTerm *term = only_term(asked, "RequestAttributesSequence.00400009=SPS1");

    assert_int_equal(term->tag, PACS_TAG(0x0040, 0x0009));
    assert_int_equal(term->sequence_count, 1);
    assert_int_equal(term->sequences[0], PACS_TAG(0x0040, 0x0275));
    term = only_term(asked, "00091010.0008114A.CodeValue=1"); /* a private one may be a sequence */
    assert_int_equal(term->sequence_count, 2);
}

static void a_path_through_what_is_no_sequence_is_no_attribute(void **state)
{
    Asked *asked = *state;

    assert_int_equal(parse(asked, "PatientName.CodeValue=1"), PACS_OK);
    assert_int_equal(asked->query.term_count, 0);
    assert_int_equal(asked->query.notes, QIDO_NOTE_UNKNOWN_PARAMETER);
    assert_int_equal(parse_at(asked, PACS_LEVEL_STUDY, true, "PatientName.CodeValue=1"), PACS_INVALID);
}

static void uid_lists_are_separated_by_commas_and_backslashes(void **state)
{
    expect_values(*state, "StudyInstanceUID=1.2,1.3", PACS_TAG_STUDY_INSTANCE_UID, PACS_MATCH_VALUES,
                  "1.2|1.3");
    expect_values(*state, "StudyInstanceUID=1.2%5C1.3", PACS_TAG_STUDY_INSTANCE_UID, PACS_MATCH_VALUES,
                  "1.2|1.3");
    expect_values(*state, "0020000D=1.2,,1.3%5C", PACS_TAG_STUDY_INSTANCE_UID, PACS_MATCH_VALUES, "1.2|1.3");
    expect_values(*state, "StudyInstanceUID=1.2&0020000D=1.3", PACS_TAG_STUDY_INSTANCE_UID, PACS_MATCH_VALUES,
                  "1.2|1.3");
}

static void codes_and_numbers_are_lists_too_and_text_with_commas_is_not(void **state)
{
    expect_values(*state, "ModalitiesInStudy=CT,MR%5CUS", PACS_TAG_MODALITIES_IN_STUDY, PACS_MATCH_VALUES,
                  "CT|MR|US");
    expect_values(*state, "SeriesNumber=1,2", PACS_TAG_SERIES_NUMBER, PACS_MATCH_VALUES, "1|2");
    expect_values(*state, "Rows=256,512", PACS_TAG_ROWS, PACS_MATCH_VALUES, "256|512");
    expect_values(*state, "StudyDescription=Head,%20neck", PACS_TAG_STUDY_DESCRIPTION, PACS_MATCH_VALUES,
                  "Head, neck");
    expect_values(*state, "StudyDescription=Head%5Cneck", PACS_TAG_STUDY_DESCRIPTION, PACS_MATCH_VALUES,
                  "Head|neck");
    expect_values(*state, "PatientComments=a%5Cb", PACS_TAG_PATIENT_COMMENTS, PACS_MATCH_VALUES, "a\\b");
}

static void wildcards_make_patterns(void **state)
{
    expect_values(*state, "PatientName=*KN*", PACS_TAG_PATIENT_NAME, PACS_MATCH_WILDCARD, "*KN*");
    expect_values(*state, "AccessionNumber=A?", PACS_TAG_ACCESSION_NUMBER, PACS_MATCH_WILDCARD, "A?");
    expect_values(*state, "StudyDate=2026*", PACS_TAG_STUDY_DATE, PACS_MATCH_WILDCARD, "2026*");
}

static void an_empty_value_and_a_star_match_anything_and_are_shown(void **state)
{
    static const char *const universal[] = {"PatientName=", "PatientName=*", "PatientName",
                                            "PatientName=%20"};
    Asked *asked = *state;

    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(parse(asked, universal[i]), PACS_OK);
        assert_int_equal(asked->query.term_count, 0);
        assert_int_equal(asked->query.shown_count, 1);
        assert_int_equal(asked->query.shown[0].tag, PACS_TAG_PATIENT_NAME);
    }
}

static void ranges_of_dates_and_times(void **state)
{
    expect_range(*state, "StudyDate=20260101-20260131", "20260101", "20260131");
    expect_range(*state, "StudyDate=20260101-", "20260101", "(none)");
    expect_range(*state, "StudyDate=-20260131", "(none)", "20260131");
    expect_range(*state, "StudyDate=20260101%20-%2020260131", "20260101", "20260131");
    expect_range(*state, "StudyDate=20260101", "20260101", "20260101");
    expect_range(*state, "StudyTime=08-120000.5", "08", "120000.5");
    expect_range(*state, "StudyTime=10", "10", "10");
}

static void a_date_time_may_have_an_offset_whose_plus_became_a_space(void **state)
{
    expect_range(*state, "AcquisitionDateTime=20260101120000-0500-20260102120000%2B0700",
                 "20260101120000-0500", "20260102120000+0700");
    expect_range(*state, "AcquisitionDateTime=20260101120000+0700-", "20260101120000+0700", "(none)");
    expect_range(*state, "AcquisitionDateTime=2025-2026", "2025", "2026"); /* no offset is that large */
    expect_range(*state, "AcquisitionDateTime=2025-0500", "2025-0500", "2025-0500");
}

static void lists_of_dates_are_values(void **state)
{
    expect_values(*state, "StudyDate=20260101,20260103", PACS_TAG_STUDY_DATE, PACS_MATCH_VALUES,
                  "20260101|20260103");
}

static void what_is_no_date_is_refused_and_not_repeated(void **state)
{
    Asked *asked = *state;

    expect_invalid(asked, "StudyDate=yesterday", "StudyDate is to be YYYYMMDD");
    assert_null(strstr(asked->err.text, "yesterday"));
    expect_invalid(asked, "StudyDate=2026-01-01", "StudyDate");
    expect_invalid(asked, "StudyDate=-", "StudyDate");
    expect_invalid(asked, "StudyDate=20260101-20260102-20260103", "StudyDate");
    expect_invalid(asked, "StudyDate=20260101,x", "StudyDate");
    expect_invalid(asked, "StudyTime=9", "StudyTime");
    expect_invalid(asked, "AcquisitionDateTime=20260101120000%2B9900", "AcquisitionDateTime");
}

static void date_and_time_ranges_are_taken_together(void **state)
{
    Asked *asked = *state;
    const PacsSearchTerm *term = only_term(asked, "StudyTime=1030-1200&StudyDate=20260101-20260102");

    assert_int_equal(term->tag, PACS_TAG_STUDY_DATE);
    assert_int_equal(term->time_tag, PACS_TAG_STUDY_TIME);
    assert_string_equal(term->from, "202601011030");
    assert_string_equal(term->to, "202601021200");
    term = only_term(asked, "StudyDate=20260101-&StudyTime=-1200");
    assert_string_equal(term->from, "20260101");
    assert_null(term->to);
}

static void a_time_of_every_day_stays_by_itself(void **state)
{
    Asked *asked = *state;

    assert_int_equal(parse(asked, "StudyDate=20260101-20260102&StudyTime=10"), PACS_OK);
    assert_int_equal(asked->query.term_count, 2);
    assert_int_equal(parse(asked, "StudyDate=20260101&StudyTime=10-11"), PACS_OK);
    assert_int_equal(asked->query.term_count, 2);
}

static void fuzzymatching_concerns_names_only(void **state)
{
    expect_values(*state, "fuzzymatching=true&PatientName=*do%20ja*", PACS_TAG_PATIENT_NAME, PACS_MATCH_FUZZY,
                  " do ja ");
    expect_values(*state, "PatientID=1*&fuzzymatching=true", PACS_TAG_PATIENT_ID, PACS_MATCH_WILDCARD, "1*");
    expect_values(*state, "PatientName=Doe&fuzzymatching=false", PACS_TAG_PATIENT_NAME, PACS_MATCH_VALUES,
                  "Doe");
    expect_invalid(*state, "fuzzymatching=perhaps", "fuzzymatching");
}

static void the_timezone_is_no_condition(void **state)
{
    Asked *asked = *state;

    assert_int_equal(parse(asked, "TimezoneOffsetFromUTC=%2B0700&StudyDate=20260101"), PACS_OK);
    assert_string_equal(asked->query.timezone, "+0700");
    assert_int_equal(asked->query.term_count, 1);
    assert_int_equal(parse(asked, "00080201=+0700"), PACS_OK);
    assert_string_equal(asked->query.timezone, "+0700");
    expect_invalid(asked, "TimezoneOffsetFromUTC=CET", "TimezoneOffsetFromUTC");
}

static void includefield_is_repeated_and_listed(void **state)
{
    Asked *asked = *state;

    assert_int_equal(parse(asked, "includefield=00081030%2C00080060,StudyDate&includefield=00081030"
                                  "&includefield=RequestAttributesSequence.00400009"),
                     PACS_OK);
    assert_int_equal(asked->query.shown_count, 4);
    assert_int_equal(asked->query.shown[0].tag, PACS_TAG_STUDY_DATE);
    assert_int_equal(asked->query.shown[2].tag, PACS_TAG_STUDY_DESCRIPTION);
    assert_int_equal(asked->query.shown[3].depth, 1);
    assert_int_equal(asked->query.notes, 0);
}

static void empty_parameters_say_nothing(void **state)
{
    static const char *const empty[] = {"&includefield=", "includefield=,", "limit=&offset=&cursor=", "=x",
                                        ""};
    Asked *asked = *state;

    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(parse_at(asked, PACS_LEVEL_STUDY, true, empty[i]), PACS_OK);
        assert_int_equal(asked->query.term_count + asked->query.shown_count, 0);
        assert_int_equal(asked->query.notes, 0);
        assert_false(asked->query.has_limit);
    }
}

static void includefield_all_is_noted(void **state)
{
    Asked *asked = *state;

    assert_int_equal(parse(asked, "includefield=all"), PACS_OK);
    assert_true(asked->query.shows_all);
    assert_int_equal(asked->query.shown_count, 0);
}

static void what_names_nothing_is_passed_over_and_noted_or_refused_where_strict(void **state)
{
    Asked *asked = *state;

    assert_int_equal(parse(asked, "_=17&token=x&includefield=NoSuchThing,PatientSex"), PACS_OK);
    assert_int_equal(asked->query.notes, QIDO_NOTE_UNKNOWN_PARAMETER | QIDO_NOTE_UNKNOWN_ATTRIBUTE);
    assert_int_equal(asked->query.shown_count, 1);
    assert_int_equal(parse_at(asked, PACS_LEVEL_STUDY, true, "token=x"), PACS_INVALID);
    assert_int_equal(parse_at(asked, PACS_LEVEL_STUDY, true, "includefield=NoSuchThing"), PACS_INVALID);
    assert_int_equal(parse_at(asked, PACS_LEVEL_STUDY, true, "accept=application/json"), PACS_OK);
}

static void pages(void **state)
{
    Asked *asked = *state;

    assert_int_equal(parse(asked, "limit=101&offset=100&cursor=abc"), PACS_OK);
    assert_true(asked->query.has_limit);
    assert_int_equal(asked->query.limit, 101);
    assert_int_equal(asked->query.offset, 100);
    assert_string_equal(asked->query.cursor, "abc");
    assert_int_equal(parse(asked, "limit=99999999999"), PACS_OK);
    assert_int_equal(asked->query.limit, PACS_MAX_QIDO_ROWS);
    assert_int_equal(asked->query.notes, QIDO_NOTE_LIMITED);
    expect_invalid(asked, "limit=-1", "limit");
    expect_invalid(asked, "limit=ten", "limit");
    expect_invalid(asked, "limit=1&limit=2", "limit is given twice");
    expect_invalid(asked, "offset=1000001", "offset");
}

static void a_limit_of_nothing_is_no_limit_in_orthanc_and_nothing_in_the_standard(void **state)
{
    Asked *asked = *state;

    assert_int_equal(parse(asked, "limit=0"), PACS_OK);
    assert_false(asked->query.has_limit);
    assert_int_equal(parse_at(asked, PACS_LEVEL_STUDY, true, "limit=0"), PACS_OK);
    assert_true(asked->query.has_limit);
    assert_int_equal(asked->query.limit, 0);
}

static void a_study_is_asked_for_the_modality_of_its_series(void **state)
{
    Asked *asked = *state;

    expect_values(asked, "Modality=MR", PACS_TAG_MODALITIES_IN_STUDY, PACS_MATCH_VALUES, "MR");
    assert_int_equal(parse_at(asked, PACS_LEVEL_SERIES, false, "Modality=MR"), PACS_OK);
    assert_int_equal(asked->query.terms[0].tag, PACS_TAG_MODALITY);
}

static void what_is_only_shown_is_not_searched(void **state)
{
    Asked *asked = *state;

    assert_int_equal(parse(asked, "SpecificCharacterSet=ISO_IR%20192"), PACS_OK);
    assert_int_equal(asked->query.term_count, 0);
    assert_int_equal(asked->query.notes, 0);
    assert_int_equal(parse(asked, "InstanceAvailability=ONLINE"), PACS_OK);
    assert_int_equal(asked->query.notes, QIDO_NOTE_NOT_MATCHED);
}

static void sequences_and_binary_values_cannot_be_matched_themselves(void **state)
{
    Asked *asked = *state;

    expect_invalid(asked, "RequestAttributesSequence=1", "RequestAttributesSequence is to be empty");
    expect_invalid(asked, "PixelData=1", "PixelData is to be empty");
    assert_int_equal(parse(asked, "RequestAttributesSequence="), PACS_OK);
    assert_int_equal(asked->query.shown_count, 1);
}

static void a_key_given_twice_is_either_value_or_a_mistake(void **state)
{
    expect_values(*state, "ModalitiesInStudy=CT&ModalitiesInStudy=MR", PACS_TAG_MODALITIES_IN_STUDY,
                  PACS_MATCH_VALUES, "CT|MR");
    expect_values(*state, "PatientID=&PatientID=1", PACS_TAG_PATIENT_ID, PACS_MATCH_VALUES, "1");
    expect_invalid(*state, "PatientComments=a&PatientComments=b", "PatientComments is given twice");
    expect_invalid(*state, "StudyDate=20260101-&StudyDate=20270101-", "StudyDate");
}

static void two_quotation_marks_mean_no_value_with_emptyvaluematching(void **state)
{
    Asked *asked = *state;

    expect_values(asked, "PatientID=%22%22", PACS_TAG_PATIENT_ID, PACS_MATCH_VALUES, "\"\"");
    expect_values(asked, "PatientID=%22%22&emptyvaluematching=true", PACS_TAG_PATIENT_ID, PACS_MATCH_EMPTY,
                  "");
    expect_values(asked, "StudyDate=%22%22&emptyvaluematching=true", PACS_TAG_STUDY_DATE, PACS_MATCH_EMPTY,
                  "");
    expect_values(asked, "RequestAttributesSequence=%22%22&emptyvaluematching=true",
                  PACS_TAG_REQUEST_ATTRIBUTES_SEQUENCE, PACS_MATCH_EMPTY, "");
    assert_int_equal(parse(asked, "PatientID=&emptyvaluematching=true&multiplevaluematching=true"), PACS_OK);
    assert_int_equal(asked->query.term_count, 0);
    assert_int_equal(asked->query.notes, 0);
}

static void the_total_is_quick_unless_something_else_is_said(void **state)
{
    Asked *asked = *state;
    const struct {
        const char *query;
        PacsSearchCount count;
    } cases[] = {{"PatientID=1", PACS_COUNT_QUICK},
                 {"total=exact", PACS_COUNT_EXACT},
                 {"total=NONE", PACS_COUNT_NONE},
                 {"total=", PACS_COUNT_QUICK}};

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(parse(asked, cases[i].query), PACS_OK);
        assert_int_equal(asked->query.count, cases[i].count);
    }
    expect_invalid(asked, "total=7", "total is to be quick, exact or none");
}

static void conditions_are_bounded(void **state)
{
    Asked *asked = *state;
    PACS_AUTO_BUFFER PacsBuffer text = PACS_BUFFER(1 << 20);

    for (unsigned i = 0; i < PACS_MAX_SEARCH_TERMS; i++)
        assert_true(pacs_buffer_add_format(&text, "&0009%04X=1", 0x1000 + i));
    assert_int_equal(parse(asked, pacs_buffer_text(&text)), PACS_OK);
    assert_true(pacs_buffer_add_text(&text, "&PatientID=1"));
    assert_int_equal(parse(asked, pacs_buffer_text(&text)), PACS_TOO_LARGE);

    pacs_buffer_reset(&text);
    assert_true(pacs_buffer_add_text(&text, "StudyInstanceUID=1"));
    for (unsigned i = 0; i < PACS_MAX_SEARCH_VALUES; i++)
        assert_true(pacs_buffer_add_text(&text, ",1"));
    assert_int_equal(parse(asked, pacs_buffer_text(&text)), PACS_TOO_LARGE);
}

static void the_path_is_a_condition(void **state)
{
    Asked *asked = *state;
    const PacsUidPath path = {.study_uid = "1.2", .series_uid = "1.3"};

    assert_int_equal(qido_query_parse(PACS_LEVEL_INSTANCE, &path, NULL, 0, false, asked->arena, &asked->query,
                                      &asked->err),
                     PACS_OK);
    assert_int_equal(asked->query.term_count, 2);
    assert_int_equal(asked->query.terms[0].tag, PACS_TAG_STUDY_INSTANCE_UID);
    assert_string_equal(asked->query.terms[1].values[0], "1.3");
    assert_int_equal(asked->query.shown_count, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_arena, close_arena)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(keys_are_keywords_or_tags),
        TEST(paths_go_through_sequences),
        TEST(a_path_through_what_is_no_sequence_is_no_attribute),
        TEST(uid_lists_are_separated_by_commas_and_backslashes),
        TEST(codes_and_numbers_are_lists_too_and_text_with_commas_is_not),
        TEST(wildcards_make_patterns),
        TEST(an_empty_value_and_a_star_match_anything_and_are_shown),
        TEST(ranges_of_dates_and_times),
        TEST(a_date_time_may_have_an_offset_whose_plus_became_a_space),
        TEST(lists_of_dates_are_values),
        TEST(what_is_no_date_is_refused_and_not_repeated),
        TEST(date_and_time_ranges_are_taken_together),
        TEST(a_time_of_every_day_stays_by_itself),
        TEST(fuzzymatching_concerns_names_only),
        TEST(the_timezone_is_no_condition),
        TEST(includefield_is_repeated_and_listed),
        TEST(empty_parameters_say_nothing),
        TEST(includefield_all_is_noted),
        TEST(what_names_nothing_is_passed_over_and_noted_or_refused_where_strict),
        TEST(pages),
        TEST(a_limit_of_nothing_is_no_limit_in_orthanc_and_nothing_in_the_standard),
        TEST(a_study_is_asked_for_the_modality_of_its_series),
        TEST(what_is_only_shown_is_not_searched),
        TEST(sequences_and_binary_values_cannot_be_matched_themselves),
        TEST(a_key_given_twice_is_either_value_or_a_mistake),
        TEST(two_quotation_marks_mean_no_value_with_emptyvaluematching),
        TEST(the_total_is_quick_unless_something_else_is_said),
        TEST(conditions_are_bounded),
        TEST(the_path_is_a_condition),
    };
    return cmocka_run_group_tests_name("dicomweb qido query", tests, NULL, NULL);
}
