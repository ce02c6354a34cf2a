#pragma once

#include "transcode/annotation.h"
#include "transcode/picture.h"

/**
 * Waveforms (ECG, pressures, respiration, audio) as people read them: drawn on paper with a grid of 1 and 5 mm, 25 mm a
 * second, and 10 mm a millivolt where it is an ECG.
 *
 * Twelve standard leads recorded together stand in three rows of four, 2.5 s each, with lead II below as the rhythm; anything
 * else is one lane a trace, the first TRANSCODE_WAVEFORM_SECONDS of it. Each lane of an ECG begins with the pulse of 1 mV.
 *
 * Threads: any, at once.
 */
#define TRANSCODE_WAVEFORM_SECONDS 10
#define TRANSCODE_WAVEFORM_TRACES 64 /* drawn at most: a polysomnography has 40 */

/** What the bits of a sample mean: Waveform Sample Interpretation (5400,1006). */
typedef enum TranscodeSampleKind {
    TRANSCODE_SAMPLE_SB, /* signed, 8 bits */
    TRANSCODE_SAMPLE_UB,
    TRANSCODE_SAMPLE_MB, /* 8 bits of mu-law (ITU-T G.711) */
    TRANSCODE_SAMPLE_AB, /* 8 bits of A-law */
    TRANSCODE_SAMPLE_SS, /* signed, 16 bits */
    TRANSCODE_SAMPLE_US,
    TRANSCODE_SAMPLE_SL, /* signed, 32 bits */
    TRANSCODE_SAMPLE_UL,
    TRANSCODE_SAMPLE_KINDS,
} TranscodeSampleKind;

/** By its name ("SS"); TRANSCODE_SAMPLE_KINDS: no such kind. */
TranscodeSampleKind transcode_sample_kind(const char *name);
uint32_t transcode_sample_bytes(TranscodeSampleKind kind);

/** One sample, stored little endian. */
double transcode_sample_value(TranscodeSampleKind kind, const uint8_t *bytes);

/** One channel over time. */
typedef struct TranscodeTrace {
    const char *label;  /* "aVR"; UTF-8 */
    const char *unit;   /* "mV"; "": none */
    double mm_per_unit; /* 0: as high as its lane allows */
    double sampling_hz; /* finite, over 0 */
    double start_s;     /* when its first sample was taken */
    size_t count;
    const float *values; /* in its unit; what is no number is a gap */
} TranscodeTrace;

typedef struct TranscodeWaveformPage {
    const TranscodeTrace *traces;
    size_t trace_count;               /* from 1 */
    const char *note;                 /* stands behind the scales: "0.05-150 Hz"; "": none */
    const TranscodeAnnotation *texts; /* above; of a thumbnail none are drawn */
    size_t text_count;
    uint32_t viewport_width;  /* the page fits in there; 0: 6 pixels a millimetre */
    uint32_t viewport_height; /* 0 likewise */
    bool enlarges;            /* beyond these 6 pixels */
} TranscodeWaveformPage;

/** Errors: PACS_INVALID (no traces, or nothing in them that can be drawn), PACS_NO_MEMORY. */
PACS_CHECKED PacsStatus transcode_waveform_draw(const TranscodeWaveformPage *page,
                                                TranscodePicture *ret_picture, PacsError *err);
