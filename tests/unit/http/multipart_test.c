/* Multipart bodies: the parts that come out do not depend on how the bytes are cut. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "pacs/http/media_type.h"
#include "pacs/http/multipart.h"
#include "pacs/util/limits.h"

/* ---- What the parser said, as text: "{name=value}data;" for each part, no ";" where one did not end ---- */

static PacsStatus write_begin(void *context, const PacsMultipartPart *part, PacsError *err)
{
    PacsBuffer *out = context;

    (void)err;
    (void)pacs_buffer_add_char(out, '{');
    for (size_t i = 0; i < part->header_count; i++)
        (void)pacs_buffer_add_format(out, "%s%s=%s", i ? "," : "", part->headers[i].name,
                                     part->headers[i].value);
    (void)pacs_buffer_add_char(out, '}');
    return PACS_OK;
}

static PacsStatus write_data(void *context, const uint8_t *bytes, size_t size, PacsError *err)
{
    (void)err;
    assert_true(size > 0);
    assert_true(pacs_buffer_add(context, bytes, size));
    return PACS_OK;
}

static PacsStatus write_end(void *context, PacsError *err)
{
    (void)err;
    assert_true(pacs_buffer_add_char(context, ';'));
    return PACS_OK;
}

static const PacsMultipartHandler writer = {write_begin, write_data, write_end};

/** Exact copies, so that reading over the end of a piece shows under a sanitizer. */
static PacsStatus feed_piece(PacsMultipart *multipart, const char *bytes, size_t size)
{
    uint8_t *piece = malloc(size ? size : 1);

    assert_non_null(piece);
    memcpy(piece, bytes, size);
    PacsStatus status = pacs_multipart_feed(multipart, piece, size, NULL);
    free(piece);
    return status;
}

/** `first` bytes, then pieces of `piece` bytes. */
static PacsStatus parse(const char *boundary, const char *body, size_t size, size_t first, size_t piece,
                        PacsBuffer *out)
{
    PACS_AUTO(PacsMultipart) multipart = NULL;
    PacsStatus status = PACS_OK;

    pacs_buffer_reset(out);
    assert_int_equal(pacs_multipart_new(boundary, &writer, out, &multipart, NULL), PACS_OK);
    for (size_t at = 0, next = first; status == PACS_OK && at < size; at += next, next = piece) {
        if (next == 0 || next > size - at)
            next = size - at;
        status = feed_piece(multipart, body + at, next);
    }
    return status == PACS_OK ? pacs_multipart_finish(multipart, NULL) : status;
}

static void check_bytes(const char *boundary, const char *body, size_t size, PacsStatus expected_status,
                        const char *expected)
{
    PACS_AUTO_BUFFER PacsBuffer out = PACS_BUFFER(1 << 20);

    for (size_t first = 0; first <= size; first++) {
        assert_int_equal(parse(boundary, body, size, first, 0, &out), expected_status);
        assert_string_equal(pacs_buffer_text(&out), expected);
    }
    for (size_t piece = 1; piece <= 7; piece++) {
        assert_int_equal(parse(boundary, body, size, piece, piece, &out), expected_status);
        assert_string_equal(pacs_buffer_text(&out), expected);
    }
}

static void check(const char *body, PacsStatus expected_status, const char *expected)
{
    check_bytes("b", body, strlen(body), expected_status, expected);
}

/* ---- Tests ---- */

static void parts_come_out_with_their_headers(void **state)
{
    (void)state;
    check("--b\r\nContent-Type: application/dicom\r\nContent-Location: x\r\n\r\none\r\n"
          "--b\r\n\r\ntwo\r\n--b--\r\n",
          PACS_OK, "{Content-Type=application/dicom,Content-Location=x}one;{}two;");
}

static void preamble_and_epilogue_are_dropped(void **state)
{
    (void)state;
    check("hello\r\n--b\r\nA: 1\r\n\r\none\r\n--b--\r\n--b\r\nnot a part", PACS_OK, "{A=1}one;");
    check("\r\n--b\r\nA: 1\r\n\r\none\r\n--b--", PACS_OK, "{A=1}one;");
}

static void a_body_of_parts_may_be_empty(void **state)
{
    (void)state;
    check("--b--", PACS_OK, "");
    check("--b\r\nA: 1\r\n\r\n\r\n--b--", PACS_OK, "{A=1};");
    check("--b\r\nA: 1\r\n\r\n--b--", PACS_OK, "{A=1};");
}

static void line_breaks_that_belong_to_the_data_stay(void **state)
{
    (void)state;
    check("--b\r\n\r\n\r\n\r\n-\r\n--\r\n--a\r\r\n--b--", PACS_OK, "{}\r\n\r\n-\r\n--\r\n--a\r;");
}

static void what_only_begins_like_the_boundary_is_data(void **state)
{
    (void)state;
    check("--b\r\n\r\nx\r\n--bb\r\n--b-\r\n--b x\r\n--b\rx\n--b--", PACS_OK,
          "{}x\r\n--bb\r\n--b-\r\n--b x\r\n--b\rx;");
    check_bytes("aab", "--aab\r\n\r\nx\r\n--a\r\n--aaa\r\n\n\n--aab--",
                strlen("--aab\r\n\r\nx\r\n--a\r\n--aaa\r\n\n\n--aab--"), PACS_OK,
                "{}x\r\n--a\r\n--aaa\r\n\n;");
}

static void padding_may_follow_a_boundary(void **state)
{
    (void)state;
    check("--b \t\r\n\r\none\r\n--b  \r\n\r\ntwo\r\n--b--  \r\n", PACS_OK, "{}one;{}two;");
}

static void lines_may_end_with_a_line_feed_alone(void **state)
{
    (void)state;
    check("--b\nA: 1\n\none\n--b\n\ntwo\n--b--\n", PACS_OK, "{A=1}one;{}two;");
    /* Then a CR at the end is data: DICOM ends with any byte. */
    check("--b\n\none\r\n--b--\n", PACS_OK, "{}one\r;");
    check("--b\r\nA: 1\n\none\n--b\n\ntwo\r\n--b--", PACS_OK, "{A=1}one;{}two;");
}

static void folded_header_lines_are_joined(void **state)
{
    (void)state;
    check("--b\r\nA: 1;\r\n\t2\r\nB:3\r\n\r\none\r\n--b--", PACS_OK, "{A=1;  \t2,B=3}one;");
}

static void zero_bytes_and_a_nested_boundary_are_data(void **state)
{
    static const char body[] = "--b\r\n\r\n\0\0\r\n--inner\r\n\r\n\r\n--inner--\r\n\r\n--b--";
    PACS_AUTO_BUFFER PacsBuffer out = PACS_BUFFER(1 << 20);

    (void)state;
    assert_int_equal(parse("b", body, sizeof body - 1, 0, 3, &out), PACS_OK);
    assert_int_equal(out.size, strlen("{}..\r\n--inner\r\n\r\n\r\n--inner--\r\n;"));
    assert_memory_equal(out.bytes, "{}\0\0\r\n--inner", 13);
}

static void a_body_without_closing_boundary_is_refused(void **state)
{
    (void)state;
    check("", PACS_INVALID, "");
    check("one", PACS_INVALID, "");
    check("--b\r\nA: 1", PACS_INVALID, "");
    check("--b\r\n\r\none\r\n--b\r\n\r\ntwo", PACS_INVALID, "{}one;{}two");
    check("--b\r\n\r\none\r\n--b\r\n", PACS_INVALID, "{}one;");
}

static void a_header_line_without_a_colon_is_refused(void **state)
{
    static const char with_nul[] = "--b\r\nA: \0\r\n\r\n--b--";

    (void)state;
    check("--b\r\nContent-Type\r\n\r\none\r\n--b--", PACS_INVALID, "");
    check("--b\r\n: 1\r\n\r\none\r\n--b--", PACS_INVALID, "");
    check_bytes("b", with_nul, sizeof with_nul - 1, PACS_INVALID, "");
}

static void headers_and_preamble_are_bounded(void **state)
{
    PACS_AUTO_BUFFER PacsBuffer body = PACS_BUFFER(1 << 20);
    PACS_AUTO_BUFFER PacsBuffer out = PACS_BUFFER(1 << 20);

    (void)state;
    (void)pacs_buffer_add_text(&body, "--b\r\nA: ");
    for (size_t i = 0; i < PACS_MAX_MULTIPART_HEADER; i++)
        (void)pacs_buffer_add_char(&body, 'x');
    assert_int_equal(parse("b", (char *)body.bytes, body.size, 0, 1000, &out), PACS_TOO_LARGE);

    pacs_buffer_reset(&body);
    (void)pacs_buffer_add_text(&body, "--b\r\n");
    for (size_t i = 0; i <= PACS_MAX_MULTIPART_HEADERS; i++)
        (void)pacs_buffer_add_text(&body, "A: x\r\n");
    (void)pacs_buffer_add_text(&body, "\r\n");
    assert_int_equal(parse("b", (char *)body.bytes, body.size, 0, 1000, &out), PACS_TOO_LARGE);

    pacs_buffer_reset(&body);
    for (size_t i = 0; i <= PACS_MAX_MULTIPART_PREAMBLE; i++)
        (void)pacs_buffer_add_char(&body, 'x');
    assert_int_equal(parse("b", (char *)body.bytes, body.size, 0, 1000, &out), PACS_INVALID);
}

static PacsStatus refuse(void *context, const PacsMultipartPart *part, PacsError *err)
{
    int *calls = context;

    (void)part;
    (*calls)++;
    return pacs_fail(err, PACS_TOO_LARGE, "no more");
}

static void a_handlers_failure_ends_the_parsing_for_good(void **state)
{
    static const PacsMultipartHandler handler = {refuse, write_data, write_end};
    static const char body[] = "--b\r\n\r\none\r\n--b\r\n\r\ntwo\r\n--b--";
    PACS_AUTO(PacsMultipart) multipart = NULL;
    PacsError err = {0};
    int calls = 0;

    (void)state;
    assert_int_equal(pacs_multipart_new("b", &handler, &calls, &multipart, NULL), PACS_OK);
    assert_int_equal(feed_piece(multipart, body, sizeof body - 1), PACS_TOO_LARGE);
    assert_int_equal(feed_piece(multipart, body, sizeof body - 1), PACS_TOO_LARGE);
    assert_int_equal(pacs_multipart_finish(multipart, &err), PACS_TOO_LARGE);
    assert_string_equal(err.text, "no more");
    assert_int_equal(calls, 1);
}

static void headers_are_found_in_any_case(void **state)
{
    const PacsHttpPair pairs[] = {{"content-TYPE", "a"}, {"Content-Type", "b"}};
    const PacsMultipartPart part = {.headers = pairs, .header_count = 2};

    (void)state;
    assert_string_equal(pacs_multipart_header(&part, "Content-Type"), "a");
    assert_null(pacs_multipart_header(&part, "Content-Location"));
}

static void what_cannot_be_a_boundary_is_refused(void **state)
{
    char longest[PACS_MULTIPART_BOUNDARY_MAX + 2];
    PACS_AUTO(PacsMultipart) multipart = NULL;

    (void)state;
    memset(longest, 'x', sizeof longest);
    longest[sizeof longest - 1] = '\0';
    assert_int_equal(pacs_multipart_new(longest, &writer, NULL, &multipart, NULL), PACS_INVALID);
    assert_int_equal(pacs_multipart_new("", &writer, NULL, &multipart, NULL), PACS_INVALID);
    assert_int_equal(pacs_multipart_new("a\r\n", &writer, NULL, &multipart, NULL), PACS_INVALID);
    assert_int_equal(pacs_multipart_new("a ", &writer, NULL, &multipart, NULL), PACS_INVALID);
    longest[sizeof longest - 2] = '\0';
    assert_int_equal(pacs_multipart_new(longest, &writer, NULL, &multipart, NULL), PACS_OK);
}

/* ---- Content-Type ---- */

static void check_parameter(const char *header, const char *name, PacsStatus expected_status,
                            const char *expected)
{
    char value[24];

    assert_int_equal(pacs_media_type_parameter(header, name, value, sizeof value, NULL), expected_status);
    if (expected_status == PACS_OK)
        assert_string_equal(value, expected);
}

static void parameters_come_quoted_or_bare(void **state)
{
    static const char both[] = "multipart/related; type=application/dicom ;Boundary=\"a;b=\\\"c\"";

    (void)state;
    check_parameter(both, "type", PACS_OK, "application/dicom");
    check_parameter(both, "boundary", PACS_OK, "a;b=\"c");
    check_parameter("a/b;;flag; x=", "x", PACS_OK, "");
    check_parameter("a/b;;flag; x=", "flag", PACS_OK, "");
    check_parameter("a/b; x=1; x=2", "x", PACS_OK, "1");
}

static void parameters_that_are_missing_or_broken_say_so(void **state)
{
    (void)state;
    check_parameter(NULL, "x", PACS_NOT_FOUND, NULL);
    check_parameter("a/b", "x", PACS_NOT_FOUND, NULL);
    check_parameter("a/b; xx=1; y=\"x=2\"", "x", PACS_NOT_FOUND, NULL);
    check_parameter("a/b; y=\"; x=1", "x", PACS_INVALID, NULL);
    check_parameter("a/b; x=\"abc", "x", PACS_INVALID, NULL);
    check_parameter("a/b; x=12345678901234567890123", "x", PACS_OK, "12345678901234567890123");
    check_parameter("a/b; x=123456789012345678901234", "x", PACS_TOO_LARGE, NULL);
}

static void a_media_type_has_a_name(void **state)
{
    (void)state;
    assert_true(pacs_slice_equal_case(pacs_media_type_name(" Multipart/Related ; x"), "multipart/related"));
    assert_int_equal(pacs_media_type_name(NULL).size, 0);
    assert_int_equal(pacs_media_type_name("").size, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_come_out_with_their_headers),
        cmocka_unit_test(preamble_and_epilogue_are_dropped),
        cmocka_unit_test(a_body_of_parts_may_be_empty),
        cmocka_unit_test(line_breaks_that_belong_to_the_data_stay),
        cmocka_unit_test(what_only_begins_like_the_boundary_is_data),
        cmocka_unit_test(padding_may_follow_a_boundary),
        cmocka_unit_test(lines_may_end_with_a_line_feed_alone),
        cmocka_unit_test(folded_header_lines_are_joined),
        cmocka_unit_test(zero_bytes_and_a_nested_boundary_are_data),
        cmocka_unit_test(a_body_without_closing_boundary_is_refused),
        cmocka_unit_test(a_header_line_without_a_colon_is_refused),
        cmocka_unit_test(headers_and_preamble_are_bounded),
        cmocka_unit_test(a_handlers_failure_ends_the_parsing_for_good),
        cmocka_unit_test(headers_are_found_in_any_case),
        cmocka_unit_test(what_cannot_be_a_boundary_is_refused),
        cmocka_unit_test(parameters_come_quoted_or_bare),
        cmocka_unit_test(parameters_that_are_missing_or_broken_say_so),
        cmocka_unit_test(a_media_type_has_a_name),
    };
    return cmocka_run_group_tests_name("http multipart", tests, NULL, NULL);
}
