#include "pacs/util/cache.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "pacs/util/clock.h"

/* Entries hang in the list of their slot and in one of all, the one used last in front. */
typedef struct Entry {
    void *value;
    uint64_t bytes;
    uint64_t used_ns;
    uint64_t hash;
    struct Entry *next; /* in its slot, or on its way out */
    struct Entry *newer, *older;
    size_t key_size;
    char key[];
} Entry;

struct PacsCache {
    PacsCacheOptions options;
    pthread_mutex_t lock;
    uint64_t bytes;
    size_t count;
    Entry *newest, *oldest;
    size_t slot_count;
    Entry *slots[];
};

PacsCache *pacs_cache_new(const PacsCacheOptions *options)
{
    const size_t slot_count = options->max_count + 1;
    PacsCache *cache = calloc(1, sizeof *cache + slot_count * sizeof(Entry *));

    if (!cache)
        return NULL;
    cache->options = *options;
    cache->slot_count = slot_count;
    (void)pthread_mutex_init(&cache->lock, NULL); /* cannot fail without attributes */
    return cache;
}

uint64_t pacs_cache_hash(const void *key, size_t key_size)
{
    uint64_t hash = 14695981039346656037u;

    for (size_t i = 0; i < key_size; i++)
        hash = (hash ^ ((const uint8_t *)key)[i]) * 1099511628211u;
    return hash;
}

/* ---- Under the lock ---- */

static Entry **place_of(PacsCache *cache, const void *key, size_t key_size, uint64_t hash)
{
    Entry **place = &cache->slots[hash % cache->slot_count];

    while (*place && ((*place)->hash != hash || (*place)->key_size != key_size ||
                      memcmp((*place)->key, key, key_size) != 0))
        place = &(*place)->next;
    return place;
}

static void unlink_from_all(PacsCache *cache, Entry *entry)
{
    *(entry->newer ? &entry->newer->older : &cache->newest) = entry->older;
    *(entry->older ? &entry->older->newer : &cache->oldest) = entry->newer;
}

static void link_in_front(PacsCache *cache, Entry *entry)
{
    entry->newer = NULL;
    entry->older = cache->newest;
    *(cache->newest ? &cache->newest->newer : &cache->oldest) = entry;
    cache->newest = entry;
    entry->used_ns = pacs_monotonic_ns();
}

/* Puts it on the list of what is to be freed. */
static void take_out(PacsCache *cache, Entry *entry, Entry **gone)
{
    *place_of(cache, entry->key, entry->key_size, entry->hash) = entry->next;
    unlink_from_all(cache, entry);
    cache->bytes -= entry->bytes;
    cache->count--;
    entry->next = *gone;
    *gone = entry;
}

static void put_in(PacsCache *cache, Entry *entry, Entry **gone)
{
    Entry *former = *place_of(cache, entry->key, entry->key_size, entry->hash);

    if (former)
        take_out(cache, former, gone);
    entry->next = cache->slots[entry->hash % cache->slot_count];
    cache->slots[entry->hash % cache->slot_count] = entry;
    link_in_front(cache, entry);
    cache->bytes += entry->bytes;
    cache->count++;
    while (cache->oldest &&
           (cache->count > cache->options.max_count || cache->bytes > cache->options.max_bytes))
        take_out(cache, cache->oldest, gone);
}

/* ---- Calls ---- */

static void free_all(PacsCache *cache, Entry *gone)
{
    while (gone) {
        Entry *next = gone->next;
        cache->options.unref(gone->value);
        free(gone);
        gone = next;
    }
}

void pacs_cache_free(PacsCache *cache)
{
    if (!cache)
        return;
    pacs_cache_expire(cache, UINT64_MAX);
    (void)pthread_mutex_destroy(&cache->lock);
    free(cache);
}

void *pacs_cache_find(PacsCache *cache, const void *key, size_t key_size)
{
    const uint64_t hash = pacs_cache_hash(key, key_size);
    void *value = NULL;

    (void)pthread_mutex_lock(&cache->lock);
    Entry *entry = *place_of(cache, key, key_size, hash);
    if (entry) {
        unlink_from_all(cache, entry);
        link_in_front(cache, entry);
        value = entry->value;
        cache->options.ref(value);
    }
    (void)pthread_mutex_unlock(&cache->lock);
    return value;
}

void pacs_cache_add(PacsCache *cache, const void *key, size_t key_size, void *value, uint64_t bytes)
{
    Entry *entry = bytes <= cache->options.max_bytes ? malloc(sizeof *entry + key_size) : NULL;
    Entry *gone = NULL;

    if (!entry)
        return;
    *entry = (Entry){
        .value = value, .bytes = bytes, .hash = pacs_cache_hash(key, key_size), .key_size = key_size};
    memcpy(entry->key, key, key_size);
    cache->options.ref(value);
    (void)pthread_mutex_lock(&cache->lock);
    put_in(cache, entry, &gone);
    (void)pthread_mutex_unlock(&cache->lock);
    free_all(cache, gone);
}

void pacs_cache_expire(PacsCache *cache, uint64_t before_ns)
{
    Entry *gone = NULL;

    (void)pthread_mutex_lock(&cache->lock);
    while (cache->oldest && cache->oldest->used_ns < before_ns)
        take_out(cache, cache->oldest, &gone);
    (void)pthread_mutex_unlock(&cache->lock);
    free_all(cache, gone);
}
