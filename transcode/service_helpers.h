#pragma once

#include "transcode/service.h"
#include "transcode/service_metrics.h"

/**
 * Processes that decode (transcode/helper.h): started when they are needed, kept, replaced when they die. A frame that
 * took one along is not tried again for a while.
 *
 * Threads: any; as many at once as there are helpers.
 */
typedef struct TranscodeHelpers TranscodeHelpers;

PACS_CHECKED PacsStatus transcode_helpers_new(const TranscodeServiceOptions *options, uint32_t count,
                                              TranscodeMetrics *metrics, TranscodeHelpers **ret_helpers,
                                              PacsError *err);
void transcode_helpers_free(TranscodeHelpers *helpers);

/** As transcode_decode(). Errors: PACS_INVALID (it brought the decoder down), PACS_TOO_LARGE (over the limits of time or
 *  memory), PACS_CANCELLED (nobody waits for the work any more), PACS_UNAVAILABLE (no process can be started). */
PACS_CHECKED PacsStatus transcode_helpers_decode(TranscodeHelpers *helpers, TranscodeWork *work,
                                                 const TranscodeFrame *frame, const TranscodeLayout *layout,
                                                 uint8_t *out, size_t out_size, PacsError *err);
