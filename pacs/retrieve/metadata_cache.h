#pragma once

#include "pacs/retrieve/metadata.h"

/**
 * Answers of ready-made metadata that were given a moment ago, whole, the least recently used forgotten first.
 *
 * Threads: any, at once.
 */
typedef struct MetadataCache MetadataCache;

MetadataCache *metadata_cache_new(size_t max_bytes); /* NULL: no memory */
void metadata_cache_free(MetadataCache *cache);
PACS_DEFINE_AUTO(MetadataCache, metadata_cache_free);

/** Which answer. Texts are borrowed for the call. */
typedef struct MetadataKey {
    const PacsUidPath *path;
    const char *root;
    bool as_gzip;
} MetadataKey;

/** The answer as it was when the index stood at `generation`, or NULL. The caller's to unref. */
PacsMetadataBody *metadata_cache_find_current(MetadataCache *cache, const MetadataKey *key,
                                              uint64_t generation);
/** The answer of that revision, which from now on stands for `generation`, or NULL. */
PacsMetadataBody *metadata_cache_find_revision(MetadataCache *cache, const MetadataKey *key,
                                               const char *revision, uint64_t generation);
/** Steals the buffer's bytes. The caller's to unref; NULL: no memory. */
PacsMetadataBody *metadata_cache_add(MetadataCache *cache, const MetadataKey *key, const char *revision,
                                     uint64_t generation, PacsBuffer *bytes);
