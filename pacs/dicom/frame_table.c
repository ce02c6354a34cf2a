#include "pacs/dicom/frame_table.h"

#include <inttypes.h>
#include <string.h>

#include "pacs/dicom/frame_table_format.h"
#include "pacs/dicom/table_codec.h"

/* A table of fragments, opened: its parts, each checked to lie inside the bytes. */
typedef struct Table {
    uint8_t kind;
    uint32_t frames;
    uint64_t offset; /* native */
    uint64_t frame_bits;
    uint8_t swap_size;
    uint32_t runs_per_frame; /* fragments; 0: `starts` says */
    uint64_t runs;
    bool knows_padding;
    const uint8_t *checkpoints;
    const uint8_t *starts;
    const uint8_t *sizes;
    const uint8_t *end;
} Table;

static PacsStatus fail_corrupt(PacsError *err)
{
    return pacs_fail(err, PACS_CORRUPT, "the frame table is damaged");
}

static PacsStatus open_fragments(Table *table, const uint8_t *bytes, size_t size, PacsError *err)
{
    if (size < FRAME_TABLE_FRAGMENTS_HEADER)
        return fail_corrupt(err);
    table->runs_per_frame = table_get_u32(bytes + 12);
    table->runs = table_get_u64(bytes + 16);
    table->knows_padding = bytes[FRAME_TABLE_PADDING_AT] != 0;
    uint64_t room = size - FRAME_TABLE_FRAGMENTS_HEADER;
    /* Every run has at least one byte of size, which also keeps the products below from overflowing. */
    if (table->runs > room || table->frames > table->runs)
        return fail_corrupt(err);
    uint64_t checkpoints = (table->runs + FRAME_TABLE_STRIDE - 1) / FRAME_TABLE_STRIDE *
                           FRAME_TABLE_CHECKPOINT;
    uint64_t starts = table->runs_per_frame ? 0 : (uint64_t)table->frames * 4;
    if (checkpoints + starts > room ||
        (table->runs_per_frame && (uint64_t)table->runs_per_frame * table->frames > table->runs))
        return fail_corrupt(err);
    table->checkpoints = bytes + FRAME_TABLE_FRAGMENTS_HEADER;
    table->starts = table->checkpoints + checkpoints;
    table->sizes = table->starts + starts;
    table->end = bytes + size;
    return PACS_OK;
}

static PacsStatus open_table(const void *start, size_t size, Table *ret_table, PacsError *err)
{
    const uint8_t *bytes = start;
    if (size < FRAME_TABLE_HEADER || memcmp(bytes, FRAME_TABLE_MAGIC, 4) != 0)
        return fail_corrupt(err);
    *ret_table = (Table){.kind = bytes[4], .frames = table_get_u32(bytes + 8)};
    if (ret_table->kind == FRAME_TABLE_FRAGMENTS)
        return open_fragments(ret_table, bytes, size, err);
    if (ret_table->kind != FRAME_TABLE_NATIVE || size < FRAME_TABLE_NATIVE_SIZE)
        return fail_corrupt(err);
    ret_table->offset = table_get_u64(bytes + 12);
    ret_table->frame_bits = table_get_u64(bytes + 20);
    ret_table->swap_size = bytes[FRAME_TABLE_SWAP_AT] ? bytes[FRAME_TABLE_SWAP_AT] : 1;
    if (ret_table->frame_bits == 0 || ret_table->swap_size > 8 ||
        ret_table->frame_bits > UINT64_MAX / 16 / ((uint64_t)ret_table->frames + 1))
        return fail_corrupt(err);
    return PACS_OK;
}

/* The first run of a frame and of the one behind it. */
static PacsStatus frame_runs(const Table *table, uint32_t frame_index, uint64_t *ret_first, uint64_t *ret_end,
                             PacsError *err)
{
    bool last = frame_index + 1 == table->frames;
    if (table->runs_per_frame) {
        *ret_first = (uint64_t)frame_index * table->runs_per_frame;
        *ret_end = *ret_first + table->runs_per_frame;
    } else {
        *ret_first = table_get_u32(table->starts + (size_t)frame_index * 4);
        *ret_end = last ? table->runs : table_get_u32(table->starts + ((size_t)frame_index + 1) * 4);
    }
    return *ret_first < *ret_end && *ret_end <= table->runs ? PACS_OK : fail_corrupt(err);
}

/* A place among the runs; reading moves it on. */
typedef struct Cursor {
    const uint8_t *at;
    uint64_t offset; /* of the next run */
} Cursor;

static PacsStatus next_run(const Table *table, Cursor *cursor, PacsRange *ret_range, PacsError *err)
{
    uint64_t size = 0;
    uint64_t padding = 0;
    if (!table_read_varint(&cursor->at, table->end, &size))
        return fail_corrupt(err);
    if (table->knows_padding) {
        padding = size & 1;
        size >>= 1;
    }
    if (size > UINT64_MAX - 9 - cursor->offset)
        return fail_corrupt(err);
    *ret_range = (PacsRange){cursor->offset, size};
    cursor->offset += size + padding + 8; /* the next fragment's item header */
    return PACS_OK;
}

static PacsStatus seek_run(const Table *table, uint64_t run, Cursor *ret_cursor, PacsError *err)
{
    const uint8_t *checkpoint = table->checkpoints + run / FRAME_TABLE_STRIDE * FRAME_TABLE_CHECKPOINT;
    uint32_t position = table_get_u32(checkpoint + 8);
    if (position > (size_t)(table->end - table->sizes))
        return fail_corrupt(err);
    *ret_cursor = (Cursor){table->sizes + position, table_get_u64(checkpoint)};
    for (uint64_t i = run / FRAME_TABLE_STRIDE * FRAME_TABLE_STRIDE; i < run; i++) {
        PacsRange skipped = {0};
        PacsStatus status = next_run(table, ret_cursor, &skipped, err);
        if (status != PACS_OK)
            return status;
    }
    return PACS_OK;
}

static PacsStatus open_frame(const void *bytes, size_t size, uint32_t frame_number, Table *ret_table,
                             PacsError *err)
{
    PacsStatus status = open_table(bytes, size, ret_table, err);
    if (status != PACS_OK)
        return status;
    if (frame_number < 1 || frame_number > ret_table->frames)
        return pacs_fail(err, PACS_INVALID, "frame %" PRIu32 " asked, instance has %" PRIu32, frame_number,
                         ret_table->frames);
    return PACS_OK;
}

static PacsFrame native_frame(const Table *table, uint32_t frame_index)
{
    uint64_t unit_bits = (uint64_t)table->swap_size * 8;
    uint64_t first_bit = table->frame_bits * frame_index;
    uint8_t bit_offset = (uint8_t)(first_bit % unit_bits);
    uint64_t units = (bit_offset + table->frame_bits + unit_bits - 1) / unit_bits;
    uint64_t size = units * table->swap_size;
    return (PacsFrame){.first = {table->offset + first_bit / unit_bits * table->swap_size, size},
                       .run_count = 1,
                       .swap_size = table->swap_size,
                       .bit_offset = bit_offset,
                       .bits = table->frame_bits,
                       .size_bytes = size};
}

PacsStatus pacs_frame_table_count(const void *bytes, size_t size, uint32_t *ret_frames, PacsError *err)
{
    Table table = {0};
    PacsStatus status = open_table(bytes, size, &table, err);
    if (status == PACS_OK)
        *ret_frames = table.frames;
    return status;
}

PacsStatus pacs_frame_table_find(const void *bytes, size_t size, uint32_t frame_number, PacsFrame *ret_frame,
                                 PacsError *err)
{
    Table table = {0};
    PacsStatus status = open_frame(bytes, size, frame_number, &table, err);
    if (status != PACS_OK)
        return status;
    if (table.kind == FRAME_TABLE_NATIVE) {
        *ret_frame = native_frame(&table, frame_number - 1);
        return PACS_OK;
    }
    uint64_t first = 0;
    uint64_t end = 0;
    Cursor cursor = {0};
    status = frame_runs(&table, frame_number - 1, &first, &end, err);
    if (status == PACS_OK)
        status = seek_run(&table, first, &cursor, err);
    PacsFrame frame = {.run_count = (uint32_t)(end - first), .swap_size = 1};
    for (uint64_t run = first; status == PACS_OK && run < end; run++) {
        PacsRange range = {0};
        status = next_run(&table, &cursor, &range, err);
        if (status != PACS_OK)
            break;
        if (run == first)
            frame.first = range;
        frame.size_bytes += range.size;
    }
    if (status == PACS_OK)
        *ret_frame = frame;
    return status;
}

PacsStatus pacs_frame_table_run(const void *bytes, size_t size, uint32_t frame_number, uint32_t run_index,
                                PacsRange *ret_range, PacsError *err)
{
    Table table = {0};
    PacsStatus status = open_frame(bytes, size, frame_number, &table, err);
    if (status != PACS_OK)
        return status;
    uint64_t first = 0;
    uint64_t end = 1;
    if (table.kind == FRAME_TABLE_FRAGMENTS)
        status = frame_runs(&table, frame_number - 1, &first, &end, err);
    if (status != PACS_OK)
        return status;
    if (run_index >= end - first)
        return pacs_fail(err, PACS_INVALID, "run %" PRIu32 " asked, frame %" PRIu32 " has %" PRIu64,
                         run_index, frame_number, end - first);
    if (table.kind == FRAME_TABLE_NATIVE) {
        *ret_range = native_frame(&table, frame_number - 1).first;
        return PACS_OK;
    }
    Cursor cursor = {0};
    PacsRange range = {0};
    status = seek_run(&table, first + run_index, &cursor, err);
    if (status == PACS_OK)
        status = next_run(&table, &cursor, &range, err);
    if (status == PACS_OK)
        *ret_range = range;
    return status;
}
