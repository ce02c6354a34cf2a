/* JSON from outside: objects come out whole, and what is no JSON does not come in. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "pacs/util/buffer.h"
#include "pacs/util/json.h"
#include "pacs/util/json_items.h"

static PacsStatus collect(void *context, PacsSlice object, PacsError *err)
{
    (void)err;
    (void)pacs_buffer_add(context, object.text, object.size);
    assert_true(pacs_buffer_add_char(context, ';'));
    return PACS_OK;
}

static PacsStatus feed_piece(PacsJsonItems *items, const char *text, size_t size)
{
    uint8_t *piece = malloc(size ? size : 1); /* exact: reading over its end shows */

    assert_non_null(piece);
    memcpy(piece, text, size);
    PacsStatus status = pacs_json_items_feed(items, piece, size, NULL);
    free(piece);
    return status;
}

static PacsStatus parse(const char *text, size_t size, size_t piece, size_t max, PacsBuffer *out)
{
    PACS_AUTO(PacsJsonItems) items = NULL;
    PacsStatus status = PACS_OK;

    pacs_buffer_reset(out);
    assert_int_equal(pacs_json_items_new(max, collect, out, &items, NULL), PACS_OK);
    for (size_t at = 0; status == PACS_OK && at < size; at += piece)
        status = feed_piece(items, text + at, piece < size - at ? piece : size - at);
    return status == PACS_OK ? pacs_json_items_finish(items, NULL) : status;
}

static void check(const char *text, PacsStatus expected_status, const char *expected)
{
    PACS_AUTO_BUFFER PacsBuffer out = PACS_BUFFER(1 << 20);

    for (size_t piece = 1; piece <= strlen(text) + 1; piece++) {
        assert_int_equal(parse(text, strlen(text), piece, 1 << 20, &out), expected_status);
        if (expected)
            assert_string_equal(pacs_buffer_text(&out), expected);
    }
}

static void objects_of_an_array_come_out_whole(void **state)
{
    (void)state;
    check("[{\"a\":1}, {\"b\":[{}, {\"c\":\"]}\\\"\"}]}\n]", PACS_OK,
          "{\"a\":1};{\"b\":[{}, {\"c\":\"]}\\\"\"}]};");
    check(" [ ] ", PACS_OK, "");
    check("[{}]", PACS_OK, "{};");
}

static void one_object_needs_no_array(void **state)
{
    (void)state;
    check(" {\"a\":{}} ", PACS_OK, "{\"a\":{}};");
}

static void every_kind_of_value_is_taken(void **state)
{
    (void)state;
    check("{\"a\":[true,false,null,0,-0,10,-1.50,1e5,1E+5,0.1e-05,\"\\u00e9\\n\\/\"]}", PACS_OK, NULL);
}

static void what_is_no_json_is_refused(void **state)
{
    static const char *const broken[] = {
        "",
        "[",
        "[{}",
        "{\"a\"",
        "1",
        "\"a\"",
        "true",
        "[1]",
        "[[]]",
        "[null]",
        "[{},]",
        "[{}{}]",
        "[{}]x",
        "{}{}",
        "{a:1}",
        "{\"a\" 1}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{,}",
        "{\"a\":01}",
        "{\"a\":1.}",
        "{\"a\":.5}",
        "{\"a\":+1}",
        "{\"a\":1e}",
        "{\"a\":--1}",
        "{\"a\":-}",
        "{\"a\":tru}",
        "{\"a\":nulll}",
        "{\"a\":\"\\x\"}",
        "{\"a\":\"\\u12g4\"}",
        "{\"a\":\"\n\"}",
        "{\"a\":\"}",
        "{\"a\":[1}",
        "{\"a\":[}]",
        "]",
        "}",
        "[{]}",
        "{\"a\":NaN}",
        "{'a':1}",
        "{\"a\":1//\n}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++)
        check(broken[i], PACS_INVALID, NULL);
}

static void depth_and_size_are_bounded(void **state)
{
    PACS_AUTO_BUFFER PacsBuffer text = PACS_BUFFER(1 << 20);
    PACS_AUTO_BUFFER PacsBuffer out = PACS_BUFFER(1 << 20);

    (void)state;
    (void)pacs_buffer_add_text(&text, "{\"a\":");
    for (int i = 0; i < PACS_JSON_DEPTH_MAX; i++)
        (void)pacs_buffer_add_char(&text, '[');
    assert_int_equal(parse(pacs_buffer_text(&text), text.size, 10, 1 << 20, &out), PACS_TOO_LARGE);
    assert_int_equal(parse("[{\"a\":1},{\"b\":22}]", 18, 5, 7, &out), PACS_TOO_LARGE);
    assert_string_equal(pacs_buffer_text(&out), "{\"a\":1};");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(objects_of_an_array_come_out_whole), cmocka_unit_test(one_object_needs_no_array),
        cmocka_unit_test(every_kind_of_value_is_taken),       cmocka_unit_test(what_is_no_json_is_refused),
        cmocka_unit_test(depth_and_size_are_bounded),
    };
    return cmocka_run_group_tests_name("json items", tests, NULL, NULL);
}
