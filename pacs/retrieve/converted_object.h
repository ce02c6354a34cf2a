#pragma once

#include "pacs/retrieve/retrieve.h"

/**
 * Whole objects in another transfer syntax than they are stored in, written while they are read (transcode/object.h);
 * their frames are made and kept by the service, one by one.
 */
typedef struct PacsObjectConversion {
    PacsUidPath path; /* of one instance; copied */
    TranscodeTarget target;
    const char *new_sop_instance_uid; /* or NULL; copied */
    TranscodePriority priority;
    bool (*is_cancelled)(void *context); /* or NULL; as TranscodeTask has it, until the source is freed */
    void *cancel_context;
} PacsObjectConversion;

/** Whether there is a way from the one to the other as far as the syntaxes tell; a single object may still refuse (24 bits
 *  in JPEG-LS, a palette in something lossy). */
bool pacs_retrieve_may_convert(const PacsRetrieve *retrieve, const char *stored_uid, bool has_pixel_data,
                               const char *target_uid);

/** Whether this one can, without looking at pixels; PACS_UNSUPPORTED: no. May read the index. */
PACS_CHECKED PacsStatus pacs_retrieve_check_conversion(PacsRetrieve *retrieve,
                                                       const PacsObjectConversion *conversion,
                                                       PacsError *err);

/**
 * The object as a stream of a size that is not known beforehand. The first frames are made before this returns, so most
 * that can fail fails here. Blocks.
 * Errors: PACS_NOT_FOUND, PACS_UNSUPPORTED, as native_frame.h.
 */
PACS_CHECKED PacsStatus pacs_retrieve_convert_object(PacsRetrieve *retrieve,
                                                     const PacsObjectConversion *conversion,
                                                     PacsSource **ret_source, PacsError *err);

/** The UIDs of an instance. PACS_UNSUPPORTED: another patient's instance has them too and is found by them. */
PACS_CHECKED PacsStatus pacs_retrieve_path(PacsRetrieve *retrieve, const char *instance_id, PacsArena *arena,
                                           PacsUidPath *ret_path, PacsError *err);
