#include "pacs/http/pieces.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#define BLOCK_PIECES 32
#define MAP_ALIGNMENT (64u << 10) /* a page, of whatever machine */
#define READ_AHEAD_MIN ((size_t)64 << 10)

typedef struct Piece {
    uint64_t size;
    uint64_t offset;              /* in the file */
    const void *bytes;            /* or the opener's item; NULL for a file */
    const PacsHttpOpener *opener; /* NULL: bytes, or a file */
    int fd;
} Piece;

typedef struct Block {
    struct Block *next;
    size_t count;
    Piece pieces[BLOCK_PIECES];
} Block;

struct PacsHttpPieces {
    PacsArena *arena;
    Block *last; /* where pieces are added */
    uint64_t size;
    Block *block; /* where the reader is: in piece `index` of it, after `done` bytes */
    size_t index;
    uint64_t done;
    bool is_open; /* opened belongs to the piece being read */
    PacsHttpOpened opened;
    Block first;
};

/* ---- Putting together ---- */

PacsHttpPieces *pacs_http_pieces_new(PacsArena *arena)
{
    PacsHttpPieces *pieces = pacs_arena_alloc(arena, sizeof *pieces);

    if (!pieces)
        return NULL;
    pieces->arena = arena;
    pieces->last = pieces->block = &pieces->first;
    return pieces;
}

static bool add(PacsHttpPieces *pieces, Piece piece)
{
    if (piece.size == 0)
        return true;
    if (piece.size > INT64_MAX - pieces->size)
        return false;
    if (pieces->last->count == BLOCK_PIECES) {
        Block *block = pacs_arena_alloc(pieces->arena, sizeof *block);
        if (!block)
            return false;
        pieces->last->next = block;
        pieces->last = block;
    }
    pieces->last->pieces[pieces->last->count++] = piece;
    pieces->size += piece.size;
    return true;
}

bool pacs_http_pieces_add_bytes(PacsHttpPieces *pieces, const void *bytes, size_t size)
{
    return add(pieces, (Piece){.size = size, .bytes = bytes, .fd = -1});
}

bool pacs_http_pieces_add_fd(PacsHttpPieces *pieces, int fd, uint64_t offset, uint64_t size)
{
    if (offset > INT64_MAX || size > INT64_MAX - offset)
        return false;
    return add(pieces, (Piece){.size = size, .offset = offset, .fd = fd});
}

bool pacs_http_pieces_add_opened(PacsHttpPieces *pieces, const PacsHttpOpener *opener, const void *item,
                                 uint64_t size)
{
    return add(pieces, (Piece){.size = size, .bytes = item, .opener = opener, .fd = -1});
}

uint64_t pacs_http_pieces_size(const PacsHttpPieces *pieces)
{
    return pieces->size;
}

/* ---- Where the reader is ---- */

static void close_opened(PacsHttpPieces *pieces)
{
    if (!pieces->is_open)
        return;
    pieces->is_open = false;
    pacs_source_free(pieces->opened.source);
    if (pieces->opened.fd >= 0)
        (void)close(pieces->opened.fd); /* only read from */
}

void pacs_http_pieces_clear(PacsHttpPieces *pieces)
{
    if (pieces)
        close_opened(pieces);
}

/* NULL at the end. */
static Piece *current(PacsHttpPieces *pieces)
{
    if (pieces->index == BLOCK_PIECES && pieces->block->next) {
        pieces->block = pieces->block->next;
        pieces->index = 0;
    }
    return pieces->index < pieces->block->count ? &pieces->block->pieces[pieces->index] : NULL;
}

static void advance(PacsHttpPieces *pieces, const Piece *piece, uint64_t size)
{
    pieces->done += size;
    if (pieces->done < piece->size)
        return;
    close_opened(pieces);
    pieces->done = 0;
    pieces->index++;
}

void pacs_http_pieces_seek(PacsHttpPieces *pieces, uint64_t offset)
{
    const Piece *piece;

    assert(pieces->done == 0 && pieces->index == 0 && pieces->block == &pieces->first);
    while (offset > 0 && (piece = current(pieces))) {
        uint64_t size = offset < piece->size ? offset : piece->size;
        advance(pieces, piece, size);
        offset -= size;
    }
}

/* ---- Reading ---- */

/*
 * Have the disk read what comes, in large folios where the kernel makes them for mapped files that ask for huge pages:
 * reads and writes over single pages cost a sixth more (measured). Only the kernel looks at the mapping, so a disk that
 * fails cannot stop us; what is not there afterwards is waited for by the read.
 */
static void read_ahead(int fd, uint64_t offset, size_t size)
{
    const uint64_t start = offset & ~(uint64_t)(MAP_ALIGNMENT - 1);
    const size_t length = (size_t)(offset + size - start);
    void *mapped = mmap(NULL, length, PROT_READ, MAP_SHARED, fd, (off_t)start);

    if (mapped == MAP_FAILED)
        return;
    (void)madvise(mapped, length, MADV_HUGEPAGE); /* both are hints */
    (void)madvise(mapped, length, MADV_POPULATE_READ);
    (void)munmap(mapped, length);
}

/* RWF_NOWAIT gives what is in the page cache and never waits for the disk; EOPNOTSUPP where a file system cannot. */
static PacsHttpRead read_fd(int fd, uint64_t offset, void *bytes, size_t size, bool may_wait,
                            size_t *ret_size)
{
    const struct iovec into = {.iov_base = bytes, .iov_len = size};

    if (may_wait && size >= READ_AHEAD_MIN)
        read_ahead(fd, offset, size);
    for (;;) {
        ssize_t count = preadv2(fd, &into, 1, (off_t)offset, may_wait ? 0 : RWF_NOWAIT);
        if (count > 0) {
            *ret_size = (size_t)count;
            return PACS_HTTP_READ_DONE;
        }
        if (count < 0 && errno == EINTR)
            continue;
        return count < 0 && !may_wait ? PACS_HTTP_READ_LATER : PACS_HTTP_READ_FAILED;
    }
}

static PacsHttpRead read_opened(PacsHttpPieces *pieces, const Piece *piece, void *bytes, size_t size,
                                bool may_wait, size_t *ret_size)
{
    PacsHttpOpened *opened = &pieces->opened;

    if (!pieces->is_open) {
        if (!may_wait && !piece->opener->is_quick)
            return PACS_HTTP_READ_LATER;
        *opened = (PacsHttpOpened){.fd = -1};
        if (piece->opener->open(piece->opener->context, piece->bytes, pieces->done,
                                piece->size - pieces->done, opened, NULL) != PACS_OK)
            return PACS_HTTP_READ_FAILED;
        opened->offset -=
            pieces->done; /* modulo 2^64: of the piece's first byte, as the other kinds have it */
        pieces->is_open = true;
    }
    if (opened->fd >= 0)
        return read_fd(opened->fd, opened->offset + pieces->done, bytes, size, may_wait, ret_size);
    if (!may_wait)
        return PACS_HTTP_READ_LATER;
    if (pacs_source_read(opened->source, bytes, size, ret_size, NULL) != PACS_OK || *ret_size == 0)
        return PACS_HTTP_READ_FAILED;
    return PACS_HTTP_READ_DONE;
}

static PacsHttpRead read_piece(PacsHttpPieces *pieces, const Piece *piece, void *bytes, size_t size,
                               bool may_wait, size_t *ret_size)
{
    if (piece->size - pieces->done < size)
        size = (size_t)(piece->size - pieces->done);
    if (piece->opener)
        return read_opened(pieces, piece, bytes, size, may_wait, ret_size);
    if (piece->fd >= 0)
        return read_fd(piece->fd, piece->offset + pieces->done, bytes, size, may_wait, ret_size);
    memcpy(bytes, (const uint8_t *)piece->bytes + pieces->done, size);
    *ret_size = size;
    return PACS_HTTP_READ_DONE;
}

PacsHttpRead pacs_http_pieces_read(PacsHttpPieces *pieces, void *bytes, size_t size, bool may_wait,
                                   size_t *ret_size)
{
    size_t total = 0, count = 0;
    const Piece *piece;

    while (total < size && (piece = current(pieces))) {
        PacsHttpRead read = read_piece(pieces, piece, (uint8_t *)bytes + total, size - total, may_wait,
                                       &count);
        if (read == PACS_HTTP_READ_LATER && total > 0)
            break;
        if (read != PACS_HTTP_READ_DONE)
            return read;
        total += count;
        advance(pieces, piece, count);
    }
    *ret_size = total;
    return PACS_HTTP_READ_DONE;
}

/* ---- Mapping ---- */

/* False: more than one range of a file, or none, or something else that has to be opened. */
static bool find_range(const PacsHttpPieces *pieces, PacsHttpMappedRange *ret_range)
{
    PacsHttpMappedRange range = {.fd = -1};

    for (const Block *block = &pieces->first; block; block = block->next) {
        for (size_t i = 0; i < block->count; i++) {
            const Piece *piece = &block->pieces[i];

            if (piece->opener || (piece->fd >= 0 && range.fd >= 0))
                return false;
            if (piece->fd >= 0) {
                range.fd = piece->fd;
                range.offset = piece->offset;
                range.size = (size_t)piece->size;
            } else {
                *(range.fd >= 0 ? &range.after : &range.before) += (size_t)piece->size;
            }
        }
    }
    *ret_range = range;
    return range.fd >= 0;
}

static void copy_bytes(const PacsHttpPieces *pieces, PacsHttpMapped *mapped)
{
    uint8_t *place = pacs_http_mapped_before(mapped);

    for (const Block *block = &pieces->first; block; block = block->next) {
        for (size_t i = 0; i < block->count; i++) {
            const Piece *piece = &block->pieces[i];

            if (piece->fd >= 0) {
                place = pacs_http_mapped_after(mapped);
            } else {
                memcpy(place, piece->bytes, (size_t)piece->size);
                place += piece->size;
            }
        }
    }
}

PacsHttpMapped *pacs_http_pieces_map(const PacsHttpPieces *pieces)
{
    PacsHttpMappedRange range;

    if (!find_range(pieces, &range))
        return NULL;
    PacsHttpMapped *mapped = pacs_http_mapped_new(&range);
    if (mapped)
        copy_bytes(pieces, mapped);
    return mapped;
}
