#include "dicomweb/stow.h"

#include <string.h>

#include "dicomweb/media_types.h"
#include "pacs/dicom/codestream.h"
#include "pacs/http/media_type.h"

/* Parts of bulk data: each waits in the spool for the instances whose metadata name it. A name may have several parts,
 * one after the other: the frames of compressed pixel data (PS3.18 8.7.3.3), either all under the URI of the metadata
 * or each with "/frames/" and its number behind it. */

#define FRAMES "/frames/"

/* ---- Names ---- */

/** FNV-1a from a random start: what collides cannot be worked out beforehand. */
static StowLocation **bucket(StowJoin *join, PacsSlice uri)
{
    uint64_t hash = join->hash_seed;

    for (size_t i = 0; i < uri.size; i++)
        hash = (hash ^ (uint8_t)uri.text[i]) * UINT64_C(0x100000001b3);
    return &join->buckets[(hash >> 32) % STOW_BUCKETS];
}

static StowLocation *find(StowJoin *join, PacsSlice uri)
{
    StowLocation *location = *bucket(join, uri);

    while (location && !pacs_slice_equal(uri, location->uri))
        location = location->next;
    return location;
}

StowLocation *stow_location(StowJoin *join, PacsSlice uri)
{
    StowLocation *location = find(join, uri);
    if (location)
        return location;

    location = stow_alloc(join, sizeof *location);
    char *copy = stow_alloc(join, uri.size + 1);
    if (!location || !copy)
        return NULL;
    memcpy(copy, uri.text, uri.size);
    StowLocation **place = bucket(join, uri);
    location->uri = copy;
    location->next = *place;
    *place = location;
    if (join->last_location)
        join->last_location->next_made = location;
    else
        join->first_location = location;
    join->last_location = location;
    return location;
}

/** "URI/frames/7" where the metadata name URI; *ret_number is 0 where the whole name is theirs, or nobody's. */
static PacsSlice split_frame(StowJoin *join, PacsSlice uri, uint64_t *ret_number)
{
    *ret_number = 0;
    const char *at = uri.size > strlen(FRAMES) ? memmem(uri.text, uri.size, FRAMES, strlen(FRAMES)) : NULL;
    if (find(join, uri) || !at)
        return uri;
    PacsSlice base = {uri.text, (size_t)(at - uri.text)};
    PacsSlice number = {at + strlen(FRAMES), uri.size - base.size - strlen(FRAMES)};
    if (!find(join, base) || pacs_parse_u64(number, UINT32_MAX, ret_number, NULL) != PACS_OK)
        return uri;
    return base;
}

/* ---- The end of a name's parts ---- */

static void complete(Stow *stow, StowLocation *location)
{
    if (location->spoilt)
        return;
    location->complete = true;
    for (StowUse *use = PACS_STEAL(location->uses); use; use = use->next) {
        if (--use->instance->waiting == 0 && !use->instance->done)
            stow_store_instance(stow, use->instance);
    }
}

void stow_bulk_settle(Stow *stow)
{
    StowLocation *location = stow->join ? PACS_STEAL(stow->join->current) : NULL;

    if (location)
        complete(stow, location);
}

/* ---- A part ---- */

static PacsStatus begin_bulk(Stow *stow, const PacsMultipartPart *part, const char *content_type,
                             PacsError *err)
{
    const char *uri = pacs_multipart_header(part, "Content-Location");

    if (stow->join)
        stow->join->piece_location = NULL;
    if (!uri || !*uri)
        return pacs_fail(err, PACS_INVALID, "a part of bulk data has no Content-Location");
    PacsStatus status = stow_join_open(stow, err);
    if (status != PACS_OK)
        return status;
    StowJoin *join = stow->join;
    PacsSlice name = split_frame(join, pacs_slice(uri), &join->piece_frame_number);
    join->piece_location = stow_location(join, name);
    join->piece_offset = pacs_spool_size(join->spool);
    if (!pacs_text_copy(join->piece_type, sizeof join->piece_type, content_type))
        return pacs_fail(err, PACS_TOO_LARGE, "a part has a Content-Type of more than %zu bytes",
                         sizeof join->piece_type - 1);
    if (!join->piece_location)
        return pacs_fail(err, PACS_TOO_LARGE, "more names of bulk data than a request may bring");
    if (join->current != join->piece_location)
        stow_bulk_settle(stow);
    if (join->piece_location->complete)
        return pacs_fail(err, PACS_INVALID, "bulk data came for an attribute that had them already");
    return PACS_OK;
}

static PacsStatus feed_bulk(Stow *stow, const uint8_t *bytes, size_t size, PacsError *err)
{
    return pacs_spool_write(stow->join->spool, bytes, size, err);
}

static const char *said_syntax(const char *content_type, PacsStatus *ret_status, PacsError *err)
{
    char uid[PACS_UID_SIZE];

    *ret_status = pacs_media_type_parameter(content_type, "transfer-syntax", uid, sizeof uid, err);
    if (*ret_status == PACS_NOT_FOUND) {
        *ret_status = PACS_OK;
        return NULL;
    }
    if (*ret_status != PACS_OK)
        return NULL;
    const PacsUidEntry *entry = pacs_uid_find_transfer_syntax(pacs_slice(uid));
    if (!entry)
        *ret_status = pacs_fail(err, PACS_UNSUPPORTED,
                                "the transfer syntax of a part is not one that DICOM defines");
    return entry && (entry->flags & PACS_UID_ENCAPSULATED) ? entry->uid : NULL;
}

/** Of a part that does not say: what its bytes are, else what its media type means. */
static const char *guess_syntax(const char *content_type, const uint8_t *head, size_t size)
{
    PacsSlice type = pacs_media_type_name(content_type);
    if (dicomweb_media_type_means(type, DICOMWEB_TYPE_BYTES))
        return NULL;

    const char *found = pacs_codestream_transfer_syntax(head, size);
    if (!found)
        found = dicomweb_default_transfer_syntax(type);
    return found ? found : "";
}

/** What a JP2 file has around its codestream is left out (PS3.5 A.4.4). */
static void trim_boxes(StowPiece *piece, const uint8_t *head, size_t size)
{
    uint64_t length = 0;
    uint64_t start = pacs_codestream_start(head, size, &length);

    if (start == 0)
        return;
    piece->offset += start;
    piece->size -= start;
    if (length > 0 && length < piece->size)
        piece->size = length;
}

static PacsStatus read_head(const StowJoin *join, const StowPiece *piece, size_t *ret_size, PacsError *err)
{
    *ret_size = piece->size < STOW_COPY_SIZE ? (size_t)piece->size : STOW_COPY_SIZE;
    return *ret_size > 0 ? pacs_spool_read(join->spool, piece->offset, join->bytes, *ret_size, err) : PACS_OK;
}

static PacsStatus describe(StowJoin *join, StowPiece *piece, PacsError *err)
{
    PacsStatus status = PACS_OK;
    size_t size = 0;
    const char *said = said_syntax(join->piece_type, &status, err);
    PacsSlice type = pacs_media_type_name(join->piece_type);

    piece->transfer_syntax_uid = said;
    if (status != PACS_OK || (!said && dicomweb_media_type_means(type, DICOMWEB_TYPE_BYTES)))
        return status;
    status = read_head(join, piece, &size, err);
    if (status != PACS_OK)
        return status;
    trim_boxes(piece, join->bytes, size);
    status = read_head(join, piece, &size, err);
    if (status == PACS_OK && !said)
        piece->transfer_syntax_uid = guess_syntax(join->piece_type, join->bytes, size);
    return status;
}

/** Frames in the order of their numbers; without numbers in the order they came. */
static void insert(StowLocation *location, StowPiece *piece)
{
    StowPiece **place = &location->pieces;

    while (*place && (piece->frame_number == 0 || (*place)->frame_number <= piece->frame_number))
        place = &(*place)->next;
    piece->next = *place;
    *place = piece;
}

static PacsStatus end_piece(StowJoin *join, PacsError *err)
{
    StowPiece *piece = stow_alloc(join, sizeof *piece);
    if (!piece)
        return pacs_fail(err, PACS_TOO_LARGE, "more parts of bulk data than a request may bring");

    *piece = (StowPiece){.offset = join->piece_offset,
                         .size = pacs_spool_size(join->spool) - join->piece_offset,
                         .frame_number = join->piece_frame_number};
    PacsStatus status = describe(join, piece, err);
    if (status == PACS_OK)
        insert(join->piece_location, piece);
    return status;
}

static void end_bulk(Stow *stow, const PacsError *failure)
{
    StowJoin *join = stow->join; /* NULL: begin has failed */
    PacsError err = failure ? *failure : (PacsError){0};

    if (join && !failure && end_piece(join, &err) == PACS_OK) {
        join->current = join->piece_location;
        return;
    }
    if (join && join->piece_location) /* the rest of its parts cannot make it whole */
        join->piece_location->spoilt = true;
    stow_add_failed(&stow->outcomes, NULL, &err);
}

const StowPartKind stow_bulk_part = {.begin = begin_bulk, .data = feed_bulk, .end = end_bulk};
