/* The reader and the scan: whatever the bytes are, nothing breaks, memory stays bounded, and where they are
 * cut makes no difference. The first two bytes of an input say where to cut. */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pacs/dicom/bulk_table.h"
#include "pacs/dicom/scan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct Inflated {
    uint64_t size;
    uint64_t sum;
} Inflated;

static PacsStatus on_inflated(void *context, const void *bytes, size_t size, PacsError *err)
{
    (void)err;
    Inflated *inflated = context;
    const uint8_t *at = bytes;
    for (size_t i = 0; i < size; i++)
        inflated->sum = inflated->sum * 31 + at[i];
    inflated->size += size;
    return PACS_OK;
}

static PacsStatus feed_whole(PacsScan *scan, const uint8_t *data, size_t size, PacsError *err)
{
    PacsStatus status = pacs_scan_feed(scan, data, size, err);
    return status == PACS_OK ? pacs_scan_finish(scan, err) : status;
}

static PacsStatus feed_cut(PacsScan *scan, const uint8_t *data, size_t size, uint32_t seed, PacsError *err)
{
    PacsStatus status = PACS_OK;
    for (size_t at = 0; status == PACS_OK && at < size;) {
        seed = seed * 1664525u + 1013904223u;
        size_t piece = 1 + (seed >> 24) % ((seed >> 16) & 1 ? 7 : 199);
        piece = piece < size - at ? piece : size - at;
        uint8_t *copy = malloc(piece); /* a piece is gone once it was fed */
        if (!copy)
            abort();
        memcpy(copy, data + at, piece);
        status = pacs_scan_feed(scan, copy, piece, err);
        free(copy);
        at += piece;
    }
    return status == PACS_OK ? pacs_scan_finish(scan, err) : status;
}

static void check(bool holds, const char *what)
{
    if (!holds) {
        (void)fprintf(stderr, "cutting the bytes changed %s\n", what);
        abort();
    }
}

static bool same_buffer(const PacsBuffer *first, const PacsBuffer *second)
{
    return first->size == second->size &&
           (first->size == 0 || memcmp(first->bytes, second->bytes, first->size) == 0);
}

static void check_same(const PacsInstance *first, const PacsInstance *second)
{
    check(same_buffer(first->json, second->json), "the JSON");
    check(same_buffer(first->frame_table, second->frame_table), "the frame table");
    check(same_buffer(first->bulk_table, second->bulk_table), "the bulk table");
    check(strcmp(first->transfer_syntax_uid, second->transfer_syntax_uid) == 0, "the transfer syntax");
    check(first->dataset_offset == second->dataset_offset, "the data set's offset");
    check(first->size_bytes == second->size_bytes, "the size");
    for (int level = 0; level < PACS_LEVEL_COUNT; level++) {
        check(first->tag_count[level] == second->tag_count[level], "the number of tags");
        for (size_t i = 0; i < first->tag_count[level]; i++)
            check(strcmp(first->tags[level][i].value, second->tags[level][i].value) == 0, "a tag");
    }
}

/* Every frame a table promises lies inside the object. */
static void check_frames(const PacsInstance *instance, uint64_t stream_size)
{
    const PacsBuffer *table = instance->frame_table;
    uint32_t frames = 0;
    if (table->size == 0)
        return;
    check(pacs_frame_table_count(table->bytes, table->size, &frames, NULL) == PACS_OK, "a frame count");
    for (uint32_t number = 1; number <= frames && number <= 300; number++) {
        PacsFrame frame;
        check(pacs_frame_table_find(table->bytes, table->size, number, &frame, NULL) == PACS_OK, "a frame");
        check(frame.first.offset <= stream_size && frame.first.size <= stream_size - frame.first.offset,
              "a frame's place");
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    uint32_t seed = (uint32_t)data[0] << 8 | data[1];
    data += 2;
    size -= 2;
    Inflated inflated[2] = {{0}, {0}};
    PacsScan *scans[2] = {NULL, NULL};
    PacsError errors[2] = {{0}, {0}};
    for (int i = 0; i < 2; i++) {
        const PacsScanOptions options = {
            .any_dataset = seed & 1, .on_inflated = on_inflated, .context = &inflated[i]};
        if (pacs_scan_new(&options, &scans[i], NULL) != PACS_OK)
            abort();
    }
    PacsStatus whole = feed_whole(scans[0], data, size, &errors[0]);
    PacsStatus cut = feed_cut(scans[1], data, size, seed, &errors[1]);
    check(whole == cut && strcmp(errors[0].text, errors[1].text) == 0, "the outcome");
    if (whole == PACS_OK) {
        const PacsInstance *instance = pacs_scan_instance(scans[0]);
        check_same(instance, pacs_scan_instance(scans[1]));
        check(inflated[0].size == inflated[1].size && inflated[0].sum == inflated[1].sum,
              "what was inflated");
        check_frames(instance, instance->deflated ? inflated[0].size : size);
    }
    pacs_scan_free(scans[0]);
    pacs_scan_free(scans[1]);
    return 0;
}
