#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "pacs/store/store.h"
#include "tests/contract/store_contract.h"
#include "tests/support/temporary.h"

/* What is synced when, and what a disk that fails to sync does. The linker puts these in front of the C
 * library
 * (-Wl,--wrap). */

int __real_fsync(int fd);
int __wrap_fsync(int fd);
int __wrap_sync_file_range(int fd, off_t offset, off_t size, unsigned flags);

typedef struct Disk {
    unsigned file_syncs, folder_syncs, early_writes;
    unsigned fail_file_sync, fail_folder_sync; /* the n-th from now, 0: none */
    int early_write_error;
} Disk;

static Disk disk;

static bool comes_due(unsigned *countdown)
{
    return *countdown > 0 && --*countdown == 0;
}

int __wrap_fsync(int fd)
{
    struct stat file;
    bool folder = fstat(fd, &file) == 0 && S_ISDIR(file.st_mode);
    ++*(folder ? &disk.folder_syncs : &disk.file_syncs);
    if (comes_due(folder ? &disk.fail_folder_sync : &disk.fail_file_sync)) {
        errno = EIO;
        return -1;
    }
    return __real_fsync(fd);
}

int __wrap_sync_file_range(int fd, off_t offset, off_t size, unsigned flags)
{
    (void)fd;
    (void)offset;
    (void)size;
    (void)flags;
    disk.early_writes++;
    errno = disk.early_write_error;
    return disk.early_write_error == 0 ? 0 : -1;
}

static char *root;

static int setup_with(bool write_cached, void **state)
{
    PacsStoreFsOptions options = {.write_cached = write_cached};
    PacsStore *store = NULL;
    options.root = root = temporary_folder_new();
    if (!root || pacs_store_fs_open(&options, NULL, &store, NULL) != PACS_OK)
        return -1;
    *state = store;
    (void)store_contract_put(store, 10, 1, 10); /* the folder is made: its own syncs are done */
    disk = (Disk){0};
    return 0;
}

static int setup(void **state)
{
    return setup_with(false, state);
}

static int setup_cached(void **state)
{
    return setup_with(true, state);
}

static int teardown(void **state)
{
    pacs_store_free(*state);
    temporary_folder_free(root);
    return 0;
}

static PacsStoreWriter *begin(PacsStore *store)
{
    PacsStoreWriter *writer = NULL;
    assert_int_equal(pacs_store_create(store, 0, &writer, NULL), PACS_OK);
    assert_int_equal(pacs_store_write(writer, "bytes", 5, NULL), PACS_OK);
    return writer;
}

static bool same_folder(const PacsStoreWriter *a, const PacsStoreWriter *b)
{
    for (size_t i = 0; i < PACS_KEY_BYTES / 2; i++)
        if (pacs_store_writer_key(a)->bytes[i] != pacs_store_writer_key(b)->bytes[i])
            return false;
    return true;
}

static void a_commit_syncs_the_file_and_the_folder(void **state)
{
    PACS_AUTO(PacsStoreWriter) writer = begin(*state);
    assert_int_equal(disk.file_syncs + disk.folder_syncs, 0);
    assert_int_equal(pacs_store_commit(writer, NULL), PACS_OK);
    assert_int_equal(disk.file_syncs, 1);
    assert_int_equal(disk.folder_syncs, 1);
}

static void a_folder_sync_serves_every_name_that_was_there_when_it_started(void **state)
{
    PACS_AUTO(PacsStoreWriter) first = begin(*state);
    PACS_AUTO(PacsStoreWriter) second = begin(*state);
    assert_int_equal(pacs_store_commit(second, NULL), PACS_OK);
    PACS_AUTO(PacsStoreWriter) late = begin(*state);
    assert_int_equal(pacs_store_commit(first, NULL), PACS_OK);
    assert_int_equal(disk.file_syncs, 2);
    assert_int_equal(disk.folder_syncs, 1);

    assert_int_equal(pacs_store_commit(late, NULL), PACS_OK); /* its name came after */
    assert_int_equal(disk.folder_syncs, 2);
}

static void a_new_folders_own_name_is_synced_before_anything_in_it_is_promised(void **state)
{
    PacsStore *store = *state;
    pacs_store_free(store);
    *state = NULL;
    assert_int_equal(pacs_store_fs_open(&(PacsStoreFsOptions){.root = root}, NULL, &store, NULL), PACS_OK);
    *state = store;
    disk.folder_syncs = 0;
    (void)store_contract_put(store, 10, 1, 10);
    assert_int_equal(disk.folder_syncs, 2);
}

static void an_object_that_failed_to_sync_is_not_synced_again(void **state)
{
    PacsStoreWriter *writer = begin(*state);
    disk.fail_file_sync = 1;
    assert_int_equal(pacs_store_commit(writer, NULL), PACS_UNAVAILABLE);
    assert_int_equal(pacs_store_commit(writer, NULL), PACS_UNAVAILABLE);
    assert_int_equal(disk.file_syncs, 1);
    pacs_store_writer_free(writer);
    assert_int_equal(store_contract_count(*state), 1);
}

static void a_folder_that_failed_to_sync_promises_nothing_more(void **state)
{
    PACS_AUTO(PacsStoreWriter) first = begin(*state);
    PACS_AUTO(PacsStoreWriter) second = begin(*state);
    disk.fail_folder_sync = 1;
    assert_int_equal(pacs_store_commit(first, NULL), PACS_UNAVAILABLE);
    assert_int_equal(pacs_store_commit(second, NULL), PACS_UNAVAILABLE);
    assert_int_equal(disk.folder_syncs, 1);

    PACS_AUTO(PacsStoreWriter) third = begin(*state);
    assert_false(same_folder(first, third));
    assert_int_equal(pacs_store_commit(third, NULL), PACS_OK);
}

static void the_disk_begins_before_the_object_is_complete(void **state)
{
    (void)store_contract_put(*state, 1u << 20, 1, 16384);
    assert_true(disk.early_writes >= 3);
}

static void a_failed_early_write_fails_the_object(void **state)
{
    static const uint8_t bytes[600000];
    PACS_AUTO(PacsStoreWriter) writer = begin(*state);
    disk.early_write_error = EIO;
    assert_int_equal(pacs_store_write(writer, bytes, sizeof bytes, NULL), PACS_UNAVAILABLE);
    assert_int_equal(pacs_store_commit(writer, NULL), PACS_UNAVAILABLE);
    assert_int_equal(disk.file_syncs, 0);
}

static void a_kernel_without_early_writes_does_without(void **state)
{
    disk.early_write_error = ENOSYS;
    PacsKey key = store_contract_put(*state, 1u << 20, 1, 100000);
    store_contract_expect(*state, &key, 1u << 20, 1);
}

static void an_object_around_the_cache_leaves_no_pages_in_it(void **state)
{
    PacsStore *store = *state;
    PacsKey key = store_contract_put(store, 1u << 20, 1, 16384);
    PACS_AUTO_CLOSE int fd = -1;
    unsigned char resident[(1u << 20) / 4096];
    unsigned count = 0;

    assert_int_equal(pacs_store_open_fd(store, &key, &fd, NULL), PACS_OK);
    void *bytes = mmap(NULL, 1u << 20, PROT_READ, MAP_SHARED, fd, 0);
    assert_ptr_not_equal(bytes, MAP_FAILED);
    assert_int_equal(mincore(bytes, 1u << 20, resident), 0);
    for (size_t i = 0; i < sizeof resident; i++)
        count += resident[i] & 1;
    (void)munmap(bytes, 1u << 20);
    /* A file system without direct writes (an old tmpfs) keeps all of it, and that is as it should be. */
    assert_true(count == 0 || count == sizeof resident);
    store_contract_expect(store, &key, 1u << 20, 1);
}

#define CACHED_TEST(test) cmocka_unit_test_setup_teardown(test, setup_cached, teardown)
#define SYNC_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

static void removed_together_objects_are_gone_from_the_disk_too(void **state)
{
    PacsStore *store = *state;
    PacsKey keys[3];
    for (unsigned i = 0; i < 3; i++)
        keys[i] = store_contract_put(store, 10, i, 10);
    disk = (Disk){0};
    assert_int_equal(pacs_store_remove(store, &keys[0], NULL), PACS_OK);
    assert_int_equal(disk.folder_syncs, 0);
    assert_int_equal(pacs_store_remove_all(store, keys, 3, NULL), PACS_OK);
    assert_int_equal(disk.folder_syncs, 1); /* they stood in one folder */
}

static void a_removal_that_did_not_reach_the_disk_is_said(void **state)
{
    PacsKey key = store_contract_put(*state, 10, 1, 10);
    disk = (Disk){.fail_folder_sync = 1};
    assert_int_equal(pacs_store_remove_all(*state, &key, 1, NULL), PACS_UNAVAILABLE);
    assert_int_equal(pacs_store_remove_all(*state, &key, 1, NULL), PACS_OK);
}

static void with_its_last_object_a_folder_goes_for_good(void **state)
{
    PacsStore *store = *state;
    pacs_store_free(store); /* the folder is no longer the current one */
    *state = NULL;
    assert_int_equal(
        pacs_store_fs_open(&(PacsStoreFsOptions){.root = root, .objects_per_folder = 1}, NULL, &store, NULL),
        PACS_OK);
    *state = store;
    PacsKey keys[2] = {store_contract_put(store, 10, 1, 10), store_contract_put(store, 10, 2, 10)};
    disk = (Disk){0};
    assert_int_equal(pacs_store_remove_all(store, keys, 1, NULL), PACS_OK);
    assert_int_equal(disk.folder_syncs, 1); /* of the folder of folders */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SYNC_TEST(a_commit_syncs_the_file_and_the_folder),
        SYNC_TEST(removed_together_objects_are_gone_from_the_disk_too),
        SYNC_TEST(a_removal_that_did_not_reach_the_disk_is_said),
        SYNC_TEST(with_its_last_object_a_folder_goes_for_good),
        SYNC_TEST(an_object_around_the_cache_leaves_no_pages_in_it),
        SYNC_TEST(a_folder_sync_serves_every_name_that_was_there_when_it_started),
        SYNC_TEST(a_new_folders_own_name_is_synced_before_anything_in_it_is_promised),
        SYNC_TEST(an_object_that_failed_to_sync_is_not_synced_again),
        SYNC_TEST(a_folder_that_failed_to_sync_promises_nothing_more),
        CACHED_TEST(the_disk_begins_before_the_object_is_complete),
        CACHED_TEST(a_failed_early_write_fails_the_object),
        CACHED_TEST(a_kernel_without_early_writes_does_without),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
