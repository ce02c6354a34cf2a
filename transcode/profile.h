#pragma once

#include "pacs/util/arena.h"
#include "transcode/picture.h"

/**
 * Colours into a colour space that has a name, by Little CMS.
 *
 * What a picture's numbers mean is said by its ICC profile; without one they are sRGB. Converted, they carry the profile of
 * the space that was asked for, whose bytes are the same each time.
 *
 *     status = transcode_profile_convert(&picture, TRANSCODE_SPACE_SRGB, arena, &err);
 *
 * Rendering: the intent that the profile's header names, perceptual where it names none.
 * Threads:   any, at once; nothing is shared.
 * Source:    ICC.1:2010; PS3.3 C.11.15 (profiles of images); PS3.18 8.3.5.1.5 (the spaces that may be asked for);
 *            IEC 61966-2-1 (sRGB), Adobe RGB (1998) 4.2, 4.3, ISO 22028-2 (ROMM RGB).
 */
typedef enum TranscodeSpace {
    TRANSCODE_SPACE_SRGB,
    TRANSCODE_SPACE_ADOBE_RGB,
    TRANSCODE_SPACE_ROMM_RGB,
    TRANSCODE_SPACE_COUNT,
} TranscodeSpace;

/**
 * The picture's colours, in place; its icc_profile becomes that of the space. Opacity stays, and so do grey pictures, with
 * the profile they have.
 *
 * Owner:  the profile lives in the arena.
 * Errors: PACS_INVALID (the picture's profile is broken, or not one of an RGB device), PACS_TOO_LARGE (it has more than
 *         PACS_MAX_ICC_PROFILE bytes), PACS_NO_MEMORY: the picture is as it was.
 */
PACS_CHECKED PacsStatus transcode_profile_convert(TranscodePicture *picture, TranscodeSpace space,
                                                  PacsArena *arena, PacsError *err);

/** A profile for colours without one, which are sRGB; pictures that have one, and grey ones, stay as they are. */
PACS_CHECKED PacsStatus transcode_profile_settle(TranscodePicture *picture, PacsArena *arena, PacsError *err);
