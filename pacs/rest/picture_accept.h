#pragma once

#include <stdbool.h>

#include "transcode/picture.h"

/** Which format a client gets for its Accept header: PNG unless it says otherwise, as from Orthanc; JPEG, PAM and WebP
 *  where it asks for them. False: none that it takes. NULL takes everything. */
bool rest_choose_format(const char *accept, TranscodeFormat *ret_format);
