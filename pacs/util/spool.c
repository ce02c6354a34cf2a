#include "pacs/util/spool.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct PacsSpool {
    const char *folder;
    uint64_t max;
    int fd; /* -1: nothing was written yet */
    uint64_t size;
    uint64_t forgotten;
};

PacsStatus pacs_spool_new(const char *folder, uint64_t max_bytes, PacsSpool **ret_spool, PacsError *err)
{
    PacsSpool *spool = calloc(1, sizeof *spool);
    if (!spool)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for a temporary file");

    *spool = (PacsSpool){.folder = folder, .max = max_bytes, .fd = -1};
    *ret_spool = spool;
    return PACS_OK;
}

void pacs_spool_free(PacsSpool *spool)
{
    if (!spool)
        return;
    if (spool->fd >= 0)
        (void)close(spool->fd);
    free(spool);
}

/** For file systems that know no files without a name (overlayfs of old, NFS). */
static int open_and_unlink(const char *folder)
{
    char path[4096];

    if (snprintf(path, sizeof path, "%s/.spool-XXXXXX", folder) >= (int)sizeof path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    int fd = mkostemp(path, O_CLOEXEC);
    if (fd >= 0)
        (void)unlink(path);
    return fd;
}

static PacsStatus open_file(PacsSpool *spool, PacsError *err)
{
    spool->fd = open(spool->folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (spool->fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL))
        spool->fd = open_and_unlink(spool->folder);
    if (spool->fd < 0)
        return pacs_fail(err, errno == ENOSPC ? PACS_NO_SPACE : PACS_UNAVAILABLE,
                         "cannot make a temporary file in '%s': %s", spool->folder, strerror(errno));
    return PACS_OK;
}

PacsStatus pacs_spool_write(PacsSpool *spool, const void *bytes, size_t size, PacsError *err)
{
    const uint8_t *at = bytes;

    if (size > spool->max - (spool->size - spool->forgotten))
        return pacs_fail(err, PACS_TOO_LARGE, "more than %llu bytes wait in a temporary file",
                         (unsigned long long)spool->max);
    if (spool->fd < 0) {
        PacsStatus status = open_file(spool, err);
        if (status != PACS_OK)
            return status;
    }
    while (size > 0) {
        ssize_t written = pwrite(spool->fd, at, size, (off_t)spool->size);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return pacs_fail(
                err, errno == ENOSPC || errno == EDQUOT || errno == EFBIG ? PACS_NO_SPACE : PACS_UNAVAILABLE,
                "cannot write a temporary file: %s", strerror(errno));
        at += written;
        size -= (size_t)written;
        spool->size += (uint64_t)written;
    }
    return PACS_OK;
}

uint64_t pacs_spool_size(const PacsSpool *spool)
{
    return spool->size;
}

PacsStatus pacs_spool_read(const PacsSpool *spool, uint64_t offset, void *bytes, size_t size, PacsError *err)
{
    uint8_t *at = bytes;

    assert(offset <= spool->size && size <= spool->size - offset);
    while (size > 0) {
        ssize_t got = pread(spool->fd, at, size, (off_t)offset);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return pacs_fail(err, PACS_UNAVAILABLE, "cannot read a temporary file: %s",
                             got == 0 ? "it ends too early" : strerror(errno));
        at += got;
        size -= (size_t)got;
        offset += (uint64_t)got;
    }
    return PACS_OK;
}

void pacs_spool_forget(PacsSpool *spool, uint64_t offset, uint64_t size)
{
    spool->forgotten += size;
    /* Where holes cannot be punched the room is free when the file goes. */
    if (size > 0 && spool->fd >= 0)
        (void)fallocate(spool->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)offset, (off_t)size);
}
