/* STOW-RS: what a client that stores objects sees, and what is kept. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "pacs/util/trace.h"
#include "tests/unit/dicomweb/stow_client.h"

/* ---- Tests ---- */

static void objects_are_stored_whatever_the_cuts(void **state)
{
    DicomwebFixture *fixture = *state;
    static const size_t pieces[] = {0, 1, 7, 100};

    for (unsigned i = 0; i < 4; i++) {
        PACS_AUTO_BUFFER PacsBuffer body = PACS_BUFFER(1 << 20);
        stow_add_object(&body, 1, i + 1, 1);
        stow_add_object(&body, 1, i + 1, 2);
        stow_end_parts(&body);
        json_t *dataset = stow_store(fixture, &(StowPost){.piece_size = pieces[i]}, &body, 200);
        stow_check_counts(dataset, 2, 0, 0);
        json_decref(dataset);
        assert_int_equal(stow_instances(fixture), 2 * (i + 1));
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
    stow_add_object(&body, 1, 1, 1);
    stow_end_parts(&body);
    json_t *dataset = stow_store(fixture, &(StowPost){0}, &body, 200);
    assert_string_equal(stow_root_url(dataset), study);
    assert_string_equal(json_string_value(stow_value(dataset, "00081199", 0, "00081190")), instance);
    assert_string_equal(json_string_value(stow_value(dataset, "00081199", 0, "00081150")),
                        object.sop_class_uid);
    assert_string_equal(json_string_value(stow_value(dataset, "00081199", 0, "00081155")),
                        test_object(1, 1, 1).sop_instance_uid);
    json_decref(dataset);
}

static void objects_of_several_studies_have_no_common_url(void **state)
{
    DicomwebFixture *fixture = *state;
    PACS_AUTO_BUFFER PacsBuffer body = PACS_BUFFER(1 << 20);

    stow_add_object(&body, 1, 1, 1);
    stow_add_object(&body, 2, 1, 1);
    stow_end_parts(&body);
    json_t *dataset = stow_store(fixture, &(StowPost){0}, &body, 200);
    stow_check_counts(dataset, 2, 0, 0);
    assert_null(stow_root_url(dataset));
    json_decref(dataset);
}

static void what_is_here_already_is_stored(void **state)
{
    DicomwebFixture *fixture = *state;
    PACS_AUTO_BUFFER PacsBuffer body = PACS_BUFFER(1 << 20);

    stow_add_object(&body, 1, 1, 1);
    stow_end_parts(&body);
    for (int i = 0; i < 2; i++) {
        json_t *dataset = stow_store(fixture, &(StowPost){0}, &body, 200);
        stow_check_counts(dataset, 1, 0, 0);
        json_decref(dataset);
    }
    assert_int_equal(stow_instances(fixture), 1);
}

static void a_bad_part_does_not_lose_the_others(void **state)
{
    DicomwebFixture *fixture = *state;
    PACS_AUTO_BUFFER PacsBuffer body = PACS_BUFFER(1 << 20);

    stow_add_object(&body, 1, 1, 1);
    stow_add_part(&body, "application/dicom", "no DICOM", 8);
    stow_add_part(&body, "image/png", "no object", 9);
    stow_add_object(&body, 1, 1, 2);
    stow_end_parts(&body);
    json_t *dataset = stow_store(fixture, &(StowPost){.piece_size = 11}, &body, 202);
    stow_check_counts(dataset, 2, 0, 2);
    assert_int_equal(json_integer_value(stow_value(dataset, "0008119A", 0, "00081197")), 0xC000);
    assert_int_equal(json_integer_value(stow_value(dataset, "0008119A", 1, "00081197")), 0x0122);
    json_decref(dataset);
    assert_int_equal(stow_instances(fixture), 2);
}

static void an_object_that_breaks_off_is_named(void **state)
{
    DicomwebFixture *fixture = *state;
    PACS_AUTO_BUFFER PacsBuffer body = PACS_BUFFER(1 << 20);
    PACS_AUTO_BUFFER PacsBuffer file = PACS_BUFFER(1 << 16);
    const TestObject object = test_object(1, 1, 1);

    test_object_file(&object, &file);
    stow_add_part(&body, "application/dicom", file.bytes, file.size - 3);
    stow_end_parts(&body);
    json_t *dataset = stow_store(fixture, &(StowPost){0}, &body, 409);
    stow_check_counts(dataset, 0, 1, 0);
    assert_string_equal(json_string_value(stow_value(dataset, "00081198", 0, "00081155")),
                        object.sop_instance_uid);
    assert_int_equal(json_integer_value(stow_value(dataset, "00081198", 0, "00081197")), 0xC000);
    json_decref(dataset);
    assert_int_equal(stow_instances(fixture), 0);
    assert_int_equal(test_archive_object_count(&fixture->archive), 0);
}

static void an_object_of_another_study_is_refused(void **state)
{
    DicomwebFixture *fixture = *state;
    PACS_AUTO_BUFFER PacsBuffer body = PACS_BUFFER(1 << 20);
    char target[200];

    (void)snprintf(target, sizeof target, "/dicom-web/studies/%s", test_object(1, 1, 1).study_instance_uid);
    stow_add_object(&body, 2, 1, 1);
    stow_end_parts(&body);
    json_t *dataset = stow_store(fixture, &(StowPost){.target = target}, &body, 409);
    stow_check_counts(dataset, 0, 1, 0);
    assert_int_equal(json_integer_value(stow_value(dataset, "00081198", 0, "00081197")), 0xA900);
    json_decref(dataset);

    pacs_buffer_reset(&body);
    stow_add_object(&body, 2, 1, 1);
    stow_add_object(&body, 1, 1, 1);
    stow_end_parts(&body);
    dataset = stow_store(fixture, &(StowPost){.target = target}, &body, 202);
    stow_check_counts(dataset, 1, 1, 0);
    json_decref(dataset);
    assert_int_equal(stow_instances(fixture), 1);
}

static void one_object_may_be_the_whole_body(void **state)
{
    DicomwebFixture *fixture = *state;
    PACS_AUTO_BUFFER PacsBuffer file = PACS_BUFFER(1 << 16);
    const TestObject object = test_object(1, 1, 1);

    test_object_file(&object, &file);
    json_t *dataset = stow_store(fixture, &(StowPost){.content_type = "application/dicom", .piece_size = 99},
                                 &file, 200);
    stow_check_counts(dataset, 1, 0, 0);
    json_decref(dataset);

    file.size -= 2;
    dataset = stow_store(fixture, &(StowPost){.content_type = "application/dicom"}, &file, 409);
    stow_check_counts(dataset, 0, 1, 0);
    json_decref(dataset);
}

static void parts_without_a_type_are_what_the_request_says(void **state)
{
    DicomwebFixture *fixture = *state;
    PACS_AUTO_BUFFER PacsBuffer body = PACS_BUFFER(1 << 20);
    PACS_AUTO_BUFFER PacsBuffer file = PACS_BUFFER(1 << 16);
    static const char *const types[] = {STOW_MULTIPART, "Multipart/Related;boundary=b",
                                        "multipart/related; type=application/dicom; boundary=b; start=x"};
    const TestObject object = test_object(1, 1, 1);

    test_object_file(&object, &file);
    (void)pacs_buffer_add_text(&body, "--b\r\n\r\n");
    (void)pacs_buffer_add(&body, file.bytes, file.size);
    (void)pacs_buffer_add_text(&body, "\r\n--b--");
    for (size_t i = 0; i < 3; i++)
        json_decref(stow_store(fixture, &(StowPost){.content_type = types[i]}, &body, 200));
}

static void a_body_that_breaks_off_keeps_what_came_whole(void **state)
{
    DicomwebFixture *fixture = *state;
    PACS_AUTO_BUFFER PacsBuffer body = PACS_BUFFER(1 << 20);

    stow_add_object(&body, 1, 1, 1);
    stow_add_object(&body, 1, 1, 2); /* and no closing boundary */
    json_t *dataset = stow_store(fixture, &(StowPost){0}, &body, 202);
    stow_check_counts(dataset, 1, 1, 0);
    assert_string_equal(json_string_value(stow_value(dataset, "00081198", 0, "00081155")),
                        test_object(1, 1, 2).sop_instance_uid);
    json_decref(dataset);
    assert_int_equal(stow_instances(fixture), 1);
    assert_int_equal(test_archive_object_count(&fixture->archive), 1);
}

static void a_client_that_leaves_leaves_nothing_half_stored(void **state)
{
    DicomwebFixture *fixture = *state;
    PACS_AUTO_BUFFER PacsBuffer body = PACS_BUFFER(1 << 20);
    PacsHttpAnswer answer;

    stow_add_object(&body, 1, 1, 1);
    stow_add_object(&body, 1, 1, 2);
    stow_post(fixture, &(StowPost){.leaves_midway = true, .piece_size = 64}, &body, &answer);
    assert_int_equal(answer.code, 0);
    pacs_http_answer_clear(&answer);
    assert_int_equal(test_archive_object_count(&fixture->archive), stow_instances(fixture));
    assert_true(stow_instances(fixture) <= 1);
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
        {"/dicom-web/studies/1.2.x", STOW_MULTIPART, 400},
    };
    DicomwebFixture *fixture = *state;
    PACS_AUTO_BUFFER PacsBuffer body = PACS_BUFFER(1 << 20);

    stow_add_object(&body, 1, 1, 1);
    stow_end_parts(&body);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        json_decref(stow_store(fixture,
                               &(StowPost){.target = cases[i].target, .content_type = cases[i].content_type},
                               &body, cases[i].code));
        assert_int_equal(stow_instances(fixture), 0);
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
        json_decref(stow_store(fixture, &(StowPost){0}, &body, 400));
    }
}

static void parts_of_a_wrong_type_alone_are_unsupported(void **state)
{
    DicomwebFixture *fixture = *state;
    PACS_AUTO_BUFFER PacsBuffer body = PACS_BUFFER(1 << 20);

    stow_add_part(&body, "image/png", "x", 1);
    stow_end_parts(&body);
    json_t *dataset = stow_store(fixture, &(StowPost){0}, &body, 415);
    stow_check_counts(dataset, 0, 0, 1);
    json_decref(dataset);
}

static void the_answer_is_xml_where_asked(void **state)
{
    DicomwebFixture *fixture = *state;
    PACS_AUTO_BUFFER PacsBuffer body = PACS_BUFFER(1 << 20);
    PacsHttpAnswer answer;
    char type[80];

    stow_add_object(&body, 1, 1, 1);
    stow_add_part(&body, "application/dicom", "no DICOM", 8);
    stow_end_parts(&body);
    stow_post(fixture, &(StowPost){.accept = "application/dicom+xml"}, &body, &answer);
    assert_int_equal(answer.code, 202);
    assert_string_equal(pacs_http_answer_header(&answer, "Content-Type", type, sizeof type),
                        "application/dicom+xml");
    assert_non_null(strstr(pacs_buffer_text(&answer.body), "<DicomAttribute tag=\"00081199\" vr=\"SQ\""));
    assert_non_null(strstr(pacs_buffer_text(&answer.body), test_object(1, 1, 1).sop_instance_uid));
    pacs_http_answer_clear(&answer);
}

static void clients_that_accept_something_else_get_json(void **state)
{
    static const char *const accepts[] = {"*/*", "application/json", "multipart/related",
                                          "application/dicom+json"};
    DicomwebFixture *fixture = *state;
    PACS_AUTO_BUFFER PacsBuffer body = PACS_BUFFER(1 << 20);

    stow_add_object(&body, 1, 1, 1);
    stow_end_parts(&body);
    for (size_t i = 0; i < 4; i++) {
        PacsHttpAnswer answer;
        char type[80];
        stow_post(fixture, &(StowPost){.accept = accepts[i]}, &body, &answer);
        assert_int_equal(answer.code, 200);
        assert_string_equal(pacs_http_answer_header(&answer, "Content-Type", type, sizeof type),
                            "application/dicom+json");
        pacs_http_answer_clear(&answer);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, dicomweb_fixture_open, dicomweb_fixture_close)

static void stored_objects_have_a_trace_even_if_the_request_has_none(void **state)
{
    DicomwebFixture *fixture = *state;
    PACS_AUTO_BUFFER PacsBuffer body = PACS_BUFFER(1 << 20);
    PACS_AUTO(PacsArena) arena = pacs_arena_new(1 << 20);
    PacsEventPage page;
    PacsTrace trace;

    stow_add_object(&body, 1, 1, 1);
    stow_end_parts(&body);
    json_decref(stow_store(fixture, &(StowPost){0}, &body, 200));
    assert_int_equal(
        pacs_index_read_events(fixture->archive.index, &(PacsEventQuery){.max = 9}, arena, &page, NULL),
        PACS_OK);
    assert_true(pacs_trace_parse(pacs_slice(page.events[0].traceparent), &trace));
}

static void a_backlog_of_events_refuses_stores_for_a_while(void **state)
{
    DicomwebFixture *fixture = *state;
    PACS_AUTO_BUFFER PacsBuffer body = PACS_BUFFER(1 << 20);
    PacsHttpAnswer answer;
    char header[32];

    stow_add_object(&body, 1, 1, 1);
    stow_end_parts(&body);
    test_archive_set_backlog(&fixture->archive, true);
    stow_post(fixture, &(StowPost){0}, &body, &answer);
    assert_int_equal(answer.code, 503);
    assert_non_null(pacs_http_answer_header(&answer, "Retry-After", header, sizeof header));
    pacs_http_answer_clear(&answer);
    assert_int_equal(stow_instances(fixture), 0);
    test_archive_set_backlog(&fixture->archive, false);
    json_decref(stow_store(fixture, &(StowPost){0}, &body, 200));
}

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
        TEST(stored_objects_have_a_trace_even_if_the_request_has_none),
        TEST(a_backlog_of_events_refuses_stores_for_a_while),
    };
    return cmocka_run_group_tests_name("dicomweb stow", tests, NULL, NULL);
}
