/* Results on their way to the disk, with a disk that is as slow as the test wants it. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <string.h>

#include "pacs/util/limits.h"
#include "transcode/service_cache.h"
#include "transcode/service_writer.h"

#define NAMES_MAX 16

typedef struct Disk {
    TranscodeWriter *writer;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool is_stuck, is_writing;
    int count;
    TranscodeName names[NAMES_MAX]; /* in the order written */
} Disk;

static void write_slowly(void *context, const TranscodeName *name, TranscodeResult *result)
{
    Disk *disk = context;

    assert_int_equal(transcode_result_bytes(result)[0], name->form[0]);
    (void)pthread_mutex_lock(&disk->lock);
    disk->is_writing = true;
    (void)pthread_cond_broadcast(&disk->changed);
    while (disk->is_stuck)
        (void)pthread_cond_wait(&disk->changed, &disk->lock);
    disk->is_writing = false;
    disk->names[disk->count++ % NAMES_MAX] = *name;
    (void)pthread_mutex_unlock(&disk->lock);
}

static void open_disk(Disk *disk, bool is_stuck)
{
    *disk = (Disk){.is_stuck = is_stuck};
    (void)pthread_mutex_init(&disk->lock, NULL);
    (void)pthread_cond_init(&disk->changed, NULL);
    assert_int_equal(transcode_writer_new(write_slowly, disk, &disk->writer, NULL), PACS_OK);
}

static void close_disk(Disk *disk)
{
    transcode_writer_free(disk->writer);
    (void)pthread_cond_destroy(&disk->changed);
    (void)pthread_mutex_destroy(&disk->lock);
}

static void await_writing(Disk *disk)
{
    (void)pthread_mutex_lock(&disk->lock);
    while (!disk->is_writing)
        (void)pthread_cond_wait(&disk->changed, &disk->lock);
    (void)pthread_mutex_unlock(&disk->lock);
}

static void let_go(Disk *disk)
{
    (void)pthread_mutex_lock(&disk->lock);
    disk->is_stuck = false;
    (void)pthread_cond_broadcast(&disk->changed);
    (void)pthread_mutex_unlock(&disk->lock);
}

static TranscodeName name_of(uint8_t object, uint8_t form)
{
    return (TranscodeName){.object = {object}, .form = {form}};
}

static bool add(Disk *disk, uint8_t object, uint8_t form, size_t size)
{
    PACS_AUTO_BUFFER PacsBuffer bytes = PACS_BUFFER(2 * (size_t)PACS_MAX_TRANSCODE_UNWRITTEN);
    const TranscodeName name = name_of(object, form);

    assert_int_equal(pacs_buffer_reserve(&bytes, size, NULL), PACS_OK);
    memset(bytes.bytes, form, size);
    bytes.size = size;
    PACS_AUTO(TranscodeResult) result = transcode_result_new(&bytes);
    assert_non_null(result);
    return transcode_writer_add(disk->writer, &name, result);
}

static bool is_found(Disk *disk, uint8_t object, uint8_t form)
{
    const TranscodeName name = name_of(object, form);
    PACS_AUTO(TranscodeResult) found = transcode_writer_find(disk->writer, &name);

    return found && transcode_result_bytes(found)[0] == form;
}

static void what_waits_is_found_until_it_is_written(void **state)
{
    (void)state;
    Disk disk;

    open_disk(&disk, true);
    assert_true(add(&disk, 1, 1, 10));
    assert_true(add(&disk, 1, 2, 10));
    await_writing(&disk);
    assert_true(is_found(&disk, 1, 1));
    assert_true(is_found(&disk, 1, 2));
    assert_false(is_found(&disk, 1, 3));
    let_go(&disk);
    transcode_writer_flush(disk.writer);
    assert_false(is_found(&disk, 1, 1));
    assert_false(is_found(&disk, 1, 2));
    close_disk(&disk);
}

static void results_are_written_in_order(void **state)
{
    (void)state;
    Disk disk;

    open_disk(&disk, true);
    for (uint8_t i = 0; i < 9; i++)
        assert_true(add(&disk, 1, i, 10));
    let_go(&disk);
    transcode_writer_flush(disk.writer);
    assert_int_equal(disk.count, 9);
    for (uint8_t i = 0; i < 9; i++)
        assert_int_equal(disk.names[i].form[0], i);
    close_disk(&disk);
}

static void the_end_writes_what_waits(void **state)
{
    (void)state;
    Disk disk;

    open_disk(&disk, true);
    for (uint8_t i = 0; i < 5; i++)
        assert_true(add(&disk, 1, i, 10));
    let_go(&disk);
    close_disk(&disk);
    assert_int_equal(disk.count, 5);
}

static void what_a_slow_disk_cannot_take_is_not_written(void **state)
{
    (void)state;
    Disk disk;

    open_disk(&disk, true);
    assert_true(add(&disk, 1, 1, PACS_MAX_TRANSCODE_UNWRITTEN + 1u)); /* alone, it may be large */
    assert_false(add(&disk, 1, 2, 10));
    assert_false(is_found(&disk, 1, 2));
    let_go(&disk);
    transcode_writer_flush(disk.writer);
    assert_true(add(&disk, 1, 3, 10));
    close_disk(&disk);
    assert_int_equal(disk.count, 2);
}

static void what_is_forgotten_is_not_written(void **state)
{
    (void)state;
    const TranscodeName object = name_of(2, 0);
    Disk disk;

    open_disk(&disk, true);
    assert_true(add(&disk, 1, 1, 10));
    assert_true(add(&disk, 2, 2, 10));
    assert_true(add(&disk, 2, 3, 10));
    assert_true(add(&disk, 3, 4, 10));
    await_writing(&disk);
    transcode_writer_forget(disk.writer, &object); /* returns, though the disk is busy with another one's */
    assert_false(is_found(&disk, 2, 2));
    let_go(&disk);
    close_disk(&disk);
    assert_int_equal(disk.count, 2);
    assert_int_equal(disk.names[1].object[0], 3);
}

static void *forget_first(void *context)
{
    Disk *disk = context;
    const TranscodeName object = name_of(1, 0);

    transcode_writer_forget(disk->writer, &object);
    return (void *)(intptr_t)disk->count; /* nobody writes any more */
}

static void forgetting_waits_for_what_is_being_written(void **state)
{
    (void)state;
    pthread_t forgetter;
    void *count = NULL;
    Disk disk;

    open_disk(&disk, true);
    assert_true(add(&disk, 1, 1, 10));
    await_writing(&disk);
    assert_int_equal(pthread_create(&forgetter, NULL, forget_first, &disk), 0);
    let_go(&disk);
    assert_int_equal(pthread_join(forgetter, &count), 0);
    assert_int_equal((intptr_t)count, 1);
    assert_false(is_found(&disk, 1, 1));
    close_disk(&disk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_waits_is_found_until_it_is_written),
        cmocka_unit_test(results_are_written_in_order),
        cmocka_unit_test(the_end_writes_what_waits),
        cmocka_unit_test(what_a_slow_disk_cannot_take_is_not_written),
        cmocka_unit_test(what_is_forgotten_is_not_written),
        cmocka_unit_test(forgetting_waits_for_what_is_being_written),
    };

    return cmocka_run_group_tests_name("transcode writer", tests, NULL, NULL);
}
