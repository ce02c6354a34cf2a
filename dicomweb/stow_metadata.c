#include "dicomweb/stow.h"

#include <stdlib.h>
#include <string.h>

#include "pacs/dicom/codestream.h"
#include "pacs/dicom/dataset_json.h"
#include "pacs/dicom/dataset_xml.h"
#include "pacs/util/hash.h"
#include "pacs/util/json_items.h"
#include "pacs/util/limits.h"

/* Parts of metadata: each data set in them is written as far as it is there, into the spool, and its instance waits
 * for the bulk data that it names. One that names none is stored at once. */

void stow_join_free(StowJoin *join)
{
    if (!join)
        return;
    pacs_json_items_free(join->json);
    pacs_dataset_xml_free(join->xml);
    pacs_dataset_writer_free(join->writer);
    pacs_spool_free(join->spool);
    pacs_arena_free(join->arena);
    free(join->bytes);
    free(join);
}
PACS_DEFINE_AUTO(StowJoin, stow_join_free);

PacsStatus stow_join_open(Stow *stow, PacsError *err)
{
    if (stow->join)
        return PACS_OK;
    PACS_AUTO(StowJoin) join = calloc(1, sizeof *join);
    if (!join)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for metadata");

    join->arena = pacs_arena_new(PACS_MAX_STOW_TABLES);
    join->bytes = malloc(STOW_COPY_SIZE);
    if (!join->arena || !join->bytes)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for metadata");
    PacsStatus status = pacs_random(&join->hash_seed, sizeof join->hash_seed, err);
    if (status == PACS_OK)
        status = pacs_spool_new(stow->dicomweb->options.temporary_directory, PACS_MAX_HTTP_STREAMED_BODY,
                                &join->spool, err);
    if (status == PACS_OK)
        status = pacs_dataset_writer_new(PACS_MAX_STOW_METADATA, &join->writer, err);
    if (status == PACS_OK)
        stow->join = PACS_STEAL(join);
    return status;
}

void *stow_alloc(StowJoin *join, size_t size)
{
    join->arena_bytes += size;
    return pacs_arena_alloc(join->arena, size);
}

/* ---- An instance ---- */

static PacsStatus no_room(PacsError *err)
{
    return pacs_fail(err, PACS_TOO_LARGE, "more metadata than a request may bring");
}

static PacsStatus add_use(StowJoin *join, StowInstance *instance, StowLocation *location, PacsError *err)
{
    location->named = true;
    location->waiting++;
    if (location->complete && !location->pieces)
        return pacs_fail(err, PACS_INVALID, "bulk data are named by metadata that came after their use");
    if (location->complete)
        return PACS_OK;
    StowUse *use = stow_alloc(join, sizeof *use);
    if (!use)
        return no_room(err);
    *use = (StowUse){.next = location->uses, .instance = instance};
    location->uses = use;
    instance->waiting++;
    return PACS_OK;
}

static PacsStatus add_holes(StowJoin *join, StowInstance *instance, const PacsDataset *dataset,
                            PacsError *err)
{
    /* At most PACS_MAX_BULK_VALUES: no overflow. */
    instance->holes = stow_alloc(join, dataset->hole_count * sizeof *instance->holes);
    if (!instance->holes)
        return no_room(err);
    for (size_t i = 0; i < dataset->hole_count; i++) {
        const PacsDatasetHole *from = &dataset->holes[i];
        StowLocation *location = stow_location(join, (PacsSlice){dataset->uris + from->uri, from->uri_size});
        if (!location)
            return no_room(err);
        instance->holes[instance->hole_count++] = (StowHole){.offset = from->offset,
                                                             .tag = from->tag,
                                                             .vr = from->vr,
                                                             .at_top = from->depth == 0,
                                                             .location = location};
        PacsStatus status = add_use(join, instance, location, err);
        if (status != PACS_OK)
            return status;
    }
    return PACS_OK;
}

static void append(StowJoin *join, StowInstance *instance)
{
    if (join->last_instance)
        join->last_instance->next = instance;
    else
        join->first_instance = instance;
    join->last_instance = instance;
}

/** The writer holds a whole data set: keep it, and store the instance unless it has to wait. */
static PacsStatus take_dataset(Stow *stow, PacsError *err)
{
    StowJoin *join = stow->join;
    PacsDataset dataset;
    StowInstance *instance = stow_alloc(join, sizeof *instance);
    if (!instance)
        return no_room(err);

    PacsStatus status = stow_outcomes_room(&stow->outcomes, err);
    if (status == PACS_OK)
        status = pacs_dataset_writer_finish(join->writer, &dataset, err);
    if (status != PACS_OK)
        return status;
    instance->offset = pacs_spool_size(join->spool);
    instance->size = dataset.size;
    memcpy(instance->sop_class_uid, dataset.sop_class_uid, PACS_UID_SIZE);
    memcpy(instance->sop_instance_uid, dataset.sop_instance_uid, PACS_UID_SIZE);
    memcpy(instance->transfer_syntax_uid, dataset.transfer_syntax_uid, PACS_UID_SIZE);
    if (dataset.size > 0)
        status = pacs_spool_write(join->spool, dataset.bytes, dataset.size, err);
    if (status == PACS_OK)
        status = add_holes(join, instance, &dataset, err);
    instance->done = status != PACS_OK; /* some location may know it already */
    if (status != PACS_OK)
        return status;
    append(join, instance);
    if (instance->waiting == 0)
        stow_store_instance(stow, instance);
    return PACS_OK;
}

/** A data set that cannot be one; err says why. What its bulk data are called is not known then. */
static void note_lost(Stow *stow, const PacsError *err)
{
    const PacsScanNames names = pacs_dataset_writer_names(stow->join->writer);

    stow->join->lost_metadata = true;
    stow_add_failed(&stow->outcomes, &names, err);
}

/* ---- JSON ---- */

/** One data set of the array. What is wrong with it does not touch the others. */
static PacsStatus take_json(void *context, PacsSlice object, PacsError *err)
{
    Stow *stow = context;
    PacsDatasetWriter *writer = stow->join->writer;
    PacsError failure = {0};

    (void)err;
    pacs_dataset_writer_reset(writer);
    PacsStatus status = pacs_dataset_json_read(object, writer, &failure);
    if (status == PACS_OK)
        status = take_dataset(stow, &failure);
    failure.status = status;
    if (status != PACS_OK)
        note_lost(stow, &failure);
    return PACS_OK;
}

static PacsStatus begin_json(Stow *stow, const PacsMultipartPart *part, const char *content_type,
                             PacsError *err)
{
    (void)part;
    (void)content_type;
    PacsStatus status = stow_join_open(stow, err);
    if (status != PACS_OK)
        return status;
    return pacs_json_items_new(PACS_MAX_STOW_METADATA, take_json, stow, &stow->join->json, err);
}

static PacsStatus feed_json(Stow *stow, const uint8_t *bytes, size_t size, PacsError *err)
{
    PacsStatus status = pacs_json_items_feed(stow->join->json, bytes, size, err);

    return status == PACS_OK ? stow_account(stow, err) : status;
}

static void end_json(Stow *stow, const PacsError *failure)
{
    PacsError err = failure ? *failure : (PacsError){0};

    if (!failure && pacs_json_items_finish(stow->join->json, &err) == PACS_OK) {
        pacs_json_items_free(PACS_STEAL(stow->join->json));
        return;
    }
    stow_add_failed(&stow->outcomes, NULL, &err);
    if (!stow->join)
        return;
    stow->join->lost_metadata = true;
    pacs_json_items_free(PACS_STEAL(stow->join->json));
}

const StowPartKind stow_json_metadata_part = {.begin = begin_json, .data = feed_json, .end = end_json};

/* ---- XML: one document, one data set ---- */

static PacsStatus begin_xml(Stow *stow, const PacsMultipartPart *part, const char *content_type,
                            PacsError *err)
{
    (void)part;
    (void)content_type;
    PacsStatus status = stow_join_open(stow, err);
    if (status != PACS_OK)
        return status;
    pacs_dataset_writer_reset(stow->join->writer);
    return pacs_dataset_xml_new(stow->join->writer, &stow->join->xml, err);
}

static PacsStatus feed_xml(Stow *stow, const uint8_t *bytes, size_t size, PacsError *err)
{
    PacsStatus status = pacs_dataset_xml_feed(stow->join->xml, bytes, size, err);

    return status == PACS_OK ? stow_account(stow, err) : status;
}

static void end_xml(Stow *stow, const PacsError *failure)
{
    PacsError err = failure ? *failure : (PacsError){0};

    if (!stow->join) {
        stow_add_failed(&stow->outcomes, NULL, &err);
        return;
    }
    PacsStatus status = failure ? failure->status : pacs_dataset_xml_finish(stow->join->xml, &err);
    if (status == PACS_OK)
        status = take_dataset(stow, &err);
    err.status = status;
    if (status != PACS_OK)
        note_lost(stow, &err);
    pacs_dataset_xml_free(PACS_STEAL(stow->join->xml));
}

const StowPartKind stow_xml_metadata_part = {.begin = begin_xml, .data = feed_xml, .end = end_xml};

/* ---- The end ---- */

static void fail_waiting(Stow *stow, const StowInstance *instance)
{
    const PacsScanNames names = {instance->sop_class_uid, instance->sop_instance_uid};
    PacsError err = {0};
    size_t i = 0;

    while (i + 1 < instance->hole_count && instance->holes[i].location->complete)
        i++;
    pacs_ignore(pacs_fail(&err, PACS_INVALID, "the bulk data of (%04X,%04X) did not come",
                          pacs_tag_group(instance->holes[i].tag), pacs_tag_element(instance->holes[i].tag)));
    stow_add_failed(&stow->outcomes, &names, &err);
}

void stow_join_finish(Stow *stow)
{
    if (!stow->join)
        return;
    if (stow->broken.status == PACS_OK) /* else more parts of the last name may have been on their way */
        stow_bulk_settle(stow);
    for (const StowInstance *instance = stow->join->first_instance; instance; instance = instance->next) {
        if (!instance->done)
            fail_waiting(stow, instance);
    }
    for (const StowLocation *location = stow->join->first_location; location;
         location = location->next_made) {
        PacsError err = {0};
        if (location->named || stow->join->lost_metadata)
            continue;
        pacs_ignore(pacs_fail(&err, PACS_INVALID, "bulk data came that no metadata name"));
        stow_add_failed(&stow->outcomes, NULL, &err);
    }
}
