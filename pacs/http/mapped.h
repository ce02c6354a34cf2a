#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * A body as one stretch of memory in which the bytes of a file are the page cache's own pages, so that they leave in one
 * write with the header and are copied once, into the socket.
 *
 * Only the kernel may read the file's bytes here. Where the file was cut short under us or its disk fails, that is an
 * error of the write, which ends the connection; to a reader of our own it would be the end of the process (SIGBUS).
 *
 * Threads: any; what is not ready yet has one owner.
 */
typedef struct PacsHttpMapped PacsHttpMapped;

/** A range of a file, and how much room there is to be for bytes in front of it and behind it. */
typedef struct PacsHttpMappedRange {
    int fd; /* borrowed until it is ready for the first time */
    uint64_t offset;
    size_t size;
    size_t before, after;
} PacsHttpMappedRange;

/** Reads nothing yet. NULL: too small to be worth it, or no room for it in the address space. */
PacsHttpMapped *pacs_http_mapped_new(const PacsHttpMappedRange *range);
PacsHttpMapped *pacs_http_mapped_ref(PacsHttpMapped *mapped);
void pacs_http_mapped_unref(PacsHttpMapped *mapped); /* NULL is fine */

/** Where its owner puts what stands in front and behind, before others get to see it. */
uint8_t *pacs_http_mapped_before(PacsHttpMapped *mapped);
uint8_t *pacs_http_mapped_after(PacsHttpMapped *mapped);

typedef enum PacsHttpMappedState {
    PACS_HTTP_MAPPED_READY,  /* all of it is in memory, as far as can be known */
    PACS_HTTP_MAPPED_COLD,   /* not may_wait, and the disk would have to be waited for */
    PACS_HTTP_MAPPED_FAILED, /* the file is shorter, or its disk fails */
} PacsHttpMappedState;

/** Have it in memory. It has to have been READY before it is sent or shared. */
PacsHttpMappedState pacs_http_mapped_prepare(PacsHttpMapped *mapped, bool may_wait);

const void *pacs_http_mapped_bytes(const PacsHttpMapped *mapped);
size_t pacs_http_mapped_size(const PacsHttpMapped *mapped);
