#pragma once

#include "transcode/codec.h"

/**
 * What a codec library is to transcode/codec.c, which checks sizes and layouts in front of every slot.
 *
 * A codec is one file, codec_<library>.c, and one line in the table of codec.c. Where two can do a syntax the first in
 * the table does it.
 */
typedef struct TranscodeCodec {
    const char *name;           /* the library's: "charls" */
    const char *const *decodes; /* transfer syntaxes, NULL at the end; NULL for none */
    const char *const *encodes;
    bool is_trusted; /* its decoder is ours, bounded and fuzzed */

    /** Whether this frame of a syntax in `decodes` is one for this codec, by a look at its header; the next codec with
     *  that syntax gets the others. May be NULL: every frame is. */
    bool (*takes)(const TranscodeFrame *frame);
    /** The frame is of a syntax in `decodes`; `native` is what transcode_layout_after() said and out_size its size.
     *  All of `out` is written or the call fails. */
    PacsStatus (*decode)(const TranscodeFrame *frame, const TranscodeLayout *native, uint8_t *out,
                         size_t out_size, PacsError *err);
    /** Whether it can write this layout in that syntax: integers by pixel, YBR_FULL in place of YBR_FULL_422. */
    bool (*can_encode)(const char *transfer_syntax_uid, const TranscodeLayout *layout);
    /** A native frame whose layout can_encode took. `as` says what the codestream's layout is. */
    PacsStatus (*encode)(const TranscodeFrame *native, const TranscodeTarget *target,
                         const TranscodeLayout *as, PacsBuffer *out, PacsError *err);
} TranscodeCodec;

extern const TranscodeCodec transcode_codec_native;
extern const TranscodeCodec transcode_codec_rle;
extern const TranscodeCodec transcode_codec_deflate; /* deflated frames (PS3.5 A.4.13) */
extern const TranscodeCodec transcode_codec_turbo;   /* libjpeg-turbo: JPEG baseline, 8 bits of extended */
extern const TranscodeCodec transcode_codec_ijg;     /* DCMTK's: 12 bits, lossless */
extern const TranscodeCodec transcode_codec_charls;
extern const TranscodeCodec transcode_codec_openjpeg;
extern const TranscodeCodec transcode_codec_openjph;
extern const TranscodeCodec transcode_codec_jxl;
