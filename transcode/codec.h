#pragma once

#include "pacs/util/buffer.h"
#include "pacs/util/status.h"
#include "transcode/layout.h"

/**
 * The face of all codecs: one frame in, one frame out. No threads, no files, no state; who runs them where, and what is
 * kept of the results, is transcode/service.h's.
 *
 * Threads: any, at once. 256 KiB of stack are enough for every library (27 kB is the most that was seen).
 * Errors:  PACS_INVALID (the codestream is broken, or says other rows, columns or samples than the attributes),
 *          PACS_UNSUPPORTED (no codec for it, or one that cannot do this layout), PACS_TOO_LARGE, PACS_NO_MEMORY.
 */

/** One frame: a codestream, or a native frame (explicit little endian, whatever the object is stored in). */
typedef struct TranscodeFrame {
    const char *transfer_syntax_uid; /* borrowed */
    TranscodeLayout layout;          /* by the object's attributes */
    const uint8_t *bytes;            /* borrowed */
    size_t size;
} TranscodeFrame;

/** What is wanted. */
typedef struct TranscodeTarget {
    const char *transfer_syntax_uid;
    uint32_t quality; /* lossy: 1 to 100; 0: the codec's default (90) */
    uint32_t near;    /* JPEG-LS near lossless: the largest error of a sample; 0: 2 */
} TranscodeTarget;

bool transcode_can_decode(const char *transfer_syntax_uid);
/** Whether a native frame of this layout can be written in it: JPEG-LS ends at 16 bits, lossy ones take no palette. */
bool transcode_can_encode(const char *transfer_syntax_uid, const TranscodeLayout *layout);

/**
 * What a frame's layout becomes, without looking at pixels, so that attributes can be told beforehand. Decoding keeps
 * everything but the colours: YBR_ICT, YBR_RCT, XYB and the YBR of lossy JPEG become RGB, by pixel; others stay
 * (RLE and JPEG-LS carry YBR_FULL as it is). Encoding RGB in JPEG gives YBR_FULL_422, in JPEG 2000 YBR_RCT or YBR_ICT.
 * Native YBR_FULL_422 goes into lossless syntaxes as YBR_FULL. docs/ARCHITECTURE.md has the table.
 * Errors: PACS_UNSUPPORTED (no way from the one to the other).
 */
PACS_CHECKED PacsStatus transcode_layout_after(const char *from_uid, const TranscodeLayout *stored,
                                               const TranscodeTarget *target, TranscodeLayout *ret_layout,
                                               PacsError *err);

/** Whether pixels may have changed on the way: the target is lossy and the source is not in the very same syntax. */
bool transcode_is_lossy(const char *from_uid, const TranscodeTarget *target);

/**
 * Decode into `out`, which has the size of a native frame of `layout` (transcode_layout_after() with explicit little
 * endian tells it). Every sample is bit exact for lossless syntaxes, unused high bits too as far as they say
 * something: the sign is extended, else they are 0.
 */
PACS_CHECKED PacsStatus transcode_decode(const TranscodeFrame *frame, const TranscodeLayout *layout,
                                         uint8_t *out, size_t out_size, PacsError *err);

/** Encode a native frame; added to `out`. */
PACS_CHECKED PacsStatus transcode_encode(const TranscodeFrame *native, const TranscodeTarget *target,
                                         PacsBuffer *out, PacsError *err);

/** The codec's name for metrics and logs, "charls"; "" if none decodes (or encodes) it. */
const char *transcode_decoder_name(const char *transfer_syntax_uid);
const char *transcode_encoder_name(const char *transfer_syntax_uid);
/** Whether its decoder is our own bounded code: others run where they can do no harm (transcode/service.h). */
bool transcode_decoder_is_trusted(const char *transfer_syntax_uid);
