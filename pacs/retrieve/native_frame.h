#pragma once

#include "pacs/dicom/json_item.h"
#include "pacs/retrieve/frames.h"
#include "transcode/service.h"

/**
 * Frames as pixels: read from the store, decoded where they are encapsulated.
 *
 * The Image Pixel module comes from the instance's DICOM JSON, and is remembered for as long as it matters to somebody.
 *
 * Errors:  PACS_NOT_FOUND, PACS_UNSUPPORTED (nothing decodes it; video), PACS_INVALID (attributes or codestream are
 *          broken), PACS_TOO_LARGE, PACS_CANCELLED, PACS_CORRUPT, PACS_UNAVAILABLE, PACS_NO_MEMORY.
 */

/** How an image's stored frames lie: of encapsulated ones what the attributes say, of others as they leave (explicit
 *  little endian). May read the index. */
PACS_CHECKED PacsStatus pacs_retrieve_layout(PacsRetrieve *retrieve, const PacsRetrievedImage *image,
                                             TranscodeLayout *ret_layout, PacsError *err);

/** The same for who has the attributes at hand. */
PACS_CHECKED PacsStatus pacs_retrieve_layout_from(const PacsJsonItem *attributes, PacsTag pixel_data_tag,
                                                  TranscodeLayout *ret_layout, PacsError *err);

/** The transfer syntax that an image's frames leave in as they are stored. */
const char *pacs_retrieve_frame_syntax(const PacsRetrievedImage *image);

/** A frame as it is stored: a codestream, or pixels; its bytes are added to `bytes` (up to PACS_MAX_FRAME_BYTES), which
 *  owns them. `stored` is what pacs_retrieve_layout() said. May block on the store. */
PACS_CHECKED PacsStatus pacs_retrieve_stored_frame(PacsRetrieve *retrieve, const PacsRetrievedImage *image,
                                                   uint32_t frame_number, const TranscodeLayout *stored,
                                                   PacsBuffer *bytes, TranscodeFrame *ret_frame,
                                                   PacsError *err);

/** A frame as native pixels, whatever it is stored in, with the layout and the colours it then has; its bytes are added
 *  to `pixels`. Within a computation of the service: `work` is what `make` was given. */
PACS_CHECKED PacsStatus pacs_retrieve_native_frame(PacsRetrieve *retrieve, TranscodeWork *work,
                                                   const PacsRetrievedImage *image, uint32_t frame_number,
                                                   PacsBuffer *pixels, TranscodeFrame *ret_native,
                                                   PacsError *err);

/** The same for who knows how the stored frame lies: `stored` is what pacs_retrieve_layout_from() said. */
PACS_CHECKED PacsStatus pacs_retrieve_native_frame_of(PacsRetrieve *retrieve, TranscodeWork *work,
                                                      const PacsRetrievedImage *image,
                                                      const TranscodeLayout *stored, uint32_t frame_number,
                                                      PacsBuffer *pixels, TranscodeFrame *ret_native,
                                                      PacsError *err);
