#include "events/relay/line_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TAIL_STEP 4096
#define MODE 0640 /* UIDs name a person to whoever has the archive */

struct LineFile {
    char *path; /* NULL: standard output */
    int fd;
};

static PacsStatus fail(const char *what, const char *path, PacsError *err)
{
    return pacs_fail(err, errno == ENOSPC || errno == EDQUOT ? PACS_NO_SPACE : PACS_UNAVAILABLE,
                     "cannot %s '%s': %s", what, path ? path : "-", strerror(errno));
}

/* ---- The end of the last line ---- */

/** Bytes up to and with the last line end; -1 with errno. */
static off_t find_last_end(int fd, off_t size)
{
    char tail[TAIL_STEP];

    while (size > 0) {
        const size_t step = size < TAIL_STEP ? (size_t)size : TAIL_STEP;
        const ssize_t n = pread(fd, tail, step, size - (off_t)step);
        if (n != (ssize_t)step)
            return -1;
        const char *end = memrchr(tail, '\n', step);
        if (end)
            return size - (off_t)step + (end - tail) + 1;
        size -= (off_t)step;
    }
    return 0;
}

/** What a crash left of a line. */
static PacsStatus cut_tail(const LineFile *file, PacsError *err)
{
    struct stat info;

    if (fstat(file->fd, &info) != 0)
        return fail("look at", file->path, err);
    if (!S_ISREG(info.st_mode)) /* a pipe, a device: what is gone is gone */
        return PACS_OK;
    const off_t end = find_last_end(file->fd, info.st_size);
    if (end < 0)
        return fail("read", file->path, err);
    if (end < info.st_size && ftruncate(file->fd, end) != 0)
        return fail("cut", file->path, err);
    return PACS_OK;
}

/* ---- Opening ---- */

static PacsStatus open_file(LineFile *file, PacsError *err)
{
    file->fd = open(file->path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, MODE);
    return file->fd < 0 ? fail("open", file->path, err) : cut_tail(file, err);
}

PacsStatus line_file_open(const char *path, LineFile **ret_file, PacsError *err)
{
    PACS_AUTO(LineFile) file = calloc(1, sizeof *file);
    if (!file)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for the log sink");
    file->fd = STDOUT_FILENO;
    if (strcmp(path, "-") != 0) {
        file->fd = -1;
        file->path = strdup(path);
        if (!file->path)
            return pacs_fail(err, PACS_NO_MEMORY, "no memory for the log sink");
        PacsStatus status = open_file(file, err);
        if (status != PACS_OK)
            return status;
    }
    *ret_file = PACS_STEAL(file);
    return PACS_OK;
}

void line_file_close(LineFile *file)
{
    if (!file)
        return;
    if (file->path && file->fd >= 0)
        (void)close(file->fd); /* every line was synced */
    free(file->path);
    free(file);
}

/** Another file has our name, or none: begin one. */
static PacsStatus follow_name(LineFile *file, PacsError *err)
{
    struct stat ours, named;

    if (!file->path)
        return PACS_OK;
    if (file->fd >= 0 && fstat(file->fd, &ours) == 0 && stat(file->path, &named) == 0 &&
        ours.st_ino == named.st_ino && ours.st_dev == named.st_dev)
        return PACS_OK;
    if (file->fd >= 0)
        (void)close(file->fd);
    return open_file(file, err);
}

/* ---- Writing ---- */

static PacsStatus write_all(const LineFile *file, const PacsBuffer *lines, PacsError *err)
{
    for (size_t done = 0; done < lines->size;) {
        const ssize_t n = write(file->fd, lines->bytes + done, lines->size - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fail("write to", file->path, err);
        done += (size_t)n;
    }
    return PACS_OK;
}

PacsStatus line_file_append(LineFile *file, const PacsBuffer *lines, PacsError *err)
{
    struct stat before;

    PacsStatus status = follow_name(file, err);
    if (status != PACS_OK)
        return status;
    if (fstat(file->fd, &before) != 0)
        return fail("look at", file->path, err);
    status = write_all(file, lines, err);
    if (status == PACS_OK && S_ISREG(before.st_mode) && fdatasync(file->fd) != 0)
        status = fail("sync", file->path, err);
    if (status != PACS_OK && S_ISREG(before.st_mode) && ftruncate(file->fd, before.st_size) != 0)
        return status; /* what stays of them is cut off when it is opened the next time */
    return status;
}
