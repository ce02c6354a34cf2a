#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "pacs/store/store.h"
#include "tests/contract/store_contract.h"
#include "tests/support/require.h"
#include "tests/support/temporary.h"

/* What other processes, a kill and a full disk do to the store. Children report by their exit code: 0 is
 * good, NOT_HERE says that this machine does not let us try. */
#define NOT_HERE 77

static char *root;

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

static PacsStatus open_root(uint64_t min_free_bytes, PacsStore **ret_store)
{
    const PacsStoreFsOptions options = {.root = root, .min_free_bytes = min_free_bytes};
    return pacs_store_fs_open(&options, NULL, ret_store, NULL);
}

static PacsStore *must_open(uint64_t min_free_bytes)
{
    PacsStore *store = NULL;
    assert_int_equal(open_root(min_free_bytes, &store), PACS_OK);
    return store;
}

static int exit_code_of(int (*child)(void))
{
    pid_t pid = fork();
    if (pid == 0)
        _exit(child());
    int status = 0;
    assert_true(pid > 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

/* ---- another process ---- */

static int expect_locked(void)
{
    PacsStore *store = NULL;
    return open_root(0, &store) == PACS_EXISTS ? 0 : 1;
}

static void a_second_process_is_refused(void **state)
{
    (void)state;
    PACS_AUTO(PacsStore) store = must_open(0);
    assert_non_null(store);
    assert_int_equal(exit_code_of(expect_locked), 0);
}

/* ---- kill in the middle ---- */

static PacsKey read_key(int fd)
{
    PacsKey key;
    assert_int_equal(read(fd, &key, sizeof key), sizeof key); /* one write of the child, below PIPE_BUF */
    return key;
}

/* Commits one object, leaves another half written, tells both keys and waits to be killed. */
static int half_way(int out)
{
    PacsStore *store = NULL;
    PacsStoreWriter *done = NULL, *half = NULL;
    uint8_t bytes[300000];
    store_contract_fill(bytes, sizeof bytes, 1);
    if (open_root(0, &store) != PACS_OK || pacs_store_create(store, 0, &done, NULL) != PACS_OK ||
        pacs_store_write(done, bytes, sizeof bytes, NULL) != PACS_OK ||
        pacs_store_commit(done, NULL) != PACS_OK || pacs_store_create(store, 0, &half, NULL) != PACS_OK ||
        pacs_store_write(half, bytes, sizeof bytes, NULL) != PACS_OK)
        return 1;
    if (write(out, pacs_store_writer_key(done), sizeof(PacsKey)) != sizeof(PacsKey) ||
        write(out, pacs_store_writer_key(half), sizeof(PacsKey)) != sizeof(PacsKey))
        return 1;
    for (;;)
        (void)pause();
}

typedef struct Seen {
    PacsKey first;
    bool any;
} Seen;

static PacsStatus note_first(void *context, const PacsKey *key, uint64_t size_bytes, PacsError *err)
{
    Seen *seen = context;
    (void)size_bytes;
    (void)err;
    if (!seen->any)
        seen->first = *key;
    seen->any = true;
    return PACS_OK;
}

static void a_kill_leaves_what_was_committed_and_lists_what_was_not(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    pid_t pid = fork();
    if (pid == 0)
        _exit(half_way(ends[1]));
    assert_true(pid > 0);
    (void)close(ends[1]);
    PacsKey done = read_key(ends[0]), half = read_key(ends[0]);
    Seen seen = {0};
    (void)close(ends[0]);
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);

    PACS_AUTO(PacsStore) store = must_open(0); /* the lock went with its process */
    store_contract_expect(store, &done, 300000, 1);
    assert_true(store_contract_count(store) >= 2); /* names made in advance are left too, for the sweep */
    assert_int_equal(pacs_store_list(store, &half, note_first, &seen, NULL), PACS_OK);
    assert_memory_equal(&seen.first, &half, sizeof half);
    assert_int_equal(pacs_store_remove(store, &half, NULL), PACS_OK);
    PacsKey next = store_contract_put(store, 10, 2, 10);
    assert_true(pacs_key_compare(&half, &next) < 0);
}

/* ---- no space ---- */

static void below_the_reserve_new_objects_are_refused_and_old_ones_read(void **state)
{
    (void)state;
    PacsStore *store = must_open(0);
    PacsKey key = store_contract_put(store, 1000, 1, 1000);
    pacs_store_free(store);

    store = must_open(UINT64_MAX);
    PacsStoreWriter *writer = NULL;
    assert_int_equal(pacs_store_create(store, 0, &writer, NULL), PACS_NO_SPACE);
    assert_null(writer);
    assert_int_equal(pacs_store_check(store, NULL), PACS_NO_SPACE);
    store_contract_expect(store, &key, 1000, 1);
    assert_int_equal(pacs_store_remove(store, &key, NULL), PACS_OK);
    pacs_store_free(store);
}

static void an_object_that_cannot_fit_is_refused_before_its_bytes_come(void **state)
{
    (void)state;
    PACS_AUTO(PacsStore) store = must_open(0);
    PacsStoreWriter *writer = NULL;
    assert_int_equal(pacs_store_create(store, UINT64_MAX, &writer, NULL), PACS_NO_SPACE);
    assert_null(writer);
}

static bool write_until(PacsStore *store, PacsStatus wanted, uint64_t max_bytes)
{
    static const uint8_t bytes[100000];
    PACS_AUTO(PacsStoreWriter) writer = NULL;
    PacsStatus status = pacs_store_create(store, 0, &writer, NULL);
    for (uint64_t done = 0; status == PACS_OK && done < max_bytes; done += sizeof bytes)
        status = pacs_store_write(writer, bytes, sizeof bytes, NULL);
    if (status == PACS_OK) /* delayed allocation may say it only here */
        status = pacs_store_commit(writer, NULL);
    return status == wanted;
}

static bool stores_small_ones(PacsStore *store)
{
    size_t before = store_contract_count(store);
    return pacs_store_check(store, NULL) == PACS_OK && store_contract_count(store) == before;
}

static bool tell_kernel(const char *path, const char *text)
{
    PACS_AUTO_CLOSE int fd = open(path, O_WRONLY | O_CLOEXEC);
    return fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
}

/* A user namespace in which we may mount without any rights outside. */
static bool become_somebody(void)
{
    char user[64], group[64];
    (void)snprintf(user, sizeof user, "0 %u 1", (unsigned)geteuid());
    (void)snprintf(group, sizeof group, "0 %u 1", (unsigned)getegid());
    return unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0 && tell_kernel("/proc/self/setgroups", "deny") &&
           tell_kernel("/proc/self/uid_map", user) && tell_kernel("/proc/self/gid_map", group);
}

/* A disk of 1 MB that only this process sees. */
static bool mount_small_disk(void)
{
    return (become_somebody() || unshare(CLONE_NEWNS) == 0) &&
           mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
           mount("none", root, "tmpfs", 0, "size=1m") == 0;
}

static int fill_a_disk(void)
{
    if (!mount_small_disk())
        return NOT_HERE;
    PacsStore *store = NULL;
    if (open_root(0, &store) != PACS_OK)
        return 1;
    bool good = stores_small_ones(store) && write_until(store, PACS_NO_SPACE, 4u << 20) &&
                store_contract_count(store) == 0 && stores_small_ones(store);
    pacs_store_free(store);
    return good ? 0 : 1;
}

static void a_full_disk_refuses_the_object_and_gets_its_space_back(void **state)
{
    (void)state;
    int code = exit_code_of(fill_a_disk);
    test_require(code != NOT_HERE, "a mount of our own (user namespaces, or root's rights)");
    assert_int_equal(code, 0);
}

/* ulimit -f: the kernel refuses a write in the middle of an object. */
static int pass_the_file_limit(void)
{
    const struct rlimit limit = {.rlim_cur = 500000, .rlim_max = 500000};
    (void)signal(SIGXFSZ, SIG_IGN);
    PacsStore *store = NULL;
    if (setrlimit(RLIMIT_FSIZE, &limit) < 0 || open_root(0, &store) != PACS_OK)
        return 1;
    bool good = write_until(store, PACS_TOO_LARGE, 4u << 20) && store_contract_count(store) == 0 &&
                stores_small_ones(store);
    pacs_store_free(store);
    return good ? 0 : 1;
}

static void a_refused_write_takes_the_object_back(void **state)
{
    (void)state;
    assert_int_equal(exit_code_of(pass_the_file_limit), 0);
}

#define LIMITS_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        LIMITS_TEST(a_second_process_is_refused),
        LIMITS_TEST(a_kill_leaves_what_was_committed_and_lists_what_was_not),
        LIMITS_TEST(below_the_reserve_new_objects_are_refused_and_old_ones_read),
        LIMITS_TEST(an_object_that_cannot_fit_is_refused_before_its_bytes_come),
        LIMITS_TEST(a_full_disk_refuses_the_object_and_gets_its_space_back),
        LIMITS_TEST(a_refused_write_takes_the_object_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
