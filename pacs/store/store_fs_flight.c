#include "pacs/store/store_fs_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/*
 * Objects are written around the page cache (O_DIRECT). What arrives is rarely read at once and always synced
 * at once, so that the cache would only be a copy, fresh pages for it, and a detour for the sync; and a night
 * of arrivals would push out what readers use (README: measured).
 */

bool pacs_store_fs_set_direct(int fd, bool direct)
{
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0)
        return false;
    return fcntl(fd, F_SETFL, direct ? flags | O_DIRECT : flags & ~O_DIRECT) == 0;
}

PacsStatus pacs_store_fs_flight_init(StoreFsFlight *flight, PacsPool *helpers, PacsError *err)
{
    *flight = (StoreFsFlight){.helpers = helpers};
    return sem_init(&flight->landed, 0, 0) == 0 ? PACS_OK
                                                : pacs_fail(err, PACS_INTERNAL, "cannot make a semaphore");
}

void pacs_store_fs_flight_clear(StoreFsFlight *flight)
{
    (void)sem_destroy(&flight->landed);
}

static void write_all(StoreFsFlight *flight)
{
    while (flight->done < flight->size) {
        ssize_t count = pwrite(flight->fd, flight->bytes + flight->done, flight->size - flight->done,
                               (off_t)(flight->offset + flight->done));
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0) {
            flight->error = errno;
            return;
        }
        flight->done += (size_t)count;
    }
}

static void fly(void *argument)
{
    StoreFsFlight *flight = argument;

    write_all(flight);
    (void)sem_post(&flight->landed); /* from here on it is the writer's again */
}

void pacs_store_fs_flight_begin(StoreFsFlight *flight, int fd, uint8_t *bytes, size_t size, uint64_t offset)
{
    flight->fd = fd;
    flight->bytes = bytes;
    flight->size = size;
    flight->offset = offset;
    flight->done = 0;
    flight->error = 0;
    flight->is_under_way = true;
    if (pacs_pool_submit(flight->helpers, fly, flight, NULL) != PACS_OK)
        fly(flight);
}

bool pacs_store_fs_flight_wait(StoreFsFlight *flight)
{
    if (!flight->is_under_way)
        return false;
    while (sem_wait(&flight->landed) != 0)
        ; /* EINTR: a signal of the process; the write goes on */
    flight->is_under_way = false;
    return true;
}
