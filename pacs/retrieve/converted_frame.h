#pragma once

#include "pacs/retrieve/native_frame.h"

/**
 * Frames in another transfer syntax than they are stored in, made by the service (transcode/service.h) and kept there.
 */
/** Part of every key and ETag: to be raised when a codec writes other bytes than it did. */
#define PACS_CONVERSION_VERSION "1"

typedef struct PacsFrameConversion {
    const PacsRetrievedImage *image; /* borrowed, like all of it */
    uint32_t frame_number;
    TranscodeTarget target;
    TranscodePriority priority;
    bool (*is_cancelled)(void *context); /* or NULL, as TranscodeTask has it */
    void *cancel_context;
} PacsFrameConversion;

/** Whether there is a way from the stored form to the target, without looking at pixels, and what it makes of the
 *  layout. May read the index. PACS_UNSUPPORTED: there is none. */
PACS_CHECKED PacsStatus pacs_retrieve_conversion_layout(PacsRetrieve *retrieve,
                                                        const PacsRetrievedImage *image,
                                                        const TranscodeTarget *target,
                                                        TranscodeLayout *ret_layout, PacsError *err);

/** What is kept of it already: some microseconds, for HTTP threads. NULL: it has to be made. */
TranscodeResult *pacs_retrieve_find_converted(PacsRetrieve *retrieve, const PacsFrameConversion *conversion);

/** Found, or made; blocks. Errors: as native_frame.h, PACS_UNAVAILABLE (too much waits already: worth a retry). */
PACS_CHECKED PacsStatus pacs_retrieve_convert(PacsRetrieve *retrieve, const PacsFrameConversion *conversion,
                                              TranscodeResult **ret_result, PacsError *err);
