#pragma once

#include <stdarg.h>
#include <stddef.h>

#include "pacs/util/auto.h"
#include "pacs/util/status.h"

/**
 * Memory of one request: many small allocations, freed in one call. Not for pixels or files.
 *
 * Owner:   the arena owns everything it gave out.
 * Threads: one thread at a time.
 * Errors:  NULL when memory runs out or `max_bytes` would be passed.
 */
typedef struct PacsArena PacsArena;

PacsArena *pacs_arena_new(size_t max_bytes); /* NULL: no memory */
void pacs_arena_free(PacsArena *arena);
void pacs_arena_reset(PacsArena *arena); /* frees what was given out, keeps the first block */
PACS_DEFINE_AUTO(PacsArena, pacs_arena_free);

/** Zeroed, aligned for any type. */
void *pacs_arena_alloc(PacsArena *arena, size_t size);
void *pacs_arena_array(PacsArena *arena, size_t count, size_t item_size); /* checks the product */
char *pacs_arena_strdup(PacsArena *arena, const char *text);              /* NULL gives NULL */
char *pacs_arena_strndup(PacsArena *arena, const char *text, size_t size);
char *pacs_arena_printf(PacsArena *arena, const char *fmt, ...) PACS_PRINTF(2, 3);
char *pacs_arena_vprintf(PacsArena *arena, const char *fmt, va_list arguments) PACS_PRINTF(2, 0);
