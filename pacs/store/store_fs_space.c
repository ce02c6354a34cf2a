#include "pacs/store/store_fs_internal.h"

#include <errno.h>
#include <inttypes.h>
#include <sys/statvfs.h>

#include "pacs/util/clock.h"

#define LOOK_EVERY_NS 1000000000u /* at 2 GB/s a disk moves by less than anybody's reserve in this time */

void pacs_store_fs_space_init(StoreFsSpace *space)
{
    *space = (StoreFsSpace){.root_fd = -1};
    (void)pthread_mutex_init(&space->lock, NULL); /* cannot fail with default attributes on Linux */
}

void pacs_store_fs_space_clear(StoreFsSpace *space)
{
    (void)pthread_mutex_destroy(&space->lock);
}

static PacsStatus look(StoreFsSpace *space, PacsError *err)
{
    uint64_t now_ns = pacs_monotonic_ns();
    if (space->looked_ns != 0 && now_ns - space->looked_ns < LOOK_EVERY_NS)
        return PACS_OK;

    struct statvfs disk;
    if (fstatvfs(space->root_fd, &disk) < 0)
        return pacs_store_fs_fail(err, errno, "see how much space is free");
    if (__builtin_mul_overflow((uint64_t)disk.f_bavail, (uint64_t)disk.f_frsize, &space->free_bytes))
        space->free_bytes = UINT64_MAX;
    space->looked_ns = now_ns;
    return PACS_OK;
}

PacsStatus pacs_store_fs_space_check(StoreFsSpace *space, uint64_t more_bytes, PacsError *err)
{
    (void)pthread_mutex_lock(&space->lock); /* fails for misuse only */
    PacsStatus status = look(space, err);
    uint64_t free_bytes = space->free_bytes;
    (void)pthread_mutex_unlock(&space->lock);
    if (status != PACS_OK)
        return status;
    if (free_bytes < space->min_free_bytes || free_bytes - space->min_free_bytes < more_bytes)
        return pacs_fail(err, PACS_NO_SPACE,
                         "%" PRIu64 " bytes free, %" PRIu64 " to be kept, %" PRIu64 " more wanted",
                         free_bytes, space->min_free_bytes, more_bytes);
    return PACS_OK;
}
