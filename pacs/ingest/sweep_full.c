#include "pacs/ingest/ingest_private.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "pacs/util/arena.h"
#include "pacs/util/text.h"

/**
 * The sweep at start looks from the mark on (sweep.c). In front of it stands what is settled, unless the power
 * failed before the removal of some object had reached the disk: then bytes are back that were refused, or that
 * somebody wanted gone. So everything in front of the mark is looked at as well, a little at a time beside other
 * work: after each start of the machine, and every week, because a file server may lose its power without ours.
 *
 * The state is one setting, "MACHINE-RUN BEGUN_MS NEXT_KEY", so that a restart goes on where it was.
 */
#define SETTING "sweep.full"
#define DONE "-" /* in place of the next key */
#define EVERY_MS (7ll * 24 * 60 * 60 * 1000)
#define SAVE_EVERY_MS 60000

static PacsStatus save(PacsIngest *ingest, int64_t now_ms, PacsError *err)
{
    FullSweep *sweep = &ingest->full_sweep;
    char next[PACS_KEY_HEX + 1] = DONE;
    char text[PACS_BOOT_ID_SIZE + 24 + sizeof next];

    if (sweep->under_way)
        pacs_key_format(&sweep->next, next);
    (void)snprintf(text, sizeof text, "%s %" PRId64 " %s", sweep->boot_id, sweep->begun_ms, next);
    sweep->saved_ms = now_ms;
    return pacs_index_write_setting(ingest->index, SETTING, text, err);
}

/** What cannot be read is as good as nothing: a sweep begins. */
static void parse(FullSweep *sweep, const char *text)
{
    PacsSlice rest = pacs_slice(text);
    PacsSlice boot_id = {0};
    PacsSlice begun = {0};
    uint64_t begun_ms = 0;

    (void)pacs_slice_split(&rest, ' ', &boot_id);
    (void)pacs_slice_split(&rest, ' ', &begun);
    if (boot_id.size < sizeof sweep->boot_id)
        memcpy(sweep->boot_id, boot_id.text, boot_id.size); /* zeroed before */
    if (pacs_parse_u64(begun, INT64_MAX, &begun_ms, NULL) == PACS_OK)
        sweep->begun_ms = (int64_t)begun_ms;
    sweep->under_way = rest.text &&
                       pacs_key_parse(rest.text, &sweep->next, NULL) == PACS_OK; /* ends with the text */
}

static PacsStatus load(PacsIngest *ingest, PacsError *err)
{
    const char *text = NULL;
    PACS_AUTO(PacsArena) arena = pacs_arena_new(4096);
    if (!arena)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory to sweep the store");

    PacsStatus status = pacs_index_read_setting(ingest->index, SETTING, arena, &text, err);
    if (status == PACS_OK)
        parse(&ingest->full_sweep, text);
    ingest->full_sweep.loaded = status == PACS_OK || status == PACS_NOT_FOUND;
    return ingest->full_sweep.loaded ? PACS_OK : status;
}

static bool is_due(const FullSweep *sweep, const char *boot_id, int64_t now_ms)
{
    bool machine_started = strcmp(sweep->boot_id, boot_id) != 0;
    bool week_over = now_ms - sweep->begun_ms >= EVERY_MS || now_ms < sweep->begun_ms;

    return machine_started || (week_over && !sweep->under_way);
}

static PacsStatus begin_if_due(PacsIngest *ingest, PacsError *err)
{
    FullSweep *sweep = &ingest->full_sweep;
    int64_t now_ms = pacs_now_ms();
    char boot_id[PACS_BOOT_ID_SIZE];

    PacsStatus status = sweep->loaded ? PACS_OK : load(ingest, err);
    if (status != PACS_OK)
        return status;
    pacs_boot_id(boot_id);
    if (!is_due(sweep, boot_id, now_ms))
        return PACS_OK;
    *sweep = (FullSweep){.loaded = true, .under_way = true, .begun_ms = now_ms};
    memcpy(sweep->boot_id, boot_id, sizeof sweep->boot_id);
    return save(ingest, now_ms, err);
}

typedef struct Step {
    PacsIngest *ingest;
    PacsKey mark;
    size_t left;
    bool interrupted; /* by ourselves: there is more */
} Step;

static PacsStatus visit(void *context, const PacsKey *key, uint64_t size_bytes, PacsError *err)
{
    Step *step = context;
    bool removed = false;

    (void)size_bytes;
    if (pacs_key_compare(key, &step->mark) >= 0) /* what may still be on its way in */
        return pacs_fail(err, PACS_CANCELLED, "the sweep has reached the mark");
    step->ingest->full_sweep.next = *key;
    step->interrupted = step->left == 0;
    if (step->interrupted)
        return pacs_fail(err, PACS_CANCELLED, "the rest of the sweep comes later");
    step->left--;
    return sweep_one(step->ingest, key, &removed, err);
}

PacsStatus pacs_ingest_sweep_step(PacsIngest *ingest, size_t max, PacsError *err)
{
    FullSweep *sweep = &ingest->full_sweep;
    Step step = {.ingest = ingest, .left = max};

    PacsStatus status = begin_if_due(ingest, err);
    if (status != PACS_OK || !sweep->under_way)
        return status;
    status = sweep_read_mark(ingest, &step.mark, err);
    if (status == PACS_NOT_FOUND) /* nothing is settled */
        return PACS_OK;
    if (status == PACS_OK)
        status = pacs_store_list(ingest->store, &sweep->next, visit, &step, err);
    if (status != PACS_OK && status != PACS_CANCELLED)
        return status;
    sweep->under_way = step.interrupted;
    int64_t now_ms = pacs_now_ms();
    return !sweep->under_way || now_ms - sweep->saved_ms >= SAVE_EVERY_MS ? save(ingest, now_ms, err)
                                                                          : PACS_OK;
}
