#include "pacs/dicom/frame_collector.h"

#include <assert.h>
#include <string.h>

#include "pacs/dicom/frame_table_format.h"
#include "pacs/dicom/table_codec.h"
#include "pacs/util/limits.h"

void frame_collector_init(FrameCollector *collector)
{
    *collector = (FrameCollector){0};
    pacs_buffer_init(&collector->checkpoints,
                     (PACS_MAX_FRAGMENTS / FRAME_TABLE_STRIDE + 1) * (size_t)FRAME_TABLE_CHECKPOINT);
    pacs_buffer_init(&collector->sizes, PACS_MAX_FRAME_TABLE / 2);
    pacs_buffer_init(&collector->offsets, PACS_MAX_FRAGMENTS * (size_t)8);
    pacs_buffer_init(&collector->lengths, PACS_MAX_FRAGMENTS * (size_t)8);
    pacs_buffer_init(&collector->table_starts, PACS_MAX_FRAGMENTS * (size_t)4);
    pacs_buffer_init(&collector->marker_starts, PACS_MAX_FRAGMENTS * (size_t)4);
}

void frame_collector_clear(FrameCollector *collector)
{
    pacs_buffer_clear(&collector->checkpoints);
    pacs_buffer_clear(&collector->sizes);
    pacs_buffer_clear(&collector->offsets);
    pacs_buffer_clear(&collector->lengths);
    pacs_buffer_clear(&collector->table_starts);
    pacs_buffer_clear(&collector->marker_starts);
}

void frame_collector_reset(FrameCollector *collector)
{
    FrameCollector kept = *collector;
    *collector = (FrameCollector){.checkpoints = kept.checkpoints,
                                  .sizes = kept.sizes,
                                  .offsets = kept.offsets,
                                  .lengths = kept.lengths,
                                  .table_starts = kept.table_starts,
                                  .marker_starts = kept.marker_starts};
    pacs_buffer_reset(&collector->checkpoints);
    pacs_buffer_reset(&collector->sizes);
    pacs_buffer_reset(&collector->offsets);
    pacs_buffer_reset(&collector->lengths);
    pacs_buffer_reset(&collector->table_starts);
    pacs_buffer_reset(&collector->marker_starts);
}

static void add_offsets(FrameCollector *collector, const uint8_t *bytes, size_t size)
{
    if (!collector->table_too_large && !pacs_buffer_add(&collector->offsets, bytes, size))
        collector->table_too_large = true;
}

void frame_collector_add_extended_offsets(FrameCollector *collector, const uint8_t *bytes, size_t size)
{
    collector->extended = true;
    add_offsets(collector, bytes, size);
}

void frame_collector_add_lengths(FrameCollector *collector, const uint8_t *bytes, size_t size)
{
    if (!pacs_buffer_add(&collector->lengths, bytes, size))
        collector->table_too_large = true;
}

void frame_collector_add_basic_offsets(FrameCollector *collector, const uint8_t *bytes, size_t size)
{
    if (!collector->extended)
        add_offsets(collector, bytes, size);
}

static uint64_t offset_count(const FrameCollector *collector)
{
    return collector->table_too_large ? 0 : collector->offsets.size / (collector->extended ? 8 : 4);
}

static uint64_t offset_at(const FrameCollector *collector, uint64_t index)
{
    const uint8_t *bytes = collector->offsets.bytes;
    assert(bytes); /* index < offset_count() */
    return collector->extended ? table_get_u64(bytes + index * 8) : table_get_u32(bytes + index * 4);
}

/* Basic offsets have 32 bits, and objects over 4 GiB exist whose writers let them wrap: an entry counts as
 * met when its lower bits are, as long as entries are met in order. */
static void meet_offset(FrameCollector *collector, uint64_t relative)
{
    uint64_t wanted = collector->extended ? relative : relative & UINT32_MAX;
    if (collector->table_next >= offset_count(collector) ||
        offset_at(collector, collector->table_next) != wanted)
        return;
    collector->table_next++;
    (void)table_add_u32(&collector->table_starts, (uint32_t)collector->runs); /* bounded by `runs` */
}

/* The bytes of padding in the fragment that begins, 0 or 1. */
static uint64_t padding_of(const FrameCollector *collector, uint64_t size)
{
    uint64_t run = collector->runs;
    bool one_run_each = collector->table_next == run + 1; /* all runs so far are entries of the table */
    if (!collector->knows_padding || !one_run_each)
        return 0;
    return table_get_u64(collector->lengths.bytes + run * 8) == size - 1 && size > 0 ? 1 : 0;
}

static void add_size(FrameCollector *collector, uint64_t size)
{
    uint64_t padding = padding_of(collector, size);
    uint64_t coded = collector->knows_padding ? (size - padding) << 1 | padding : size;
    (void)table_add_varint(&collector->sizes, coded); /* `failed` is checked by the caller */
}

PacsStatus frame_collector_begin(FrameCollector *collector, uint64_t offset, uint64_t size, PacsError *err)
{
    if (collector->runs >= PACS_MAX_FRAGMENTS)
        return pacs_fail(err, PACS_TOO_LARGE, "pixel data has more than %u fragments", PACS_MAX_FRAGMENTS);
    if (collector->runs == 0) {
        collector->base = offset - 8;
        collector->knows_padding = collector->extended && offset_count(collector) > 0 &&
                                   collector->lengths.size == collector->offsets.size;
    }
    if (collector->runs % FRAME_TABLE_STRIDE == 0) {
        (void)table_add_u64(&collector->checkpoints, offset);
        (void)table_add_u32(&collector->checkpoints, (uint32_t)collector->sizes.size);
    }
    meet_offset(collector, offset - 8 - collector->base);
    add_size(collector, size);
    collector->probe_size = 0;
    PacsStatus status = pacs_buffer_check(&collector->sizes, err);
    return status == PACS_OK ? pacs_buffer_check(&collector->checkpoints, err) : status;
}

void frame_collector_add(FrameCollector *collector, const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size && collector->probe_size < sizeof collector->probe; i++)
        collector->probe[collector->probe_size++] = bytes[i];
}

typedef struct Marker {
    uint8_t size;
    uint8_t bytes[12];
} Marker;

static const Marker codestream_starts[] = {
    {3, {0xFF, 0xD8, 0xFF}},       /* JPEG and JPEG-LS: SOI, then a marker */
    {4, {0xFF, 0x4F, 0xFF, 0x51}}, /* JPEG 2000, HTJ2K: SOC, SIZ */
    {12, {0, 0, 0, 12, 'j', 'P', ' ', ' ', 0x0D, 0x0A, 0x87, 0x0A}}, /* ... in a JP2 file, against PS3.5 */
    {2, {0xFF, 0x0A}},                                               /* JPEG XL codestream */
    {12, {0, 0, 0, 12, 'J', 'X', 'L', ' ', 0x0D, 0x0A, 0x87, 0x0A}}, /* JPEG XL container */
};

static bool begins_codestream(const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < sizeof codestream_starts / sizeof codestream_starts[0]; i++) {
        const Marker *marker = &codestream_starts[i];
        if (size >= marker->size && memcmp(bytes, marker->bytes, marker->size) == 0)
            return true;
    }
    return false;
}

PacsStatus frame_collector_end(FrameCollector *collector, PacsError *err)
{
    if (begins_codestream(collector->probe, collector->probe_size))
        (void)table_add_u32(&collector->marker_starts, (uint32_t)collector->runs);
    collector->runs++;
    PacsStatus status = pacs_buffer_check(&collector->marker_starts, err);
    return status == PACS_OK ? pacs_buffer_check(&collector->table_starts, err) : status;
}

/* Which fragments begin a frame. */
typedef struct Plan {
    uint32_t frames;
    uint32_t runs_per_frame;  /* 0: starts */
    const PacsBuffer *starts; /* NULL with runs_per_frame 0: one frame of all fragments */
} Plan;

static Plan plan_by_starts(const PacsBuffer *starts)
{
    return (Plan){.frames = (uint32_t)(starts->size / 4), .starts = starts};
}

/* True if every frame of the offset table begins with a codestream: some writers list all fragments there. */
static bool table_agrees_with_markers(const FrameCollector *collector)
{
    const PacsBuffer *table = &collector->table_starts;
    const PacsBuffer *markers = &collector->marker_starts;
    return table->size == markers->size && table->size > 0 &&
           memcmp(table->bytes, markers->bytes, table->size) == 0;
}

static bool begins_with_first(const PacsBuffer *starts)
{
    return starts->size >= 4 && starts->bytes && table_get_u32(starts->bytes) == 0;
}

static Plan plan(const FrameCollector *collector, FrameMapping mapping, uint32_t number_of_frames)
{
    uint32_t runs = (uint32_t)collector->runs;
    uint64_t table = collector->table_starts.size / 4;
    uint64_t markers = collector->marker_starts.size / 4;
    bool table_valid = table == offset_count(collector) && begins_with_first(&collector->table_starts);
    const Plan one_frame = {.frames = 1};
    const Plan one_each = {.frames = runs, .runs_per_frame = 1};

    if (mapping == FRAME_MAPPING_ONE_STREAM)
        return one_frame;
    if (runs == number_of_frames)
        return one_each;
    if (table_valid && table == number_of_frames)
        return plan_by_starts(&collector->table_starts);
    if (mapping == FRAME_MAPPING_ONE_EACH)
        return one_each;
    if (number_of_frames == 1)
        return table_valid && table_agrees_with_markers(collector) ? plan_by_starts(&collector->table_starts)
                                                                   : one_frame;
    if (markers == number_of_frames)
        return plan_by_starts(&collector->marker_starts);
    /* Number of Frames is not true. The offset table is the next best witness, then the codestreams. */
    if (table_valid)
        return plan_by_starts(&collector->table_starts);
    return markers > 0 ? plan_by_starts(&collector->marker_starts) : one_each;
}

PacsStatus frame_collector_write(const FrameCollector *collector, FrameMapping mapping,
                                 uint32_t number_of_frames, PacsBuffer *out, PacsError *err)
{
    if (collector->runs == 0)
        return PACS_OK;
    Plan frames = plan(collector, mapping, number_of_frames);
    uint8_t header[FRAME_TABLE_FRAGMENTS_HEADER] = FRAME_TABLE_MAGIC;
    header[4] = FRAME_TABLE_FRAGMENTS;
    header[FRAME_TABLE_PADDING_AT] = collector->knows_padding;
    table_put_u32(header + 8, frames.frames);
    table_put_u32(header + 12, frames.runs_per_frame);
    table_put_u64(header + 16, collector->runs);
    (void)pacs_buffer_add(out, header, sizeof header);
    (void)pacs_buffer_add(out, collector->checkpoints.bytes, collector->checkpoints.size);
    if (frames.starts)
        (void)pacs_buffer_add(out, frames.starts->bytes, frames.starts->size);
    else if (!frames.runs_per_frame)
        (void)table_add_u32(out, 0);
    (void)pacs_buffer_add(out, collector->sizes.bytes, collector->sizes.size);
    return pacs_buffer_check(out, err);
}

PacsStatus frame_table_write_native(const FrameNative *native, PacsBuffer *out, PacsError *err)
{
    uint64_t whole_units = native->size_bytes - native->size_bytes % native->swap_size;
    if (native->frame_bits == 0 || native->size_bytes > UINT64_MAX / 16)
        return PACS_OK;
    uint64_t held = whole_units * 8 / native->frame_bits;
    uint32_t frames = held < native->number_of_frames ? (uint32_t)held : native->number_of_frames;
    if (frames == 0)
        return PACS_OK;
    uint8_t table[FRAME_TABLE_NATIVE_SIZE] = FRAME_TABLE_MAGIC;
    table[4] = FRAME_TABLE_NATIVE;
    table[FRAME_TABLE_SWAP_AT] = native->swap_size > 1 ? native->swap_size : 0;
    table_put_u32(table + 8, frames);
    table_put_u64(table + 12, native->offset);
    table_put_u64(table + 20, native->frame_bits);
    (void)pacs_buffer_add(out, table, sizeof table);
    return pacs_buffer_check(out, err);
}
