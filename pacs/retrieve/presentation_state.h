#pragma once

#include "pacs/retrieve/image_attributes.h"

/**
 * Softcopy presentation states (PS3.3 A.33): how somebody wanted an image to be seen.
 *
 * Owner:   everything in a rendering lives in the arena of the state's values.
 * Source:  PS3.3 C.7.6.11, C.10.4 to C.10.6, C.11.6, C.11.8, C.11.10; PS3.4 N.2.
 */

/** Whether a SOP class is one of those of single images: grayscale, colour, pseudo-colour, XA and variable LUTs. */
bool pacs_is_presentation_state(const char *sop_class_uid);

/** The first image it speaks of and which frame, 0 for all of them; texts in the arena. Errors: PACS_NOT_FOUND. */
PACS_CHECKED PacsStatus pacs_presentation_state_first(const PacsInstanceValues *state, PacsUidPath *ret_path,
                                                      uint32_t *ret_frame_number, PacsError *err);

/** What it says of one frame of an image, over what that says of itself: LUTs and windows, shutter, turning, overlays,
 *  graphics; the area shown becomes the view's region, where that has none. Of another image than it speaks of only what is
 *  for all counts. Errors: as instance_values.h. */
PACS_CHECKED PacsStatus pacs_presentation_state_apply(const PacsInstanceValues *state,
                                                      const PacsInstanceValues *image, uint32_t frame_number,
                                                      PacsImageAttributes *attributes, TranscodeView *view,
                                                      PacsError *err);
