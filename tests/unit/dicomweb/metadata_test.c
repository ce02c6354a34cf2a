/* GET .../metadata: forms, caching, whose URIs. What is in it: tests/unit/retrieve/metadata_test.c. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <string.h>

#include "pacs/lifecycle/append.h"
#include "pacs/util/gzip.h"
#include "tests/support/dicomweb_fixture.h"

#define STUDY "/dicom-web/studies/2.25.1000.1"
#define SERIES STUDY "/series/2.25.1000.1.1"
#define INSTANCE SERIES "/instances/2.25.1000.1.1.2"

static void push_three(DicomwebFixture *fixture)
{
    for (unsigned i = 1; i <= 3; i++) {
        const TestObject object = test_object(1, 1 + i / 3, i); /* two and one */
        dicomweb_fixture_push(fixture, &object);
    }
}

static void append_all(DicomwebFixture *fixture)
{
    PACS_AUTO(PacsAppender) appender = NULL;
    bool more = true;

    assert_int_equal(pacs_appender_new(fixture->archive.index, "/dicom-web", NULL, &appender, NULL), PACS_OK);
    while (more)
        assert_int_equal(pacs_appender_step(appender, &more, NULL), PACS_OK);
}

static uint32_t ask(DicomwebFixture *fixture, const char *target, const char *name, const char *value,
                    PacsHttpAnswer *ret_answer)
{
    const PacsHttpPair header = {name, value};
    const PacsHttpAsk request = {.target = target, .headers = &header, .header_count = name ? 1 : 0};

    return pacs_http_perform(fixture->http, &request, ret_answer);
}

static void expect_header(const PacsHttpAnswer *answer, const char *name, const char *expected)
{
    char value[512];

    assert_string_equal(pacs_http_answer_header(answer, name, value, sizeof value), expected);
}

static size_t count_instances(const PacsHttpAnswer *answer)
{
    json_t *all = json_loadb((const char *)answer->body.bytes, answer->body.size, 0, NULL);
    const size_t count = json_array_size(all);

    assert_true(json_is_array(all));
    json_decref(all);
    return count;
}

static void each_level_answers_an_array_of_its_instances(void **state)
{
    static const struct {
        const char *target;
        size_t count;
    } cases[] = {{STUDY "/metadata", 3}, {SERIES "/metadata", 2}, {INSTANCE "/metadata", 1}};
    DicomwebFixture *fixture = *state;

    push_three(fixture);
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < 3; i++) {
            PacsHttpAnswer answer;
            assert_int_equal(ask(fixture, cases[i].target, NULL, NULL, &answer), 200);
            expect_header(&answer, "Content-Type", "application/dicom+json");
            expect_header(&answer, "Content-Encoding", "");
            assert_int_equal(count_instances(&answer), cases[i].count);
            pacs_http_answer_clear(&answer);
        }
        append_all(fixture);
    }
}

static void who_takes_gzip_gets_it(void **state)
{
    DicomwebFixture *fixture = *state;
    PacsHttpAnswer answer;
    PacsSource *memory = NULL;
    PACS_AUTO(PacsSource) source = NULL;
    char first = 0;

    push_three(fixture);
    append_all(fixture);
    assert_int_equal(ask(fixture, SERIES "/metadata", "Accept-Encoding", "deflate, gzip", &answer), 200);
    expect_header(&answer, "Content-Encoding", "gzip");
    assert_non_null(strstr(pacs_buffer_text(&answer.head), "Vary: Accept, Accept-Encoding\r\n"));
    assert_int_equal(pacs_source_memory(answer.body.bytes, answer.body.size, &memory, NULL), PACS_OK);
    assert_int_equal(pacs_source_gunzip(memory, &source, NULL), PACS_OK);
    assert_int_equal(pacs_source_read_all(source, &first, 1, NULL), PACS_OK);
    assert_int_equal(first, '[');
    pacs_http_answer_clear(&answer);
}

static void a_copy_that_is_as_good_is_kept(void **state)
{
    DicomwebFixture *fixture = *state;
    PacsHttpAnswer answer;
    char etag[128];

    push_three(fixture);
    assert_int_equal(ask(fixture, SERIES "/metadata", NULL, NULL, &answer), 200);
    (void)pacs_http_answer_header(&answer, "ETag", etag, sizeof etag);
    expect_header(&answer, "Cache-Control", "private, no-cache");
    pacs_http_answer_clear(&answer);
    append_all(fixture);
    assert_int_equal(ask(fixture, SERIES "/metadata", "If-None-Match", etag, &answer), 304);
    assert_int_equal(answer.body.size, 0);
    expect_header(&answer, "ETag", etag);
    pacs_http_answer_clear(&answer);

    const TestObject object = test_object(1, 1, 9);
    dicomweb_fixture_push(fixture, &object);
    assert_int_equal(ask(fixture, SERIES "/metadata", "If-None-Match", etag, &answer), 200);
    assert_int_equal(count_instances(&answer), 3);
    pacs_http_answer_clear(&answer);
}

/** An instance with private attributes, in an item too. */
static void store_private(DicomwebFixture *fixture)
{
    PACS_AUTO_BUFFER PacsBuffer file = PACS_BUFFER(1 << 16);
    PACS_AUTO_BUFFER PacsBuffer inside = PACS_BUFFER(1024);
    PACS_AUTO_BUFFER PacsBuffer item = PACS_BUFFER(1024);
    const TestObject object = test_object(1, 1, 2);
    const PacsHttpPair type = {"Content-Type", "application/dicom"};
    PacsHttpAnswer answer;

    test_add_text(&inside, PACS_TAG_SCHEDULED_PROCEDURE_STEP_ID, "SH", "S1");
    test_add_text(&inside, PACS_TAG(0x0041, 0x0010), "LO", "ACME");
    const uint8_t header[8] = {0xFE, 0xFF, 0x00, 0xE0, (uint8_t)inside.size};
    assert_true(pacs_buffer_add(&item, header, sizeof header) &&
                pacs_buffer_add(&item, inside.bytes, inside.size));
    test_object_file(&object, &file);
    test_add_text(&file, PACS_TAG(0x0009, 0x0010), "LO", "ACME");
    test_add_text(&file, PACS_TAG(0x0009, 0x1001), "LO", "inner");
    test_add_bytes(&file, PACS_TAG_REQUEST_ATTRIBUTES_SEQUENCE, "SQ", item.bytes, (uint32_t)item.size);
    const PacsHttpAsk request = {.method = "POST",
                                 .target = "/dicom-web/studies",
                                 .headers = &type,
                                 .header_count = 1,
                                 .body = file.bytes,
                                 .body_size = file.size};
    assert_int_equal(pacs_http_perform(fixture->http, &request, &answer), 200);
    pacs_http_answer_clear(&answer);
}

/** Keys of the first instance, a space behind each. */
static void expect_keys(DicomwebFixture *fixture, const char *target, const char *expected)
{
    PACS_AUTO_BUFFER PacsBuffer keys = PACS_BUFFER(4096);
    PacsHttpAnswer answer;
    const char *key;
    json_t *value;

    assert_int_equal(ask(fixture, target, NULL, NULL, &answer), 200);
    json_t *all = json_loadb((const char *)answer.body.bytes, answer.body.size, 0, NULL);
    assert_int_equal(json_array_size(all), 1);
    json_object_foreach(json_array_get(all, 0), key, value)
    {
        assert_true(pacs_buffer_add_format(&keys, "%s ", key));
    }
    assert_string_equal(pacs_buffer_text(&keys), expected);
    json_decref(all);
    pacs_http_answer_clear(&answer);
}

static void only_what_is_asked_for_is_shown(void **state)
{
    DicomwebFixture *fixture = *state;
    PacsHttpAnswer answer;

    store_private(fixture);
    for (int round = 0; round < 2; round++) {
        expect_keys(fixture, SERIES "/metadata?includefield=Rows,00280011&includefield=no-such-thing",
                    "00080016 00080018 0020000D 0020000E 00280010 00280011 ");
        expect_keys(fixture,
                    SERIES "/metadata?includefield=RequestAttributesSequence.ScheduledProcedureStepID",
                    "00080016 00080018 0020000D 0020000E 00400275 ");
        append_all(fixture);
    }
    assert_int_equal(ask(fixture, SERIES "/metadata?includefield=all", NULL, NULL, &answer), 200);
    assert_non_null(strstr(pacs_buffer_text(&answer.body), "00091001"));
    pacs_http_answer_clear(&answer);
    assert_int_equal(ask(fixture, SERIES "/metadata?includefield=Rows", "Accept",
                         "multipart/related; type=\"application/dicom+xml\"", &answer),
                     200);
    assert_non_null(strstr(pacs_buffer_text(&answer.body), "keyword=\"Rows\""));
    assert_null(strstr(pacs_buffer_text(&answer.body), "keyword=\"Columns\""));
    pacs_http_answer_clear(&answer);
}

static void private_attributes_are_left_out_where_that_is_asked(void **state)
{
    DicomwebFixture *fixture = *state;
    PacsHttpAnswer answer;

    store_private(fixture);
    assert_int_equal(ask(fixture, SERIES "/metadata?excludeprivate=true", NULL, NULL, &answer), 200);
    assert_int_equal(count_instances(&answer), 1);
    assert_null(strstr(pacs_buffer_text(&answer.body), "ACME"));
    assert_null(strstr(pacs_buffer_text(&answer.body), "inner"));
    assert_non_null(strstr(pacs_buffer_text(&answer.body), "\"00400009\""));
    assert_non_null(strstr(pacs_buffer_text(&answer.body), "\"00280010\""));
    pacs_http_answer_clear(&answer);
    assert_int_equal(ask(fixture, SERIES "/metadata?excludeprivate=false", NULL, NULL, &answer), 200);
    assert_non_null(strstr(pacs_buffer_text(&answer.body), "inner"));
    pacs_http_answer_clear(&answer);
    dicomweb_fixture_ask(fixture, "GET", SERIES "/metadata?excludeprivate=perhaps", 400);
}

/* ---- In another transfer syntax ---- */

#define IN(uid) SERIES "/metadata?transfer-syntax=" uid

/** A slice of 16 bits, a photograph by plane, and an object without pixels, in this order. */
static void push_different(DicomwebFixture *fixture)
{
    PACS_AUTO_BUFFER PacsBuffer file = PACS_BUFFER(1 << 16);
    const TestObject slice = test_object(1, 1, 1);
    PacsIngested ingested;

    dicomweb_fixture_push(fixture, &slice);
    TestObject other = test_object(1, 1, 2);
    other.rows = other.columns = 0; /* pixels of its own follow */
    test_object_file(&other, &file);
    test_add_us(&file, PACS_TAG_SAMPLES_PER_PIXEL, 3);
    test_add_text(&file, PACS_TAG_PHOTOMETRIC_INTERPRETATION, "CS", "RGB");
    test_add_us(&file, PACS_TAG_PLANAR_CONFIGURATION, 1);
    test_add_us(&file, PACS_TAG_ROWS, 2);
    test_add_us(&file, PACS_TAG_COLUMNS, 2);
    test_add_us(&file, PACS_TAG_BITS_ALLOCATED, 8);
    test_add_us(&file, PACS_TAG_BITS_STORED, 8);
    test_add_us(&file, PACS_TAG_HIGH_BIT, 7);
    test_add_us(&file, PACS_TAG_PIXEL_REPRESENTATION, 0);
    test_add_bytes(&file, PACS_TAG_PIXEL_DATA, "OB", "rrrrggggbbbb", 12);
    assert_int_equal(test_archive_push(fixture->archive.ingest, file.bytes, file.size, 0, &ingested, NULL),
                     PACS_OK);
    other = test_object(1, 1, 3);
    other.rows = other.columns = 0;
    dicomweb_fixture_push(fixture, &other);
}

/** First values of what describes pixels, "-" for none, a space behind each. */
static void describe(const json_t *instance, PacsBuffer *out)
{
    static const char *const keys[] = {"00280004", "00280006", "00280100",
                                       "00282110", "00282114", "00080008"};

    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const json_t *value = json_array_get(json_object_get(json_object_get(instance, keys[i]), "Value"), 0);
        if (json_is_integer(value))
            (void)pacs_buffer_add_format(out, "%d ", (int)json_integer_value(value));
        else
            (void)pacs_buffer_add_format(out, "%s ", value ? json_string_value(value) : "-");
    }
}

static void expect_descriptions(DicomwebFixture *fixture, const char *target, const char *slice,
                                const char *photograph)
{
    const char *const expected[] = {slice, photograph, "- - - - - - "};
    PacsHttpAnswer answer;

    assert_int_equal(ask(fixture, target, NULL, NULL, &answer), 200);
    json_t *all = json_loadb((const char *)answer.body.bytes, answer.body.size, JSON_REJECT_DUPLICATES, NULL);
    assert_int_equal(json_array_size(all), 3);
    for (size_t i = 0; i < 3; i++) {
        PACS_AUTO_BUFFER PacsBuffer text = PACS_BUFFER(1024);
        describe(json_array_get(all, i), &text);
        assert_string_equal(pacs_buffer_text(&text), expected[i]);
    }
    json_decref(all);
    pacs_http_answer_clear(&answer);
}

static void another_transfer_syntax_is_described_as_its_frames_are(void **state)
{
    static const char stored_slice[] = "MONOCHROME2 - 16 - - - ", stored_photograph[] = "RGB 1 8 - - - ";
    static const struct {
        const char *target, *slice, *photograph;
    } cases[] = {
        {SERIES "/metadata", stored_slice, stored_photograph},
        {IN("*"), stored_slice, stored_photograph},
        {IN("1.2.840.10008.1.2.1"), stored_slice, stored_photograph},
        {IN("1.2.840.10008.1.2"), stored_slice, stored_photograph},
        {IN("1.2.840.10008.1.2.4.80"), stored_slice, "RGB 0 8 - - - "},
        {IN("1.2.840.10008.1.2.4.90"), stored_slice, "YBR_RCT 0 8 - - - "},
        {IN("1.2.840.10008.1.2.4.202"), stored_slice, "YBR_RCT 0 8 - - - "},
        {IN("1.2.840.10008.1.2.4.91"), "MONOCHROME2 - 16 01 ISO_15444_1 DERIVED ",
         "YBR_ICT 0 8 01 ISO_15444_1 DERIVED "},
        {IN("1.2.840.10008.1.2.4.50"), stored_slice, "YBR_FULL_422 0 8 01 ISO_10918_1 DERIVED "},
        {IN("1.2.840.10008.1.2.4.102"), stored_slice, stored_photograph}, /* nobody makes films of slices */
    };
    DicomwebFixture *fixture = *state;

    push_different(fixture);
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
            expect_descriptions(fixture, cases[i].target, cases[i].slice, cases[i].photograph);
        append_all(fixture);
    }
    dicomweb_fixture_ask(fixture, "GET", IN("1.2.3"), 400);
    dicomweb_fixture_ask(fixture, "GET", IN("1.2.840.10008.5.1.4.1.1.2"), 400); /* CT Image Storage */
    dicomweb_fixture_ask(fixture, "GET", IN(""), 400);
}

static void without_a_codec_everything_is_described_as_it_is_stored(void **state)
{
    DicomwebFixture *fixture = *state;

    push_different(fixture);
    pacs_retrieve_set_transcode(fixture->retrieve, NULL);
    expect_descriptions(fixture, IN("1.2.840.10008.1.2.4.90"), "MONOCHROME2 - 16 - - - ", "RGB 1 8 - - - ");
}

static void descriptions_go_with_what_else_may_be_asked(void **state)
{
    DicomwebFixture *fixture = *state;
    PacsHttpAnswer answer;

    push_different(fixture);
    assert_int_equal(
        ask(fixture, IN("1.2.840.10008.1.2.4.91") "&includefield=LossyImageCompression", NULL, NULL, &answer),
        200);
    assert_non_null(
        strstr(pacs_buffer_text(&answer.body), "\"00282110\":{\"vr\":\"CS\",\"Value\":[\"01\"]}"));
    assert_null(strstr(pacs_buffer_text(&answer.body), "YBR_ICT"));
    pacs_http_answer_clear(&answer);
    assert_int_equal(ask(fixture, IN("1.2.840.10008.1.2.4.91"), "Accept",
                         "multipart/related; type=\"application/dicom+xml\"", &answer),
                     200);
    assert_non_null(strstr(pacs_buffer_text(&answer.body), "YBR_ICT"));
    pacs_http_answer_clear(&answer);
}

static void a_copy_is_good_for_one_transfer_syntax(void **state)
{
    DicomwebFixture *fixture = *state;
    PacsHttpAnswer answer;
    char etag[256];

    push_different(fixture);
    assert_int_equal(ask(fixture, IN("1.2.840.10008.1.2.4.90"), NULL, NULL, &answer), 200);
    (void)pacs_http_answer_header(&answer, "ETag", etag, sizeof etag);
    pacs_http_answer_clear(&answer);
    assert_int_equal(ask(fixture, IN("1.2.840.10008.1.2.4.90"), "If-None-Match", etag, &answer), 304);
    pacs_http_answer_clear(&answer);
    assert_int_equal(ask(fixture, IN("1.2.840.10008.1.2.4.91"), "If-None-Match", etag, &answer), 200);
    pacs_http_answer_clear(&answer);
    assert_int_equal(ask(fixture, SERIES "/metadata", "If-None-Match", etag, &answer), 200);
    pacs_http_answer_clear(&answer);
}

static void xml_is_a_document_for_each_instance(void **state)
{
    DicomwebFixture *fixture = *state;
    PacsHttpAnswer answer;
    char type[256];
    size_t documents = 0;

    push_three(fixture);
    append_all(fixture);
    assert_int_equal(ask(fixture, STUDY "/metadata", "Accept",
                         "multipart/related; type=\"application/dicom+xml\"", &answer),
                     200);
    (void)pacs_http_answer_header(&answer, "Content-Type", type, sizeof type);
    assert_non_null(strstr(type, "multipart/related; type=\"application/dicom+xml\""));
    const char *boundary = strstr(type, "boundary=");
    assert_non_null(boundary);
    const char *body = pacs_buffer_text(&answer.body);
    for (const char *at = body; (at = strstr(at, "<NativeDicomModel")) != NULL; at++)
        documents++;
    assert_int_equal(documents, 3);
    assert_non_null(strstr(body, STUDY "/series/2.25.1000.1.2/instances/2.25.1000.1.2.3/bulkdata/7FE00010"));
    assert_memory_equal(body + answer.body.size - 4, "--\r\n", 4);
    pacs_http_answer_clear(&answer);
}

static void uris_have_the_prefix_of_a_proxy(void **state)
{
    DicomwebFixture *fixture = *state;
    PacsHttpAnswer answer;

    push_three(fixture);
    append_all(fixture);
    assert_int_equal(ask(fixture, SERIES "/metadata", "X-Forwarded-Prefix", "/imaging", &answer), 200);
    assert_non_null(strstr(pacs_buffer_text(&answer.body), "\"/imaging" INSTANCE "/bulkdata/7FE00010\""));
    pacs_http_answer_clear(&answer);
    assert_int_equal(ask(fixture, SERIES "/metadata", NULL, NULL, &answer), 200);
    assert_non_null(strstr(pacs_buffer_text(&answer.body), "\"" INSTANCE "/bulkdata/7FE00010\""));
    pacs_http_answer_clear(&answer);
}

static void what_is_not_there_or_cannot_be_made_is_refused(void **state)
{
    DicomwebFixture *fixture = *state;
    PacsHttpAnswer answer;

    dicomweb_fixture_ask(fixture, "GET", STUDY "/metadata", 404);
    push_three(fixture);
    dicomweb_fixture_ask(fixture, "GET", STUDY "/series/1.2.3/metadata", 404);
    dicomweb_fixture_ask(fixture, "GET", SERIES "/instances/1.2.3/metadata", 404);
    assert_int_equal(ask(fixture, STUDY "/metadata", "Accept", "image/png", &answer), 406);
    pacs_http_answer_clear(&answer);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, dicomweb_fixture_open, dicomweb_fixture_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_level_answers_an_array_of_its_instances),
        TEST(who_takes_gzip_gets_it),
        TEST(a_copy_that_is_as_good_is_kept),
        TEST(only_what_is_asked_for_is_shown),
        TEST(private_attributes_are_left_out_where_that_is_asked),
        TEST(another_transfer_syntax_is_described_as_its_frames_are),
        TEST(without_a_codec_everything_is_described_as_it_is_stored),
        TEST(descriptions_go_with_what_else_may_be_asked),
        TEST(a_copy_is_good_for_one_transfer_syntax),
        TEST(xml_is_a_document_for_each_instance),
        TEST(uris_have_the_prefix_of_a_proxy),
        TEST(what_is_not_there_or_cannot_be_made_is_refused),
    };
    return cmocka_run_group_tests_name("dicomweb metadata", tests, NULL, NULL);
}
