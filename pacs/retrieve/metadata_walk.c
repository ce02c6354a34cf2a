#include "pacs/retrieve/metadata_private.h"

#include <stdlib.h>

#include "pacs/dicom/bulk_uri.h"
#include "pacs/retrieve/converted_metadata.h"
#include "pacs/retrieve/retrieve_private.h"
#include "pacs/util/limits.h"

#define PAGE_INSTANCES 64
#define PAGE_BYTES (256u << 10)
#define DESCRIPTION_MAX 1024u /* what a description adds: half a dozen attributes */

struct PacsMetadataWalk {
    PacsRetrieve *retrieve;
    const PacsMetadata *metadata;
    size_t series;
    int64_t after; /* the key of the last instance read */
    bool at_end;   /* of the series */

    PacsArena *arena; /* of the page */
    PacsInstanceJson *page;
    size_t page_count, page_at;
    PacsBuffer relative; /* one instance's JSON as it is stored */

    const char *transfer_syntax_uid; /* in which it is described; NULL: as it is stored */
    PacsArena *description;
    PacsBuffer described;
};

PacsStatus pacs_metadata_walk_new(PacsRetrieve *retrieve, const PacsMetadata *metadata,
                                  PacsMetadataWalk **ret_walk, PacsError *err)
{
    PACS_AUTO(PacsMetadataWalk) walk = calloc(1, sizeof *walk);
    if (!walk)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory to read metadata");
    walk->retrieve = retrieve;
    walk->metadata = metadata;
    pacs_buffer_init(&walk->relative, PACS_MAX_INSTANCE_JSON);
    walk->arena = pacs_arena_new((size_t)PACS_MAX_INSTANCE_JSON *
                                 2); /* one packed JSON and the page before it */
    if (!walk->arena)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory to read metadata");
    metadata_walk_seek(walk, 0, metadata->series[0].after);
    *ret_walk = PACS_STEAL(walk);
    return PACS_OK;
}

void pacs_metadata_walk_free(PacsMetadataWalk *walk)
{
    if (!walk)
        return;
    pacs_arena_free(walk->arena);
    pacs_buffer_clear(&walk->relative);
    pacs_arena_free(walk->description);
    pacs_buffer_clear(&walk->described);
    free(walk);
}

PacsStatus pacs_metadata_walk_describe(PacsMetadataWalk *walk, const char *transfer_syntax_uid,
                                       PacsError *err)
{
    walk->transfer_syntax_uid = transfer_syntax_uid;
    pacs_buffer_init(&walk->described, PACS_MAX_INSTANCE_JSON + DESCRIPTION_MAX);
    walk->description = pacs_arena_new((size_t)PACS_MAX_INSTANCE_JSON *
                                       2); /* its attributes, a frame table */
    return walk->description ? PACS_OK : pacs_fail(err, PACS_NO_MEMORY, "no memory to read metadata");
}

void metadata_walk_seek(PacsMetadataWalk *walk, size_t series, int64_t after)
{
    walk->series = series;
    walk->after = after;
    walk->at_end = after >= walk->metadata->series[series].last_instance;
    walk->page_count = walk->page_at = 0;
}

static PacsStatus read_page(PacsMetadataWalk *walk, PacsError *err)
{
    const PacsSeriesMetadata *series = &walk->metadata->series[walk->series];
    const PacsInstanceJsonQuery query = {.series = series,
                                         .after = walk->after,
                                         .up_to = series->last_instance,
                                         .max_count = PAGE_INSTANCES,
                                         .max_bytes = PAGE_BYTES};

    pacs_arena_reset(walk->arena);
    walk->page_at = walk->page_count = 0;
    PacsStatus status = pacs_index_read_series_json(walk->retrieve->index, &query, walk->arena, &walk->page,
                                                    &walk->page_count, err);
    walk->at_end = status == PACS_OK && walk->page_count == 0;
    return status;
}

/** An instance's JSON as it is wanted, its BulkDataURIs still relative. Borrowed until the next one. */
static PacsStatus read_json(PacsMetadataWalk *walk, const PacsInstanceJson *instance, PacsSlice *ret_json,
                            PacsError *err)
{
    const PacsSeriesMetadata *series = &walk->metadata->series[walk->series];
    const PacsUidPath path = {.study_uid = series->study_instance_uid,
                              .series_uid = series->series_instance_uid,
                              .sop_instance_uid = instance->sop_instance_uid};

    pacs_buffer_reset(&walk->relative);
    PacsStatus status = pacs_index_unpack_json(&instance->json, &walk->relative, err);
    *ret_json = (PacsSlice){pacs_buffer_text(&walk->relative), walk->relative.size};
    if (status != PACS_OK || !walk->transfer_syntax_uid)
        return status;
    pacs_arena_reset(walk->description);
    pacs_buffer_reset(&walk->described);
    status = pacs_retrieve_describe_converted(walk->retrieve, &path, walk->transfer_syntax_uid, *ret_json,
                                              walk->description, &walk->described, err);
    *ret_json = (PacsSlice){pacs_buffer_text(&walk->described), walk->described.size};
    return status;
}

PacsStatus metadata_walk_next_of_series(PacsMetadataWalk *walk, PacsBuffer *out, bool *ret_more,
                                        PacsError *err)
{
    const PacsSeriesMetadata *series = &walk->metadata->series[walk->series];
    PacsStatus status = PACS_OK;
    PacsSlice json;

    if (!walk->at_end && walk->page_at == walk->page_count)
        status = read_page(walk, err);
    *ret_more = !walk->at_end;
    if (status != PACS_OK || walk->at_end)
        return status;

    const PacsInstanceJson *instance = &walk->page[walk->page_at++];
    const PacsBulkRoot root = {.root = walk->metadata->root,
                               .study_instance_uid = series->study_instance_uid,
                               .series_instance_uid = series->series_instance_uid,
                               .sop_instance_uid = instance->sop_instance_uid};
    walk->after = instance->instance;
    walk->at_end = walk->after >= series->last_instance;
    status = read_json(walk, instance, &json, err);
    return status == PACS_OK ? pacs_bulk_uris_complete(json.text, json.size, &root, out, err) : status;
}

PacsStatus pacs_metadata_walk_next(PacsMetadataWalk *walk, PacsBuffer *out, bool *ret_more, PacsError *err)
{
    PacsStatus status = PACS_OK;

    *ret_more = false;
    while (status == PACS_OK && !*ret_more && walk->series < walk->metadata->series_count) {
        status = metadata_walk_next_of_series(walk, out, ret_more, err);
        if (status == PACS_OK && !*ret_more && ++walk->series < walk->metadata->series_count)
            metadata_walk_seek(walk, walk->series, walk->metadata->series[walk->series].after);
    }
    return status;
}
