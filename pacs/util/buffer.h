#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pacs/util/auto.h"
#include "pacs/util/status.h"

/**
 * A growable run of bytes, born with its maximum. `bytes[size]` is always a NUL once anything was added, so
 * that a buffer of text is a C string; the NUL is not counted.
 *
 * Owner: the caller's struct; pacs_buffer_clear() frees what it holds and keeps the maximum.
 * Errors: PACS_TOO_LARGE when an addition would pass the maximum, PACS_NO_MEMORY. A failed addition leaves
 *         the buffer as it was, and sets `failed`, so that a writer of many pieces may check once at the end.
 *         Once failed, every further addition fails too, so that the content has no hole in it.
 */
typedef struct PacsBuffer {
    uint8_t *bytes;
    size_t size;
    size_t capacity; /* of bytes, without the NUL */
    size_t max;
    bool failed;
    PacsStatus failure; /* of the first failed addition */
} PacsBuffer;

/** `PacsBuffer json = PACS_BUFFER(MAX);` where it is declared; pacs_buffer_init() where it is a member. */
#define PACS_BUFFER(maximum) ((PacsBuffer){.max = (maximum)})
void pacs_buffer_init(PacsBuffer *buffer, size_t max);
void pacs_buffer_clear(PacsBuffer *buffer);

/** Forget the content, keep the memory (and clear `failed`). */
void pacs_buffer_reset(PacsBuffer *buffer);

/**
 * Make room for `extra` more bytes; the caller may then write at bytes + size and raise size. (Not an
 * addition: it fails by its status only. pacs_buffer_text() puts the NUL behind what was written so.)
 */
PACS_CHECKED PacsStatus pacs_buffer_reserve(PacsBuffer *buffer, size_t extra, PacsError *err);

/* These return false where the status would not be PACS_OK; `failed` remembers it. */
bool pacs_buffer_add(PacsBuffer *buffer, const void *bytes, size_t size);
bool pacs_buffer_add_text(PacsBuffer *buffer, const char *text);
bool pacs_buffer_add_char(PacsBuffer *buffer, char c);
bool pacs_buffer_add_format(PacsBuffer *buffer, const char *fmt, ...) PACS_PRINTF(2, 3);

/** Remove `size` bytes from the front (size <= buffer->size). */
void pacs_buffer_drop_front(PacsBuffer *buffer, size_t size);

/** PACS_OK, or the status of the first failed addition. */
PACS_CHECKED PacsStatus pacs_buffer_check(const PacsBuffer *buffer, PacsError *err);

/** Text of the buffer, "" if nothing was added. Borrowed from the buffer. */
const char *pacs_buffer_text(const PacsBuffer *buffer);

/* PACS_AUTO_BUFFER PacsBuffer json = PACS_BUFFER(MAX); */
#define PACS_AUTO_BUFFER __attribute__((cleanup(pacs_buffer_clear)))
