#pragma once

#include <stdint.h>

#include "pacs/util/buffer.h"
#include "transcode/picture.h"

/** Pictures back from files, by the libraries that browsers use. Each fails the test where the file is none. The picture
 *  is the caller's to clear; 16 bits come little endian, WebP as RGB. */
void picture_read_jpeg(const PacsBuffer *file, TranscodePicture *ret_picture);
void picture_read_png(const PacsBuffer *file, TranscodePicture *ret_picture);
void picture_read_webp(const PacsBuffer *file, TranscodePicture *ret_picture);
/** Frame `index` of a GIF as RGB; how many it has, and how long this one is shown, in hundredths of a second. */
void picture_read_gif(const PacsBuffer *file, int index, TranscodePicture *ret_picture, int *ret_count,
                      int *ret_delay);

/** Size of the ICC profile in it; 0 for none. */
uint32_t picture_profile_size_jpeg(const PacsBuffer *file);
