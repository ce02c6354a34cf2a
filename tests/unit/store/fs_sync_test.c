#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

/* Of folders only what this thread syncs is counted: names are made by a helper too, at a time of its own. */
typedef struct Disk {
    unsigned file_syncs, folder_syncs, early_writes;
    unsigned fail_file_sync, fail_folder_sync; /* the n-th from now, 0: none */
    int early_write_error;
} Disk;

static Disk disk;
static atomic_bool is_dead;           /* no folder can be synced, */
static atomic_bool fails_folder_sync; /* or not the next one, by whatever thread */
static pthread_t test_thread;

/* ---- which names a power loss would leave ---- */

#define FOLDERS 64

static pthread_mutex_t durable_lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
    ino_t folder;
    unsigned long long object; /* the last whose name was there when a sync began that has ended well */
} durable[FOLDERS];
static unsigned all_folder_syncs;

static unsigned long long last_name(int folder_fd)
{
    unsigned long long last = 0;
    DIR *folder = fdopendir(openat(folder_fd, ".", O_RDONLY | O_DIRECTORY));
    for (const struct dirent *entry; folder && (entry = readdir(folder));) {
        const unsigned long long number = strtoull(entry->d_name, NULL, 16);
        last = number > last ? number : last;
    }
    if (folder)
        (void)closedir(folder);
    return last;
}

static void note_durable(ino_t folder, unsigned long long object)
{
    size_t i = 0;
    (void)pthread_mutex_lock(&durable_lock);
    while (i + 1 < FOLDERS && durable[i].folder && durable[i].folder != folder)
        i++;
    durable[i].folder = folder;
    durable[i].object = object > durable[i].object ? object : durable[i].object;
    all_folder_syncs++;
    (void)pthread_mutex_unlock(&durable_lock);
}

static bool comes_due(unsigned *countdown)
{
    return *countdown > 0 && --*countdown == 0;
}

int __wrap_fsync(int fd)
{
    struct stat file;
    bool folder = fstat(fd, &file) == 0 && S_ISDIR(file.st_mode);
    const bool is_ours = pthread_equal(pthread_self(), test_thread);
    if (!folder || is_ours)
        ++*(folder ? &disk.folder_syncs : &disk.file_syncs);
    if ((!folder && comes_due(&disk.fail_file_sync)) ||
        (folder && is_ours && comes_due(&disk.fail_folder_sync)) ||
        (folder && (is_dead || atomic_exchange(&fails_folder_sync, false)))) {
        errno = EIO;
        return -1;
    }
    const unsigned long long last = folder ? last_name(fd) : 0;
    const int result = __real_fsync(fd);
    if (folder && result == 0)
        note_durable(file.st_ino, last);
    return result;
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

/** Would the name still be there if the power went now? */
static bool has_durable_name(const PacsStoreWriter *writer)
{
    char hex[PACS_KEY_HEX + 1];
    char path[4096];
    struct stat folder;
    bool found = false;
    pacs_key_format(pacs_store_writer_key(writer), hex);
    (void)snprintf(path, sizeof path, "%s/objects/%.16s", root, hex);
    assert_int_equal(stat(path, &folder), 0);
    (void)pthread_mutex_lock(&durable_lock);
    for (size_t i = 0; i < FOLDERS; i++)
        found |= durable[i].folder == folder.st_ino && durable[i].object >= strtoull(hex + 16, NULL, 16);
    (void)pthread_mutex_unlock(&durable_lock);
    return found;
}

/** Files that stand in the folder of an object. */
static size_t files_beside(const PacsKey *key)
{
    char hex[PACS_KEY_HEX + 1];
    char path[4096];
    size_t count = 0;
    pacs_key_format(key, hex);
    (void)snprintf(path, sizeof path, "%s/objects/%.16s", root, hex);
    DIR *folder = opendir(path);
    assert_non_null(folder);
    for (const struct dirent *entry; (entry = readdir(folder));)
        count += entry->d_name[0] != '.' ? 1 : 0;
    (void)closedir(folder);
    return count;
}

static void a_commit_syncs_the_file(void **state)
{
    PACS_AUTO(PacsStoreWriter) writer = begin(*state);
    assert_int_equal(disk.file_syncs, 0);
    assert_int_equal(pacs_store_commit(writer, NULL), PACS_OK);
    assert_int_equal(disk.file_syncs, 1);
}

static void an_objects_name_is_on_the_disk_before_its_first_byte(void **state)
{
    for (int i = 0; i < 200; i++) {
        PACS_AUTO(PacsStoreWriter) writer = begin(*state);
        assert_true(has_durable_name(writer));
        assert_int_equal(pacs_store_commit(writer, NULL), PACS_OK);
    }
}

static void names_share_a_sync(void **state)
{
    all_folder_syncs = 0;
    for (unsigned i = 0; i < 300; i++)
        (void)store_contract_put(*state, 10, i, 10);
    (void)pthread_mutex_lock(&durable_lock);
    assert_true(all_folder_syncs < 30);
    (void)pthread_mutex_unlock(&durable_lock);
}

static void names_that_nobody_used_are_no_objects_and_go_with_the_store(void **state)
{
    PacsKey key;
    for (unsigned i = 0; i < 9; i++)
        key = store_contract_put(*state, 10, i, 10);
    assert_true(files_beside(&key) >= 10);
    assert_int_equal(store_contract_count(*state), 10); /* and the one of the setup */
    pacs_store_free(*state);
    *state = NULL;
    assert_int_equal(files_beside(&key), 10);
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
    assert_int_equal(disk.folder_syncs, 2); /* the folder of folders, and the first object's name */
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

static void a_folder_that_failed_to_sync_gives_way_to_another(void **state)
{
    PacsStoreWriter *writers[200] = {begin(*state)};
    size_t count = 1;
    fails_folder_sync = true;
    do {
        assert_true(count < sizeof writers / sizeof writers[0]);
        writers[count] = begin(*state);
        assert_true(has_durable_name(writers[count]));
    } while (same_folder(writers[0], writers[count++]));
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(pacs_store_commit(writers[i], NULL),
                         PACS_OK); /* what was promised before the failure holds */
        pacs_store_writer_free(writers[i]);
    }
    assert_int_equal(store_contract_count(*state), count + 1);
}

static void without_a_folder_that_can_be_synced_objects_are_refused(void **state)
{
    PacsStoreWriter *writer = NULL;
    PacsStatus status = PACS_OK;
    is_dead = true;
    for (unsigned i = 0; status == PACS_OK && i < 200; i++) {
        status = pacs_store_create(*state, 0, &writer, NULL);
        if (status == PACS_OK)
            pacs_store_writer_free(writer); /* one of the names that were ready */
    }
    assert_int_equal(status, PACS_UNAVAILABLE);
    is_dead = false;
    (void)store_contract_put(*state, 10, 1, 10);
    assert_int_equal(store_contract_count(*state), 2);
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
        SYNC_TEST(a_commit_syncs_the_file),
        SYNC_TEST(an_objects_name_is_on_the_disk_before_its_first_byte),
        SYNC_TEST(names_share_a_sync),
        SYNC_TEST(names_that_nobody_used_are_no_objects_and_go_with_the_store),
        SYNC_TEST(removed_together_objects_are_gone_from_the_disk_too),
        SYNC_TEST(a_removal_that_did_not_reach_the_disk_is_said),
        SYNC_TEST(with_its_last_object_a_folder_goes_for_good),
        SYNC_TEST(an_object_around_the_cache_leaves_no_pages_in_it),
        SYNC_TEST(a_new_folders_own_name_is_synced_before_anything_in_it_is_promised),
        SYNC_TEST(an_object_that_failed_to_sync_is_not_synced_again),
        SYNC_TEST(a_folder_that_failed_to_sync_gives_way_to_another),
        SYNC_TEST(without_a_folder_that_can_be_synced_objects_are_refused),
        CACHED_TEST(the_disk_begins_before_the_object_is_complete),
        CACHED_TEST(a_failed_early_write_fails_the_object),
        CACHED_TEST(a_kernel_without_early_writes_does_without),
    };
    test_thread = pthread_self();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
