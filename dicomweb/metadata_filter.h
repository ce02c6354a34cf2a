#pragma once

#include "pacs/http/http.h"
#include "pacs/retrieve/metadata.h"

/**
 * Part of metadata, or another form of it, where the query asks for it; the first two as dcm4chee has them:
 *
 *     includefield=A,B.C   these attributes only (of a path the whole outermost sequence); repeated; `all`: no restriction
 *     excludeprivate=true  no private attributes, in items neither
 *
 *     transfer-syntax=UID  as it would be described in that transfer syntax; `*`: as it is stored
 *
 * UIDs of study, series and instance and the SOP Class always stay: who asks has to know what of.
 */
typedef struct DicomwebMetadataFilter {
    bool is_active;
    const char *transfer_syntax_uid; /* static; NULL: as stored */
    bool excludes_private;
    bool is_restricted;
    const PacsTag *tags; /* sorted */
    size_t tag_count;
} DicomwebMetadataFilter;

/** Errors: PACS_INVALID (not true or false, no transfer syntax; with `strict` an attribute that is none), PACS_TOO_LARGE, PACS_NO_MEMORY. */
PACS_CHECKED PacsStatus dicomweb_metadata_filter_parse(const PacsHttpRequest *request, bool strict,
                                                       PacsArena *arena, DicomwebMetadataFilter *ret_filter,
                                                       PacsError *err);

/** The walk whose instances the filter takes. */
PACS_CHECKED PacsStatus dicomweb_metadata_filter_walk(PacsRetrieve *retrieve, const PacsMetadata *metadata,
                                                      const DicomwebMetadataFilter *filter,
                                                      PacsMetadataWalk **ret_walk, PacsError *err);

/** What passes of one instance's DICOM JSON, added to `out`. Errors: PACS_CORRUPT, of the buffer. */
PACS_CHECKED PacsStatus dicomweb_metadata_filter_apply(const DicomwebMetadataFilter *filter, PacsSlice json,
                                                       PacsBuffer *out, PacsError *err);

/** The array of what passes of each instance, written while it is read: one instance in memory. All borrowed. */
PACS_CHECKED PacsStatus dicomweb_metadata_filter_open(PacsRetrieve *retrieve, const PacsMetadata *metadata,
                                                      const DicomwebMetadataFilter *filter,
                                                      PacsSource **ret_source, PacsError *err);
