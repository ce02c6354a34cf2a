/* Results on the disk: found again, also after a restart; never broken ones; within bounds; gone with their object. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/transcode/asker.h"

static char folder[64];

static int make_folder(void **state)
{
    (void)state;
    (void)snprintf(folder, sizeof folder, "/tmp/lightbox-forms-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *place)
{
    (void)info;
    (void)kind;
    (void)place;
    return remove(path);
}

static int remove_folder(void **state)
{
    (void)state;
    return nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void open_stage(Stage *stage, uint64_t cache_bytes)
{
    const TranscodeServiceOptions options = {
        .cache_folder = folder, .cache_bytes = cache_bytes, .workers = 1};

    stage_open(stage, &options);
}

static char found_path[512];
static unsigned found_count;

static int count_file(const char *path, const struct stat *info, int kind, struct FTW *place)
{
    (void)info;
    (void)place;
    if (kind == FTW_F) {
        found_count++;
        (void)snprintf(found_path, sizeof found_path, "%s", path);
    }
    return 0;
}

/* Files in the folder; the path of one of them stays in found_path. */
static unsigned count_files(void)
{
    found_count = 0;
    assert_int_equal(nftw(folder, count_file, 16, FTW_PHYS), 0);
    return found_count;
}

static void expect_file_result(TranscodeResult *result, const char *text)
{
    char bytes[64];

    assert_non_null(result);
    assert_int_equal(transcode_result_size(result), strlen(text));
    assert_true(transcode_result_fd(result) >= 0);
    assert_int_equal(pread(transcode_result_fd(result), bytes, strlen(text), 0), strlen(text));
    assert_memory_equal(bytes, text, strlen(text));
}

static void make_one(Stage *stage, const char *key)
{
    Asker asker = {0};

    assert_int_equal(ask(&asker, stage, key), PACS_OK);
    asker_clear(&asker);
    transcode_service_flush(stage->service);
}

/* ---- Finding ---- */

static void a_result_is_found_in_a_file(void **state)
{
    (void)state;
    Stage stage;

    open_stage(&stage, 1 << 20);
    make_one(&stage, "d 1");
    PACS_AUTO(TranscodeResult) found = transcode_service_find(stage.service, "d 1");
    expect_file_result(found, "d 1");
    stage_close(&stage);
}

static void another_run_finds_it_without_making_it(void **state)
{
    (void)state;
    Stage stage;

    open_stage(&stage, 1 << 20);
    make_one(&stage, "d 1");
    stage_close(&stage);

    open_stage(&stage, 1 << 20);
    make_one(&stage, "d 1");
    assert_int_equal(stage.made, 0);
    assert_int_equal(stage_count(&stage, "imaging_transcode_requests_total{result=\"cached\"}"), 1);
    PACS_AUTO(TranscodeResult)
    found = transcode_service_find(stage.service, "d 1"); /* read once, it counts */
    expect_file_result(found, "d 1");
    stage_close(&stage);
}

static void another_server_finds_it_too(void **state)
{
    (void)state;
    Stage one, other;

    open_stage(&one, 1 << 20);
    open_stage(&other, 1 << 20);
    make_one(&one, "d 1");
    make_one(&other, "d 1");
    assert_int_equal(other.made, 0);
    stage_close(&other);
    stage_close(&one);
}

static void what_waits_for_the_disk_is_written_at_the_end(void **state)
{
    (void)state;
    Asker asker = {0};
    Stage stage;

    open_stage(&stage, 1 << 20);
    assert_int_equal(ask(&asker, &stage, "d 1"), PACS_OK);
    asker_clear(&asker);
    stage_close(&stage);
    assert_int_equal(count_files(), 1);
}

/* ---- Broken files ---- */

static void break_file(off_t at, const char *byte, off_t cut)
{
    assert_int_equal(count_files(), 1);
    const int fd = open(found_path, O_RDWR | O_CLOEXEC);
    struct stat info;

    assert_true(fd >= 0);
    assert_int_equal(fstat(fd, &info), 0);
    if (byte)
        assert_int_equal(pwrite(fd, byte, 1, at < 0 ? info.st_size + at : at), 1);
    if (cut > 0)
        assert_int_equal(ftruncate(fd, info.st_size - cut), 0);
    (void)close(fd);
}

static void a_broken_file_is_made_anew(void **state)
{
    (void)state;
    static const struct {
        off_t at;
        const char *byte;
        off_t cut;
    } faults[] = {{0, "x", 0}, {-1, "x", 0}, {-20, "x", 0}, {0, NULL, 1}, {0, NULL, 57}};
    Stage stage;

    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        open_stage(&stage, 1 << 20);
        make_one(&stage, "d 1");
        stage_close(&stage);
        break_file(faults[i].at, faults[i].byte, faults[i].cut);
        open_stage(&stage, 1 << 20);
        make_one(&stage, "d 1");
        assert_int_equal(stage.made, 1);
        PACS_AUTO(TranscodeResult) found = transcode_service_find(stage.service, "d 1");
        expect_file_result(found, "d 1");
        stage_close(&stage);
    }
}

static void a_file_that_was_cut_short_behind_our_back_is_not_given_out(void **state)
{
    (void)state;
    Stage stage;

    open_stage(&stage, 1 << 20);
    make_one(&stage, "d 1");
    break_file(0, NULL, 1);
    assert_null(transcode_service_find(stage.service, "d 1"));
    make_one(&stage, "d 1");
    assert_int_equal(stage.made, 2);
    stage_close(&stage);
}

static void a_file_that_was_removed_is_made_anew(void **state)
{
    (void)state;
    Stage stage;

    open_stage(&stage, 1 << 20);
    make_one(&stage, "d 1");
    assert_int_equal(count_files(), 1);
    assert_int_equal(unlink(found_path), 0);
    make_one(&stage, "d 1");
    assert_int_equal(stage.made, 2);
    stage_close(&stage);
}

static void what_cannot_be_written_is_served_all_the_same(void **state)
{
    (void)state;
    const TranscodeServiceOptions full = {
        .cache_folder = folder, .cache_bytes = 1 << 20, .min_free_bytes = UINT64_MAX / 2, .workers = 1};
    Asker asker = {0};
    Stage stage;

    stage_open(&stage, &full);
    assert_int_equal(ask(&asker, &stage, "d 1"), PACS_OK);
    assert_memory_equal(transcode_result_bytes(asker.result), "d 1", 3);
    asker_clear(&asker);
    transcode_service_flush(stage.service);
    assert_int_equal(count_files(), 0);
    stage_close(&stage);
}

static void a_folder_that_is_not_there_is_said_at_the_start(void **state)
{
    (void)state;
    const TranscodeServiceOptions options = {.cache_folder = "/no/such/folder", .cache_bytes = 1};
    PACS_AUTO(TranscodeService) service = NULL;
    PacsError err = {0};

    assert_int_equal(transcode_service_new(&options, NULL, &service, &err), PACS_UNAVAILABLE);
    assert_non_null(strstr(err.text, "/no/such/folder"));
}

/* ---- Bounds ---- */

static void the_least_recently_used_files_make_room(void **state)
{
    (void)state;
    static const char *const keys[] = {"a 1", "b 2", "c 3", "d 4", "e 5"};
    Stage stage;

    open_stage(&stage, 350); /* five files of 59 bytes, no six */
    for (int i = 0; i < 5; i++) {
        make_one(&stage, keys[i]);
        transcode_result_unref(transcode_service_find(stage.service, "a 1"));
    }
    make_one(&stage, "f 6");
    assert_null(transcode_service_find(stage.service, "b 2"));
    PACS_AUTO(TranscodeResult) used = transcode_service_find(stage.service, "a 1");
    assert_non_null(used);
    assert_true(stage_count(&stage, "imaging_transcode_cache_evictions_total") > 0);
    assert_true(stage_count(&stage, "imaging_transcode_cache_bytes{place=\"disk\"}") <= 350);
    stage_close(&stage);
}

static void files_of_an_earlier_run_count_and_go_first(void **state)
{
    (void)state;
    Stage stage;

    open_stage(&stage, 1 << 20);
    for (int i = 0; i < 10; i++) {
        char key[16];
        (void)snprintf(key, sizeof key, "d %d", i);
        make_one(&stage, key);
    }
    stage_close(&stage);
    assert_int_equal(count_files(), 10);

    open_stage(&stage, 400);
    make_one(&stage, "new x");
    while (count_files() > 6) /* of 59 and 61 bytes; the listing goes on beside us */
        (void)sched_yield();
    stage_close(&stage);
    assert_true(count_files() > 0);
    open_stage(&stage, 1 << 20);
    make_one(&stage, "new x");
    assert_int_equal(stage.made, 0);
    stage_close(&stage);
}

/* ---- Forgetting ---- */

static void forgetting_removes_the_files_of_an_object(void **state)
{
    (void)state;
    Stage stage;

    open_stage(&stage, 1 << 20);
    make_one(&stage, "one a");
    make_one(&stage, "one b");
    make_one(&stage, "other a");
    transcode_service_forget(stage.service, "one");
    assert_null(transcode_service_find(stage.service, "one a"));
    assert_int_equal(count_files(), 1);
    stage_close(&stage);
}

static void forgetting_reaches_files_of_another_run(void **state)
{
    (void)state;
    Stage stage;

    open_stage(&stage, 1 << 20);
    make_one(&stage, "one a");
    stage_close(&stage);
    open_stage(&stage, 1 << 20);
    transcode_service_forget(stage.service, "one");
    assert_int_equal(count_files(), 0);
    stage_close(&stage);
}

static void a_forgotten_file_stays_whole_for_who_is_reading_it(void **state)
{
    (void)state;
    Stage stage;

    open_stage(&stage, 1 << 20);
    make_one(&stage, "one a");
    PACS_AUTO(TranscodeResult) found = transcode_service_find(stage.service, "one a");
    transcode_service_forget(stage.service, "one");
    expect_file_result(found, "one a");
    stage_close(&stage);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_result_is_found_in_a_file),
        TEST(another_run_finds_it_without_making_it),
        TEST(another_server_finds_it_too),
        TEST(what_waits_for_the_disk_is_written_at_the_end),
        TEST(a_broken_file_is_made_anew),
        TEST(a_file_that_was_cut_short_behind_our_back_is_not_given_out),
        TEST(a_file_that_was_removed_is_made_anew),
        TEST(what_cannot_be_written_is_served_all_the_same),
        TEST(a_folder_that_is_not_there_is_said_at_the_start),
        TEST(the_least_recently_used_files_make_room),
        TEST(files_of_an_earlier_run_count_and_go_first),
        TEST(forgetting_removes_the_files_of_an_object),
        TEST(forgetting_reaches_files_of_another_run),
        TEST(a_forgotten_file_stays_whole_for_who_is_reading_it),
    };

    return cmocka_run_group_tests_name("transcode cache", tests, NULL, NULL);
}
