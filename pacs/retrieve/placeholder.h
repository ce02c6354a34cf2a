#pragma once

#include "pacs/retrieve/instance_values.h"
#include "transcode/rendering.h"

/**
 * A card in place of a picture, for instances that have no image: what kind of object it is and what it calls itself. No
 * names of patients: it is a thumbnail, which shows in lists.
 *
 * The card fits into the view's viewport, or else is 256 by 256.
 */
PACS_CHECKED PacsStatus pacs_placeholder_draw(const PacsInstanceValues *values, const TranscodeView *view,
                                              TranscodePicture *ret_picture, PacsError *err);
