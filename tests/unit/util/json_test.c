#include <float.h>
#include <jansson.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "pacs/util/json.h"

typedef struct Writing {
    PacsBuffer out;
    PacsJson json;
} Writing;

static void begin(Writing *writing, bool indent)
{
    pacs_buffer_init(&writing->out, 100000);
    pacs_json_init(&writing->json, &writing->out, indent);
}

static void assert_written(Writing *writing, const char *expected)
{
    assert_int_equal(pacs_buffer_check(&writing->out, NULL), PACS_OK);
    assert_string_equal(pacs_buffer_text(&writing->out), expected);
    pacs_buffer_clear(&writing->out);
}

static void write_sample(PacsJson *json)
{
    pacs_json_object_begin(json);
    pacs_json_member_string(json, "a", "x");
    pacs_json_key(json, "b");
    pacs_json_array_begin(json);
    pacs_json_i64(json, -1);
    pacs_json_object_begin(json);
    pacs_json_object_end(json);
    pacs_json_array_begin(json);
    pacs_json_array_end(json);
    pacs_json_array_end(json);
    pacs_json_member_bool(json, "c", true);
    pacs_json_object_end(json);
}

static void commas_stand_between_members_and_items(void **state)
{
    (void)state;
    Writing w;
    begin(&w, false);
    write_sample(&w.json);
    assert_written(&w, "{\"a\":\"x\",\"b\":[-1,{},[]],\"c\":true}");
}

static void the_indented_layout_is_that_of_orthanc(void **state)
{
    (void)state;
    Writing w;
    begin(&w, true);
    write_sample(&w.json);
    assert_written(
        &w, "{\n   \"a\" : \"x\",\n   \"b\" : [\n      -1,\n      {},\n      []\n   ],\n   \"c\" : true\n}");
}

static void every_kind_of_member_is_written(void **state)
{
    (void)state;
    Writing w;
    begin(&w, false);
    pacs_json_object_begin(&w.json);
    pacs_json_member_string(&w.json, "s", NULL);
    pacs_json_member_i64(&w.json, "i", INT64_MIN);
    pacs_json_member_u64(&w.json, "u", UINT64_MAX);
    pacs_json_member_bool(&w.json, "b", false);
    pacs_json_member_null(&w.json, "n");
    pacs_json_key(&w.json, "r");
    pacs_json_raw(&w.json, "[1]", 3);
    pacs_json_key(&w.json, "t");
    pacs_json_string_n(&w.json, "abc", 2);
    pacs_json_object_end(&w.json);
    assert_written(&w,
                   "{\"s\":null,\"i\":-9223372036854775808,\"u\":18446744073709551615,\"b\":false,\"n\":null,"
                   "\"r\":[1],\"t\":\"ab\"}");
}

static void a_value_alone_is_a_document(void **state)
{
    (void)state;
    Writing w;
    begin(&w, true);
    pacs_json_bool(&w.json, false);
    assert_written(&w, "false");
}

static void nesting_may_be_as_deep_as_64_sequences(void **state)
{
    (void)state;
    Writing w;
    begin(&w, false);
    for (int i = 0; i < PACS_JSON_DEPTH_MAX - 1; i++)
        pacs_json_array_begin(&w.json);
    for (int i = 0; i < PACS_JSON_DEPTH_MAX - 1; i++)
        pacs_json_array_end(&w.json);
    assert_int_equal(w.out.size, 2 * (PACS_JSON_DEPTH_MAX - 1));
    assert_memory_equal(w.out.bytes + PACS_JSON_DEPTH_MAX - 3, "[[]]", 4);
    pacs_buffer_clear(&w.out);
}

static void assert_escaped(const char *text, size_t size, const char *expected)
{
    Writing w;
    begin(&w, false);
    pacs_json_escape(&w.out, text, size);
    assert_written(&w, expected);
}

static void what_would_end_a_string_is_escaped(void **state)
{
    (void)state;
    assert_escaped("a\"b\\c/", 6, "a\\\"b\\\\c/");
    assert_escaped("\b\f\n\r\t", 5, "\\b\\f\\n\\r\\t");
    assert_escaped("a\0b", 3, "a\\u0000b");
    assert_escaped("\x1F\x7F", 2, "\\u001f\\u007f");
}

static void what_steers_terminals_or_starts_lines_is_escaped(void **state)
{
    (void)state;
    assert_escaped("\xC2\x9B", 2, "\\u009b");
    assert_escaped("\xE2\x80\xA8\xE2\x80\xA9", 6, "\\u2028\\u2029");
}

static void utf8_passes_and_other_bytes_are_replaced(void **state)
{
    (void)state;
    assert_escaped("\xC3\xA9\xF0\x9F\x98\x80", 6, "\xC3\xA9\xF0\x9F\x98\x80");
    assert_escaped("a\xFF\xC3", 3, "a\xEF\xBF\xBD\xEF\xBF\xBD");
}

static void a_key_is_escaped_like_a_text(void **state)
{
    (void)state;
    Writing w;
    begin(&w, false);
    pacs_json_object_begin(&w.json);
    pacs_json_member_null(&w.json, "a\"b");
    pacs_json_object_end(&w.json);
    assert_written(&w, "{\"a\\\"b\":null}");
}

static void assert_double(double value, const char *expected)
{
    Writing w;
    begin(&w, false);
    pacs_json_double(&w.json, value);
    assert_written(&w, expected);
}

static void doubles_are_as_short_as_they_can_be(void **state)
{
    (void)state;
    assert_double(0.1, "0.1");
    assert_double(1, "1");
    assert_double(-2.5, "-2.5");
    assert_double(1e21, "1e+21");
    assert_double(0.1 + 0.2, "0.30000000000000004");
    assert_double(100000, "100000");
}

static void doubles_read_back_the_same(void **state)
{
    (void)state;
    static const double values[] = {DBL_MAX, DBL_MIN, DBL_EPSILON, 1.0 / 3, 5e-324, 123456789.123456789,
                                    -0.0};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        Writing w;
        begin(&w, false);
        pacs_json_double(&w.json, values[i]);
        assert_true(strtod(pacs_buffer_text(&w.out), NULL) == values[i]);
        pacs_buffer_clear(&w.out);
    }
}

static void what_json_cannot_say_is_null(void **state)
{
    (void)state;
    assert_double(NAN, "null");
    assert_double(INFINITY, "null");
}

static void a_parser_reads_what_was_written(void **state)
{
    (void)state;
    Writing w;
    begin(&w, true);
    pacs_json_object_begin(&w.json);
    pacs_json_member_string(&w.json, "k", "\x01\"\\ \xE4\xB8\xAD \xE2\x80\xA8");
    pacs_json_object_end(&w.json);
    json_t *document = json_loads(pacs_buffer_text(&w.out), 0, NULL);
    assert_non_null(document);
    assert_string_equal(json_string_value(json_object_get(document, "k")),
                        "\x01\"\\ \xE4\xB8\xAD \xE2\x80\xA8");
    json_decref(document);
    pacs_buffer_clear(&w.out);
}

static void a_full_buffer_is_noticed(void **state)
{
    (void)state;
    PACS_AUTO_BUFFER PacsBuffer out = PACS_BUFFER(5);
    PacsJson json;
    pacs_json_init(&json, &out, false);
    pacs_json_string(&json, "too long");
    assert_int_equal(pacs_buffer_check(&out, NULL), PACS_TOO_LARGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commas_stand_between_members_and_items),
        cmocka_unit_test(the_indented_layout_is_that_of_orthanc),
        cmocka_unit_test(every_kind_of_member_is_written),
        cmocka_unit_test(a_value_alone_is_a_document),
        cmocka_unit_test(nesting_may_be_as_deep_as_64_sequences),
        cmocka_unit_test(what_would_end_a_string_is_escaped),
        cmocka_unit_test(what_steers_terminals_or_starts_lines_is_escaped),
        cmocka_unit_test(utf8_passes_and_other_bytes_are_replaced),
        cmocka_unit_test(a_key_is_escaped_like_a_text),
        cmocka_unit_test(doubles_are_as_short_as_they_can_be),
        cmocka_unit_test(doubles_read_back_the_same),
        cmocka_unit_test(what_json_cannot_say_is_null),
        cmocka_unit_test(a_parser_reads_what_was_written),
        cmocka_unit_test(a_full_buffer_is_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
