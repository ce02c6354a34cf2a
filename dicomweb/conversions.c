#include "dicomweb/conversions.h"

#include <assert.h>
#include <string.h>

#include "pacs/dicom/uid.h"
#include "pacs/retrieve/converted_object.h"

const char *const dicomweb_target_syntaxes[] = {
    PACS_UID_EXPLICIT_LITTLE,
    PACS_UID_HTJ2K_LOSSLESS_RPCL,
    PACS_UID_HTJ2K_LOSSLESS,
    PACS_UID_JPEG_LS_LOSSLESS,
    PACS_UID_JPEG_2000_LOSSLESS,
    PACS_UID_JPEG_LOSSLESS_SV1,
    PACS_UID_JPEG_LOSSLESS,
    PACS_UID_RLE_LOSSLESS,
    PACS_UID_DEFLATED_FRAMES,
    "1.2.840.10008.1.2.4.110", /* JPEG XL lossless */
    PACS_UID_ENCAPSULATED_EXPLICIT_LITTLE,
    PACS_UID_DEFLATED_EXPLICIT_LITTLE,
    PACS_UID_IMPLICIT_LITTLE,
    PACS_UID_EXPLICIT_BIG,
    PACS_UID_HTJ2K,
    PACS_UID_JPEG_2000,
    PACS_UID_JPEG_LS_NEAR_LOSSLESS,
    PACS_UID_JPEG_BASELINE,
    PACS_UID_JPEG_EXTENDED,
    "1.2.840.10008.1.2.4.112", /* JPEG XL */
    NULL,
};
static_assert(sizeof dicomweb_target_syntaxes / sizeof *dicomweb_target_syntaxes <= DICOMWEB_MAX_TARGETS,
              "room for an offer of each");

static bool is_lossy(const char *transfer_syntax_uid)
{
    const PacsUidEntry *entry = pacs_uid_find_transfer_syntax(pacs_slice(transfer_syntax_uid));

    return entry && entry->flags & PACS_UID_LOSSY;
}

/** An object without pixels has nothing that a compression is about: asked for in one, it comes uncompressed. */
static bool suits_every_syntax(const PacsListedObject *object, bool strict)
{
    const PacsUidEntry *stored = pacs_uid_find_transfer_syntax(pacs_slice(object->transfer_syntax_uid));

    return !object->has_pixel_data && !strict && stored && !(stored->flags & PACS_UID_REFERENCED);
}

/* Several patients may share an object's UIDs; by them only the first one's frames are found. */
static bool can_become(const PacsRetrieve *retrieve, const PacsListedObject *object, const char *syntax)
{
    return object->patient_index == 0 && strcmp(syntax, object->transfer_syntax_uid) != 0 &&
           pacs_retrieve_may_convert(retrieve, object->transfer_syntax_uid, object->has_pixel_data, syntax);
}

const char *dicomweb_object_syntax(const PacsRetrieve *retrieve, const char *accept,
                                   const PacsListedObject *object, bool is_multipart, bool strict)
{
    DicomwebOffer offers[2 + DICOMWEB_MAX_TARGETS];
    const char *const stored = object->transfer_syntax_uid;
    const bool becomes_default = can_become(retrieve, object, PACS_UID_EXPLICIT_LITTLE) && !is_lossy(stored);
    size_t count = 0;

    offers[count++] = (DicomwebOffer){.media_type = DICOMWEB_TYPE_DICOM,
                                      .transfer_syntax_uid = stored,
                                      .is_multipart = is_multipart,
                                      .is_default = !becomes_default && (!strict || is_lossy(stored))};
    for (const char *const *syntax = dicomweb_target_syntaxes; *syntax; syntax++)
        if (can_become(retrieve, object, *syntax))
            offers[count++] = (DicomwebOffer){.media_type = DICOMWEB_TYPE_DICOM,
                                              .transfer_syntax_uid = *syntax,
                                              .is_multipart = is_multipart};
    if (suits_every_syntax(object, strict))
        offers[count++] = (DicomwebOffer){.media_type = DICOMWEB_TYPE_DICOM, .is_multipart = is_multipart};
    const DicomwebOffer *chosen = dicomweb_accept_choose(pacs_slice(accept), offers, count);
    if (!chosen)
        return NULL;
    if (!chosen->transfer_syntax_uid)
        return becomes_default ? PACS_UID_EXPLICIT_LITTLE : stored;
    return chosen == offers ? stored : chosen->transfer_syntax_uid;
}

bool dicomweb_stored_will_do(const char *accept, const PacsListedObject *object, bool is_multipart,
                             bool strict)
{
    const DicomwebOffer offer = {.media_type = DICOMWEB_TYPE_DICOM,
                                 .transfer_syntax_uid = object->transfer_syntax_uid,
                                 .is_multipart = is_multipart,
                                 .is_default = !strict || is_lossy(object->transfer_syntax_uid)};

    return dicomweb_accept_choose(pacs_slice(accept), &offer, 1) != NULL;
}
