#include "pacs/retrieve/image_cache.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "pacs/util/cache.h"
#include "pacs/util/limits.h"

#define UID_MAX 64
#define KEY_MAX (3 * (UID_MAX + 1))
#define OVERHEAD 1024 /* of an entry, beside its frame table */

struct ImageCache {
    PacsCache *cache;
};

typedef struct Entry {
    atomic_uint references;
    uint64_t removals;
    PacsArena *arena;
    const PacsRetrievedImage *image; /* in the arena */
} Entry;

static void ref(void *value)
{
    atomic_fetch_add_explicit(&((Entry *)value)->references, 1, memory_order_relaxed);
}

static void unref(void *value)
{
    Entry *entry = value;

    if (atomic_fetch_sub(&entry->references, 1) != 1)
        return;
    pacs_arena_free(entry->arena);
    free(entry);
}

ImageCache *image_cache_new(void)
{
    const PacsCacheOptions options = {
        .max_bytes = PACS_IMAGE_CACHE, .max_count = PACS_IMAGE_CACHE / OVERHEAD, .ref = ref, .unref = unref};
    PACS_AUTO(ImageCache) cache = calloc(1, sizeof *cache);

    if (cache)
        cache->cache = pacs_cache_new(&options);
    return cache && cache->cache ? PACS_STEAL(cache) : NULL;
}

void image_cache_free(ImageCache *cache)
{
    if (cache)
        pacs_cache_free(cache->cache);
    free(cache);
}

/* ---- Keys ---- */

static bool add_uid(char key[KEY_MAX], size_t *size, const char *uid)
{
    const size_t length = strlen(uid);

    if (length > UID_MAX)
        return false;
    memcpy(key + *size, uid, length + 1); /* with the NUL: what follows is another one */
    *size += length + 1;
    return true;
}

/* 0: nothing that could be there. */
static size_t format_key(const PacsUidPath *path, char key[KEY_MAX])
{
    size_t size = 0;

    return add_uid(key, &size, path->study_uid) && add_uid(key, &size, path->series_uid) &&
                   add_uid(key, &size, path->sop_instance_uid)
               ? size
               : 0;
}

/* ---- Copies ---- */

static PacsStoredObject *copy_object(const PacsStoredObject *from, PacsArena *arena)
{
    PacsStoredObject *object = pacs_arena_alloc(arena, sizeof *object);

    if (!object)
        return NULL;
    *object = *from;
    object->sop_instance_uid = pacs_arena_strdup(arena, from->sop_instance_uid);
    object->sop_class_uid = pacs_arena_strdup(arena, from->sop_class_uid);
    object->transfer_syntax_uid = pacs_arena_strdup(arena, from->transfer_syntax_uid);
    return object->sop_instance_uid && object->sop_class_uid && object->transfer_syntax_uid ? object : NULL;
}

static PacsRetrievedImage *copy_image(const PacsRetrievedImage *from, PacsArena *arena)
{
    PacsRetrievedImage *image = pacs_arena_alloc(arena, sizeof *image);
    PacsStoredObject *object = copy_object(from->object, arena);
    void *table = pacs_arena_alloc(arena, from->frame_table_size);

    if (!image || !object || !table)
        return NULL;
    memcpy(table, from->frame_table, from->frame_table_size);
    *image = *from;
    image->object = object;
    image->key = object->has_inflated ? &object->inflated_key : &object->key;
    image->frame_table = table;
    return image;
}

/* ---- Calls ---- */

PacsRetrievedImage *image_cache_find(ImageCache *cache, const PacsUidPath *path, uint64_t removals,
                                     PacsArena *arena)
{
    char key[KEY_MAX];
    const size_t size = format_key(path, key);
    Entry *entry = size > 0 ? pacs_cache_find(cache->cache, key, size) : NULL;
    PacsRetrievedImage *image = NULL;

    if (!entry)
        return NULL;
    if (entry->removals == removals)
        image = copy_image(entry->image, arena);
    unref(entry);
    return image;
}

static Entry *new_entry(const PacsRetrievedImage *image, uint64_t removals, size_t max_bytes)
{
    Entry *entry = calloc(1, sizeof *entry);

    if (!entry)
        return NULL;
    atomic_init(&entry->references, 1);
    entry->removals = removals;
    entry->arena = pacs_arena_new(max_bytes);
    entry->image = entry->arena ? copy_image(image, entry->arena) : NULL;
    if (entry->image)
        return entry;
    unref(entry);
    return NULL;
}

void image_cache_add(ImageCache *cache, const PacsUidPath *path, uint64_t removals,
                     const PacsRetrievedImage *image)
{
    const size_t bytes = OVERHEAD + image->frame_table_size;
    char key[KEY_MAX];
    const size_t size = format_key(path, key);
    Entry *entry = size > 0 && bytes <= PACS_IMAGE_CACHE_ENTRY ? new_entry(image, removals, bytes) : NULL;

    if (!entry)
        return;
    pacs_cache_add(cache->cache, key, size, entry, bytes);
    unref(entry);
}
