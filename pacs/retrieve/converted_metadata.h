#pragma once

#include "pacs/retrieve/retrieve.h"

/**
 * An instance's DICOM JSON as it describes the object and its frames in another transfer syntax: the very changes that
 * converted_object.h makes, without making a frame. Only the ratio of a lossy compression is not known before that.
 * What cannot be converted, and what has no frames, keeps its stored description.
 *
 * `json` is added to `out`; `arena` is for the time of the call. May read the index.
 * Errors: PACS_CORRUPT (no DICOM JSON), PACS_UNAVAILABLE, PACS_NO_MEMORY, of the buffer.
 */
PACS_CHECKED PacsStatus pacs_retrieve_describe_converted(PacsRetrieve *retrieve, const PacsUidPath *path,
                                                         const char *transfer_syntax_uid, PacsSlice json,
                                                         PacsArena *arena, PacsBuffer *out, PacsError *err);
