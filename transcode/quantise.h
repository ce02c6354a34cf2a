#pragma once

#include "transcode/picture.h"

/**
 * 256 colours for a picture of many. Nearly grey pixels go to a ramp of greys, the others to a palette by median cut: images
 * of medicine are mostly grey, with some colour drawn into them, and a palette by colour alone leaves few of their greys.
 *
 * Owner: the caller's struct, some 300 kB; transcode_quantiser_clear() frees.
 */
typedef struct TranscodeQuantiser {
    uint8_t palette[256][3];
    uint32_t grey_count; /* the first of the palette */
    uint8_t *index_of;   /* of a colour in 5 bits each */
    uint32_t *histogram; /* likewise; while the palette is made */
} TranscodeQuantiser;

/** Chooses the palette of a picture of 3 channels with 8 bits. */
PACS_CHECKED PacsStatus transcode_quantiser_init(TranscodeQuantiser *quantiser,
                                                 const TranscodePicture *picture, PacsError *err);
void transcode_quantiser_clear(TranscodeQuantiser *quantiser);

/** Palette entries of `count` pixels. */
void transcode_quantise(const TranscodeQuantiser *quantiser, const uint8_t *rgb, size_t count,
                        uint8_t *ret_indices);
