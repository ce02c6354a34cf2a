#include "transcode/service_cache.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "pacs/util/limits.h"

/* ---- Results ---- */

struct TranscodeResult {
    atomic_uint references;
    uint8_t *bytes; /* NULL: in the file */
    uint64_t size;
    int fd;
};

/* Buffers grow by doubling: what is kept should not cost twice what it says. */
static void shrink(PacsBuffer *bytes)
{
    if (bytes->capacity - bytes->size <= bytes->size / 8)
        return;
    uint8_t *smaller = realloc(bytes->bytes, bytes->size + 1);
    if (!smaller)
        return;
    bytes->bytes = smaller;
    bytes->capacity = bytes->size;
}

TranscodeResult *transcode_result_new(PacsBuffer *bytes)
{
    TranscodeResult *result = malloc(sizeof *result);

    if (!result)
        return NULL;
    shrink(bytes);
    *result = (TranscodeResult){.bytes = bytes->bytes, .size = bytes->size, .fd = -1};
    atomic_init(&result->references, 1);
    const size_t max = bytes->max;
    pacs_buffer_init(bytes, max); /* its bytes are the result's now */
    return result;
}

TranscodeResult *transcode_result_ref(TranscodeResult *result)
{
    atomic_fetch_add(&result->references, 1);
    return result;
}

void transcode_result_unref(TranscodeResult *result)
{
    if (!result || atomic_fetch_sub(&result->references, 1) != 1)
        return;
    if (result->fd >= 0)
        (void)close(result->fd); /* only read from */
    free(result->bytes);
    free(result);
}

uint64_t transcode_result_size(const TranscodeResult *result)
{
    return result->size;
}

const uint8_t *transcode_result_bytes(const TranscodeResult *result)
{
    return result->bytes;
}

int transcode_result_fd(const TranscodeResult *result)
{
    return result->fd;
}

/* ---- In memory ---- */

typedef struct Kept {
    TranscodeLruEntry base;
    TranscodeResult *result;
} Kept;

struct TranscodeCache {
    TranscodeMetrics *metrics;
    uint64_t memory_max;
    pthread_mutex_t lock; /* of what follows */
    TranscodeLru memory;
};

PacsStatus transcode_cache_new(const TranscodeServiceOptions *options, TranscodeMetrics *metrics,
                               TranscodeCache **ret_cache, PacsError *err)
{
    PACS_AUTO(TranscodeCache) cache = calloc(1, sizeof *cache);

    if (!cache)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for a cache");
    cache->metrics = metrics;
    cache->memory_max = options->memory_bytes;
    (void)pthread_mutex_init(&cache->lock, NULL); /* cannot fail on Linux without attributes */
    if (!transcode_lru_init(&cache->memory))
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for a cache");
    *ret_cache = PACS_STEAL(cache);
    return PACS_OK;
}

static void drop(TranscodeCache *cache, Kept *kept)
{
    transcode_lru_remove(&cache->memory, &kept->base);
    transcode_result_unref(kept->result);
    free(kept);
}

void transcode_cache_free(TranscodeCache *cache)
{
    if (!cache)
        return;
    while (cache->memory.oldest)
        drop(cache, (Kept *)cache->memory.oldest);
    transcode_lru_clear(&cache->memory);
    (void)pthread_mutex_destroy(&cache->lock);
    free(cache);
}

TranscodeResult *transcode_cache_find(TranscodeCache *cache, const TranscodeName *name)
{
    TranscodeResult *result = NULL;

    (void)pthread_mutex_lock(&cache->lock);
    TranscodeLruEntry *entry = transcode_lru_find(&cache->memory, name);
    if (entry) {
        transcode_lru_touch(&cache->memory, entry);
        result = transcode_result_ref(((Kept *)entry)->result);
    }
    (void)pthread_mutex_unlock(&cache->lock);
    return result;
}

static void keep_locked(TranscodeCache *cache, Kept *kept)
{
    TranscodeLruEntry *before = transcode_lru_find(&cache->memory, &kept->base.name);

    if (before)
        drop(cache, (Kept *)before);
    transcode_lru_add(&cache->memory, &kept->base);
    while (cache->memory.bytes > cache->memory_max)
        drop(cache, (Kept *)cache->memory.oldest);
    pacs_metric_set(cache->metrics->memory_bytes, (int64_t)cache->memory.bytes);
}

static void keep_in_memory(TranscodeCache *cache, const TranscodeName *name, TranscodeResult *result)
{
    if (result->size > PACS_MAX_TRANSCODE_HELD || result->size > cache->memory_max)
        return;
    Kept *kept = malloc(sizeof *kept);
    if (!kept)
        return;
    *kept = (Kept){.base = {.name = *name, .bytes = result->size + sizeof *kept},
                   .result = transcode_result_ref(result)};
    (void)pthread_mutex_lock(&cache->lock);
    keep_locked(cache, kept);
    (void)pthread_mutex_unlock(&cache->lock);
}

void transcode_cache_add(TranscodeCache *cache, const TranscodeName *name, const char *key,
                         TranscodeResult *result)
{
    (void)key;
    keep_in_memory(cache, name, result);
}

void transcode_cache_forget(TranscodeCache *cache, const TranscodeName *name)
{
    TranscodeLruEntry *entry;

    (void)pthread_mutex_lock(&cache->lock);
    while ((entry = transcode_lru_find_object(&cache->memory, name)))
        drop(cache, (Kept *)entry);
    pacs_metric_set(cache->metrics->memory_bytes, (int64_t)cache->memory.bytes);
    (void)pthread_mutex_unlock(&cache->lock);
}
