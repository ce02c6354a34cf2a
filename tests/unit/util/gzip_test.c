/* Runs of deflate joined to one gzip member, and its text again. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "pacs/util/gzip.h"

#define MAX (4u << 20)

/** What a client makes of a member. */
static PacsStatus gunzip(const PacsBuffer *member, PacsBuffer *text, size_t step)
{
    PacsSource *memory = NULL;
    PACS_AUTO(PacsSource) source = NULL;
    size_t got = 0;

    assert_int_equal(pacs_source_memory(member->bytes, member->size, &memory, NULL), PACS_OK);
    assert_int_equal(pacs_source_gunzip(memory, &source, NULL), PACS_OK);
    for (;;) {
        assert_int_equal(pacs_buffer_reserve(text, step, NULL), PACS_OK);
        PacsStatus status = pacs_source_read(source, text->bytes + text->size, step, &got, NULL);
        if (status != PACS_OK || got == 0)
            return status;
        text->size += got;
    }
}

static void add_run(PacsDeflater *deflater, PacsBuffer *member, PacsGzipSum *sum, const char *dictionary,
                    const char *text)
{
    assert_int_equal(pacs_deflater_begin(deflater, dictionary, strlen(dictionary), NULL), PACS_OK);
    assert_int_equal(pacs_deflater_add(deflater, text, strlen(text), member, NULL), PACS_OK);
    assert_int_equal(pacs_deflater_flush(deflater, member, NULL), PACS_OK);
    *sum = pacs_gzip_sum_join(*sum, pacs_gzip_sum_of(text, strlen(text)));
}

static void expect_text(const PacsBuffer *member, const char *expected)
{
    PACS_AUTO_BUFFER PacsBuffer text = PACS_BUFFER(MAX);

    assert_int_equal(gunzip(member, &text, 7), PACS_OK);
    assert_string_equal(pacs_buffer_text(&text), expected);
}

static void runs_and_texts_join_to_one_member(void **state)
{
    PACS_AUTO(PacsDeflater) deflater = NULL;
    PACS_AUTO_BUFFER PacsBuffer member = PACS_BUFFER(MAX);
    PacsGzipSum sum = {0};

    (void)state;
    assert_int_equal(pacs_deflater_new(6, &deflater, NULL), PACS_OK);
    pacs_gzip_begin(&member);
    pacs_gzip_text(&member, &sum, "[");
    add_run(deflater, &member, &sum, "", "{\"vr\":\"DS\",\"Value\":[1.5]}");
    add_run(deflater, &member, &sum, "{\"vr\":\"DS\",\"Value\":[1.5]}", ",{\"vr\":\"DS\",\"Value\":[2.5]}");
    add_run(deflater, &member, &sum, "", ",{}");
    pacs_gzip_text(&member, &sum, "]");
    pacs_gzip_end(&member, &sum);
    assert_false(member.failed);
    expect_text(&member, "[{\"vr\":\"DS\",\"Value\":[1.5]},{\"vr\":\"DS\",\"Value\":[2.5]},{}]");
}

static void a_member_has_the_announced_size(void **state)
{
    PACS_AUTO_BUFFER PacsBuffer member = PACS_BUFFER(MAX);
    PacsGzipSum sum = {0};

    (void)state;
    pacs_gzip_begin(&member);
    pacs_gzip_text(&member, &sum, "[]");
    pacs_gzip_end(&member, &sum);
    assert_int_equal(member.size, PACS_GZIP_HEADER_SIZE + PACS_GZIP_TEXT_SIZE(2) + PACS_GZIP_END_SIZE);
    expect_text(&member, "[]");
}

static void of_a_long_dictionary_the_end_counts(void **state)
{
    PACS_AUTO(PacsDeflater) deflater = NULL;
    PACS_AUTO_BUFFER PacsBuffer member = PACS_BUFFER(MAX);
    PACS_AUTO_BUFFER PacsBuffer expected = PACS_BUFFER(MAX);
    PacsGzipSum sum = {0};

    (void)state;
    assert_int_equal(pacs_deflater_new(6, &deflater, NULL), PACS_OK);
    pacs_gzip_begin(&member);
    for (unsigned i = 0; i < 20000; i++) /* some 100 kB */
        assert_true(pacs_buffer_add_format(&expected, "%u", i * 7919));
    PACS_AUTO_FREE char *first = strdup(pacs_buffer_text(&expected));
    const char *again = first + strlen(first) - 3000;
    add_run(deflater, &member, &sum, "", first);
    size_t size = member.size;
    add_run(deflater, &member, &sum, first, again);
    assert_true(member.size - size < 100); /* it was found in the dictionary */
    pacs_gzip_end(&member, &sum);
    assert_true(pacs_buffer_add_text(&expected, again));
    expect_text(&member, pacs_buffer_text(&expected));
}

static void what_is_cut_off_or_changed_is_corrupt(void **state)
{
    PACS_AUTO_BUFFER PacsBuffer member = PACS_BUFFER(MAX);
    PACS_AUTO_BUFFER PacsBuffer text = PACS_BUFFER(MAX);
    PacsGzipSum sum = {0};

    (void)state;
    pacs_gzip_begin(&member);
    pacs_gzip_text(&member, &sum, "text");
    pacs_gzip_end(&member, &sum);
    member.bytes[member.size - 8] ^= 1; /* of the sum */
    assert_int_equal(gunzip(&member, &text, 100), PACS_CORRUPT);
    member.bytes[member.size - 8] ^= 1;
    member.size--;
    assert_int_equal(gunzip(&member, &text, 100), PACS_CORRUPT);
    member.bytes[0] = 'x';
    assert_int_equal(gunzip(&member, &text, 100), PACS_CORRUPT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(runs_and_texts_join_to_one_member),
        cmocka_unit_test(a_member_has_the_announced_size),
        cmocka_unit_test(of_a_long_dictionary_the_end_counts),
        cmocka_unit_test(what_is_cut_off_or_changed_is_corrupt),
    };
    return cmocka_run_group_tests_name("gzip", tests, NULL, NULL);
}
