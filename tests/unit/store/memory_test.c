#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pacs/store/store.h"
#include "tests/contract/store_contract.h"

static int setup(void **state)
{
    PacsStore *store = NULL;
    PacsStatus status = pacs_store_memory_open(1000, &store, NULL);
    *state = store;
    return status == PACS_OK ? 0 : -1;
}

static int teardown(void **state)
{
    pacs_store_free(*state);
    return 0;
}

static void a_full_store_refuses_and_keeps_what_it_has(void **state)
{
    static const uint8_t bytes[600];
    PacsKey key = store_contract_put(*state, 600, 1, 600);
    PACS_AUTO(PacsStoreWriter) writer = NULL;
    assert_int_equal(pacs_store_create(*state, 0, &writer, NULL), PACS_OK);
    assert_int_equal(pacs_store_write(writer, bytes, 600, NULL), PACS_NO_SPACE);
    assert_int_equal(pacs_store_commit(writer, NULL), PACS_NO_SPACE);
    store_contract_expect(*state, &key, 600, 1);
}

static void removing_and_giving_up_make_room_again(void **state)
{
    for (int i = 0; i < 3; i++) {
        PacsKey key = store_contract_put(*state, 1000, 1, 100);
        assert_int_equal(pacs_store_remove(*state, &key, NULL), PACS_OK);
        PACS_AUTO(PacsStoreWriter) writer = NULL;
        assert_int_equal(pacs_store_create(*state, 0, &writer, NULL), PACS_OK);
        assert_int_equal(pacs_store_write(writer, &key, sizeof key, NULL), PACS_OK);
    }
}

static void an_object_is_not_readable_before_it_is_committed(void **state)
{
    PACS_AUTO(PacsStoreWriter) writer = NULL;
    PacsSource *source = NULL;
    assert_int_equal(pacs_store_create(*state, 0, &writer, NULL), PACS_OK);
    assert_int_equal(pacs_store_open(*state, pacs_store_writer_key(writer), 0, 0, &source, NULL),
                     PACS_NOT_FOUND);
}

static void a_reader_keeps_what_is_removed_meanwhile(void **state)
{
    uint8_t expected[100], bytes[100];
    PacsKey key = store_contract_put(*state, 100, 6, 100);
    store_contract_fill(expected, sizeof expected, 6);
    PACS_AUTO(PacsSource) source = NULL;
    assert_int_equal(pacs_store_open(*state, &key, 0, 100, &source, NULL), PACS_OK);
    assert_int_equal(pacs_store_remove(*state, &key, NULL), PACS_OK);
    assert_int_equal(pacs_source_read_all(source, bytes, 100, NULL), PACS_OK);
    assert_memory_equal(bytes, expected, 100);
}

static void an_object_removed_while_it_is_written_is_not_promised(void **state)
{
    PACS_AUTO(PacsStoreWriter) writer = NULL;
    assert_int_equal(pacs_store_create(*state, 0, &writer, NULL), PACS_OK);
    assert_int_equal(pacs_store_remove(*state, pacs_store_writer_key(writer), NULL), PACS_OK);
    assert_int_equal(pacs_store_commit(writer, NULL), PACS_UNAVAILABLE);
}

static void objects_have_no_descriptor(void **state)
{
    PacsKey key = store_contract_put(*state, 10, 1, 10);
    int fd = -1;
    assert_int_equal(pacs_store_open_fd(*state, &key, &fd, NULL), PACS_UNSUPPORTED);
}

#define MEMORY_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        MEMORY_TEST(a_full_store_refuses_and_keeps_what_it_has),
        MEMORY_TEST(removing_and_giving_up_make_room_again),
        MEMORY_TEST(an_object_is_not_readable_before_it_is_committed),
        MEMORY_TEST(a_reader_keeps_what_is_removed_meanwhile),
        MEMORY_TEST(an_object_removed_while_it_is_written_is_not_promised),
        MEMORY_TEST(objects_have_no_descriptor),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
