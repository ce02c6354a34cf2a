#include "pacs/util/source.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

PacsStatus pacs_source_read(PacsSource *source, void *bytes, size_t size, size_t *ret_size, PacsError *err)
{
    assert(size > 0);
    PacsError *failure = &source->failure;
    size_t got = 0;
    if (failure->status == PACS_OK) {
        PacsStatus status = source->ops->read(source, bytes, size, &got, failure);
        assert(got <= size);
        failure->status = status; /* also where the slot failed without a text */
    }
    if (failure->status != PACS_OK)
        return pacs_fail(err, failure->status, "%s", failure->text);
    *ret_size = got;
    return PACS_OK;
}

PacsStatus pacs_source_read_all(PacsSource *source, void *bytes, size_t size, PacsError *err)
{
    for (size_t done = 0; done < size;) {
        size_t got = 0;
        PacsStatus status = pacs_source_read(source, (char *)bytes + done, size - done, &got, err);
        if (status != PACS_OK)
            return status;
        if (got == 0)
            return pacs_fail(err, PACS_CORRUPT, "the stream ends after %zu of %zu bytes", done, size);
        done += got;
    }
    return PACS_OK;
}

void pacs_source_free(PacsSource *source)
{
    if (source)
        source->ops->free(source);
}

/* ---- a part of a file ---- */

typedef struct FileSource {
    PacsSource base;
    int fd;
    uint64_t offset; /* of the next byte */
    uint64_t left;
} FileSource;

static PacsStatus file_read(PacsSource *self, void *bytes, size_t size, size_t *ret_size, PacsError *err)
{
    FileSource *file = (FileSource *)self;
    if (size > file->left)
        size = (size_t)file->left;
    if (size == 0) {
        *ret_size = 0;
        return PACS_OK;
    }

    ssize_t got;
    do
        got = pread(file->fd, bytes, size, (off_t)file->offset);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        return pacs_fail(err, PACS_UNAVAILABLE, "cannot read a stored file: %s", strerror(errno));
    if (got == 0)
        return pacs_fail(err, PACS_CORRUPT, "a stored file ends %llu bytes early",
                         (unsigned long long)file->left);
    file->offset += (uint64_t)got;
    file->left -= (uint64_t)got;
    *ret_size = (size_t)got;
    return PACS_OK;
}

static void file_free(PacsSource *self)
{
    FileSource *file = (FileSource *)self;
    pacs_auto_close(&file->fd);
    free(file);
}

static const PacsSourceOps file_ops = {.read = file_read, .free = file_free};

PacsStatus pacs_source_fd(int fd, uint64_t offset, uint64_t size, PacsSource **ret_source, PacsError *err)
{
    PACS_AUTO_CLOSE int owned = fd;
    if (offset > INT64_MAX || size > INT64_MAX - offset)
        return pacs_fail(err, PACS_INVALID, "a range beyond what files can have");

    FileSource *file = calloc(1, sizeof *file);
    if (!file)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for a stream");
    *file = (FileSource){.base.ops = &file_ops, .fd = pacs_steal_fd(&owned), .offset = offset, .left = size};
    *ret_source = &file->base;
    return PACS_OK;
}

/* ---- bytes in memory ---- */

typedef struct MemorySource {
    PacsSource base;
    const char *bytes;
    size_t left;
} MemorySource;

static PacsStatus memory_read(PacsSource *self, void *bytes, size_t size, size_t *ret_size, PacsError *err)
{
    (void)err;
    MemorySource *memory = (MemorySource *)self;
    if (size > memory->left)
        size = memory->left;
    if (size > 0) {
        memcpy(bytes, memory->bytes, size);
        memory->bytes += size;
        memory->left -= size;
    }
    *ret_size = size;
    return PACS_OK;
}

static void memory_free(PacsSource *self)
{
    free((MemorySource *)self);
}

static const PacsSourceOps memory_ops = {.read = memory_read, .free = memory_free};

PacsStatus pacs_source_memory(const void *bytes, size_t size, PacsSource **ret_source, PacsError *err)
{
    MemorySource *memory = calloc(1, sizeof *memory);
    if (!memory)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for a stream");
    *memory = (MemorySource){.base.ops = &memory_ops, .bytes = bytes, .left = size};
    *ret_source = &memory->base;
    return PACS_OK;
}
