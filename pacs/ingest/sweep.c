#include "pacs/ingest/ingest_private.h"

#include "pacs/util/arena.h"

/**
 * A crash between the store's commit and the index's leaves an object that no row names. Keys sort by time,
 * so only those from a mark on need a look: the mark says that everything before it is settled. It moves
 * while the server runs (pacs_ingest_settle), never past an upload that is still open.
 */
#define SWEEP_SETTING "sweep.from"

typedef struct Sweep {
    PacsIngest *ingest;
    uint64_t removed;
} Sweep;

static PacsStatus visit(void *context, const PacsKey *key, uint64_t size_bytes, PacsError *err)
{
    Sweep *sweep = context;
    bool known = true;

    (void)size_bytes;
    PacsStatus status = pacs_index_has_key(sweep->ingest->index, key, &known, err);
    if (status != PACS_OK || known)
        return status;
    status = pacs_store_remove(sweep->ingest->store, key, err);
    if (status == PACS_NOT_FOUND)
        return PACS_OK;
    if (status == PACS_OK)
        sweep->removed++;
    return status;
}

static PacsStatus read_mark(PacsIngest *ingest, PacsKey *ret_key, bool *ret_found, PacsError *err)
{
    const char *hex = NULL;
    PACS_AUTO(PacsArena) arena = pacs_arena_new(4096);
    if (!arena)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory to sweep the store");

    PacsStatus status = pacs_index_read_setting(ingest->index, SWEEP_SETTING, arena, &hex, err);
    *ret_found = status == PACS_OK;
    if (status == PACS_NOT_FOUND)
        return PACS_OK;
    return status == PACS_OK ? pacs_key_parse(hex, ret_key, err) : status;
}

PacsStatus pacs_ingest_sweep(PacsIngest *ingest, uint64_t *ret_removed, PacsError *err)
{
    Sweep sweep = {.ingest = ingest};
    PacsKey from;
    bool has_mark = false;

    PacsStatus status = read_mark(ingest, &from, &has_mark, err);
    if (status == PACS_OK)
        status = pacs_store_list(ingest->store, has_mark ? &from : NULL, visit, &sweep, err);
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
