#include "pacs/ingest/ingest_private.h"

#include "pacs/util/arena.h"

/**
 * A crash between the store's commit and the index's leaves an object that no row names. Keys sort by time,
 * so only those from a mark on need a look: the mark says that everything before it is settled. It moves
 * while the server runs (pacs_ingest_settle), never past an upload that is still open.
 */
#define SWEEP_SETTING "sweep.from"

PacsStatus sweep_one(PacsIngest *ingest, const PacsKey *key, bool *ret_removed, PacsError *err)
{
    bool known = true;

    *ret_removed = false;
    PacsStatus status = pacs_index_has_key(ingest->index, key, &known, err);
    if (status != PACS_OK || known)
        return status;
    status = pacs_store_remove(ingest->store, key, err);
    *ret_removed = status == PACS_OK;
    if (*ret_removed)
        pacs_metric_add(ingest->swept, 1);
    return status == PACS_NOT_FOUND ? PACS_OK : status;
}

typedef struct Sweep {
    PacsIngest *ingest;
    uint64_t removed;
} Sweep;

static PacsStatus visit(void *context, const PacsKey *key, uint64_t size_bytes, PacsError *err)
{
    Sweep *sweep = context;
    bool removed = false;

    (void)size_bytes;
    PacsStatus status = sweep_one(sweep->ingest, key, &removed, err);
    sweep->removed += removed;
    return status;
}

PacsStatus sweep_read_mark(PacsIngest *ingest, PacsKey *ret_mark, PacsError *err)
{
    const char *hex = NULL;
    PACS_AUTO(PacsArena) arena = pacs_arena_new(4096);
    if (!arena)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory to sweep the store");

    PacsStatus status = pacs_index_read_setting(ingest->index, SWEEP_SETTING, arena, &hex, err);
    return status == PACS_OK ? pacs_key_parse(hex, ret_mark, err) : status;
}

static PacsStatus refuse(void *context, const PacsKey *key, uint64_t size_bytes, PacsError *err)
{
    (void)context;
    (void)key;
    (void)size_bytes;
    return pacs_fail(
        err, PACS_UNSUPPORTED,
        "the store holds objects, but this index is new and knows none of them: give it the index "
        "that belongs to it, or another folder");
}

/** An index that has never been swept for and never had anything begins with an empty store, or it is the wrong
 *  one: then every object would look like a crash's leftover. */
static PacsStatus begin_marking(PacsIngest *ingest, PacsKey *ret_mark, PacsError *err)
{
    PacsStatistics statistics = {0};
    char hex[PACS_KEY_HEX + 1];

    *ret_mark = (PacsKey){{0}};
    PacsStatus status = pacs_index_statistics(ingest->index, &statistics, err);
    if (status == PACS_OK && statistics.instances == 0)
        status = pacs_store_list(ingest->store, NULL, refuse, NULL, err);
    if (status != PACS_OK)
        return status;
    pacs_key_format(ret_mark, hex);
    return pacs_index_write_setting(ingest->index, SWEEP_SETTING, hex, err);
}

PacsStatus pacs_ingest_sweep(PacsIngest *ingest, uint64_t *ret_removed, PacsError *err)
{
    Sweep sweep = {.ingest = ingest};
    PacsKey from;

    PacsStatus status = sweep_read_mark(ingest, &from, err);
    if (status == PACS_NOT_FOUND)
        status = begin_marking(ingest, &from, err);
    if (status == PACS_OK)
        status = pacs_store_list(ingest->store, &from, visit, &sweep, err);
    if (status == PACS_OK)
        *ret_removed = sweep.removed;
    return status;
}

/**
 * Everything before the mark is settled. A key is minted a moment before its upload stands in the list, so
 * the newest key is trusted only one call later, and only as far as no older upload has turned up since.
 */
PacsStatus pacs_ingest_settle(PacsIngest *ingest, PacsError *err)
{
    char hex[PACS_KEY_HEX + 1] = "";

    (void)pthread_mutex_lock(&ingest->lock);
    const PacsKey *oldest = upload_oldest_key(ingest);
    if (ingest->has_settled_key) {
        bool passed = oldest && pacs_key_compare(oldest, &ingest->settled_key) < 0;
        pacs_key_format(passed ? oldest : &ingest->settled_key, hex);
    }
    if (ingest->has_newest_key) {
        ingest->settled_key = oldest ? *oldest : ingest->newest_key;
        ingest->has_settled_key = true;
    }
    (void)pthread_mutex_unlock(&ingest->lock);

    return hex[0] ? pacs_index_write_setting(ingest->index, SWEEP_SETTING, hex, err) : PACS_OK;
}
