#pragma once

#include <stddef.h>
#include <stdint.h>

#include "pacs/util/auto.h"

/**
 * What was found or made a moment ago, by key: bounded by bytes and by count, the one used last goes last.
 *
 * Owner:   values are counted references. The cache holds one of each; who finds a value gets one of its own.
 * Threads: any. Values are given up outside of the lock.
 */
typedef struct PacsCache PacsCache;

typedef struct PacsCacheOptions {
    uint64_t max_bytes; /* as pacs_cache_add() is told */
    size_t max_count;
    void (*ref)(void *value);
    void (*unref)(void *value);
} PacsCacheOptions;

/** NULL: no memory. */
PacsCache *pacs_cache_new(const PacsCacheOptions *options);
void pacs_cache_free(PacsCache *cache);
PACS_DEFINE_AUTO(PacsCache, pacs_cache_free);

/** NULL: none. */
void *pacs_cache_find(PacsCache *cache, const void *key, size_t key_size);
/** In place of what is there under this key. Not kept without memory, or if it is larger than all may be. */
void pacs_cache_add(PacsCache *cache, const void *key, size_t key_size, void *value, uint64_t bytes);
/** Gives up what was not found or added since `before_ns` (pacs_monotonic_ns()). */
void pacs_cache_expire(PacsCache *cache, uint64_t before_ns);

/** FNV-1a. */
uint64_t pacs_cache_hash(const void *key, size_t key_size);
