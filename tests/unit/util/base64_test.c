#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "pacs/util/text.h"

static void assert_pair(const char *bytes, const char *text)
{
    PACS_AUTO_BUFFER PacsBuffer out = PACS_BUFFER(100);
    assert_true(pacs_base64_format(&out, bytes, strlen(bytes)));
    assert_string_equal(pacs_buffer_text(&out), text);
    pacs_buffer_reset(&out);
    assert_int_equal(pacs_base64_parse(pacs_slice(text), &out, NULL), PACS_OK);
    assert_string_equal(pacs_buffer_text(&out), bytes);
}

static void the_examples_of_rfc_4648_hold(void **state)
{
    (void)state;
    assert_pair("", "");
    assert_pair("f", "Zg==");
    assert_pair("fo", "Zm8=");
    assert_pair("foo", "Zm9v");
    assert_pair("foob", "Zm9vYg==");
    assert_pair("fooba", "Zm9vYmE=");
    assert_pair("foobar", "Zm9vYmFy");
    assert_pair("\xFB\xEF\xFF", "++//");
}

static void many_bytes_go_both_ways(void **state)
{
    (void)state;
    uint8_t bytes[5000];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 7 + i / 256);
    PACS_AUTO_BUFFER PacsBuffer text = PACS_BUFFER(10000);
    PACS_AUTO_BUFFER PacsBuffer back = PACS_BUFFER(10000);
    assert_true(pacs_base64_format(&text, bytes, sizeof bytes));
    assert_int_equal(text.size, (sizeof bytes + 2) / 3 * 4);
    assert_int_equal(pacs_base64_parse((PacsSlice){pacs_buffer_text(&text), text.size}, &back, NULL),
                     PACS_OK);
    assert_int_equal(back.size, sizeof bytes);
    assert_memory_equal(back.bytes, bytes, sizeof bytes);
}

static void padding_may_be_missing(void **state)
{
    (void)state;
    PACS_AUTO_BUFFER PacsBuffer out = PACS_BUFFER(100);
    assert_int_equal(pacs_base64_parse(PACS_SLICE("Zg"), &out, NULL), PACS_OK);
    assert_int_equal(pacs_base64_parse(PACS_SLICE("Zm8"), &out, NULL), PACS_OK);
    assert_string_equal(pacs_buffer_text(&out), "ffo");
}

static void other_bytes_are_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "Zm9v\n", "Zm9v Zm9v", "Zm-_", "Z", "Zg=", "Zg===", "=", "====", "Z===", "Zg==Zg==", "Zm9vZ"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        PACS_AUTO_BUFFER PacsBuffer out = PACS_BUFFER(100);
        assert_true(pacs_buffer_add_text(&out, "kept"));
        assert_int_equal(pacs_base64_parse(pacs_slice(wrong[i]), &out, NULL), PACS_INVALID);
        assert_string_equal(pacs_buffer_text(&out), "kept");
    }
}

static void more_than_the_buffer_takes_is_refused(void **state)
{
    (void)state;
    PACS_AUTO_BUFFER PacsBuffer out = PACS_BUFFER(4);
    assert_int_equal(pacs_base64_parse(PACS_SLICE("Zm9vYmFy"), &out, NULL), PACS_TOO_LARGE);
    assert_false(pacs_base64_format(&out, "foob", 4));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_examples_of_rfc_4648_hold),
        cmocka_unit_test(many_bytes_go_both_ways),
        cmocka_unit_test(padding_may_be_missing),
        cmocka_unit_test(other_bytes_are_refused),
        cmocka_unit_test(more_than_the_buffer_takes_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
