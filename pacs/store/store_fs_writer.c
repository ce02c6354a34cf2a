#include "pacs/store/store_fs_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "pacs/util/crash_point.h"

/* Small pieces are joined up to this; also from where on the disk starts on what is there while the peer
 * sends. */
#define BUFFER_BYTES PACS_BLOCK_BYTES
#define UNCOPIED_BYTES (64u << 10) /* a piece this large is not copied first: that costs more than the call */
#define SECTOR PACS_BLOCK_ALIGN

/* At most two windows are dirty, so that one large object neither fills the memory with pages to be written
 * nor leaves the last fsync with all the work. */
#define WINDOW (8u << 20)
/* Of longer objects the rest leaves the page cache once written: what a reader asks for first is in front,
 * and one whole-slide object must not push out everybody else's files. */
#define KEEP_CACHED (64u << 20)

typedef struct FsWriter {
    PacsStoreWriter base;
    StoreFsTools *tools;
    StoreFsFile file;
    bool is_cached;  /* through the page cache; otherwise whole blocks go around it, from borrowed blocks */
    bool is_direct;  /* O_DIRECT is set at the moment */
    uint8_t *block;  /* NULL until a small piece comes; around the cache: until any does */
    size_t buffered; /* in the block */
    StoreFsFlight flight; /* around the cache: the block before, on its way to the disk */
    uint8_t *
        kept; /* the block before, where it went through the cache after all: who filled it may still read it */
    uint64_t written; /* in the file or in flight; what is buffered comes after */
    uint64_t started; /* the disk was told to begin up to here */
    uint64_t settled; /* the disk is done up to here */
} FsWriter;

PacsStatus pacs_store_fs_writer_new(StoreFsTools *tools, uint64_t size_hint, PacsStoreWriter **ret_writer,
                                    PacsError *err)
{
    PacsStatus status = pacs_store_fs_space_check(&tools->space, size_hint, err);
    if (status != PACS_OK)
        return status;
    PACS_AUTO_FREE FsWriter *writer = calloc(1, sizeof *writer);
    if (!writer)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for a new object");
    status = pacs_store_fs_flight_init(&writer->flight, tools->helpers, err);
    if (status == PACS_OK)
        status = pacs_store_fs_file_create(&tools->folders, tools->helpers, &writer->file, err);
    if (status != PACS_OK)
        return status;

    writer->tools = tools;
    writer->is_cached = atomic_load(&tools->is_cached);
    pacs_store_key_make(writer->file.folder->id, writer->file.object, &writer->base.key);
    *ret_writer = &PACS_STEAL(writer)->base;
    return PACS_OK;
}

/* ---- writeback ---- */

static PacsStatus write_back(FsWriter *writer, uint64_t from, uint64_t size, unsigned flags, PacsError *err)
{
    if (sync_file_range(writer->file.fd, (off_t)from, (off_t)size, flags) == 0)
        return PACS_OK;
    /* Where the kernel or the file system does not know it, the fsync at the end does all. Any other error
     * counts: it may be the only time that the kernel reports a page which it could not write. */
    if (errno == ENOSYS || errno == EINVAL || errno == ESPIPE || errno == EOPNOTSUPP)
        return PACS_OK;
    return pacs_store_fs_fail(err, errno, "write an object back");
}

static PacsStatus settle_window(FsWriter *writer, PacsError *err)
{
    PacsStatus status = write_back(
        writer, writer->settled, WINDOW,
        SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER, err);
    if (status != PACS_OK)
        return status;
    if (writer->settled >= KEEP_CACHED) /* a hint: nothing is lost where it is not taken */
        (void)posix_fadvise(writer->file.fd, (off_t)writer->settled, WINDOW, POSIX_FADV_DONTNEED);
    writer->settled += WINDOW;
    return pacs_store_fs_space_check(&writer->tools->space, 0, err);
}

static PacsStatus advance(FsWriter *writer, PacsError *err)
{
    uint64_t end = writer->written - writer->written % SECTOR; /* a block that still grows would go twice */
    if (end - writer->started < BUFFER_BYTES)
        return PACS_OK;
    PacsStatus status = write_back(writer, writer->started, end - writer->started, SYNC_FILE_RANGE_WRITE,
                                   err);
    writer->started = end;
    while (status == PACS_OK && writer->started - writer->settled >= 2 * (uint64_t)WINDOW)
        status = settle_window(writer, err);
    return status;
}

/* ---- writing ---- */

static PacsStatus write_parts(FsWriter *writer, struct iovec parts[2], PacsError *err)
{
    while (parts[0].iov_len + parts[1].iov_len > 0) {
        ssize_t count = pwritev(writer->file.fd, parts, 2, (off_t)writer->written);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return pacs_store_fs_fail(err, errno, "write an object");
        writer->written += (uint64_t)count;
        size_t left = (size_t)count;
        for (int i = 0; i < 2; i++) {
            size_t taken = left < parts[i].iov_len ? left : parts[i].iov_len;
            parts[i].iov_base = (uint8_t *)parts[i].iov_base + taken;
            parts[i].iov_len -= taken;
            left -= taken;
        }
    }
    return PACS_OK;
}

/* What is buffered, and after it `size` bytes that need not go through the buffer. */
static PacsStatus flush(FsWriter *writer, const void *bytes, size_t size, PacsError *err)
{
    struct iovec parts[2] = {
        {.iov_base = writer->block, .iov_len = writer->buffered},
        {.iov_base = (void *)bytes, .iov_len = size}, /* writev only reads */
    };
    writer->buffered = 0;
    PacsStatus status = write_parts(writer, parts, err);
    return status == PACS_OK ? advance(writer, err) : status;
}

static bool take_block(FsWriter *writer)
{
    if (!writer->block)
        writer->block = pacs_blocks_take(writer->tools->blocks);
    return writer->block != NULL;
}

static PacsStatus write_cached(FsWriter *writer, const void *bytes, size_t size, PacsError *err)
{
    if (size >= UNCOPIED_BYTES)
        return flush(writer, bytes, size, err);

    if (!take_block(writer))
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for an object's bytes");
    if (size > PACS_BLOCK_BYTES - writer->buffered) {
        PacsStatus status = flush(writer, NULL, 0, err);
        if (status != PACS_OK)
            return status;
    }
    memcpy(writer->block + writer->buffered, bytes, size);
    writer->buffered += size;
    return PACS_OK;
}

/* ---- around the page cache ---- */

static void leave_direct(FsWriter *writer)
{
    if (writer->is_direct)
        (void)pacs_store_fs_set_direct(writer->file.fd, false); /* clearing what was set cannot fail */
    writer->is_direct = false;
}

/* Here, or from here on, direct writes are not to be had: what comes goes the usual way. */
static void become_cached(FsWriter *writer)
{
    leave_direct(writer);
    writer->is_cached = true;
    atomic_store(&writer->tools->is_cached, true);
}

/*
 * The buffer in flight has landed, its bytes are in the file. EINVAL: a file system that took the flag and not
 * the write, or a disk that is filling up and left us between two blocks; through the cache it will go, or
 * fail with a better reason.
 */
static PacsStatus land(FsWriter *writer, PacsError *err)
{
    StoreFsFlight *flight = &writer->flight;
    if (!pacs_store_fs_flight_wait(flight))
        return PACS_OK;
    if (flight->error == EINVAL) {
        become_cached(writer);
        struct iovec rest[2] = {
            {.iov_base = flight->bytes + flight->done, .iov_len = flight->size - flight->done}};
        const uint64_t end = writer->written;
        writer->written = flight->offset + flight->done;
        PacsStatus status = write_parts(writer, rest, err);
        writer->written = status == PACS_OK ? end : writer->written;
        pacs_blocks_put(writer->tools->blocks, flight->bytes);
        return status;
    }
    pacs_blocks_put(writer->tools->blocks, flight->bytes);
    if (flight->error != 0)
        return pacs_store_fs_fail(err, flight->error, "write an object");
    return pacs_store_fs_space_check(&writer->tools->space, 0, err);
}

/* The buffer, whole blocks of it, flies; the next piece begins an empty one. */
static PacsStatus take_off(FsWriter *writer, size_t size, PacsError *err)
{
    PacsStatus status = land(writer, err);
    if (status != PACS_OK)
        return status;
    if (!writer->is_cached && !writer->is_direct) {
        writer->is_direct = pacs_store_fs_set_direct(writer->file.fd, true);
        if (!writer->is_direct)
            become_cached(writer);
    }
    if (writer->is_cached) {
        status = flush(writer, NULL, 0, err);
        pacs_blocks_put(writer->tools->blocks, writer->kept);
        writer->kept = writer->block;
        writer->block = NULL;
        return status;
    }
    pacs_store_fs_flight_begin(&writer->flight, writer->file.fd, writer->block, size, writer->written);
    writer->written += size;
    writer->buffered = 0;
    writer->block = NULL;
    return PACS_OK;
}

static PacsStatus take_off_full(FsWriter *writer, PacsError *err)
{
    return writer->buffered == PACS_BLOCK_BYTES ? take_off(writer, PACS_BLOCK_BYTES, err) : PACS_OK;
}

static PacsStatus write_around(FsWriter *writer, const uint8_t *bytes, size_t size, PacsError *err)
{
    while (size > 0 && !writer->is_cached) {
        if (!take_block(writer))
            return pacs_fail(err, PACS_NO_MEMORY, "no memory for an object's bytes");
        size_t room = PACS_BLOCK_BYTES - writer->buffered;
        size_t part = size < room ? size : room;
        memcpy(writer->block + writer->buffered, bytes, part);
        writer->buffered += part;
        bytes += part;
        size -= part;
        PacsStatus status = take_off_full(writer, err);
        if (status != PACS_OK)
            return status;
    }
    return size > 0 ? write_cached(writer, bytes, size, err) : PACS_OK;
}

PacsStatus pacs_store_fs_write(PacsStoreWriter *self, const void *bytes, size_t size, PacsError *err)
{
    FsWriter *writer = (FsWriter *)self;
    return writer->is_cached ? write_cached(writer, bytes, size, err)
                             : write_around(writer, bytes, size, err);
}

PacsStatus pacs_store_fs_room(PacsStoreWriter *self, uint8_t **ret_room, size_t *ret_size, PacsError *err)
{
    FsWriter *writer = (FsWriter *)self;
    if (writer->is_cached) /* there the caller's own memory serves as well */
        return PACS_OK;
    if (!take_block(writer))
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for an object's bytes");
    *ret_room = writer->block + writer->buffered;
    *ret_size = PACS_BLOCK_BYTES - writer->buffered;
    return PACS_OK;
}

PacsStatus pacs_store_fs_filled(PacsStoreWriter *self, size_t size, PacsError *err)
{
    FsWriter *writer = (FsWriter *)self;
    writer->buffered += size;
    return take_off_full(writer, err);
}

PacsStatus pacs_store_fs_write_block(PacsStoreWriter *self, uint8_t **block, size_t size, PacsError *err)
{
    FsWriter *writer = (FsWriter *)self;
    if (writer->is_cached || writer->buffered > 0 || size < PACS_BLOCK_BYTES)
        return pacs_store_fs_write(self, *block, size, err);
    pacs_blocks_put(writer->tools->blocks, writer->block);
    writer->block = *block;
    writer->buffered = size;
    *block = NULL;
    return take_off_full(writer, err);
}

/* What is still buffered: whole blocks around the cache where they are worth a call, the rest through it. */
static PacsStatus write_rest(FsWriter *writer, PacsError *err)
{
    PacsStatus status = PACS_OK;
    if (!writer->is_cached && writer->buffered >= UNCOPIED_BYTES) {
        uint8_t tail[SECTOR];
        const size_t whole = writer->buffered - writer->buffered % SECTOR;
        const size_t rest = writer->buffered - whole;
        memcpy(tail, writer->block + whole, rest);
        writer->buffered = whole;
        status = take_off(writer, whole, err);
        if (status == PACS_OK)
            status = land(writer, err);
        leave_direct(writer);
        struct iovec parts[2] = {{.iov_base = tail, .iov_len = rest}};
        return status == PACS_OK ? write_parts(writer, parts, err) : status;
    }
    status = land(writer, err);
    leave_direct(writer);
    if (status != PACS_OK || writer->is_cached)
        return status == PACS_OK ? flush(writer, NULL, 0, err) : status;
    struct iovec parts[2] = {{.iov_base = writer->block, .iov_len = writer->buffered}};
    writer->buffered = 0;
    return write_parts(writer, parts, err);
}

/* ---- the end ---- */

/* Somebody who swept while we wrote has unlinked a file that we are about to promise. */
static PacsStatus check_linked(const FsWriter *writer, PacsError *err)
{
    struct stat file;
    if (fstat(writer->file.fd, &file) < 0)
        return pacs_store_fs_fail(err, errno, "look at an object");
    if (file.st_nlink == 0)
        return pacs_fail(err, PACS_UNAVAILABLE, "the object was removed while it was written");
    return PACS_OK;
}

PacsStatus pacs_store_fs_commit(PacsStoreWriter *self, PacsError *err)
{
    FsWriter *writer = (FsWriter *)self;
    PacsStatus status = write_rest(writer, err);
    if (status != PACS_OK)
        return status;

    PACS_CRASH_POINT("store-written"); /* its name is on the disk since before it began */
    /* If it fails, the object is lost: the kernel may have dropped the pages it could not write and marked
     * them clean, so that a second fsync would succeed without the bytes ("fsyncgate", Linux since 2.6). */
    if (fsync(writer->file.fd) < 0)
        return pacs_store_fs_fail(err, errno, "sync an object");
    PACS_CRASH_POINT("store-synced");
    status = check_linked(writer, err);
    if (status == PACS_OK && writer->written > KEEP_CACHED)
        (void)posix_fadvise(writer->file.fd, KEEP_CACHED, 0, POSIX_FADV_DONTNEED); /* as in settle_window() */
    return status;
}

void pacs_store_fs_writer_free(PacsStoreWriter *self)
{
    FsWriter *writer = (FsWriter *)self;
    if (pacs_store_fs_flight_wait(&writer->flight)) /* given up midway */
        pacs_blocks_put(writer->tools->blocks, writer->flight.bytes);
    pacs_store_fs_flight_clear(&writer->flight);
    pacs_store_fs_file_clear(&writer->tools->folders, &writer->file, self->committed);
    pacs_blocks_put(writer->tools->blocks, writer->kept);
    pacs_blocks_put(writer->tools->blocks, writer->block);
    free(writer);
}
