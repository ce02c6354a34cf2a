#include <fcntl.h>
#include <stdlib.h>

#include "pacs/store/store_fs_internal.h"

/*
 * Objects are written around the page cache (O_DIRECT). What arrives is rarely read at once and always synced
 * at once, so that the cache would only be a copy, fresh pages for it, and a detour for the sync; and a night
 * of arrivals would push out what readers use (README: measured).
 */

#define IDLE_MAX 32u /* 16 MiB kept between bursts */

static void lock(StoreFsBuffers *buffers)
{
    (void)pthread_mutex_lock(&buffers->lock); /* fails for misuse only */
}

static void unlock(StoreFsBuffers *buffers)
{
    (void)pthread_mutex_unlock(&buffers->lock);
}

void pacs_store_fs_buffers_init(StoreFsBuffers *buffers, bool is_cached)
{
    *buffers = (StoreFsBuffers){.is_cached = is_cached};
    (void)pthread_mutex_init(&buffers->lock, NULL); /* cannot fail with default attributes on Linux */
}

void pacs_store_fs_buffers_clear(StoreFsBuffers *buffers)
{
    while (buffers->idle) {
        void *buffer = buffers->idle;
        buffers->idle = *(void **)buffer;
        free(buffer);
    }
    (void)pthread_mutex_destroy(&buffers->lock);
}

bool pacs_store_fs_buffers_are_cached(StoreFsBuffers *buffers)
{
    lock(buffers);
    bool is_cached = buffers->is_cached;
    unlock(buffers);
    return is_cached;
}

void pacs_store_fs_buffers_give_up(StoreFsBuffers *buffers)
{
    lock(buffers);
    buffers->is_cached = true;
    unlock(buffers);
}

uint8_t *pacs_store_fs_buffers_take(StoreFsBuffers *buffers)
{
    lock(buffers);
    void *buffer = buffers->idle;
    if (buffer) {
        buffers->idle = *(void **)buffer;
        buffers->idle_count--;
    }
    unlock(buffers);
    return buffer ? buffer : aligned_alloc(STORE_FS_BLOCK, STORE_FS_DIRECT_BYTES);
}

void pacs_store_fs_buffers_put(StoreFsBuffers *buffers, uint8_t *buffer)
{
    if (!buffer)
        return;
    lock(buffers);
    bool keep = buffers->idle_count < IDLE_MAX;
    if (keep) {
        *(void **)(void *)buffer = buffers->idle; /* aligned far beyond a pointer's needs */
        buffers->idle = buffer;
        buffers->idle_count++;
    }
    unlock(buffers);
    if (!keep)
        free(buffer);
}

bool pacs_store_fs_set_direct(int fd, bool direct)
{
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0)
        return false;
    return fcntl(fd, F_SETFL, direct ? flags | O_DIRECT : flags & ~O_DIRECT) == 0;
}
