#include "pacs/dimse/drain.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

PacsStatus pacs_drain_init(PacsDrain *drain, PacsError *err)
{
    atomic_init(&drain->deadline_ns, 0);
    drain->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (drain->wake_fd < 0)
        return pacs_fail(err, PACS_UNAVAILABLE, "cannot make an event descriptor: %s", strerror(errno));
    return PACS_OK;
}

void pacs_drain_clear(PacsDrain *drain)
{
    if (drain->wake_fd >= 0)
        (void)close(drain->wake_fd); /* holds nothing */
    drain->wake_fd = -1;
}

void pacs_drain_begin(PacsDrain *drain, uint64_t deadline_ns)
{
    uint64_t not_draining = 0;

    if (atomic_compare_exchange_strong(&drain->deadline_ns, &not_draining, deadline_ns ? deadline_ns : 1))
        (void)eventfd_write(drain->wake_fd, 1); /* a fresh counter takes a 1 */
}
