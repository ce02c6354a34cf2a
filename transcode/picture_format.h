#pragma once

#include "transcode/picture.h"

/**
 * What a picture format is to transcode/picture.c, which checks the picture in front of every slot.
 *
 * A format is one file, picture_<format>.c, and one line in the table of picture.c. `out` may be left with bytes of a
 * failed write: picture.c takes them back.
 */
typedef struct TranscodePictureFormat {
    const char *media_type;
    bool has_16_bits;
    bool has_opacity;
    bool has_profile;
    uint32_t max_side; /* columns or rows; 0: as many as a picture may have */
    /** One of the two; the second one takes pictures in rows too. */
    PacsStatus (*write)(const TranscodePicture *picture, uint32_t quality, PacsBuffer *out, PacsError *err);
    PacsStatus (*write_shared)(const TranscodePicture *picture, uint32_t quality, TranscodeHands hands,
                               PacsBuffer *out, PacsError *err);
} TranscodePictureFormat;

extern const TranscodePictureFormat transcode_picture_jpeg;
extern const TranscodePictureFormat transcode_picture_png;
extern const TranscodePictureFormat transcode_picture_webp;
extern const TranscodePictureFormat transcode_picture_gif;
extern const TranscodePictureFormat transcode_picture_pam;

/** Bytes of one row. */
size_t transcode_picture_row_size(const TranscodePicture *picture);

/** Whether the picture's ICC profile is one, and for as many channels as it has: files with another one are not shown. */
bool transcode_picture_has_profile(const TranscodePicture *picture);
