/* What an answer shows of a match. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <libdeflate.h>
#include <string.h>

#include "dicomweb/qido_row.h"
#include "pacs/dicom/dicom_json.h"
#include "pacs/http/query.h"

#define SET "\"00080005\":{\"vr\":\"CS\",\"Value\":[\"ISO_IR 192\"]}"
#define ONLINE "\"00080056\":{\"vr\":\"CS\",\"Value\":[\"ONLINE\"]}"
#define INSTANCE_URL "http://h/dicom-web/studies/1.1/series/1.2/instances/1.3"

static const PacsTagValue patient_tags[] = {{PACS_TAG_PATIENT_NAME, "Yamada^Tarou=\xE5\xB1\xB1"},
                                            {PACS_TAG_PATIENT_ID, "P1"}};
static const PacsTagValue study_tags[] = {{PACS_TAG_STUDY_DATE, "20261121"},
                                          {PACS_TAG_TIMEZONE_OFFSET_FROM_UTC, "+0700"},
                                          {PACS_TAG_STUDY_DESCRIPTION, "Knee"},
                                          {PACS_TAG_STUDY_INSTANCE_UID, "1.1"}};
static const PacsTagValue series_tags[] = {{PACS_TAG_MODALITY, "MR"}, {PACS_TAG_SERIES_NUMBER, "3"}};
static PacsTagValue requested_tags[] = {
    {PACS_TAG_MODALITY, "MR"}, {PACS_TAG_SERIES_NUMBER, "3"}, {PACS_TAG_REQUEST_ATTRIBUTES_SEQUENCE, NULL}};
static const PacsTagValue instance_tags[] = {{PACS_TAG_INSTANCE_NUMBER, "7"}};

#define KEEP(row, level, table)                                                                              \
    (row).tags[level] = (table), (row).tag_count[level] = sizeof(table) / sizeof(table)[0]

/** A match at a level, everything below it unknown. */
static PacsSearchRow make_row(PacsLevel level)
{
    PacsSearchRow row = {.study_instance_uid = "1.1",
                         .modalities_in_study = "MR\\SR",
                         .sop_classes_in_study = "1.2.840.10008.5.1.4.1.1.4",
                         .patient_studies = 2,
                         .study_series = 2,
                         .study_instances = 26};

    KEEP(row, PACS_LEVEL_PATIENT, patient_tags);
    KEEP(row, PACS_LEVEL_STUDY, study_tags);
    if (level >= PACS_LEVEL_SERIES) {
        row.series_instance_uid = "1.2";
        row.series_instances = 24;
        KEEP(row, PACS_LEVEL_SERIES, series_tags);
    }
    if (level >= PACS_LEVEL_INSTANCE) {
        row.sop_instance_uid = "1.3";
        row.sop_class_uid = "1.2.840.10008.5.1.4.1.1.4";
        row.transfer_syntax_uid = "1.2.840.10008.1.2.4.90";
        row.rows = row.columns = 512;
        row.bits_allocated = 16;
        KEEP(row, PACS_LEVEL_INSTANCE, instance_tags);
    }
    return row;
}

static PacsInstanceBlobs pack(const char *json, PacsArena *arena)
{
    struct libdeflate_compressor *compressor = libdeflate_alloc_compressor(1);
    size_t size = strlen(json);
    size_t room = libdeflate_deflate_compress_bound(compressor, size);
    void *packed = pacs_arena_alloc(arena, room);

    assert_non_null(packed);
    PacsInstanceBlobs blobs = {
        .json_deflate = packed,
        .json_deflate_size = libdeflate_deflate_compress(compressor, json, size, packed, room),
        .json_size = size,
        .json_crc32 = libdeflate_crc32(0, json, size)};
    libdeflate_free_compressor(compressor);
    return blobs;
}

typedef struct Shown {
    PacsArena *arena;
    PacsBuffer text;
    PacsStatus status;
} Shown;

static int open_shown(void **state)
{
    static Shown shown;

    shown = (Shown){.arena = pacs_arena_new(1 << 24), .text = PACS_BUFFER(1 << 20)};
    *state = &shown;
    return 0;
}

static int close_shown(void **state)
{
    Shown *shown = *state;

    pacs_arena_free(shown->arena);
    pacs_buffer_clear(&shown->text);
    return 0;
}

static QidoFields choose(Shown *shown, PacsLevel level, const PacsUidPath *path, const char *text)
{
    PacsHttpPair *pairs = NULL;
    QidoQuery query = {0};
    QidoFields fields = {0};
    size_t count = 0;

    assert_int_equal(pacs_http_query_parse(shown->arena, pacs_slice(text), &pairs, &count, NULL), PACS_OK);
    assert_int_equal(qido_query_parse(level, path, pairs, count, true, shown->arena, &query, NULL), PACS_OK);
    assert_int_equal(qido_fields_choose(&query, path, shown->arena, &fields, NULL), PACS_OK);
    return fields;
}

/** A series keeps the sequence of its first instance. */
static void keep_requests(PacsSearchRow *row, const char *stored, PacsArena *arena)
{
    PacsSlice element;

    assert_int_equal(
        pacs_dicom_json_find(pacs_slice(stored), PACS_TAG_REQUEST_ATTRIBUTES_SEQUENCE, &element, NULL),
        PACS_OK);
    if (!element.text)
        return;
    requested_tags[2].value = pacs_arena_strndup(arena, element.text, element.size);
    KEEP(*row, PACS_LEVEL_SERIES, requested_tags);
}

/** The answer for one match; `stored`: the DICOM JSON of its first instance, NULL for none. */
static const char *show(Shown *shown, PacsLevel level, const PacsUidPath *path, const char *query,
                        const char *stored)
{
    QidoFields fields = choose(shown, level, path, query);
    PacsSearchRow row = make_row(level);
    PacsInstanceBlobs blobs;
    QidoRowWriter writer;
    PacsJson json;

    if (stored) {
        blobs = pack(stored, shown->arena);
        row.json = &blobs;
    }
    if (stored && level == PACS_LEVEL_SERIES)
        keep_requests(&row, stored, shown->arena);
    pacs_buffer_reset(&shown->text);
    pacs_json_init(&json, &shown->text, false);
    qido_row_writer_init(&writer, &fields, "http://h/dicom-web");
    shown->status = qido_row_write(&writer, &row, &json, NULL);
    qido_row_writer_clear(&writer);
    return pacs_buffer_text(&shown->text);
}

static void expect_part(const char *text, const char *part)
{
    if (!strstr(text, part))
        assert_string_equal(text, part);
}

static void expect_absent(const char *text, const char *part)
{
    if (strstr(text, part))
        assert_string_equal(text, part);
}

static const PacsUidPath whole_archive = {0};
static const PacsUidPath of_study = {.study_uid = "1.1"};
static const PacsUidPath of_series = {.study_uid = "1.1", .series_uid = "1.2"};

static void a_study_shows_what_the_standard_requires(void **state)
{
    assert_string_equal(
        show(*state, PACS_LEVEL_STUDY, &whole_archive, "", NULL),
        "{" SET ",\"00080020\":{\"vr\":\"DA\",\"Value\":[\"20261121\"]},\"00080030\":{\"vr\":\"TM\"},"
        "\"00080050\":{\"vr\":\"SH\"}," ONLINE ",\"00080061\":{\"vr\":\"CS\",\"Value\":[\"MR\",\"SR\"]},"
        "\"00080090\":{\"vr\":\"PN\"},\"00080201\":{\"vr\":\"SH\",\"Value\":[\"+0700\"]},"
        "\"00081030\":{\"vr\":\"LO\",\"Value\":[\"Knee\"]},"
        "\"00081190\":{\"vr\":\"UR\",\"Value\":[\"http://h/dicom-web/studies/1.1\"]},"
        "\"00100010\":{\"vr\":\"PN\",\"Value\":[{\"Alphabetic\":\"Yamada^Tarou\","
        "\"Ideographic\":\"\xE5\xB1\xB1\"}]},\"00100020\":{\"vr\":\"LO\",\"Value\":[\"P1\"]},"
        "\"00100030\":{\"vr\":\"DA\"},\"00100040\":{\"vr\":\"CS\"},"
        "\"0020000D\":{\"vr\":\"UI\",\"Value\":[\"1.1\"]},\"00200010\":{\"vr\":\"SH\"},"
        "\"00201206\":{\"vr\":\"IS\",\"Value\":[2]},\"00201208\":{\"vr\":\"IS\",\"Value\":[26]}}");
}

static void a_series_of_a_study_shows_its_own_attributes(void **state)
{
    const char *text = show(*state, PACS_LEVEL_SERIES, &of_study, "", "{}");

    assert_string_equal(
        text,
        "{" SET "," ONLINE ",\"00080060\":{\"vr\":\"CS\",\"Value\":[\"MR\"]},"
        "\"00080201\":{\"vr\":\"SH\",\"Value\":[\"+0700\"]},"
        "\"00081190\":{\"vr\":\"UR\",\"Value\":[\"http://h/dicom-web/studies/1.1/series/1.2\"]},"
        "\"0020000D\":{\"vr\":\"UI\",\"Value\":[\"1.1\"]},\"0020000E\":{\"vr\":\"UI\",\"Value\":[\"1.2\"]},"
        "\"00200011\":{\"vr\":\"IS\",\"Value\":[3]},\"00201209\":{\"vr\":\"IS\",\"Value\":[24]}}");
}

static void series_of_the_whole_archive_show_their_studies(void **state)
{
    const char *text = show(*state, PACS_LEVEL_SERIES, &whole_archive, "", NULL);

    expect_part(text, "\"00100020\":{\"vr\":\"LO\",\"Value\":[\"P1\"]}");
    expect_part(text, "\"00080061\"");
    expect_part(text, "\"00201209\"");
}

static void an_instance_shows_what_the_standard_requires(void **state)
{
    assert_string_equal(
        show(*state, PACS_LEVEL_INSTANCE, &of_series, "", NULL),
        "{" SET ",\"00080016\":{\"vr\":\"UI\",\"Value\":[\"1.2.840.10008.5.1.4.1.1.4\"]},"
        "\"00080018\":{\"vr\":\"UI\",\"Value\":[\"1.3\"]}," ONLINE
        ",\"00080201\":{\"vr\":\"SH\",\"Value\":[\"+0700\"]},"
        "\"00081190\":{\"vr\":\"UR\",\"Value\":[\"" INSTANCE_URL "\"]},"
        "\"0020000D\":{\"vr\":\"UI\",\"Value\":[\"1.1\"]},\"0020000E\":{\"vr\":\"UI\",\"Value\":[\"1.2\"]},"
        "\"00200013\":{\"vr\":\"IS\",\"Value\":[7]},\"00280010\":{\"vr\":\"US\",\"Value\":[512]},"
        "\"00280011\":{\"vr\":\"US\",\"Value\":[512]},\"00280100\":{\"vr\":\"US\",\"Value\":[16]}}");
    expect_part(show(*state, PACS_LEVEL_INSTANCE, &of_study, "", NULL), "\"00080060\"");
    expect_part(show(*state, PACS_LEVEL_INSTANCE, &whole_archive, "", NULL), "\"00100010\"");
}

static void what_is_asked_for_is_shown_beside_it(void **state)
{
    const char *text = show(*state, PACS_LEVEL_STUDY, &whole_archive,
                            "includefield=SOPClassesInStudy,00201200&PatientID=P1", NULL);

    expect_part(text, "\"00080062\":{\"vr\":\"UI\",\"Value\":[\"1.2.840.10008.5.1.4.1.1.4\"]}");
    expect_part(text, "\"00201200\":{\"vr\":\"IS\",\"Value\":[2]}");
    text = show(*state, PACS_LEVEL_INSTANCE, &of_series, "includefield=AvailableTransferSyntaxUID", NULL);
    expect_part(text, "\"00083002\":{\"vr\":\"UI\",\"Value\":[\"1.2.840.10008.1.2.4.90\"]}");
}

static void what_belongs_to_a_lower_level_is_not_shown(void **state)
{
    const char *text = show(*state, PACS_LEVEL_STUDY, &whole_archive,
                            "includefield=Modality,SeriesDescription,Rows,SOPInstanceUID",
                            "{\"00080060\":{\"vr\":\"CS\",\"Value\":[\"MR\"]}}");

    expect_absent(text, "\"00080060\"");
    expect_absent(text, "\"0008103E\"");
    expect_absent(text, "\"00280010\"");
    expect_absent(text, "\"00080018\"");
}

static void other_attributes_come_from_the_stored_json(void **state)
{
    const char *text = show(
        *state, PACS_LEVEL_STUDY, &whole_archive, "includefield=PatientAge,00081040",
        "{\"00081040\":{\"vr\":\"LO\"},\"00080020\":{\"vr\":\"DA\",\"Value\":[\"19990101\"]},"
        "\"00101010\":{\"vr\":\"AS\",\"Value\":[\"051Y\"]}}");

    expect_part(text, ",\"00101010\":{\"vr\":\"AS\",\"Value\":[\"051Y\"]},");
    expect_part(text, "\"00080020\":{\"vr\":\"DA\",\"Value\":[\"20261121\"]}");
}

static void a_private_attribute_brings_its_creator(void **state)
{
    const char *text = show(*state, PACS_LEVEL_INSTANCE, &of_series, "includefield=00091001",
                            "{\"00090010\":{\"vr\":\"LO\",\"Value\":[\"ACME\"]},"
                            "\"00090011\":{\"vr\":\"LO\",\"Value\":[\"OTHER\"]},"
                            "\"00091001\":{\"vr\":\"DS\",\"Value\":[0.50]}}");

    expect_part(text, "\"00090010\":{\"vr\":\"LO\",\"Value\":[\"ACME\"]},"
                      "\"00091001\":{\"vr\":\"DS\",\"Value\":[0.50]}");
    expect_absent(text, "OTHER");
}

#define REQUESTS                                                                                             \
    "{\"00400275\":{\"vr\":\"SQ\",\"Value\":[{\"00321060\":{\"vr\":\"LO\",\"Value\":[\"d\"]},"               \
    "\"00400008\":{\"vr\":\"SQ\",\"Value\":[{\"00080100\":{\"vr\":\"SH\",\"Value\":[\"c\"]},"                \
    "\"00080102\":{\"vr\":\"SH\"}}]},"                                                                       \
    "\"00400009\":{\"vr\":\"SH\",\"Value\":[\"S1\"]},\"00401001\":{\"vr\":\"SH\",\"Value\":[\"R1\"]}},{}]}}"

static void a_series_shows_its_requests_by_their_two_ids(void **state)
{
    expect_part(show(*state, PACS_LEVEL_SERIES, &of_study, "", REQUESTS),
                "\"00400275\":{\"vr\":\"SQ\",\"Value\":[{\"00400009\":{\"vr\":\"SH\",\"Value\":[\"S1\"]},"
                "\"00401001\":{\"vr\":\"SH\",\"Value\":[\"R1\"]}},{}]}");
}

static void paths_show_parts_of_items(void **state)
{
    static const char *const path =
        "includefield=RequestAttributesSequence.ScheduledProtocolCodeSequence.00080100";

    expect_part(show(*state, PACS_LEVEL_INSTANCE, &of_series, path, REQUESTS),
                "\"00400275\":{\"vr\":\"SQ\",\"Value\":[{\"00400008\":{\"vr\":\"SQ\",\"Value\":["
                "{\"00080100\":{\"vr\":\"SH\",\"Value\":[\"c\"]}}]}},{}]}");
    expect_part(
        show(*state, PACS_LEVEL_SERIES, &of_study, "includefield=RequestAttributesSequence", REQUESTS),
        "\"00321060\":{\"vr\":\"LO\",\"Value\":[\"d\"]}");
    expect_part(show(*state, PACS_LEVEL_INSTANCE, &of_series, path, "{\"00400275\":{\"vr\":\"SQ\"}}"),
                "\"00400275\":{\"vr\":\"SQ\"}");
    expect_absent(show(*state, PACS_LEVEL_INSTANCE, &of_series, path, "{\"00400275\":{\"vr\":\"UN\"}}"),
                  "\"00400275\"");
}

static void all_of_an_instance_is_its_data_set(void **state)
{
    const char *text = show(*state, PACS_LEVEL_INSTANCE, &of_series, "includefield=all",
                            "{\"00080018\":{\"vr\":\"UI\",\"Value\":[\"1.3\"]},"
                            "\"00181030\":{\"vr\":\"LO\",\"Value\":[\"p\"]},"
                            "\"7FE00010\":{\"vr\":\"OW\",\"BulkDataURI\":\"bulkdata/7FE00010\"}}");

    expect_part(text, "\"00081190\"");
    expect_part(text, "\"00181030\":{\"vr\":\"LO\",\"Value\":[\"p\"]}");
    expect_part(text, "\"7FE00010\":{\"vr\":\"OW\",\"BulkDataURI\":\"" INSTANCE_URL "/bulkdata/7FE00010\"}}");
    assert_null(strstr(strstr(text, "\"00080018\"") + 1, "\"00080018\""));
}

static void all_of_a_study_is_what_the_index_knows(void **state)
{
    QidoFields fields = choose(*state, PACS_LEVEL_STUDY, &whole_archive, "includefield=all");
    const char *text = show(*state, PACS_LEVEL_STUDY, &whole_archive, "includefield=all", NULL);

    assert_false(fields.needs_json);
    expect_part(text, "\"00080062\"");
    expect_part(text, "\"00201200\"");
}

static void bulk_data_are_no_attributes_of_a_series(void **state)
{
    const char *text = show(*state, PACS_LEVEL_SERIES, &of_study, "includefield=00282000,00281201",
                            "{\"00282000\":{\"vr\":\"OB\",\"BulkDataURI\":\"bulkdata/00282000\"}}");

    expect_absent(text, "00282000");
}

static void text_that_looks_like_a_bulk_uri_is_left_alone(void **state)
{
    expect_part(show(*state, PACS_LEVEL_INSTANCE, &of_series, "includefield=ImageComments,00104000",
                     "{\"00104000\":{\"vr\":\"LT\",\"Value\":[\"\\\"BulkDataURI\\\":\\\"x\"]}}"),
                "\"00104000\":{\"vr\":\"LT\",\"Value\":[\"\\\"BulkDataURI\\\":\\\"x\"]}");
}

static void damaged_json_is_told(void **state)
{
    Shown *shown = *state;

    (void)show(shown, PACS_LEVEL_INSTANCE, &of_series, "includefield=all", "{\"0008");
    assert_int_equal(shown->status, PACS_CORRUPT);
    (void)show(shown, PACS_LEVEL_INSTANCE, &of_series, "includefield=all", "{\"x\":{}}");
    assert_int_equal(shown->status, PACS_CORRUPT);
}

static void usual_answers_read_no_json(void **state)
{
    assert_false(choose(*state, PACS_LEVEL_STUDY, &whole_archive,
                        "includefield=00081030,00080060,00080090,00100030&PatientName=*a*")
                     .needs_json);
    assert_false(choose(*state, PACS_LEVEL_SERIES, &of_study, "").needs_json);
    assert_false(choose(*state, PACS_LEVEL_SERIES, &of_study, "includefield=all").needs_json);
    assert_true(choose(*state, PACS_LEVEL_INSTANCE, &of_series, "includefield=00400275").needs_json);
    assert_false(choose(*state, PACS_LEVEL_INSTANCE, &of_series, "").needs_json);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_shown, close_shown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_study_shows_what_the_standard_requires),
        TEST(a_series_of_a_study_shows_its_own_attributes),
        TEST(series_of_the_whole_archive_show_their_studies),
        TEST(an_instance_shows_what_the_standard_requires),
        TEST(what_is_asked_for_is_shown_beside_it),
        TEST(what_belongs_to_a_lower_level_is_not_shown),
        TEST(other_attributes_come_from_the_stored_json),
        TEST(a_private_attribute_brings_its_creator),
        TEST(a_series_shows_its_requests_by_their_two_ids),
        TEST(paths_show_parts_of_items),
        TEST(all_of_an_instance_is_its_data_set),
        TEST(all_of_a_study_is_what_the_index_knows),
        TEST(bulk_data_are_no_attributes_of_a_series),
        TEST(text_that_looks_like_a_bulk_uri_is_left_alone),
        TEST(damaged_json_is_told),
        TEST(usual_answers_read_no_json),
    };
    return cmocka_run_group_tests_name("dicomweb qido row", tests, NULL, NULL);
}
