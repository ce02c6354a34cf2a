#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "pacs/util/json_read.h"

static void assert_token(PacsJsonReader *reader, PacsJsonToken expected, const char *text)
{
    PacsJsonToken token;
    PacsSlice slice;

    assert_int_equal(pacs_json_next(reader, &token, &slice, NULL), PACS_OK);
    assert_int_equal(token, expected);
    assert_true(pacs_slice_equal(slice, text));
}

static PacsJsonReader reader_of(const char *text)
{
    return pacs_json_reader(text, strlen(text));
}

static void numbers_stay_as_they_are_written(void **state)
{
    (void)state;
    PacsJsonReader reader = reader_of("[1.500000,-2e3]");

    assert_token(&reader, PACS_JSON_ARRAY_BEGIN, "");
    assert_token(&reader, PACS_JSON_NUMBER, "1.500000");
    assert_token(&reader, PACS_JSON_NUMBER, "-2e3");
    assert_token(&reader, PACS_JSON_ARRAY_END, "");
    assert_token(&reader, PACS_JSON_END, "");
}

static void a_string_before_a_colon_is_a_key(void **state)
{
    (void)state;
    PacsJsonReader reader = reader_of("{\"a\" : \"b\", \"c\":null}");

    assert_token(&reader, PACS_JSON_OBJECT_BEGIN, "");
    assert_token(&reader, PACS_JSON_KEY, "a");
    assert_token(&reader, PACS_JSON_STRING, "b");
    assert_token(&reader, PACS_JSON_KEY, "c");
    assert_token(&reader, PACS_JSON_NULL, "");
    assert_token(&reader, PACS_JSON_OBJECT_END, "");
}

static void a_value_is_skipped_whole(void **state)
{
    (void)state;
    PacsJsonReader reader = reader_of("[{\"a\":[1,[2,{}]]},true]");

    assert_token(&reader, PACS_JSON_ARRAY_BEGIN, "");
    assert_int_equal(pacs_json_skip(&reader, NULL), PACS_OK);
    assert_token(&reader, PACS_JSON_TRUE, "");
}

static void escapes_become_utf8(void **state)
{
    (void)state;
    PACS_AUTO_BUFFER PacsBuffer out = PACS_BUFFER(100);

    assert_int_equal(pacs_json_unescape(pacs_slice("a\\\\b\\n\\u00e9\\u20AC\\ud83d\\ude00\\\"/"), &out, NULL),
                     PACS_OK);
    assert_string_equal(pacs_buffer_text(&out), "a\\b\n\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\"/");
}

static void cut_off_text_is_corrupt(void **state)
{
    static const char *const texts[] = {"[\"abc", "[\"abc\\", "[tru", "[{\"a\":1", "[?"};

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        PacsJsonReader reader = reader_of(texts[i]);
        assert_int_equal(pacs_json_skip(&reader, NULL), PACS_CORRUPT);
    }
}

static void a_bad_escape_is_corrupt(void **state)
{
    static const char *const texts[] = {"\\u12", "\\x", "\\", "\\u12zz"};

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        PACS_AUTO_BUFFER PacsBuffer out = PACS_BUFFER(100);
        assert_int_equal(pacs_json_unescape(pacs_slice(texts[i]), &out, NULL), PACS_CORRUPT);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_stay_as_they_are_written),
        cmocka_unit_test(a_string_before_a_colon_is_a_key),
        cmocka_unit_test(a_value_is_skipped_whole),
        cmocka_unit_test(escapes_become_utf8),
        cmocka_unit_test(cut_off_text_is_corrupt),
        cmocka_unit_test(a_bad_escape_is_corrupt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
