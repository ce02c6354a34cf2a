#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "pacs/store/store.h"
#include "tests/contract/store_contract.h"
#include "tests/support/temporary.h"

#define PER_FOLDER 3

static char *root;

static PacsStore *open_with(const PacsStoreFsOptions *options)
{
    PacsStore *store = NULL;
    assert_int_equal(pacs_store_fs_open(options, NULL, &store, NULL), PACS_OK);
    return store;
}

static PacsStore *open_root(void)
{
    const PacsStoreFsOptions options = {.root = root, .objects_per_folder = PER_FOLDER};
    return open_with(&options);
}

static int setup(void **state)
{
    (void)state;
    root = temporary_folder_new();
    return root ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    temporary_folder_free(root);
    return 0;
}

/* "<root>/objects/..." of a key, or of its folder alone. */
static void path_of(const PacsKey *key, bool folder, char path[PATH_MAX])
{
    char hex[PACS_KEY_HEX + 1];
    pacs_key_format(key, hex);
    (void)snprintf(path, PATH_MAX, folder ? "%s/objects/%.16s" : "%s/objects/%.16s/%s", root, hex, hex + 16);
}

static bool exists(const char *path)
{
    return access(path, F_OK) == 0;
}

static size_t folder_count(void)
{
    char path[PATH_MAX];
    (void)snprintf(path, sizeof path, "%s/objects", root);
    DIR *folder = opendir(path);
    assert_non_null(folder);
    size_t count = 0;
    for (const struct dirent *entry; (entry = readdir(folder));)
        count += entry->d_name[0] != '.';
    (void)closedir(folder);
    return count;
}

static PacsKey put(PacsStore *store, unsigned seed)
{
    return store_contract_put(store, 1000, seed, 1000);
}

/* ---- opening ---- */

static void a_missing_folder_is_made_for_nobody_else_to_read(void **state)
{
    (void)state;
    char path[PATH_MAX];
    struct stat folder;
    (void)snprintf(path, sizeof path, "%s/new", root);
    const PacsStoreFsOptions options = {.root = path};
    PACS_AUTO(PacsStore) store = open_with(&options);
    assert_non_null(store);
    assert_int_equal(stat(path, &folder), 0);
    assert_int_equal(folder.st_mode & 0027, 0);
}

static void a_folder_in_a_missing_folder_is_refused(void **state)
{
    (void)state;
    char path[PATH_MAX];
    PacsError err = {0};
    PacsStore *store = NULL;
    (void)snprintf(path, sizeof path, "%s/no/such", root);
    const PacsStoreFsOptions options = {.root = path};
    assert_int_equal(pacs_store_fs_open(&options, NULL, &store, &err), PACS_UNAVAILABLE);
    assert_null(store);
    assert_non_null(strstr(err.text, path));
}

static void a_file_in_the_folders_place_is_refused(void **state)
{
    (void)state;
    char path[PATH_MAX];
    PacsStore *store = NULL;
    (void)snprintf(path, sizeof path, "%s/file", root);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    (void)fclose(file);
    const PacsStoreFsOptions options = {.root = path};
    assert_int_equal(pacs_store_fs_open(&options, NULL, &store, NULL), PACS_UNAVAILABLE);
    assert_null(store);
}

static void more_objects_per_folder_than_a_list_holds_are_refused(void **state)
{
    (void)state;
    PacsStore *store = NULL;
    const PacsStoreFsOptions options = {.root = root, .objects_per_folder = 1000001};
    assert_int_equal(pacs_store_fs_open(&options, NULL, &store, NULL), PACS_INVALID);
}

static void a_folder_is_open_once_at_a_time(void **state)
{
    (void)state;
    PacsError err = {0};
    PacsStore *first = open_root(), *second = NULL;
    const PacsStoreFsOptions options = {.root = root};
    assert_int_equal(pacs_store_fs_open(&options, NULL, &second, &err), PACS_EXISTS);
    assert_null(second);
    assert_non_null(strstr(err.text, "another Lightbox"));
    pacs_store_free(first);
    pacs_store_free(open_root());
}

/* ---- files and folders ---- */

static void a_path_is_the_keys_two_halves(void **state)
{
    (void)state;
    char path[PATH_MAX];
    struct stat file;
    PACS_AUTO(PacsStore) store = open_root();
    PacsKey key = put(store, 1);
    path_of(&key, false, path);
    assert_int_equal(stat(path, &file), 0);
    assert_int_equal(file.st_size, 1000);
    assert_int_equal(file.st_mode & 0137, 0); /* 0640 at most: not to be run, not for others */
}

static void a_full_folder_gives_way_to_the_next(void **state)
{
    (void)state;
    PACS_AUTO(PacsStore) store = open_root();
    for (unsigned i = 0; i < 2 * PER_FOLDER; i++)
        (void)put(store, i);
    assert_int_equal(folder_count(), 2);
    (void)put(store, 9);
    assert_int_equal(folder_count(), 3);
}

static void an_emptied_folder_goes_when_it_is_not_the_current_one(void **state)
{
    (void)state;
    PACS_AUTO(PacsStore) store = open_root();
    PacsKey keys[PER_FOLDER + 1];
    char path[PATH_MAX];
    for (unsigned i = 0; i < PER_FOLDER + 1; i++)
        keys[i] = put(store, i);
    path_of(&keys[0], true, path);
    for (unsigned i = 0; i < PER_FOLDER; i++) {
        assert_true(exists(path));
        assert_int_equal(pacs_store_remove(store, &keys[i], NULL), PACS_OK);
    }
    assert_false(exists(path));
    path_of(&keys[PER_FOLDER], true, path);
    assert_int_equal(pacs_store_remove(store, &keys[PER_FOLDER], NULL), PACS_OK);
    assert_true(exists(path));
}

static void a_run_that_stored_nothing_leaves_no_folder(void **state)
{
    (void)state;
    PacsStore *store = open_root();
    assert_int_equal(pacs_store_check(store, NULL), PACS_OK);
    assert_int_equal(folder_count(), 1);
    pacs_store_free(store);
    assert_int_equal(folder_count(), 0);
}

/** With all that is in it; the store may be putting names there. */
static void remove_folder(const char *path)
{
    while (rmdir(path) != 0) {
        assert_true(errno == ENOTEMPTY || errno == EEXIST);
        PACS_AUTO_CLOSE int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        DIR *folder = opendir(path);
        assert_non_null(folder);
        for (const struct dirent *entry; (entry = readdir(folder));)
            (void)unlinkat(fd, entry->d_name, 0);
        (void)closedir(folder);
    }
}

static void a_removed_current_folder_is_replaced(void **state)
{
    (void)state;
    PACS_AUTO(PacsStore) store = open_root();
    char path[PATH_MAX];
    PacsKey lost = put(store, 1);
    path_of(&lost, true, path);
    remove_folder(path);

    PacsKey key = put(store, 2);
    store_contract_expect(store, &key, 1000, 2);
}

static void without_its_folder_of_folders_the_store_is_unavailable(void **state)
{
    (void)state;
    PACS_AUTO(PacsStore) store = open_root();
    char path[PATH_MAX];
    (void)snprintf(path, sizeof path, "%s/objects", root);
    assert_int_equal(rmdir(path), 0);
    PacsStoreWriter *writer = NULL;
    assert_int_equal(pacs_store_create(store, 0, &writer, NULL), PACS_UNAVAILABLE);
    assert_null(writer);
    assert_int_equal(pacs_store_check(store, NULL), PACS_UNAVAILABLE);
}

static void keys_grow_also_where_the_clock_stepped_back(void **state)
{
    (void)state;
    PacsKey future;
    char path[PATH_MAX];
    pacs_store_free(open_root());
    assert_int_equal(pacs_key_parse("ff00000000000000"
                                    "0000000000000001",
                                    &future, NULL),
                     PACS_OK);
    path_of(&future, true, path);
    assert_int_equal(mkdir(path, 0750), 0);

    PACS_AUTO(PacsStore) store = open_root();
    PacsKey key = put(store, 1);
    assert_true(pacs_key_compare(&future, &key) < 0);
}

static void what_is_not_ours_is_not_listed(void **state)
{
    (void)state;
    static const char *const names[] = {"objects/readme",
                                        "objects/00000000000000FF",
                                        "objects/00000000000000ff0",
                                        "objects/0000000000000001/note",
                                        "objects/0000000000000001/00000000000000AB",
                                        "objects/0000000000000001/00000000000000a"};
    PACS_AUTO(PacsStore) store = open_root();
    char path[PATH_MAX];
    (void)snprintf(path, sizeof path, "%s/objects/0000000000000001", root);
    assert_int_equal(mkdir(path, 0750), 0);
    (void)snprintf(path, sizeof path, "%s/objects/0000000000000001/0000000000000002", root);
    assert_int_equal(mkdir(path, 0750), 0); /* a folder where a file should be */
    (void)snprintf(path, sizeof path, "%s/objects/0000000000000003", root);
    assert_int_equal(symlink("/", path), 0);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        (void)snprintf(path, sizeof path, "%s/%s", root, names[i]);
        FILE *file = fopen(path, "w");
        assert_non_null(file);
        (void)fclose(file);
    }
    (void)put(store, 1);
    assert_int_equal(store_contract_count(store), 1);
}

static void a_link_in_an_objects_place_is_not_followed(void **state)
{
    (void)state;
    PACS_AUTO(PacsStore) store = open_root();
    PacsKey key = put(store, 1);
    char path[PATH_MAX];
    PacsSource *source = NULL;
    path_of(&key, false, path);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(symlink("/etc/hostname", path), 0);
    assert_int_equal(pacs_store_open(store, &key, 0, UINT64_MAX, &source, NULL), PACS_UNAVAILABLE);
}

/* ---- objects ---- */

static void an_uncommitted_object_is_listed_for_the_sweep(void **state)
{
    (void)state;
    PACS_AUTO(PacsStore) store = open_root();
    PACS_AUTO(PacsStoreWriter) writer = NULL;
    assert_int_equal(pacs_store_create(store, 0, &writer, NULL), PACS_OK);
    assert_int_equal(store_contract_count(store), 1);
}

static void an_object_removed_while_it_is_written_is_not_promised(void **state)
{
    (void)state;
    PACS_AUTO(PacsStore) store = open_root();
    PACS_AUTO(PacsStoreWriter) writer = NULL;
    assert_int_equal(pacs_store_create(store, 0, &writer, NULL), PACS_OK);
    assert_int_equal(pacs_store_remove(store, pacs_store_writer_key(writer), NULL), PACS_OK);
    assert_int_equal(pacs_store_commit(writer, NULL), PACS_UNAVAILABLE);
}

static void a_writer_that_outlasts_its_folder_commits_in_it(void **state)
{
    (void)state;
    PACS_AUTO(PacsStore) store = open_root();
    PACS_AUTO(PacsStoreWriter) writer = NULL;
    assert_int_equal(pacs_store_create(store, 0, &writer, NULL), PACS_OK);
    PacsKey neighbours[PER_FOLDER + 1];
    for (unsigned i = 0; i < PER_FOLDER + 1; i++)
        neighbours[i] = put(store, i);
    for (unsigned i = 0; i < PER_FOLDER - 1; i++)
        assert_int_equal(pacs_store_remove(store, &neighbours[i], NULL), PACS_OK);
    assert_int_equal(pacs_store_write(writer, "late", 4, NULL), PACS_OK);
    assert_int_equal(pacs_store_commit(writer, NULL), PACS_OK);
    uint64_t size = 0;
    assert_int_equal(pacs_store_size(store, pacs_store_writer_key(writer), &size, NULL), PACS_OK);
    assert_int_equal(size, 4);
}

static void a_file_cut_short_is_reported_as_damage(void **state)
{
    (void)state;
    PACS_AUTO(PacsStore) store = open_root();
    PacsKey key = put(store, 1);
    char path[PATH_MAX];
    PacsSource *source = NULL;
    path_of(&key, false, path);
    assert_int_equal(truncate(path, 999), 0);
    assert_int_equal(pacs_store_open(store, &key, 0, 1000, &source, NULL), PACS_CORRUPT);
    assert_null(source);
}

static void a_file_cut_while_it_is_read_is_reported_as_damage(void **state)
{
    (void)state;
    PACS_AUTO(PacsStore) store = open_root();
    PacsKey key = put(store, 1);
    char path[PATH_MAX];
    uint8_t bytes[1000];
    PACS_AUTO(PacsSource) source = NULL;
    assert_int_equal(pacs_store_open(store, &key, 0, 1000, &source, NULL), PACS_OK);
    path_of(&key, false, path);
    assert_int_equal(truncate(path, 10), 0);
    assert_int_equal(pacs_source_read_all(source, bytes, 1000, NULL), PACS_CORRUPT);
}

static void a_reader_keeps_what_is_removed_meanwhile(void **state)
{
    (void)state;
    PACS_AUTO(PacsStore) store = open_root();
    PacsKey key = put(store, 6);
    uint8_t expected[1000], bytes[1000];
    store_contract_fill(expected, sizeof expected, 6);
    PACS_AUTO(PacsSource) source = NULL;
    assert_int_equal(pacs_store_open(store, &key, 0, 1000, &source, NULL), PACS_OK);
    assert_int_equal(pacs_store_remove(store, &key, NULL), PACS_OK);
    assert_int_equal(pacs_source_read_all(source, bytes, 1000, NULL), PACS_OK);
    assert_memory_equal(bytes, expected, 1000);
}

/* The file is made 5 GiB by a hole, so that no disk and no time goes into it. */
static void the_end_of_an_object_over_4_gib_can_be_read(void **state)
{
    (void)state;
    static const uint64_t size = 5ull << 30;
    PACS_AUTO(PacsStore) store = open_root();
    PacsKey key = put(store, 1);
    char path[PATH_MAX], bytes[4];
    path_of(&key, false, path);
    PACS_AUTO_CLOSE int fd = open(path, O_WRONLY | O_CLOEXEC);
    assert_int_equal(pwrite(fd, "tail", 4, (off_t)(size - 4)), 4);

    uint64_t found = 0;
    PACS_AUTO(PacsSource) source = NULL;
    assert_int_equal(pacs_store_size(store, &key, &found, NULL), PACS_OK);
    assert_true(found == size);
    assert_int_equal(pacs_store_open(store, &key, size - 4, 4, &source, NULL), PACS_OK);
    assert_int_equal(pacs_source_read_all(source, bytes, 4, NULL), PACS_OK);
    assert_memory_equal(bytes, "tail", 4);
}

/* Long enough for several windows of writeback and for the part that leaves the page cache. */
static void an_object_of_many_windows_comes_back_whole(void **state)
{
    (void)state;
    enum { PIECE = 1 << 20, PIECES = 90 };
    PACS_AUTO(PacsStore) store = open_root();
    PACS_AUTO(PacsStoreWriter) writer = NULL;
    PACS_AUTO_FREE uint8_t *expected = malloc(PIECE), *bytes = malloc(PIECE);
    assert_non_null(expected);
    assert_non_null(bytes);
    assert_int_equal(pacs_store_create(store, 0, &writer, NULL), PACS_OK);
    for (unsigned i = 0; i < PIECES; i++) {
        store_contract_fill(expected, PIECE, i);
        assert_int_equal(pacs_store_write(writer, expected, PIECE, NULL), PACS_OK);
    }
    assert_int_equal(pacs_store_commit(writer, NULL), PACS_OK);

    PACS_AUTO(PacsSource) source = NULL;
    assert_int_equal(
        pacs_store_open(store, pacs_store_writer_key(writer), 0, (uint64_t)PIECE * PIECES, &source, NULL),
        PACS_OK);
    for (unsigned i = 0; i < PIECES; i++) {
        store_contract_fill(expected, PIECE, i);
        assert_int_equal(pacs_source_read_all(source, bytes, PIECE, NULL), PACS_OK);
        assert_memory_equal(bytes, expected, PIECE);
    }
}

#define FS_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FS_TEST(a_missing_folder_is_made_for_nobody_else_to_read),
        FS_TEST(a_folder_in_a_missing_folder_is_refused),
        FS_TEST(a_file_in_the_folders_place_is_refused),
        FS_TEST(more_objects_per_folder_than_a_list_holds_are_refused),
        FS_TEST(a_folder_is_open_once_at_a_time),
        FS_TEST(a_path_is_the_keys_two_halves),
        FS_TEST(a_full_folder_gives_way_to_the_next),
        FS_TEST(an_emptied_folder_goes_when_it_is_not_the_current_one),
        FS_TEST(a_run_that_stored_nothing_leaves_no_folder),
        FS_TEST(a_removed_current_folder_is_replaced),
        FS_TEST(without_its_folder_of_folders_the_store_is_unavailable),
        FS_TEST(keys_grow_also_where_the_clock_stepped_back),
        FS_TEST(what_is_not_ours_is_not_listed),
        FS_TEST(a_link_in_an_objects_place_is_not_followed),
        FS_TEST(an_uncommitted_object_is_listed_for_the_sweep),
        FS_TEST(an_object_removed_while_it_is_written_is_not_promised),
        FS_TEST(a_writer_that_outlasts_its_folder_commits_in_it),
        FS_TEST(a_file_cut_short_is_reported_as_damage),
        FS_TEST(a_file_cut_while_it_is_read_is_reported_as_damage),
        FS_TEST(a_reader_keeps_what_is_removed_meanwhile),
        FS_TEST(the_end_of_an_object_over_4_gib_can_be_read),
        FS_TEST(an_object_of_many_windows_comes_back_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
