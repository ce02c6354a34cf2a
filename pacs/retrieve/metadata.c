#include "pacs/retrieve/metadata.h"

#include <string.h>

#include "pacs/retrieve/metadata_cache.h"
#include "pacs/retrieve/metadata_private.h"
#include "pacs/retrieve/retrieve_private.h"
#include "pacs/util/gzip.h"
#include "pacs/util/text.h"

/* ---- What there is ---- */

/** Instances are only added, but for those that `removals` counts: these numbers name one content. */
static PacsStatus format_revision(PacsMetadata *metadata, PacsError *err)
{
    uint8_t digest[PACS_SHA1_SIZE];
    PACS_AUTO_BUFFER PacsBuffer facts = PACS_BUFFER(SIZE_MAX /
                                                    2); /* as long as the list of series, which is there */

    (void)pacs_buffer_add_text(&facts, metadata->root); /* `failed` tells, below */
    for (size_t i = 0; i < metadata->series_count; i++) {
        const PacsSeriesMetadata *series = &metadata->series[i];
        const bool is_one = series->after != 0; /* which is as it is, whatever happens to the others */
        const uint64_t numbers[] = {(uint64_t)series->series, is_one ? 0 : series->removals,
                                    series->instance_count, (uint64_t)series->last_instance};
        (void)pacs_buffer_add(&facts, numbers, sizeof numbers);
    }
    PacsStatus status = pacs_buffer_check(&facts, err);
    if (status == PACS_OK)
        status = pacs_sha1(facts.bytes, facts.size, digest, err);
    if (status == PACS_OK)
        pacs_hex_format(digest, sizeof digest, metadata->revision);
    return status;
}

bool metadata_is_ready(const PacsMetadata *metadata, const PacsSeriesMetadata *series)
{
    return series->stream.id != 0 && strcmp(series->stream.root, metadata->root) == 0;
}

PacsStatus pacs_retrieve_find_metadata(PacsRetrieve *retrieve, const PacsUidPath *path, const char *root,
                                       PacsArena *arena, PacsMetadata **ret_metadata, PacsError *err)
{
    PacsMetadata *metadata = pacs_arena_alloc(arena, sizeof *metadata);
    PacsSeriesMetadata *series = NULL;

    if (!metadata)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory to find metadata");
    (void)pacs_index_generation(retrieve->index, &metadata->generation); /* else it stays 0 */
    PacsStatus status = pacs_index_find_series_metadata(retrieve->index, path, arena, &series,
                                                        &metadata->series_count, err);
    if (status != PACS_OK)
        return status;
    metadata->path = *path;
    metadata->series = series;
    metadata->root = root;
    for (size_t i = 0; i < metadata->series_count; i++) {
        metadata->instance_count += series[i].instance_count;
        metadata->slow_count += series[i].instance_count;
        if (metadata_is_ready(metadata, &series[i]))
            metadata->slow_count -= series[i].stream.instance_count;
    }
    status = format_revision(metadata, err);
    if (status == PACS_OK)
        *ret_metadata = metadata;
    return status;
}

/* ---- How long it is ---- */

static uint64_t gzip_size(const PacsMetadata *metadata)
{
    uint64_t size = PACS_GZIP_HEADER_SIZE + 2 * PACS_GZIP_TEXT_SIZE(1) + PACS_GZIP_END_SIZE +
                    (metadata->series_count - 1) * PACS_GZIP_TEXT_SIZE(1);

    for (size_t i = 0; i < metadata->series_count; i++)
        size += metadata->series[i].stream.deflate_size;
    return size;
}

static uint64_t text_size(const PacsMetadata *metadata)
{
    uint64_t size = 2 + (metadata->series_count - 1);

    for (size_t i = 0; i < metadata->series_count; i++)
        size += metadata->series[i].stream.text_size;
    return size;
}

PacsStatus pacs_retrieve_open_metadata(PacsRetrieve *retrieve, const PacsMetadata *metadata, bool as_gzip,
                                       PacsSource **ret_source, uint64_t *ret_size, PacsError *err)
{
    PacsSource *source = NULL;

    PacsStatus status = metadata_source_open(retrieve, metadata, &source, err);
    if (status == PACS_OK && !as_gzip)
        status = pacs_source_gunzip(source, &source, err);
    if (status != PACS_OK)
        return status;
    *ret_source = source;
    *ret_size = PACS_METADATA_SIZE_UNKNOWN;
    if (metadata->slow_count == 0)
        *ret_size = as_gzip ? gzip_size(metadata) : text_size(metadata);
    return PACS_OK;
}

/* ---- Whole answers ---- */

PacsMetadataBody *pacs_retrieve_recall_metadata(PacsRetrieve *retrieve, const PacsUidPath *path,
                                                const char *root, bool as_gzip)
{
    const MetadataKey key = {.path = path, .root = root, .as_gzip = as_gzip};
    uint64_t generation = 0;

    return pacs_index_generation(retrieve->index, &generation)
               ? metadata_cache_find_current(retrieve->metadata, &key, generation)
               : NULL;
}

static PacsStatus read_whole(PacsRetrieve *retrieve, const PacsMetadata *metadata, bool as_gzip,
                             PacsBuffer *out, PacsError *err)
{
    PACS_AUTO(PacsSource) source = NULL;
    uint64_t size = 0;

    PacsStatus status = pacs_retrieve_open_metadata(retrieve, metadata, as_gzip, &source, &size, err);
    if (status == PACS_OK && size > PACS_METADATA_BODY_MAX)
        return pacs_fail(err, PACS_TOO_LARGE, "more than %u bytes of metadata", PACS_METADATA_BODY_MAX);
    if (status == PACS_OK)
        status = pacs_buffer_reserve(out, (size_t)size, err);
    if (status == PACS_OK)
        status = pacs_source_read_all(source, out->bytes, (size_t)size, err);
    if (status == PACS_OK)
        out->size = (size_t)size;
    return status;
}

PacsStatus pacs_retrieve_read_metadata(PacsRetrieve *retrieve, const PacsMetadata *metadata, bool as_gzip,
                                       PacsMetadataBody **ret_body, PacsError *err)
{
    const MetadataKey key = {.path = &metadata->path, .root = metadata->root, .as_gzip = as_gzip};
    PacsMetadataBody *body = metadata_cache_find_revision(retrieve->metadata, &key, metadata->revision,
                                                          metadata->generation);
    if (!body) {
        PACS_AUTO_BUFFER PacsBuffer bytes = PACS_BUFFER(PACS_METADATA_BODY_MAX);
        PacsStatus status = read_whole(retrieve, metadata, as_gzip, &bytes, err);
        if (status != PACS_OK)
            return status;
        body = metadata_cache_add(retrieve->metadata, &key, metadata->revision, metadata->generation, &bytes);
    }
    if (!body)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for metadata");
    *ret_body = body;
    return PACS_OK;
}
