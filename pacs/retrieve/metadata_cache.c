#include "pacs/retrieve/metadata_cache.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS 1024   /* entries are some tens of kB: the cache is full before the lists are long */
#define KEY_MAX 1400 /* two UIDs, and a root as long as a header may make it */

/* Entries hang in the list of their slot and in one of all, the one used last in front. */
typedef struct Entry {
    PacsMetadataBody body; /* first: what others see */
    void *bytes;
    atomic_uint references;
    uint64_t generation;
    struct Entry *next_in_slot;
    struct Entry *newer, *older;
    size_t slot;
    size_t key_size;
    char key[];
} Entry;

struct MetadataCache {
    pthread_mutex_t lock;
    size_t bytes, max_bytes;
    Entry *newest, *oldest;
    Entry *slots[SLOTS];
};

MetadataCache *metadata_cache_new(size_t max_bytes)
{
    MetadataCache *cache = calloc(1, sizeof *cache);

    if (!cache)
        return NULL;
    cache->max_bytes = max_bytes;
    (void)pthread_mutex_init(&cache->lock, NULL);
    return cache;
}

void pacs_metadata_body_unref(PacsMetadataBody *body)
{
    Entry *entry = (Entry *)body;

    if (!entry || atomic_fetch_sub(&entry->references, 1) != 1)
        return;
    free(entry->bytes);
    free(entry);
}

void metadata_cache_free(MetadataCache *cache)
{
    if (!cache)
        return;
    while (cache->newest) {
        Entry *entry = cache->newest;
        cache->newest = entry->older;
        pacs_metadata_body_unref(&entry->body);
    }
    (void)pthread_mutex_destroy(&cache->lock);
    free(cache);
}

/* ---- Keys ---- */

typedef struct KeyText {
    char text[KEY_MAX];
    size_t size; /* 0: too long to be remembered */
    size_t slot;
} KeyText;

static void add_text(KeyText *key, const char *text)
{
    const size_t size = text ? strlen(text) + 1 : 1; /* with the NUL: what follows is another part */

    if (key->size == 0 || key->size + size > sizeof key->text) {
        key->size = 0;
        return;
    }
    memcpy(key->text + key->size, text ? text : "", size);
    key->size += size;
}

static void format_key(const MetadataKey *key, KeyText *ret_text)
{
    uint32_t hash = 2166136261u; /* FNV-1a */

    ret_text->text[0] = key->as_gzip ? 'z' : 't';
    ret_text->size = 1;
    add_text(ret_text, key->path->study_uid);
    add_text(ret_text, key->path->series_uid);
    add_text(ret_text, key->path->sop_instance_uid);
    add_text(ret_text, key->root);
    for (size_t i = 0; i < ret_text->size; i++)
        hash = (hash ^ (uint8_t)ret_text->text[i]) * 16777619u;
    ret_text->slot = hash % SLOTS;
}

/* ---- Under the lock ---- */

static Entry *find_entry(MetadataCache *cache, const KeyText *key)
{
    Entry *entry = cache->slots[key->slot];

    while (entry && (entry->key_size != key->size || memcmp(entry->key, key->text, key->size) != 0))
        entry = entry->next_in_slot;
    return key->size > 0 ? entry : NULL;
}

static void unlink_from_all(MetadataCache *cache, Entry *entry)
{
    *(entry->newer ? &entry->newer->older : &cache->newest) = entry->older;
    *(entry->older ? &entry->older->newer : &cache->oldest) = entry->newer;
}

static void link_in_front(MetadataCache *cache, Entry *entry)
{
    entry->newer = NULL;
    entry->older = cache->newest;
    *(cache->newest ? &cache->newest->newer : &cache->oldest) = entry;
    cache->newest = entry;
}

static PacsMetadataBody *use(MetadataCache *cache, Entry *entry)
{
    unlink_from_all(cache, entry);
    link_in_front(cache, entry);
    atomic_fetch_add(&entry->references, 1);
    return &entry->body;
}

static void forget(MetadataCache *cache, Entry *entry)
{
    Entry **place = &cache->slots[entry->slot];

    while (*place != entry)
        place = &(*place)->next_in_slot;
    *place = entry->next_in_slot;
    unlink_from_all(cache, entry);
    cache->bytes -= entry->body.size;
    pacs_metadata_body_unref(&entry->body);
}

static void remember(MetadataCache *cache, Entry *entry)
{
    entry->next_in_slot = cache->slots[entry->slot];
    cache->slots[entry->slot] = entry;
    link_in_front(cache, entry);
    cache->bytes += entry->body.size;
    atomic_fetch_add(&entry->references, 1);
    while (cache->bytes > cache->max_bytes)
        forget(cache, cache->oldest);
}

/* ---- Calls ---- */

PacsMetadataBody *metadata_cache_find_current(MetadataCache *cache, const MetadataKey *key,
                                              uint64_t generation)
{
    KeyText text;
    PacsMetadataBody *body = NULL;

    format_key(key, &text);
    (void)pthread_mutex_lock(&cache->lock);
    Entry *entry = find_entry(cache, &text);
    if (entry && entry->generation == generation)
        body = use(cache, entry);
    (void)pthread_mutex_unlock(&cache->lock);
    return body;
}

PacsMetadataBody *metadata_cache_find_revision(MetadataCache *cache, const MetadataKey *key,
                                               const char *revision, uint64_t generation)
{
    KeyText text;
    PacsMetadataBody *body = NULL;

    format_key(key, &text);
    (void)pthread_mutex_lock(&cache->lock);
    Entry *entry = find_entry(cache, &text);
    if (entry && strcmp(entry->body.revision, revision) == 0) {
        body = use(cache, entry);
        if (generation > entry->generation)
            entry->generation = generation;
    }
    (void)pthread_mutex_unlock(&cache->lock);
    return body;
}

PacsMetadataBody *metadata_cache_add(MetadataCache *cache, const MetadataKey *key, const char *revision,
                                     uint64_t generation, PacsBuffer *bytes)
{
    KeyText text;

    format_key(key, &text);
    Entry *entry = calloc(1, sizeof *entry + text.size);
    if (!entry)
        return NULL;
    void *trimmed = realloc(bytes->bytes, bytes->size); /* it was made in powers of two */
    entry->bytes = trimmed ? trimmed : bytes->bytes;
    entry->body.bytes = entry->bytes;
    entry->body.size = bytes->size;
    bytes->bytes = NULL;
    pacs_buffer_init(bytes, bytes->max);
    memcpy(entry->body.revision, revision, sizeof entry->body.revision);
    atomic_init(&entry->references, 1);
    entry->generation = generation;
    entry->slot = text.slot;
    entry->key_size = text.size;
    memcpy(entry->key, text.text, text.size);

    (void)pthread_mutex_lock(&cache->lock);
    Entry *former = find_entry(cache, &text);
    if (former)
        forget(cache, former);
    if (text.size > 0)
        remember(cache, entry);
    (void)pthread_mutex_unlock(&cache->lock);
    return &entry->body;
}
