#include "dicomweb/stow.h"

#include <inttypes.h>
#include <string.h>

#include "pacs/dicom/codestream.h"
#include "pacs/dicom/reader.h"
#include "pacs/util/log.h"

/* An instance into ingest: a part that is one, or metadata and bulk data joined. */

static PacsStatus begin_upload(Stow *stow, const PacsFileMeta *announced, uint64_t size, PacsError *err)
{
    PacsHttpRequest *request = stow->request;
    const PacsOrigin origin = {.door = PACS_ORIGIN_DICOMWEB,
                               .remote_ip = pacs_http_remote_address(request),
                               .http_user = pacs_http_user(request)};
    const PacsUploadRequest upload = {.origin = &origin,
                                      .announced = announced,
                                      .expected_study_uid = stow->study_uid,
                                      .size_hint = size,
                                      .traceparent = stow->traceparent};

    PacsStatus status = stow_outcomes_room(&stow->outcomes, err);
    return status == PACS_OK ? pacs_ingest_begin(stow->dicomweb->ingest, &upload, &stow->upload, err)
                             : status;
}

static void note_stored(Stow *stow, const PacsIngested *ingested)
{
    stow_add_stored(&stow->outcomes, ingested);
    if (ingested->added.uid_collision)
        PACS_LOG(PACS_LOG_WARNING, "dicomweb", "uid-collision",
                 PACS_F_TEXT("request_id", pacs_http_request_id(stow->request)),
                 PACS_F_TEXT("sop_instance_uid", ingested->sop_instance_uid));
}

/* ---- A part that is an object ---- */

static uint64_t length_of(const char *header)
{
    uint64_t length = 0;

    if (!header || pacs_parse_u64(pacs_slice(header), INT64_MAX, &length, NULL) != PACS_OK)
        return 0;
    return length;
}

/** What a part says of its size is believed as far as the request has room for it. */
static uint64_t size_hint(const Stow *stow, const PacsMultipartPart *part)
{
    uint64_t whole = length_of(pacs_http_header(stow->request, "Content-Length"));
    uint64_t own = part ? length_of(pacs_multipart_header(part, "Content-Length")) : whole;

    return own <= whole ? own : 0;
}

static PacsStatus begin_object(Stow *stow, const PacsMultipartPart *part, const char *content_type,
                               PacsError *err)
{
    (void)content_type;
    return begin_upload(stow, NULL, size_hint(stow, part), err);
}

static PacsStatus feed_object(Stow *stow, const uint8_t *bytes, size_t size, PacsError *err)
{
    return pacs_upload_feed(stow->upload, bytes, size, err);
}

static void end_object(Stow *stow, const PacsError *failure)
{
    PACS_AUTO(PacsUpload) upload = PACS_STEAL(stow->upload);
    PacsError err = failure ? *failure : (PacsError){0};
    PacsIngested ingested;

    if (!failure && pacs_upload_finish(upload, &ingested, &err) == PACS_OK) {
        note_stored(stow, &ingested);
        return;
    }
    const PacsScanNames names = upload ? pacs_upload_names(upload) : (PacsScanNames){"", ""};
    stow_add_failed(&stow->outcomes, &names, &err);
}

const StowPartKind stow_object_part = {.begin = begin_object, .data = feed_object, .end = end_object};

/* ---- Metadata and bulk data joined ---- */

static PacsStatus feed_from_spool(Stow *stow, uint64_t offset, uint64_t size, PacsError *err)
{
    PacsStatus status = PACS_OK;

    while (status == PACS_OK && size > 0) {
        size_t now = size < STOW_COPY_SIZE ? (size_t)size : STOW_COPY_SIZE;
        status = pacs_spool_read(stow->join->spool, offset, stow->join->bytes, now, err);
        if (status == PACS_OK)
            status = pacs_upload_feed(stow->upload, stow->join->bytes, now, err);
        offset += now;
        size -= now;
    }
    return status;
}

static uint64_t even(uint64_t size)
{
    return size + size % 2;
}

static PacsStatus feed_pieces(Stow *stow, const StowHole *hole, PacsError *err)
{
    const uint8_t padding = pacs_vr_info(hole->vr)->padding;
    PacsStatus status = PACS_OK;
    uint64_t total = 0;

    for (const StowPiece *piece = hole->location->pieces; piece && status == PACS_OK; piece = piece->next) {
        status = feed_from_spool(stow, piece->offset, piece->size, err);
        total += piece->size;
    }
    return status == PACS_OK && total % 2 ? pacs_upload_feed(stow->upload, &padding, 1, err) : status;
}

/** The bytes as they came are the value. */
static PacsStatus feed_plain(Stow *stow, const StowHole *hole, PacsError *err)
{
    uint8_t header[PACS_ELEMENT_HEADER_MAX];
    uint64_t total = 0;

    for (const StowPiece *piece = hole->location->pieces; piece; piece = piece->next)
        total += piece->size; /* at most what a request may bring: no overflow */
    if (total > PACS_ELEMENT_VALUE_MAX)
        return pacs_fail(err, PACS_TOO_LARGE,
                         "(%04X,%04X) would have %" PRIu64 " bytes, more than a value can",
                         pacs_tag_group(hole->tag), pacs_tag_element(hole->tag), total);
    size_t header_size = pacs_element_header_format(hole->tag, hole->vr, even(total), header);
    PacsStatus status = pacs_upload_feed(stow->upload, header, header_size, err);
    return status == PACS_OK ? feed_pieces(stow, hole, err) : status;
}

static PacsStatus feed_delimiter(Stow *stow, PacsTag tag, uint32_t length, PacsError *err)
{
    const uint16_t group = pacs_tag_group(tag);
    const uint16_t element = pacs_tag_element(tag);
    const uint8_t bytes[8] = {(uint8_t)group,          (uint8_t)(group >> 8),  (uint8_t)element,
                              (uint8_t)(element >> 8), (uint8_t)length,        (uint8_t)(length >> 8),
                              (uint8_t)(length >> 16), (uint8_t)(length >> 24)};

    return pacs_upload_feed(stow->upload, bytes, sizeof bytes, err);
}

/** One frame as one fragment; a video of more than 4 GiB as several (PS3.5 A.4). */
static PacsStatus feed_frame(Stow *stow, const StowPiece *piece, PacsError *err)
{
    static const uint8_t padding = 0;
    PacsStatus status = PACS_OK;

    for (uint64_t at = 0; status == PACS_OK && at < piece->size;) {
        uint64_t rest = piece->size - at;
        uint64_t now = rest < PACS_ELEMENT_VALUE_MAX ? rest : PACS_ELEMENT_VALUE_MAX;
        status = feed_delimiter(stow, PACS_TAG_ITEM, (uint32_t)even(now), err);
        if (status == PACS_OK)
            status = feed_from_spool(stow, piece->offset + at, now, err);
        if (status == PACS_OK && now % 2)
            status = pacs_upload_feed(stow->upload, &padding, 1, err);
        at += now;
    }
    return status;
}

/** An empty offset table, then a fragment for each frame. */
static PacsStatus feed_encapsulated(Stow *stow, const StowHole *hole, PacsError *err)
{
    uint8_t header[PACS_ELEMENT_HEADER_MAX];
    size_t size = pacs_element_header_format(hole->tag, PACS_VR_OB, PACS_LENGTH_UNDEFINED, header);

    PacsStatus status = pacs_upload_feed(stow->upload, header, size, err);
    if (status == PACS_OK)
        status = feed_delimiter(stow, PACS_TAG_ITEM, 0, err);
    for (const StowPiece *piece = hole->location->pieces; piece && status == PACS_OK; piece = piece->next)
        status = feed_frame(stow, piece, err);
    return status == PACS_OK ? feed_delimiter(stow, PACS_TAG_SEQUENCE_DELIMITATION_ITEM, 0, err) : status;
}

static bool is_pixel_data(const StowHole *hole)
{
    return hole->at_top && hole->tag == PACS_TAG_PIXEL_DATA;
}

static bool is_encapsulated(const char *transfer_syntax_uid)
{
    const PacsUidEntry *entry = pacs_uid_find_transfer_syntax(pacs_slice(transfer_syntax_uid));

    return entry && (entry->flags & PACS_UID_ENCAPSULATED);
}

/** What the frames are in: all in one. "": native. */
static PacsStatus syntax_of_pixels(const StowInstance *instance, const StowHole *hole, const char **ret_uid,
                                   PacsError *err)
{
    const StowPiece *first = hole->location->pieces;
    const char *uid = first->transfer_syntax_uid;

    if (!uid) /* bytes that say nothing: what the metadata say, if it is a compression */
        uid = is_encapsulated(instance->transfer_syntax_uid) ? instance->transfer_syntax_uid : "";
    else if (!*uid)
        return pacs_fail(err, PACS_UNSUPPORTED, "pixel data came in a media type that DICOM does not store");
    for (const StowPiece *piece = first->next; piece; piece = piece->next) {
        const char *other = piece->transfer_syntax_uid;
        if ((other == NULL) != (first->transfer_syntax_uid == NULL) || (other && strcmp(other, uid) != 0))
            return pacs_fail(err, PACS_INVALID, "frames of one instance came in different transfer syntaxes");
    }
    *ret_uid = uid;
    return PACS_OK;
}

static PacsStatus choose_syntax(const StowInstance *instance, const char **ret_uid, PacsError *err)
{
    PacsStatus status = PACS_OK;
    const char *uid = "";

    for (size_t i = 0; status == PACS_OK && i < instance->hole_count; i++) {
        if (is_pixel_data(&instance->holes[i]))
            status = syntax_of_pixels(instance, &instance->holes[i], &uid, err);
    }
    *ret_uid = *uid ? uid : PACS_UID_EXPLICIT_LITTLE;
    return status;
}

static PacsStatus feed_instance(Stow *stow, const StowInstance *instance, bool encapsulated, PacsError *err)
{
    PacsStatus status = PACS_OK;
    uint64_t at = 0;

    for (size_t i = 0; status == PACS_OK && i < instance->hole_count; i++) {
        const StowHole *hole = &instance->holes[i];
        status = feed_from_spool(stow, instance->offset + at, hole->offset - at, err);
        at = hole->offset;
        if (status == PACS_OK)
            status = encapsulated && is_pixel_data(hole) ? feed_encapsulated(stow, hole, err)
                                                         : feed_plain(stow, hole, err);
    }
    return status == PACS_OK ? feed_from_spool(stow, instance->offset + at, instance->size - at, err)
                             : status;
}

static PacsStatus check_uids(const StowInstance *instance, PacsError *err)
{
    if (!instance->sop_instance_uid[0])
        return pacs_fail(err, PACS_INVALID, "SOPInstanceUID (0008,0018) is missing");
    if (!instance->sop_class_uid[0])
        return pacs_fail(err, PACS_INVALID, "SOPClassUID (0008,0016) is missing");
    return PACS_OK;
}

static PacsStatus store(Stow *stow, const StowInstance *instance, PacsIngested *ret_ingested, PacsError *err)
{
    PacsFileMeta meta = {.sop_class_uid = instance->sop_class_uid,
                         .sop_instance_uid = instance->sop_instance_uid};

    PacsStatus status = check_uids(instance, err);
    if (status == PACS_OK)
        status = choose_syntax(instance, &meta.transfer_syntax_uid, err);
    if (status == PACS_OK)
        status = begin_upload(stow, &meta, 0, err);
    if (status == PACS_OK)
        status = feed_instance(stow, instance, is_encapsulated(meta.transfer_syntax_uid), err);
    if (status == PACS_OK)
        status = pacs_upload_finish(stow->upload, ret_ingested, err);
    pacs_upload_free(PACS_STEAL(stow->upload));
    return status;
}

static void forget_location(StowJoin *join, StowLocation *location)
{
    for (const StowPiece *piece = location->pieces; piece; piece = piece->next)
        pacs_spool_forget(join->spool, piece->offset, piece->size);
    location->pieces = NULL;
}

void stow_store_instance(Stow *stow, StowInstance *instance)
{
    PacsError err = {0};
    PacsIngested ingested;
    const PacsScanNames names = {instance->sop_class_uid, instance->sop_instance_uid};

    instance->done = true;
    if (store(stow, instance, &ingested, &err) == PACS_OK)
        note_stored(stow, &ingested);
    else
        stow_add_failed(&stow->outcomes, &names, &err);

    pacs_spool_forget(stow->join->spool, instance->offset, instance->size);
    for (size_t i = 0; i < instance->hole_count; i++) {
        StowLocation *location = instance->holes[i].location;
        if (--location->waiting == 0)
            forget_location(stow->join, location);
    }
}
