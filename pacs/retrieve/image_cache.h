#pragma once

#include "pacs/retrieve/frames.h"
#include "pacs/util/auto.h"

/**
 * What the index said of images a moment ago, as long as nothing is removed from it: an object never changes, so only a
 * removal can make that wrong (pacs_index_removals()).
 *
 * Threads: any.
 */
typedef struct ImageCache ImageCache;

ImageCache *image_cache_new(void); /* NULL: no memory */
void image_cache_free(ImageCache *cache);
PACS_DEFINE_AUTO(ImageCache, image_cache_free);

/** A copy in the arena; NULL: nothing that holds at this number of removals, or no memory. */
PacsRetrievedImage *image_cache_find(ImageCache *cache, const PacsUidPath *path, uint64_t removals,
                                     PacsArena *arena);
/** Keeps a copy of what was read after `removals` was. */
void image_cache_add(ImageCache *cache, const PacsUidPath *path, uint64_t removals,
                     const PacsRetrievedImage *image);
