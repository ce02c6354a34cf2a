#include "pacs/retrieve/metadata_private.h"

#include <stdlib.h>

#include "pacs/dicom/bulk_uri.h"
#include "pacs/retrieve/retrieve_private.h"
#include "pacs/util/limits.h"

#define PAGE_INSTANCES 64
#define PAGE_BYTES (256u << 10)

struct PacsMetadataWalk {
    PacsIndex *index;
    const PacsMetadata *metadata;
    size_t series;
    int64_t after; /* the key of the last instance read */
    bool at_end;   /* of the series */

    PacsArena *arena; /* of the page */
    PacsInstanceJson *page;
    size_t page_count, page_at;
    PacsBuffer relative; /* one instance's JSON as it is stored */
};

PacsStatus pacs_metadata_walk_new(PacsRetrieve *retrieve, const PacsMetadata *metadata,
                                  PacsMetadataWalk **ret_walk, PacsError *err)
{
    PACS_AUTO(PacsMetadataWalk) walk = calloc(1, sizeof *walk);
    if (!walk)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory to read metadata");
    walk->index = retrieve->index;
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
    free(walk);
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
    PacsStatus status = pacs_index_read_series_json(walk->index, &query, walk->arena, &walk->page,
                                                    &walk->page_count, err);
    walk->at_end = status == PACS_OK && walk->page_count == 0;
    return status;
}

PacsStatus metadata_walk_next_of_series(PacsMetadataWalk *walk, PacsBuffer *out, bool *ret_more,
                                        PacsError *err)
{
    const PacsSeriesMetadata *series = &walk->metadata->series[walk->series];
    PacsStatus status = PACS_OK;

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
    pacs_buffer_reset(&walk->relative);
    status = pacs_index_unpack_json(&instance->json, &walk->relative, err);
    return status == PACS_OK ? pacs_bulk_uris_complete((const char *)walk->relative.bytes,
                                                       walk->relative.size, &root, out, err)
                             : status;
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
