#include "pacs/ingest/ingest_private.h"

#define GARBAGE_BATCH 256

PacsStatus pacs_ingest_delete(PacsIngest *ingest, PacsLevel level, const char *id,
                              PacsRemaining *ret_remaining, PacsError *err)
{
    if (ingest->options.read_only)
        return pacs_fail(err, PACS_REFUSED, "this server is read-only");
    return pacs_index_delete(ingest->index, level, id, ret_remaining, err);
}

/* What was made of it holds the same pictures. */
static void forget_forms(PacsIngest *ingest, const PacsKey *keys, size_t count)
{
    char hex[PACS_KEY_HEX + 1];

    for (size_t i = 0; ingest->transcode && i < count; i++) {
        pacs_key_format(&keys[i], hex);
        transcode_service_forget(ingest->transcode, hex);
    }
}

/** Bytes first, and for good, then the note of them: a crash between the two repeats a removal that finds
 *  nothing. */
static PacsStatus remove_batch(PacsIngest *ingest, const PacsKey *keys, size_t count, PacsError *err)
{
    PacsStatus status = pacs_store_remove_all(ingest->store, keys, count, err);
    if (status == PACS_OK)
        forget_forms(ingest, keys, count);
    return status == PACS_OK ? pacs_index_forget_garbage(ingest->index, keys, count, err) : status;
}

PacsStatus pacs_ingest_collect_garbage(PacsIngest *ingest, size_t max, bool *ret_left, PacsError *err)
{
    PacsKey keys[GARBAGE_BATCH];
    size_t done = 0;
    size_t count = 0;

    do {
        size_t want = max - done < GARBAGE_BATCH ? max - done : GARBAGE_BATCH;
        PacsStatus status = pacs_index_read_garbage(ingest->index, keys, want, &count, err);
        if (status == PACS_OK && count > 0)
            status = remove_batch(ingest, keys, count, err);
        if (status != PACS_OK)
            return status;
        done += count;
    } while (count == GARBAGE_BATCH && done < max);
    *ret_left = count > 0 && done >= max;
    return PACS_OK;
}
