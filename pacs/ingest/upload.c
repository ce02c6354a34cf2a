#include "pacs/ingest/conversion.h"
#include "pacs/ingest/ingest_private.h"
#include "pacs/ingest/lane.h"
#include "pacs/ingest/report.h"

#include <stdlib.h>
#include <string.h>

#include "pacs/util/arena.h"
#include "pacs/util/blocks.h"
#include "pacs/util/clock.h"
#include "pacs/util/crash_point.h"
#include "pacs/util/hash.h"
#include "pacs/util/limits.h"
#include "pacs/util/text.h"

#define CONVERSION_CHUNK ((size_t)256 << 10)
#define REQUEST_TEXT_MAX (64u << 10) /* names and UIDs copied from the request */

struct PacsUpload {
    PacsIngest *ingest;
    PacsUpload *previous, *next; /* ingest->open_uploads */
    UploadKit *kit;
    PacsStoreWriter *writer;
    PacsStoreWriter *inflated; /* deflated data sets: the representation that frames are read from */
    uint64_t inflated_size_bytes;
    uint64_t size_bytes;
    uint8_t *room; /* what pacs_upload_room() offered last; the writer's */
    PacsSha256 *sha256;
    const uint8_t *undigested; /* the last bytes, while the writer keeps them; NULL: none */
    size_t undigested_size;

    PacsArena *arena; /* owns the texts below */
    PacsOrigin origin;
    bool is_announced;
    PacsFileMeta announced;
    const char *expected_study_uid;
    const char *traceparent;

    bool is_conversion; /* of another upload's object */
    PacsError failure;  /* sticky; status PACS_OK while all is well */
};

/* ---- The list of open uploads ---- */

static void list_insert(PacsIngest *ingest, PacsUpload *upload)
{
    const PacsKey *key = pacs_store_writer_key(upload->writer);

    (void)pthread_mutex_lock(&ingest->lock);
    upload->next = ingest->open_uploads;
    if (upload->next)
        upload->next->previous = upload;
    ingest->open_uploads = upload;
    if (!ingest->has_newest_key || pacs_key_compare(key, &ingest->newest_key) > 0) {
        ingest->newest_key = *key;
        ingest->has_newest_key = true;
    }
    (void)pthread_mutex_unlock(&ingest->lock);
}

static void list_remove(PacsIngest *ingest, PacsUpload *upload)
{
    (void)pthread_mutex_lock(&ingest->lock);
    if (upload->previous)
        upload->previous->next = upload->next;
    else if (ingest->open_uploads == upload)
        ingest->open_uploads = upload->next;
    if (upload->next)
        upload->next->previous = upload->previous;
    (void)pthread_mutex_unlock(&ingest->lock);
}

const PacsKey *upload_oldest_key(const PacsIngest *ingest)
{
    const PacsKey *oldest = NULL;

    for (const PacsUpload *upload = ingest->open_uploads; upload; upload = upload->next) {
        const PacsKey *key = pacs_store_writer_key(upload->writer);
        if (!oldest || pacs_key_compare(key, oldest) < 0)
            oldest = key;
    }
    return oldest;
}

/* ---- Beginning ---- */

static PacsStatus copy_request(PacsUpload *upload, const PacsUploadRequest *request, PacsError *err)
{
    PacsArena *arena = upload->arena;

    if (request->origin) {
        upload->origin = *request->origin;
        upload->origin.remote_ip = pacs_arena_strdup(arena, request->origin->remote_ip);
        upload->origin.calling_aet = pacs_arena_strdup(arena, request->origin->calling_aet);
        upload->origin.called_aet = pacs_arena_strdup(arena, request->origin->called_aet);
        upload->origin.http_user = pacs_arena_strdup(arena, request->origin->http_user);
    }
    upload->expected_study_uid = pacs_arena_strdup(arena, request->expected_study_uid);
    upload->traceparent = pacs_arena_strdup(arena, request->traceparent);
    if (!request->announced)
        return PACS_OK;

    const PacsFileMeta *from = request->announced;
    upload->is_announced = true;
    upload->announced = (PacsFileMeta){
        .sop_class_uid = pacs_arena_strdup(arena, from->sop_class_uid),
        .sop_instance_uid = pacs_arena_strdup(arena, from->sop_instance_uid),
        .transfer_syntax_uid = pacs_arena_strdup(arena, from->transfer_syntax_uid),
        .source_application_entity_title = pacs_arena_strdup(arena, from->source_application_entity_title),
    };
    if (!upload->announced.sop_class_uid || !upload->announced.sop_instance_uid ||
        !upload->announced.transfer_syntax_uid)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for an upload");
    return PACS_OK;
}

static PacsStatus put_header(PacsUpload *upload, PacsError *err)
{
    PACS_AUTO_BUFFER PacsBuffer header = PACS_BUFFER(4096);

    PacsStatus status = pacs_part10_format_header(&upload->announced, &header, err);
    if (status != PACS_OK)
        return status;
    return pacs_upload_feed(upload, header.bytes, header.size, err);
}

PacsStatus pacs_ingest_begin(PacsIngest *ingest, const PacsUploadRequest *request, PacsUpload **ret_upload,
                             PacsError *err)
{
    if (ingest->options.read_only)
        return pacs_fail(err, PACS_REFUSED, "this server is read-only");

    PacsUpload *fresh = calloc(1, sizeof *fresh);
    if (!fresh)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for an upload");
    fresh->ingest = ingest;

    PACS_AUTO(PacsUpload) upload = fresh;
    upload->arena = pacs_arena_new(REQUEST_TEXT_MAX);
    if (!upload->arena)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for an upload");

    PacsStatus status = copy_request(upload, request, err);
    if (status == PACS_OK)
        status = pacs_sha256_new(&upload->sha256, err);
    if (status == PACS_OK)
        status = upload_kit_acquire(ingest, upload, &upload->kit, err);
    if (status == PACS_OK)
        status = pacs_store_create(ingest->store, request->size_hint, &upload->writer, err);
    if (status != PACS_OK)
        return status;

    list_insert(ingest, upload);
    if (upload->is_announced)
        status = put_header(upload, err);
    if (status != PACS_OK)
        return status;
    *ret_upload = PACS_STEAL(upload);
    return PACS_OK;
}

/* ---- Feeding ---- */

PacsStatus upload_take_inflated(void *context, const void *bytes, size_t size, PacsError *err)
{
    PacsUpload *upload = context;
    PacsStatus status = PACS_OK;

    if (!upload->inflated)
        status = pacs_store_create(upload->ingest->store, 0, &upload->inflated, err);
    if (status == PACS_OK)
        status = pacs_store_write(upload->inflated, bytes, size, err);
    if (status == PACS_OK)
        upload->inflated_size_bytes += size;
    return status;
}

/** Remember the failure; every later call answers with it. */
static PacsStatus fail_for_good(PacsUpload *upload, const PacsError *failure, PacsError *err)
{
    upload->failure = *failure;
    if (err)
        *err = *failure;
    return failure->status;
}

/*
 * A step of feeding: the store comes first, so that the disk works while we scan; what the scan refuses is taken back
 * anyway. The digest comes last, and of bytes that the writer keeps it comes as late as they are kept: when the
 * disk has the next block as well. At half a millisecond a megabyte it would hold up whoever arrives alone.
 */

static PacsStatus digest_kept(PacsUpload *upload, PacsError *err)
{
    const uint8_t *bytes = upload->undigested;

    upload->undigested = NULL;
    return bytes ? pacs_sha256_add(upload->sha256, bytes, upload->undigested_size, err) : PACS_OK;
}

/** What is kept is so until a block's worth of bytes has come behind it. */
static PacsStatus make_way(PacsUpload *upload, size_t size, PacsError *err)
{
    return size >= PACS_BLOCK_BYTES ? digest_kept(upload, err) : PACS_OK;
}

static PacsStatus digest(PacsUpload *upload, const uint8_t *bytes, size_t size, PacsError *err)
{
    PacsStatus status = digest_kept(upload, err);
    return status == PACS_OK ? pacs_sha256_add(upload->sha256, bytes, size, err) : status;
}

static PacsStatus digest_later(PacsUpload *upload, const uint8_t *bytes, size_t size, PacsError *err)
{
    const bool is_new_block = upload->size_bytes % PACS_BLOCK_BYTES ==
                              0; /* though it may lie next to the other */

    if (!is_new_block && upload->undigested && upload->undigested + upload->undigested_size == bytes) {
        upload->undigested_size += size;
        return PACS_OK;
    }
    PacsStatus status = digest_kept(upload, err);
    upload->undigested = bytes;
    upload->undigested_size = size;
    return status;
}

/** After a step of feeding: its failure is for good, its success counts. */
static PacsStatus settle(PacsUpload *upload, PacsStatus status, size_t size, const PacsError *failure,
                         PacsError *err)
{
    if (status != PACS_OK)
        return fail_for_good(upload, failure, err);
    upload->size_bytes += size;
    return PACS_OK;
}

PacsStatus pacs_upload_feed(PacsUpload *upload, const void *bytes, size_t size, PacsError *err)
{
    PacsError failure = {0};

    if (upload->failure.status != PACS_OK)
        return fail_for_good(upload, &upload->failure, err);
    PacsStatus status = make_way(upload, size, &failure);
    if (status == PACS_OK)
        status = pacs_store_write(upload->writer, bytes, size, &failure);
    if (status == PACS_OK)
        status = pacs_scan_feed(upload->kit->scan, bytes, size, &failure);
    if (status == PACS_OK)
        status = digest(upload, bytes, size, &failure);
    return settle(upload, status, size, &failure, err);
}

PacsStatus pacs_upload_feed_block(PacsUpload *upload, uint8_t **block, size_t size, PacsError *err)
{
    const uint8_t *bytes = *block;
    PacsError failure = {0};

    if (upload->failure.status != PACS_OK)
        return fail_for_good(upload, &upload->failure, err);
    PacsStatus status = make_way(upload, size, &failure);
    if (status == PACS_OK)
        status = pacs_store_write_block(upload->writer, block, size, &failure);
    if (status == PACS_OK)
        status = pacs_scan_feed(upload->kit->scan, bytes, size, &failure);
    if (status == PACS_OK)
        status = *block ? digest(upload, bytes, size, &failure) : digest_later(upload, bytes, size, &failure);
    return settle(upload, status, size, &failure, err);
}

PacsStatus pacs_upload_room(PacsUpload *upload, uint8_t **ret_room, size_t *ret_size, PacsError *err)
{
    PacsError failure = {0};

    if (upload->failure.status != PACS_OK)
        return fail_for_good(upload, &upload->failure, err);
    PacsStatus status = pacs_store_room(upload->writer, &upload->room, ret_size, &failure);
    *ret_room = upload->room;
    return settle(upload, status, 0, &failure, err);
}

PacsStatus pacs_upload_filled(PacsUpload *upload, size_t size, PacsError *err)
{
    PacsError failure = {0};

    if (upload->failure.status != PACS_OK)
        return fail_for_good(upload, &upload->failure, err);
    PacsStatus status = make_way(upload, size, &failure);
    if (status == PACS_OK)
        status = pacs_store_filled(upload->writer, size, &failure);
    if (status == PACS_OK)
        status = pacs_scan_feed(upload->kit->scan, upload->room, size, &failure);
    if (status == PACS_OK)
        status = digest_later(upload, upload->room, size, &failure);
    return settle(upload, status, size, &failure, err);
}

/* ---- Finishing ---- */

static PacsStatus feed_all(PacsUpload *upload, PacsSource *source, PacsError *err)
{
    PACS_AUTO_FREE uint8_t *bytes = malloc(CONVERSION_CHUNK);
    size_t size = 0;

    if (!bytes)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory to convert an object");
    do {
        PacsStatus status = pacs_source_read(source, bytes, CONVERSION_CHUNK, &size, err);
        if (status == PACS_OK && size > 0)
            status = pacs_upload_feed(upload, bytes, size, err);
        if (status != PACS_OK)
            return status;
    } while (size > 0);
    return PACS_OK;
}

static PacsStatus check_announcement(const PacsUpload *upload, const PacsInstance *instance, PacsError *err)
{
    const PacsFileMeta *announced = &upload->announced;

    if (upload->is_announced && strcmp(announced->sop_class_uid, instance->sop_class_uid) != 0)
        return pacs_fail(err, PACS_MISMATCH, "data set has SOP Class UID %s, announced was %s",
                         instance->sop_class_uid, announced->sop_class_uid);
    if (upload->is_announced && strcmp(announced->sop_instance_uid, instance->sop_instance_uid) != 0)
        return pacs_fail(err, PACS_MISMATCH, "data set has SOP Instance UID %s, announced was %s",
                         instance->sop_instance_uid, announced->sop_instance_uid);
    if (upload->expected_study_uid && strcmp(upload->expected_study_uid, instance->study_instance_uid) != 0)
        return pacs_fail(err, PACS_MISMATCH, "instance belongs to study %s, not to %s",
                         instance->study_instance_uid, upload->expected_study_uid);
    return PACS_OK;
}

static PacsStatus commit_objects(PacsUpload *upload, PacsError *err)
{
    PacsStatus status = PACS_OK;

    if (upload->inflated)
        status = pacs_store_commit(upload->inflated, err);
    if (status == PACS_OK)
        status = pacs_store_commit(upload->writer, err);
    PACS_CRASH_POINT("after-file-write");
    return status;
}

/** Few objects are reports: the others cost no arena. */
static PacsStatus read_report(const PacsInstance *instance, PacsArena **ret_arena,
                              const PacsReportFacts **ret_report, PacsError *err)
{
    if (!ingest_is_report(instance))
        return PACS_OK;
    *ret_arena = pacs_arena_new(PACS_MAX_INDEX_ADD_ARENA);
    return *ret_arena ? ingest_report_facts(instance, *ret_arena, ret_report, err)
                      : pacs_fail(err, PACS_NO_MEMORY, "no memory for a report");
}

static PacsStatus add_to_index(PacsUpload *upload, const PacsInstance *instance, PacsIndexAdded *ret_added,
                               PacsError *err)
{
    const PacsIngestOptions *options = &upload->ingest->options;
    PACS_AUTO(PacsArena) arena = NULL;
    const PacsReportFacts *report = NULL;

    PacsStatus status = read_report(instance, &arena, &report, err);
    if (status != PACS_OK)
        return status;
    PacsIndexAdd add = {
        .instance = instance,
        .origin = &upload->origin,
        .key = *pacs_store_writer_key(upload->writer),
        .has_inflated = upload->inflated != NULL,
        .inflated_size_bytes = upload->inflated_size_bytes,
        .blobs = {.json_deflate = upload->kit->packed_json.bytes,
                  .json_deflate_size = upload->kit->packed_json.size,
                  .json_size = instance->json->size,
                  .json_crc32 = libdeflate_crc32(0, instance->json->bytes, instance->json->size),
                  .frame_table = instance->frame_table->bytes,
                  .frame_table_size = instance->frame_table->size,
                  .bulk_table = instance->bulk_table->bytes,
                  .bulk_table_size = instance->bulk_table->size},
        .overwrite = options->overwrite,
        .received_ms = pacs_now_ms(),
        .lane = ingest_lane_of(options->lanes, options->lane_count, &upload->origin, instance),
        .traceparent = upload->traceparent,
        .report = report,
    };
    if (upload->inflated)
        add.inflated_key = *pacs_store_writer_key(upload->inflated);

    status = pacs_sha256_finish(upload->sha256, add.sha256, err);
    if (status != PACS_OK)
        return status;
    status = pacs_index_add(upload->ingest->index, &add, ret_added, err);
    PACS_CRASH_POINT("after-commit");
    return status;
}

/**
 * Remove committed bytes that no row names. After a failed commit whose outcome is unknown (the connection to
 * the database broke) a row may name them after all: then they stay, and the sweep decides.
 */
static void take_back(PacsUpload *upload, PacsStoreWriter *writer)
{
    bool known = true;

    if (!writer)
        return;
    const PacsKey *key = pacs_store_writer_key(writer);
    if (pacs_index_has_key(upload->ingest->index, key, &known, NULL) == PACS_OK && !known)
        pacs_ignore(pacs_store_remove(upload->ingest->store, key, NULL)); /* what stays, the sweep finds */
}

static PacsStatus finish(PacsUpload *upload, PacsIngested *ingested, PacsError *err);

/* The object in its new form is stored and indexed in place of this one, whose bytes go. Failures that say it cannot be
 * converted leave it to be stored as it came. */
static PacsStatus finish_converted(PacsUpload *upload, const PacsInstance *instance, PacsIngested *ingested,
                                   PacsError *err)
{
    const IngestStored stored = {
        .instance = instance,
        .key = pacs_store_writer_key(upload->writer),
        .size_bytes = upload->size_bytes,
        .frames_key = pacs_store_writer_key(upload->inflated ? upload->inflated : upload->writer),
    };
    const PacsUploadRequest request = {.origin = &upload->origin, .traceparent = upload->traceparent};
    PACS_AUTO(PacsUpload) converted = NULL;
    PACS_AUTO(PacsSource) source = NULL;

    PacsStatus status = ingest_convert(upload->ingest, &stored, &source, err);
    if (status == PACS_OK)
        status = pacs_ingest_begin(upload->ingest, &request, &converted, err);
    if (status != PACS_OK)
        return status;
    converted->is_conversion = true;
    status = feed_all(converted, source, err);
    if (status == PACS_OK)
        status = finish(converted, ingested, err);
    return status;
}

static bool can_not_be_converted(PacsStatus status)
{
    return status == PACS_UNSUPPORTED || status == PACS_INVALID || status == PACS_TOO_LARGE;
}

static PacsStatus finish(PacsUpload *upload, PacsIngested *ingested, PacsError *err)
{
    PacsStatus status = pacs_scan_finish(upload->kit->scan, err);
    if (status != PACS_OK)
        return status;

    const PacsInstance *instance = pacs_scan_instance(upload->kit->scan);
    status = check_announcement(upload, instance, err);
    if (status == PACS_OK)
        status = digest_kept(upload, err);
    if (status == PACS_OK)
        status = upload_kit_pack_json(upload->kit, instance->json, err);
    if (status == PACS_OK)
        status = commit_objects(upload, err);
    if (status != PACS_OK)
        return status; /* an inflated object that was committed alone is unknown to the index: swept */

    if (!upload->is_conversion && ingest_wants_conversion(upload->ingest, instance)) {
        status = finish_converted(upload, instance, ingested, err);
        if (!can_not_be_converted(status)) {
            take_back(upload, upload->inflated);
            take_back(upload, upload->writer);
            return status;
        }
        pacs_metric_add(upload->ingest->unconverted, 1);
    }
    status = add_to_index(upload, instance, &ingested->added, err);
    if (status != PACS_OK || ingested->added.result == PACS_ADD_DUPLICATE) {
        take_back(upload, upload->inflated);
        take_back(upload, upload->writer);
    }
    if (status != PACS_OK)
        return status;

    ingested->size_bytes = upload->size_bytes;
    (void)pacs_text_copy(ingested->sop_class_uid, sizeof ingested->sop_class_uid, instance->sop_class_uid);
    (void)pacs_text_copy(ingested->sop_instance_uid, sizeof ingested->sop_instance_uid,
                         instance->sop_instance_uid);
    (void)pacs_text_copy(ingested->study_instance_uid, sizeof ingested->study_instance_uid,
                         instance->study_instance_uid);
    (void)pacs_text_copy(ingested->series_instance_uid, sizeof ingested->series_instance_uid,
                         instance->series_instance_uid);
    (void)pacs_text_copy(ingested->transfer_syntax_uid, sizeof ingested->transfer_syntax_uid,
                         instance->transfer_syntax_uid);
    return PACS_OK;
}

static void count(PacsUpload *upload, const PacsIngested *ingested, PacsStatus status)
{
    static const char *const outcomes[] = {
        [PACS_ADD_NEW] = "stored", [PACS_ADD_REPLACED] = "replaced", [PACS_ADD_DUPLICATE] = "duplicate"};
    PacsIngest *ingest = upload->ingest;

    if (status != PACS_OK) {
        pacs_metric_add(pacs_metric(ingest->received, "", "", pacs_status_name(status), NULL), 1);
        return;
    }
    pacs_metric_add(pacs_metric(ingest->received, ingested->sop_class_uid, ingested->transfer_syntax_uid,
                                outcomes[ingested->added.result], NULL),
                    1);
    pacs_metric_add(ingest->received_bytes, ingested->size_bytes);
    if (ingested->added.uid_collision)
        pacs_metric_add(ingest->collisions, 1);
}

PacsStatus pacs_upload_finish(PacsUpload *upload, PacsIngested *ret_ingested, PacsError *err)
{
    PacsIngested ingested = {0};
    PacsError failure = {0};

    PacsStatus status = upload->failure.status;
    if (status != PACS_OK)
        failure = upload->failure;
    else
        status = finish(upload, &ingested, &failure);

    count(upload, &ingested, status);
    if (status != PACS_OK)
        return fail_for_good(upload, &failure, err);

    /* An upload ends once: a second finish is the caller's mistake and stores nothing twice. */
    (void)pacs_fail(&upload->failure, PACS_INTERNAL, "this upload is finished");
    *ret_ingested = ingested;
    return PACS_OK;
}

PacsScanNames pacs_upload_names(const PacsUpload *upload)
{
    return pacs_scan_names(upload->kit->scan);
}

void pacs_upload_free(PacsUpload *upload)
{
    if (!upload)
        return;
    if (upload->writer)
        list_remove(upload->ingest, upload);
    pacs_store_writer_free(upload->inflated);
    pacs_store_writer_free(upload->writer);
    pacs_sha256_free(upload->sha256);
    upload_kit_release(upload->ingest, upload->kit);
    pacs_arena_free(upload->arena);
    free(upload);
}
