#pragma once

#ifdef __cplusplus
extern "C" { /* around the includes, too: the rooms below are C and say nothing of C++ */
#endif

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pacs/util/buffer.h"
#include "pacs/util/status.h"

/**
 * High-throughput JPEG 2000 (T.814) by OpenJPH, a line of samples at a time.
 *
 * Threads: any, at once; a frame is worked on by the thread that brings it.
 * Errors:  PACS_INVALID with OpenJPH's words (what it reports, and what it threw), PACS_NO_MEMORY, PACS_TOO_LARGE
 *          (out is full).
 */

typedef struct PacsHtj2kImage {
    uint32_t rows;
    uint32_t columns;
    uint32_t components; /* all alike, none subsampled */
    uint32_t precision;  /* bits */
    bool is_signed;
} PacsHtj2kImage;

typedef struct PacsHtj2kCoding {
    bool is_reversible;
    bool has_color_transform; /* RCT or ICT of the first three components */
    uint32_t decompositions;  /* 0 to 32 */
    const char *progression;  /* "RPCL" */
    float quantization;       /* irreversible: step size by the full range of the precision */
    /** Fill one line of one component: image.columns samples. Lines come from the top, components in turn. */
    void (*read_line)(void *context, uint32_t component, uint32_t row, int32_t *values);
    void *context;
} PacsHtj2kCoding;

/** A codestream, added to `out`: one tile, no TLM marker. */
PACS_CHECKED PacsStatus pacs_bridge_htj2k_encode(const PacsHtj2kImage *image, const PacsHtj2kCoding *coding,
                                                 PacsBuffer *out, PacsError *err);

/**
 * Each line of each component as the codestream has them: `count` samples of a component that may be subsampled, line
 * 0 at the top. Values of lossy codestreams may lie outside the precision. `values` may be written over.
 */
typedef void PacsHtj2kWriteLine(void *context, uint32_t component, uint32_t line, int32_t *values,
                                uint32_t count);

/** The caller has looked at the codestream's header and found that it can afford it. */
PACS_CHECKED PacsStatus pacs_bridge_htj2k_decode(const uint8_t *bytes, size_t size,
                                                 PacsHtj2kWriteLine *write_line, void *context,
                                                 PacsError *err);

#ifdef __cplusplus
}
#endif
