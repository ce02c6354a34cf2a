#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * What a key is to the service: a digest of the object it begins with and one of all of it, so that everything of one
 * object can be found.
 */
typedef struct TranscodeName {
    uint8_t object[12];
    uint8_t form[20];
} TranscodeName;

bool transcode_name_equal(const TranscodeName *a, const TranscodeName *b);

/** First member of what is kept. */
typedef struct TranscodeLruEntry TranscodeLruEntry;
struct TranscodeLruEntry {
    TranscodeName name;
    uint64_t bytes;
    TranscodeLruEntry *newer, *older;
    TranscodeLruEntry *next_form; /* in its bucket of forms */
    TranscodeLruEntry
        *next_sibling; /* in its bucket of objects, which may hold ten thousand frames of one: */
    TranscodeLruEntry **sibling_link; /* what points at this entry */
};

/**
 * Entries by name, by object and by age of use. Owns nothing but its buckets.
 *
 * Threads: one at a time.
 */
typedef struct TranscodeLru {
    TranscodeLruEntry *newest, *oldest;
    TranscodeLruEntry **forms, **objects;
    size_t count;
    uint64_t bytes;
} TranscodeLru;

bool transcode_lru_init(TranscodeLru *lru); /* false: no memory */
void transcode_lru_clear(TranscodeLru *lru);

/** NULL: it is not here. Does not touch it. */
TranscodeLruEntry *transcode_lru_find(const TranscodeLru *lru, const TranscodeName *name);
/** Any entry of an object, or NULL. */
TranscodeLruEntry *transcode_lru_find_object(const TranscodeLru *lru, const TranscodeName *name);
void transcode_lru_touch(TranscodeLru *lru, TranscodeLruEntry *entry);
void transcode_lru_add(TranscodeLru *lru, TranscodeLruEntry *entry);        /* as the newest */
void transcode_lru_add_oldest(TranscodeLru *lru, TranscodeLruEntry *entry); /* as the first to go */
void transcode_lru_remove(TranscodeLru *lru, TranscodeLruEntry *entry);
