#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pacs/http/http.h"
#include "pacs/http/mapped.h"
#include "pacs/util/arena.h"

/**
 * A body made of pieces (http.h), read from front to back by whoever sends it.
 *
 * Threads: one at a time.
 * Owner:   the list is in the arena; pacs_http_pieces_clear() closes what is open.
 */
typedef struct PacsHttpPieces PacsHttpPieces;

/** NULL: no memory. */
PacsHttpPieces *pacs_http_pieces_new(PacsArena *arena);
void pacs_http_pieces_clear(PacsHttpPieces *pieces);

/* False: no memory, or more than 2^63 bytes. Empty pieces are left out. */
bool pacs_http_pieces_add_bytes(PacsHttpPieces *pieces, const void *bytes, size_t size);
bool pacs_http_pieces_add_fd(PacsHttpPieces *pieces, int fd, uint64_t offset, uint64_t size);
bool pacs_http_pieces_add_opened(PacsHttpPieces *pieces, const PacsHttpOpener *opener, const void *item,
                                 uint64_t size);

uint64_t pacs_http_pieces_size(const PacsHttpPieces *pieces);
/** The next read begins at this byte of the body; once, before the first read. */
void pacs_http_pieces_seek(PacsHttpPieces *pieces, uint64_t offset);

typedef enum PacsHttpRead {
    PACS_HTTP_READ_DONE,   /* *ret_size bytes; 0 means the end */
    PACS_HTTP_READ_LATER,  /* the next byte has to be waited for: read again where that is allowed */
    PACS_HTTP_READ_FAILED, /* an object is not there, or shorter than it should be */
} PacsHttpRead;

/** As many as are to be had, up to `size` (at least 1): short only at the end, or (not may_wait) where the
 *  disk would have to be waited for. */
PacsHttpRead pacs_http_pieces_read(PacsHttpPieces *pieces, void *bytes, size_t size, bool may_wait,
                                   size_t *ret_size);

/** The whole body as mapped memory, not prepared yet; the descriptor stays borrowed. NULL: it is not one range of a file with
 *  bytes around it, or mapping it is of no use. */
PacsHttpMapped *pacs_http_pieces_map(const PacsHttpPieces *pieces);
