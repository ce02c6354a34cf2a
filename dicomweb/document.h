#pragma once

#include "pacs/index/index.h"
#include "pacs/retrieve/retrieve.h"

/** What an instance's encapsulated document (PS3.3 C.24.2) says of itself. */
typedef struct DicomwebDocument {
    const char *media_type; /* MIME Type of Encapsulated Document, if it has the form of one; NULL: unknown */
    uint64_t size_bytes;    /* Encapsulated Document Length; 0: not said */
} DicomwebDocument;

/** From the instance's DICOM JSON. Texts are in the arena. */
PACS_CHECKED PacsStatus dicomweb_document_find(PacsIndex *index, const PacsUidPath *path, PacsArena *arena,
                                               DicomwebDocument *ret_document, PacsError *err);
