#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "pacs/dicom/frame_table.h"
#include "pacs/util/buffer.h"
#include "pacs/util/status.h"

/**
 * Gathers, while the fragments of encapsulated pixel data go by, what is needed to say at the end which of
 * them make which frame (PS3.5 A.4): their sizes, the offset table, and where codestreams begin. Then writes
 * a frame table, also for native pixel data.
 *
 * Memory: PACS_MAX_FRAGMENTS fragments, a few bytes each.
 */
typedef struct FrameCollector {
    PacsBuffer checkpoints;   /* as in the table */
    PacsBuffer sizes;         /* as in the table */
    PacsBuffer offsets;       /* basic (u32) or extended (u64) offset table, as it came */
    PacsBuffer lengths;       /* u64: of frames, beside the extended offset table */
    PacsBuffer table_starts;  /* u32: fragments that the offset table names */
    PacsBuffer marker_starts; /* u32: fragments that begin with the start of a codestream */
    uint64_t runs;
    uint64_t base;        /* offset of the first fragment's item header: what offset tables count from */
    uint64_t table_next;  /* the next entry of the offset table to be met */
    bool table_too_large; /* not kept: frames are told by what else is known */
    bool extended;
    bool knows_padding; /* lengths are there, one for each offset */
    uint8_t probe[12];  /* the first bytes of the current fragment */
    uint32_t probe_size;
} FrameCollector;

void frame_collector_init(FrameCollector *collector);
void frame_collector_clear(FrameCollector *collector);
void frame_collector_reset(FrameCollector *collector);

/** Bytes of the extended offset table (7FE0,0001), or of the basic one, which only counts without
 * the former. */
void frame_collector_add_extended_offsets(FrameCollector *collector, const uint8_t *bytes, size_t size);
/** Bytes of the lengths beside the extended table (7FE0,0002), which leave padding out. They are believed where
 *  each frame is one fragment, as they have to be, and is as long or has one byte of padding. */
void frame_collector_add_lengths(FrameCollector *collector, const uint8_t *bytes, size_t size);
void frame_collector_add_basic_offsets(FrameCollector *collector, const uint8_t *bytes, size_t size);

/** `offset` of the fragment's first byte, after its item header. */
PACS_CHECKED PacsStatus frame_collector_begin(FrameCollector *collector, uint64_t offset, uint64_t size,
                                              PacsError *err);
void frame_collector_add(FrameCollector *collector, const uint8_t *bytes, size_t size);
PACS_CHECKED PacsStatus frame_collector_end(FrameCollector *collector, PacsError *err);

typedef enum FrameMapping {
    FRAME_MAPPING_CODESTREAMS, /* fragments are joined to frames */
    FRAME_MAPPING_ONE_EACH,    /* the syntax has one fragment for each frame (RLE, deflated frames) */
    FRAME_MAPPING_ONE_STREAM,  /* video */
} FrameMapping;

/** The table of the fragments seen; nothing is written where there are none. */
PACS_CHECKED PacsStatus frame_collector_write(const FrameCollector *collector, FrameMapping mapping,
                                              uint32_t number_of_frames, PacsBuffer *out, PacsError *err);

/** Native frames, one behind the other. */
typedef struct FrameNative {
    uint64_t offset;     /* of the first */
    uint64_t size_bytes; /* of all there is */
    uint64_t frame_bits;
    uint8_t swap_size; /* unit of byte swapping to little endian; 1: none */
    uint32_t number_of_frames;
} FrameNative;

/** The table of native frames, as many as `size_bytes` hold; nothing is written where that is none. */
PACS_CHECKED PacsStatus frame_table_write_native(const FrameNative *native, PacsBuffer *out, PacsError *err);
