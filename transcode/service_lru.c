#include "transcode/service_lru.h"

#include <stdlib.h>
#include <string.h>

#define BUCKETS 65536u /* a million files make chains of 16 */

bool transcode_name_equal(const TranscodeName *a, const TranscodeName *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

bool transcode_lru_init(TranscodeLru *lru)
{
    *lru = (TranscodeLru){.forms = calloc(BUCKETS, sizeof(TranscodeLruEntry *)),
                          .objects = calloc(BUCKETS, sizeof(TranscodeLruEntry *))};
    return lru->forms && lru->objects;
}

void transcode_lru_clear(TranscodeLru *lru)
{
    free(lru->forms);
    free(lru->objects);
    *lru = (TranscodeLru){0};
}

/* Names are digests: any two bytes of them will do. */
static TranscodeLruEntry **form_bucket(const TranscodeLru *lru, const TranscodeName *name)
{
    return &lru->forms[name->form[0] | (size_t)name->form[1] << 8];
}

static TranscodeLruEntry **object_bucket(const TranscodeLru *lru, const TranscodeName *name)
{
    return &lru->objects[name->object[0] | (size_t)name->object[1] << 8];
}

TranscodeLruEntry *transcode_lru_find(const TranscodeLru *lru, const TranscodeName *name)
{
    TranscodeLruEntry *entry = *form_bucket(lru, name);

    while (entry && !transcode_name_equal(&entry->name, name))
        entry = entry->next_form;
    return entry;
}

TranscodeLruEntry *transcode_lru_find_object(const TranscodeLru *lru, const TranscodeName *name)
{
    TranscodeLruEntry *entry = *object_bucket(lru, name);

    while (entry && memcmp(entry->name.object, name->object, sizeof name->object) != 0)
        entry = entry->next_sibling;
    return entry;
}

/* ---- Age ---- */

static void cut(TranscodeLru *lru, TranscodeLruEntry *entry)
{
    *(entry->newer ? &entry->newer->older : &lru->newest) = entry->older;
    *(entry->older ? &entry->older->newer : &lru->oldest) = entry->newer;
}

static void put_in_front(TranscodeLru *lru, TranscodeLruEntry *entry)
{
    entry->newer = NULL;
    entry->older = lru->newest;
    *(lru->newest ? &lru->newest->newer : &lru->oldest) = entry;
    lru->newest = entry;
}

static void put_behind(TranscodeLru *lru, TranscodeLruEntry *entry)
{
    entry->older = NULL;
    entry->newer = lru->oldest;
    *(lru->oldest ? &lru->oldest->older : &lru->newest) = entry;
    lru->oldest = entry;
}

void transcode_lru_touch(TranscodeLru *lru, TranscodeLruEntry *entry)
{
    if (lru->newest == entry)
        return;
    cut(lru, entry);
    put_in_front(lru, entry);
}

/* ---- Coming and going ---- */

static void enter(TranscodeLru *lru, TranscodeLruEntry *entry)
{
    TranscodeLruEntry **forms = form_bucket(lru, &entry->name);
    TranscodeLruEntry **objects = object_bucket(lru, &entry->name);

    entry->next_form = *forms;
    *forms = entry;
    entry->next_sibling = *objects;
    entry->sibling_link = objects;
    if (*objects)
        (*objects)->sibling_link = &entry->next_sibling;
    *objects = entry;
    lru->count++;
    lru->bytes += entry->bytes;
}

void transcode_lru_add(TranscodeLru *lru, TranscodeLruEntry *entry)
{
    enter(lru, entry);
    put_in_front(lru, entry);
}

void transcode_lru_add_oldest(TranscodeLru *lru, TranscodeLruEntry *entry)
{
    enter(lru, entry);
    put_behind(lru, entry);
}

void transcode_lru_remove(TranscodeLru *lru, TranscodeLruEntry *entry)
{
    TranscodeLruEntry **form = form_bucket(lru, &entry->name);

    while (*form != entry)
        form = &(*form)->next_form;
    *form = entry->next_form;
    *entry->sibling_link = entry->next_sibling;
    if (entry->next_sibling)
        entry->next_sibling->sibling_link = entry->sibling_link;
    cut(lru, entry);
    lru->count--;
    lru->bytes -= entry->bytes;
}
