#pragma once

#ifdef __cplusplus
extern "C" { /* around the includes, too: the rooms below are C and say nothing of C++ */
#endif

#include "pacs/util/buffer.h"
#include "pacs/util/status.h"

/**
 * DCMTK's idea of a file's DICOM JSON, to hold ours against (tests only: DCMTK sees no bytes in the server
 * that our reader has not accepted).
 *
 * Shape:   as dcm2json writes it, but encapsulated pixel data, which dcm2json cannot write, is left out.
 * Owner:   `out` is the caller's; text is added to it.
 * Threads: any; DCMTK's dictionary is loaded once under its own lock.
 * Errors:  PACS_INVALID with DCMTK's words, PACS_NO_MEMORY, PACS_TOO_LARGE.
 */
PACS_CHECKED PacsStatus pacs_bridge_dcmtk_json(const char *path, PacsBuffer *out, PacsError *err);

#ifdef __cplusplus
}
#endif
