#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pacs/store/store.h"
#include "tests/contract/store_contract.h"
#include "tests/support/store_failing.h"
#include "tests/support/temporary.h"

typedef struct Stores {
    PacsStore *memory;
    PacsStore *failing; /* in front of memory */
} Stores;

static int setup(void **state)
{
    static Stores stores;
    stores = (Stores){0};
    if (pacs_store_memory_open(UINT64_MAX, &stores.memory, NULL) != PACS_OK)
        return -1;
    stores.failing = store_failing_new(stores.memory);
    *state = &stores;
    return stores.failing ? 0 : -1;
}

static int teardown(void **state)
{
    Stores *stores = *state;
    pacs_store_free(stores->failing);
    pacs_store_free(stores->memory);
    return 0;
}

static PacsStatus pass_by(void *context, const PacsKey *key, uint64_t size_bytes, PacsError *err)
{
    (void)context;
    (void)key;
    (void)size_bytes;
    (void)err;
    return PACS_OK;
}

static void a_failed_create_gives_no_writer(void **state)
{
    Stores *stores = *state;
    PacsStoreWriter *writer = NULL;
    store_failing_arm(stores->failing, STORE_FAILING_CREATE, 1, PACS_NO_SPACE);
    assert_int_equal(pacs_store_create(stores->failing, 0, &writer, NULL), PACS_NO_SPACE);
    assert_null(writer);
}

static void after_a_failed_write_nothing_is_committed(void **state)
{
    Stores *stores = *state;
    PACS_AUTO(PacsStoreWriter) writer = NULL;
    PacsError err = {0};
    store_failing_arm(stores->failing, STORE_FAILING_WRITE, 2, PACS_UNAVAILABLE);
    assert_int_equal(pacs_store_create(stores->failing, 0, &writer, NULL), PACS_OK);
    assert_int_equal(pacs_store_write(writer, "a", 1, NULL), PACS_OK);
    assert_int_equal(pacs_store_write(writer, "b", 1, NULL), PACS_UNAVAILABLE);
    assert_int_equal(pacs_store_write(writer, "c", 1, NULL), PACS_UNAVAILABLE);
    assert_int_equal(pacs_store_commit(writer, &err), PACS_UNAVAILABLE);
    assert_string_equal(err.text, "failing as the test asked");
    assert_int_equal(store_failing_calls(stores->failing, STORE_FAILING_WRITE), 2);
    assert_int_equal(store_failing_calls(stores->failing, STORE_FAILING_COMMIT), 0);
}

static void a_failed_commit_is_not_tried_again(void **state)
{
    Stores *stores = *state;
    PacsStoreWriter *writer = NULL;
    store_failing_arm(stores->failing, STORE_FAILING_COMMIT, 1, PACS_UNAVAILABLE);
    assert_int_equal(pacs_store_create(stores->failing, 0, &writer, NULL), PACS_OK);
    assert_int_equal(pacs_store_commit(writer, NULL), PACS_UNAVAILABLE);
    assert_int_equal(pacs_store_commit(writer, NULL), PACS_UNAVAILABLE);
    assert_int_equal(store_failing_calls(stores->failing, STORE_FAILING_COMMIT), 1);
    pacs_store_writer_free(writer);
    assert_int_equal(store_contract_count(stores->memory), 0);
}

static void a_check_passes_on_what_failed(void **state)
{
    static const StoreFailingSlot slots[] = {STORE_FAILING_CREATE, STORE_FAILING_WRITE, STORE_FAILING_COMMIT,
                                             STORE_FAILING_REMOVE};
    Stores *stores = *state;
    for (size_t i = 0; i < sizeof slots / sizeof slots[0]; i++) {
        store_failing_arm(stores->failing, slots[i], 1, PACS_NO_SPACE);
        assert_int_equal(pacs_store_check(stores->failing, NULL), PACS_NO_SPACE);
        assert_int_equal(pacs_store_check(stores->failing, NULL), PACS_OK);
    }
}

static void every_call_can_be_made_to_fail(void **state)
{
    Stores *stores = *state;
    PacsKey key = store_contract_put(stores->failing, 10, 1, 10);
    PacsSource *source = NULL;
    uint64_t size;
    int fd;
    for (int slot = 0; slot < STORE_FAILING_SLOT_COUNT; slot++)
        store_failing_arm(stores->failing, (StoreFailingSlot)slot, 0, PACS_UNAVAILABLE);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pacs_store_open(stores->failing, &key, 0, 1, &source, NULL), PACS_UNAVAILABLE);
        assert_int_equal(pacs_store_open_fd(stores->failing, &key, &fd, NULL), PACS_UNAVAILABLE);
        assert_int_equal(pacs_store_size(stores->failing, &key, &size, NULL), PACS_UNAVAILABLE);
        assert_int_equal(pacs_store_remove(stores->failing, &key, NULL), PACS_UNAVAILABLE);
        assert_int_equal(pacs_store_list(stores->failing, NULL, pass_by, NULL, NULL), PACS_UNAVAILABLE);
    }
    for (int slot = 0; slot < STORE_FAILING_SLOT_COUNT; slot++)
        store_failing_arm(stores->failing, (StoreFailingSlot)slot, 0, PACS_OK);
    store_contract_expect(stores->failing, &key, 10, 1);
}

static uint64_t count_of(PacsMetrics *metrics, PacsMetricKind kind, const char *name, const char *labels,
                         const char *first)
{
    return pacs_metric_value(
        pacs_metric(pacs_metrics_family(metrics, kind, name, "", labels), first, "fs", NULL));
}

static void calls_and_bytes_are_counted(void **state)
{
    (void)state;
    PACS_AUTO(PacsMetrics) metrics = pacs_metrics_new();
    char *root = temporary_folder_new();
    assert_non_null(metrics);
    assert_non_null(root);
    const PacsStoreFsOptions options = {.root = root};
    PACS_AUTO(PacsStore) store = NULL;
    assert_int_equal(pacs_store_fs_open(&options, metrics, &store, NULL), PACS_OK);

    PacsKey key = store_contract_put(store, 1000, 1, 300);
    (void)store_contract_put(store, 500, 1, 300);
    store_contract_expect(store, &key, 1000, 1);
    assert_int_equal(pacs_store_remove(store, &key, NULL), PACS_OK);

    static const char seconds[] = "imaging_storage_ops_seconds", bytes[] = "imaging_storage_bytes_total";
    assert_int_equal(count_of(metrics, PACS_HISTOGRAM, seconds, "op,backend", "put"), 2);
    assert_int_equal(count_of(metrics, PACS_HISTOGRAM, seconds, "op,backend", "open"), 1);
    assert_int_equal(count_of(metrics, PACS_HISTOGRAM, seconds, "op,backend", "remove"), 1);
    assert_int_equal(count_of(metrics, PACS_COUNTER, bytes, "direction,backend", "written"), 1500);
    assert_int_equal(count_of(metrics, PACS_COUNTER, bytes, "direction,backend", "read"), 1000);
    temporary_folder_free(root);
}

#define FRONT_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FRONT_TEST(a_failed_create_gives_no_writer),    FRONT_TEST(after_a_failed_write_nothing_is_committed),
        FRONT_TEST(a_failed_commit_is_not_tried_again), FRONT_TEST(a_check_passes_on_what_failed),
        FRONT_TEST(every_call_can_be_made_to_fail),     cmocka_unit_test(calls_and_bytes_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
