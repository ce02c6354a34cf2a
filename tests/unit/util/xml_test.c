/* Escaping for XML. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "pacs/util/xml.h"

#define REPLACEMENT "\xEF\xBF\xBD"

static void assert_escaped(const char *text, size_t size, const char *expected)
{
    PACS_AUTO_BUFFER PacsBuffer out = PACS_BUFFER(1024);

    assert_true(pacs_xml_escape(&out, text, size));
    assert_string_equal(pacs_buffer_text(&out), expected);
}

static void markup_becomes_entities(void **state)
{
    (void)state;
    const char text[] = "</Value> & \"x\" ]]>";

    assert_escaped(text, strlen(text), "&lt;/Value&gt; &amp; &quot;x&quot; ]]&gt;");
}

static void line_ends_and_tabs_survive_a_parser(void **state)
{
    (void)state;
    assert_escaped("a\r\n\tb", 5, "a&#13;&#10;&#9;b");
}

static void control_characters_are_replaced(void **state)
{
    (void)state;
    assert_escaped("a\0b\x1B"
                   "c",
                   5, "a" REPLACEMENT "b" REPLACEMENT "c");
}

static void what_is_no_utf8_is_replaced_byte_by_byte(void **state)
{
    (void)state;
    assert_escaped("\xC3", 1, REPLACEMENT);
    assert_escaped("a\xED\xA0\x80z", 5, "a" REPLACEMENT REPLACEMENT REPLACEMENT "z"); /* a surrogate */
    assert_escaped("\xEF\xBF\xBE", 3, REPLACEMENT);                                   /* U+FFFE */
}

static void other_characters_stand_for_themselves(void **state)
{
    (void)state;
    const char text[] = "Nguy\xE1\xBB\x85n \xE5\xB1\xB1\xE7\x94\xB0 \xF0\x9F\x98\x80";

    assert_escaped(text, strlen(text), text);
    assert_escaped("", 0, "");
}

static void a_full_buffer_is_told(void **state)
{
    (void)state;
    PACS_AUTO_BUFFER PacsBuffer out = PACS_BUFFER(4);

    assert_false(pacs_xml_escape(&out, "&&", 2));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(markup_becomes_entities),
        cmocka_unit_test(line_ends_and_tabs_survive_a_parser),
        cmocka_unit_test(control_characters_are_replaced),
        cmocka_unit_test(what_is_no_utf8_is_replaced_byte_by_byte),
        cmocka_unit_test(other_characters_stand_for_themselves),
        cmocka_unit_test(a_full_buffer_is_told),
    };
    return cmocka_run_group_tests_name("xml", tests, NULL, NULL);
}
