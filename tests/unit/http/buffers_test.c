#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "pacs/http/buffers.h"
#include "pacs/util/limits.h"

/* Buffers for whole answers: used again, and not more of them than allowed. */

static void a_buffer_has_the_size_asked_for(void **state)
{
    static const size_t sizes[] = {0, 1, 65536, 65537, 524288, PACS_HTTP_READ_WHOLE};
    PACS_AUTO(PacsHttpBuffers) buffers = pacs_http_buffers_new(PACS_MAX_HTTP_HELD_ANSWERS);

    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        uint8_t *bytes = pacs_http_buffers_take(buffers, sizes[i]);
        assert_non_null(bytes);
        memset(bytes, 0xa5, sizes[i]);
        pacs_http_buffer_give_back(bytes);
    }
}

static void the_last_one_given_back_is_taken_first(void **state)
{
    PACS_AUTO(PacsHttpBuffers) buffers = pacs_http_buffers_new(PACS_MAX_HTTP_HELD_ANSWERS);
    uint8_t *first = pacs_http_buffers_take(buffers, 300000);
    uint8_t *second = pacs_http_buffers_take(buffers, 300000);

    (void)state;
    assert_ptr_not_equal(first, second);
    pacs_http_buffer_give_back(second);
    pacs_http_buffer_give_back(first);
    assert_ptr_equal(pacs_http_buffers_take(buffers, 290000), first);
    assert_ptr_equal(pacs_http_buffers_take(buffers, 290000), second);
    pacs_http_buffer_give_back(first);
    pacs_http_buffer_give_back(second);
}

static void more_than_the_maximum_is_not_held(void **state)
{
    PACS_AUTO(PacsHttpBuffers) buffers = pacs_http_buffers_new(2u << 20);
    uint8_t *held[8];
    size_t count = 0;

    (void)state;
    while (count < 8 && (held[count] = pacs_http_buffers_take(buffers, 500000)))
        count++;
    assert_int_equal(count, 2); /* of 768 KiB each */
    pacs_http_buffer_give_back(held[--count]);
    assert_null(pacs_http_buffers_take(buffers, 2u << 20));
    uint8_t *again = pacs_http_buffers_take(buffers, 500000);
    assert_non_null(again);
    pacs_http_buffer_give_back(again);
    pacs_http_buffer_give_back(held[--count]);
}

static void what_is_not_read_whole_gets_no_buffer(void **state)
{
    PACS_AUTO(PacsHttpBuffers) buffers = pacs_http_buffers_new(PACS_MAX_HTTP_HELD_ANSWERS);

    (void)state;
    assert_null(pacs_http_buffers_take(buffers, PACS_HTTP_READ_WHOLE + 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_buffer_has_the_size_asked_for),
        cmocka_unit_test(the_last_one_given_back_is_taken_first),
        cmocka_unit_test(more_than_the_maximum_is_not_held),
        cmocka_unit_test(what_is_not_read_whole_gets_no_buffer),
    };
    return cmocka_run_group_tests_name("http buffers", tests, NULL, NULL);
}
