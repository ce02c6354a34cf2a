#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "pacs/util/blocks.h"

#define MANY 100 /* more than a pool keeps */

static void blocks_are_aligned_and_do_not_overlap(void **state)
{
    (void)state;
    PACS_AUTO(PacsBlocks) blocks = NULL;
    uint8_t *taken[MANY];

    assert_int_equal(pacs_blocks_new(&blocks, NULL), PACS_OK);
    for (unsigned i = 0; i < MANY; i++) {
        taken[i] = pacs_blocks_take(blocks);
        assert_non_null(taken[i]);
        assert_int_equal((uintptr_t)taken[i] % PACS_BLOCK_ALIGN, 0);
        memset(taken[i], (int)i, PACS_BLOCK_BYTES);
    }
    for (unsigned i = 0; i < MANY; i++) {
        assert_int_equal(taken[i][0], i);
        assert_int_equal(taken[i][PACS_BLOCK_BYTES - 1], i);
        pacs_blocks_put(blocks, taken[i]);
    }
}

static void a_block_that_was_put_back_is_taken_again(void **state)
{
    (void)state;
    PACS_AUTO(PacsBlocks) blocks = NULL;

    assert_int_equal(pacs_blocks_new(&blocks, NULL), PACS_OK);
    uint8_t *first = pacs_blocks_take(blocks);
    pacs_blocks_put(blocks, first);
    uint8_t *again = pacs_blocks_take(blocks);
    assert_ptr_equal(first, again);
    pacs_blocks_put(blocks, again);
}

static void without_a_pool_there_are_blocks_all_the_same(void **state)
{
    (void)state;
    uint8_t *block = pacs_blocks_take(NULL);

    assert_non_null(block);
    block[PACS_BLOCK_BYTES - 1] = 1;
    pacs_blocks_put(NULL, block);
    pacs_blocks_put(NULL, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_are_aligned_and_do_not_overlap),
        cmocka_unit_test(a_block_that_was_put_back_is_taken_again),
        cmocka_unit_test(without_a_pool_there_are_blocks_all_the_same),
    };
    return cmocka_run_group_tests_name("blocks", tests, NULL, NULL);
}
