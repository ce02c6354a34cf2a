#pragma once

#include "pacs/retrieve/instance_values.h"
#include "transcode/rendering.h"

/**
 * A waveform instance (ECG, hemodynamics, electrophysiology, EEG, audio) as a picture on paper: what its attributes say of
 * channels, sensitivities and time, and the first seconds of its samples (transcode/waveform.h).
 *
 * All multiplex groups are drawn on one axis of time; a median beat only where there is nothing else. The picture fits into
 * the view's viewport; its region and window are for images. `annotations`: PACS_ANNOTATE_ bits, and without them there is
 * nothing of the patient on it. Sensitivities that make no sense are as good as absent: the trace fills its lane.
 *
 * Errors:  PACS_INVALID (no channels, no rate, no samples), PACS_UNSUPPORTED (no waveforms in it, samples of a kind nobody
 *          knows), PACS_NO_MEMORY, and what reading bulk values may bring.
 * Source:  PS3.3 C.10.9, A.34.
 */
PACS_CHECKED PacsStatus pacs_waveform_draw(const PacsInstanceValues *values, const TranscodeView *view,
                                           uint32_t annotations, TranscodePicture *ret_picture,
                                           PacsError *err);

/** By its SOP class. */
bool pacs_is_waveform(const char *sop_class_uid);
