/* STOW-RS: what a client that stores objects sees, and what is kept. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/dicomweb_fixture.h"

#define MULTIPART "multipart/related; type=\"application/dicom\"; boundary=b"
#define JSON_TYPE "application/dicom+json"

static uint64_t instances(DicomwebFixture *fixture)
{
    PacsStatistics statistics;

    assert_int_equal(pacs_index_statistics(fixture->archive.index, &statistics, NULL), PACS_OK);
    return statistics.instances;
}

/* ---- Bodies ---- */

static void add_part(PacsBuffer *body, const char *content_type, const void *bytes, size_t size)
{
    (void)pacs_buffer_add_format(body, "--b\r\nContent-Type: %s\r\n\r\n", content_type);
    (void)pacs_buffer_add(body, bytes, size);
    assert_true(pacs_buffer_add_text(body, "\r\n"));
}

static void add_object(PacsBuffer *body, unsigned study, unsigned series, unsigned instance)
{
    PACS_AUTO_BUFFER PacsBuffer file = PACS_BUFFER(1 << 16);
    const TestObject object = test_object(study, series, instance);

    test_object_file(&object, &file);
    add_part(body, "application/dicom", file.bytes, file.size);
}

static void end_parts(PacsBuffer *body)
{
    assert_true(pacs_buffer_add_text(body, "--b--\r\n"));
}

/* ---- Asking ---- */

typedef struct Post {
    const char *target;       /* NULL: /dicom-web/studies */
    const char *content_type; /* NULL: MULTIPART */
    const char *accept;
    size_t piece_size;
    bool leaves_midway;
} Post;

static void post(DicomwebFixture *fixture, const Post *how, const PacsBuffer *body,
                 PacsHttpAnswer *ret_answer)
{
    const PacsHttpPair headers[] = {{"Content-Type", how->content_type ? how->content_type : MULTIPART},
                                    {"Host", "pacs.example.org"},
                                    {"Accept", how->accept}};
    const PacsHttpAsk ask = {.method = "POST",
                             .target = how->target ? how->target : "/dicom-web/studies",
                             .headers = headers,
                             .header_count = how->accept ? 3 : 2,
                             .body = body->bytes,
                             .body_size = body->size,
                             .piece_size = how->piece_size,
                             .leaves_midway = how->leaves_midway};

    (void)pacs_http_perform(fixture->http, &ask, ret_answer);
}

static json_t *store(DicomwebFixture *fixture, const Post *how, const PacsBuffer *body,
                     uint32_t expected_code)
{
    PacsHttpAnswer answer;

    post(fixture, how, body, &answer);
    assert_int_equal(answer.code, expected_code);
    json_t *dataset = json_loads(pacs_buffer_text(&answer.body), 0, NULL);
    pacs_http_answer_clear(&answer);
    return dataset;
}

/** The n-th item's value of a tag in a sequence; NULL if it is not there. */
static const json_t *value(const json_t *dataset, const char *sequence, size_t item, const char *tag)
{
    const json_t *in = json_array_get(json_object_get(json_object_get(dataset, sequence), "Value"), item);

    return json_array_get(json_object_get(json_object_get(in, tag), "Value"), 0);
}

static size_t count(const json_t *dataset, const char *sequence)
{
    return json_array_size(json_object_get(json_object_get(dataset, sequence), "Value"));
}

static void check_counts(const json_t *dataset, size_t stored, size_t failed, size_t other)
{
    assert_non_null(dataset);
    assert_int_equal(count(dataset, "00081199"), stored);
    assert_int_equal(count(dataset, "00081198"), failed);
    assert_int_equal(count(dataset, "0008119A"), other);
}

static const char *root_url(const json_t *dataset)
{
    return json_string_value(
        json_array_get(json_object_get(json_object_get(dataset, "00081190"), "Value"), 0));
}

/* ---- Tests ---- */

static void objects_are_stored_whatever_the_cuts(void **state)
{
    DicomwebFixture *fixture = *state;
    static const size_t pieces[] = {0, 1, 7, 100};

    for (unsigned i = 0; i < 4; i++) {
        PACS_AUTO_BUFFER PacsBuffer body = PACS_BUFFER(1 << 20);
        add_object(&body, 1, i + 1, 1);
        add_object(&body, 1, i + 1, 2);
        end_parts(&body);
        json_t *dataset = store(fixture, &(Post){.piece_size = pieces[i]}, &body, 200);
        check_counts(dataset, 2, 0, 0);
        json_decref(dataset);
        assert_int_equal(instances(fixture), 2 * (i + 1));
    }
}

static void the_answer_names_what_was_stored_and_where(void **state)
{
    DicomwebFixture *fixture = *state;
    PACS_AUTO_BUFFER PacsBuffer body = PACS_BUFFER(1 << 20);
    const TestObject object = test_object(1, 1, 1);
    char study[300], instance[600];

    (void)snprintf(study, sizeof study, "http://pacs.example.org/dicom-web/studies/%s",
                   object.study_instance_uid);
    (void)snprintf(instance, sizeof instance, "%s/series/%s/instances/%s", study, object.series_instance_uid,
                   object.sop_instance_uid);
    add_object(&body, 1, 1, 1);
    end_parts(&body);
    json_t *dataset = store(fixture, &(Post){0}, &body, 200);
    assert_string_equal(root_url(dataset), study);
    assert_string_equal(json_string_value(value(dataset, "00081199", 0, "00081190")), instance);
    assert_string_equal(json_string_value(value(dataset, "00081199", 0, "00081150")), object.sop_class_uid);
    assert_string_equal(json_string_value(value(dataset, "00081199", 0, "00081155")),
                        test_object(1, 1, 1).sop_instance_uid);
    json_decref(dataset);
}

static void objects_of_several_studies_have_no_common_url(void **state)
{
    DicomwebFixture *fixture = *state;
    PACS_AUTO_BUFFER PacsBuffer body = PACS_BUFFER(1 << 20);

    add_object(&body, 1, 1, 1);
    add_object(&body, 2, 1, 1);
    end_parts(&body);
    json_t *dataset = store(fixture, &(Post){0}, &body, 200);
    check_counts(dataset, 2, 0, 0);
    assert_null(root_url(dataset));
    json_decref(dataset);
}

static void what_is_here_already_is_stored(void **state)
{
    DicomwebFixture *fixture = *state;
    PACS_AUTO_BUFFER PacsBuffer body = PACS_BUFFER(1 << 20);

    add_object(&body, 1, 1, 1);
    end_parts(&body);
    for (int i = 0; i < 2; i++) {
        json_t *dataset = store(fixture, &(Post){0}, &body, 200);
        check_counts(dataset, 1, 0, 0);
        json_decref(dataset);
    }
    assert_int_equal(instances(fixture), 1);
}

static void a_bad_part_does_not_lose_the_others(void **state)
{
    DicomwebFixture *fixture = *state;
    PACS_AUTO_BUFFER PacsBuffer body = PACS_BUFFER(1 << 20);

    add_object(&body, 1, 1, 1);
    add_part(&body, "application/dicom", "no DICOM", 8);
    add_part(&body, "image/png", "no object", 9);
    add_object(&body, 1, 1, 2);
    end_parts(&body);
    json_t *dataset = store(fixture, &(Post){.piece_size = 11}, &body, 202);
    check_counts(dataset, 2, 0, 2);
    assert_int_equal(json_integer_value(value(dataset, "0008119A", 0, "00081197")), 0xC000);
    assert_int_equal(json_integer_value(value(dataset, "0008119A", 1, "00081197")), 0x0122);
    json_decref(dataset);
    assert_int_equal(instances(fixture), 2);
}

static void an_object_that_breaks_off_is_named(void **state)
{
    DicomwebFixture *fixture = *state;
    PACS_AUTO_BUFFER PacsBuffer body = PACS_BUFFER(1 << 20);
    PACS_AUTO_BUFFER PacsBuffer file = PACS_BUFFER(1 << 16);
    const TestObject object = test_object(1, 1, 1);

    test_object_file(&object, &file);
    add_part(&body, "application/dicom", file.bytes, file.size - 3);
    end_parts(&body);
    json_t *dataset = store(fixture, &(Post){0}, &body, 409);
    check_counts(dataset, 0, 1, 0);
    assert_string_equal(json_string_value(value(dataset, "00081198", 0, "00081155")),
                        object.sop_instance_uid);
    assert_int_equal(json_integer_value(value(dataset, "00081198", 0, "00081197")), 0xC000);
    json_decref(dataset);
    assert_int_equal(instances(fixture), 0);
    assert_int_equal(test_archive_object_count(&fixture->archive), 0);
}

static void an_object_of_another_study_is_refused(void **state)
{
    DicomwebFixture *fixture = *state;
    PACS_AUTO_BUFFER PacsBuffer body = PACS_BUFFER(1 << 20);
    char target[200];

    (void)snprintf(target, sizeof target, "/dicom-web/studies/%s", test_object(1, 1, 1).study_instance_uid);
    add_object(&body, 2, 1, 1);
    end_parts(&body);
    json_t *dataset = store(fixture, &(Post){.target = target}, &body, 409);
    check_counts(dataset, 0, 1, 0);
    assert_int_equal(json_integer_value(value(dataset, "00081198", 0, "00081197")), 0xA900);
    json_decref(dataset);

    pacs_buffer_reset(&body);
    add_object(&body, 2, 1, 1);
    add_object(&body, 1, 1, 1);
    end_parts(&body);
    dataset = store(fixture, &(Post){.target = target}, &body, 202);
    check_counts(dataset, 1, 1, 0);
    json_decref(dataset);
    assert_int_equal(instances(fixture), 1);
}

static void one_object_may_be_the_whole_body(void **state)
{
    DicomwebFixture *fixture = *state;
    PACS_AUTO_BUFFER PacsBuffer file = PACS_BUFFER(1 << 16);
    const TestObject object = test_object(1, 1, 1);

    test_object_file(&object, &file);
    json_t *dataset = store(fixture, &(Post){.content_type = "application/dicom", .piece_size = 99}, &file,
                            200);
    check_counts(dataset, 1, 0, 0);
    json_decref(dataset);

    file.size -= 2;
    dataset = store(fixture, &(Post){.content_type = "application/dicom"}, &file, 409);
    check_counts(dataset, 0, 1, 0);
    json_decref(dataset);
}

static void parts_without_a_type_are_what_the_request_says(void **state)
{
    DicomwebFixture *fixture = *state;
    PACS_AUTO_BUFFER PacsBuffer body = PACS_BUFFER(1 << 20);
    PACS_AUTO_BUFFER PacsBuffer file = PACS_BUFFER(1 << 16);
    static const char *const types[] = {MULTIPART, "Multipart/Related;boundary=b",
                                        "multipart/related; type=application/dicom; boundary=b; start=x"};
    const TestObject object = test_object(1, 1, 1);

    test_object_file(&object, &file);
    (void)pacs_buffer_add_text(&body, "--b\r\n\r\n");
    (void)pacs_buffer_add(&body, file.bytes, file.size);
    (void)pacs_buffer_add_text(&body, "\r\n--b--");
    for (size_t i = 0; i < 3; i++)
        json_decref(store(fixture, &(Post){.content_type = types[i]}, &body, 200));
}

static void a_body_that_breaks_off_keeps_what_came_whole(void **state)
{
    DicomwebFixture *fixture = *state;
    PACS_AUTO_BUFFER PacsBuffer body = PACS_BUFFER(1 << 20);

    add_object(&body, 1, 1, 1);
    add_object(&body, 1, 1, 2); /* and no closing boundary */
    json_t *dataset = store(fixture, &(Post){0}, &body, 202);
    check_counts(dataset, 1, 1, 0);
    assert_string_equal(json_string_value(value(dataset, "00081198", 0, "00081155")),
                        test_object(1, 1, 2).sop_instance_uid);
    json_decref(dataset);
    assert_int_equal(instances(fixture), 1);
    assert_int_equal(test_archive_object_count(&fixture->archive), 1);
}

static void a_client_that_leaves_leaves_nothing_half_stored(void **state)
{
    DicomwebFixture *fixture = *state;
    PACS_AUTO_BUFFER PacsBuffer body = PACS_BUFFER(1 << 20);
    PacsHttpAnswer answer;

    add_object(&body, 1, 1, 1);
    add_object(&body, 1, 1, 2);
    post(fixture, &(Post){.leaves_midway = true, .piece_size = 64}, &body, &answer);
    assert_int_equal(answer.code, 0);
    pacs_http_answer_clear(&answer);
    assert_int_equal(test_archive_object_count(&fixture->archive), instances(fixture));
    assert_true(instances(fixture) <= 1);
}

static void a_bad_request_is_refused_before_its_body(void **state)
{
    static const struct {
        const char *target, *content_type;
        uint32_t code;
    } cases[] = {
        {NULL, "", 415},
        {NULL, "text/plain", 415},
        {NULL, "multipart/form-data; boundary=b", 415},
        {NULL, "multipart/related; type=\"image/png\"; boundary=b", 415},
        {NULL, "multipart/related; type=\"application/dicom\"", 400},
        {NULL, "multipart/related; type=\"application/dicom\"; boundary=\"b", 400},
        {NULL, "multipart/related; type=\"application/dicom\"; boundary=\"\"", 400},
        {"/dicom-web/studies/1.2.x", MULTIPART, 400},
    };
    DicomwebFixture *fixture = *state;
    PACS_AUTO_BUFFER PacsBuffer body = PACS_BUFFER(1 << 20);

    add_object(&body, 1, 1, 1);
    end_parts(&body);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        json_decref(store(fixture, &(Post){.target = cases[i].target, .content_type = cases[i].content_type},
                          &body, cases[i].code));
        assert_int_equal(instances(fixture), 0);
    }
}

static void a_body_that_is_no_multipart_is_a_bad_request(void **state)
{
    static const char *const bodies[] = {"", "hello", "--b--", "--c\r\n\r\nx\r\n--c--",
                                         "--b\r\nContent-Type\r\n\r\nx\r\n--b--"};
    DicomwebFixture *fixture = *state;

    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        PACS_AUTO_BUFFER PacsBuffer body = PACS_BUFFER(1 << 20);
        (void)pacs_buffer_add_text(&body, bodies[i]);
        json_decref(store(fixture, &(Post){0}, &body, 400));
    }
}

static void parts_of_a_wrong_type_alone_are_unsupported(void **state)
{
    DicomwebFixture *fixture = *state;
    PACS_AUTO_BUFFER PacsBuffer body = PACS_BUFFER(1 << 20);

    add_part(&body, "image/png", "x", 1);
    end_parts(&body);
    json_t *dataset = store(fixture, &(Post){0}, &body, 415);
    check_counts(dataset, 0, 0, 1);
    json_decref(dataset);
}

static void the_answer_is_xml_where_asked(void **state)
{
    DicomwebFixture *fixture = *state;
    PACS_AUTO_BUFFER PacsBuffer body = PACS_BUFFER(1 << 20);
    PacsHttpAnswer answer;
    char type[80];

    add_object(&body, 1, 1, 1);
    add_part(&body, "application/dicom", "no DICOM", 8);
    end_parts(&body);
    post(fixture, &(Post){.accept = "application/dicom+xml"}, &body, &answer);
    assert_int_equal(answer.code, 202);
    assert_string_equal(pacs_http_answer_header(&answer, "Content-Type", type, sizeof type),
                        "application/dicom+xml");
    assert_non_null(strstr(pacs_buffer_text(&answer.body), "<DicomAttribute tag=\"00081199\" vr=\"SQ\""));
    assert_non_null(strstr(pacs_buffer_text(&answer.body), test_object(1, 1, 1).sop_instance_uid));
    pacs_http_answer_clear(&answer);
}

static void clients_that_accept_something_else_get_json(void **state)
{
    static const char *const accepts[] = {"*/*", "application/json", "multipart/related", JSON_TYPE};
    DicomwebFixture *fixture = *state;
    PACS_AUTO_BUFFER PacsBuffer body = PACS_BUFFER(1 << 20);

    add_object(&body, 1, 1, 1);
    end_parts(&body);
    for (size_t i = 0; i < 4; i++) {
        PacsHttpAnswer answer;
        char type[80];
        post(fixture, &(Post){.accept = accepts[i]}, &body, &answer);
        assert_int_equal(answer.code, 200);
        assert_string_equal(pacs_http_answer_header(&answer, "Content-Type", type, sizeof type), JSON_TYPE);
        pacs_http_answer_clear(&answer);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, dicomweb_fixture_open, dicomweb_fixture_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(objects_are_stored_whatever_the_cuts),
        TEST(the_answer_names_what_was_stored_and_where),
        TEST(objects_of_several_studies_have_no_common_url),
        TEST(what_is_here_already_is_stored),
        TEST(a_bad_part_does_not_lose_the_others),
        TEST(an_object_that_breaks_off_is_named),
        TEST(an_object_of_another_study_is_refused),
        TEST(one_object_may_be_the_whole_body),
        TEST(parts_without_a_type_are_what_the_request_says),
        TEST(a_body_that_breaks_off_keeps_what_came_whole),
        TEST(a_client_that_leaves_leaves_nothing_half_stored),
        TEST(a_bad_request_is_refused_before_its_body),
        TEST(a_body_that_is_no_multipart_is_a_bad_request),
        TEST(parts_of_a_wrong_type_alone_are_unsupported),
        TEST(the_answer_is_xml_where_asked),
        TEST(clients_that_accept_something_else_get_json),
    };
    return cmocka_run_group_tests_name("dicomweb stow", tests, NULL, NULL);
}
