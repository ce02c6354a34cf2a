#include "pacs/retrieve/retrieve_private.h"

#include <stdlib.h>

#include "pacs/util/limits.h"

#define BLOB_ARENA_MAX ((size_t)PACS_MAX_INSTANCE_JSON * 2) /* one packed JSON and the rows around it */

PacsStatus pacs_retrieve_new(PacsStore *store, PacsIndex *index, PacsRetrieve **ret_retrieve, PacsError *err)
{
    PACS_AUTO(PacsRetrieve) retrieve = calloc(1, sizeof *retrieve);
    if (!retrieve)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for retrieval");
    retrieve->store = store;
    retrieve->index = index;
    (void)pthread_mutex_init(&retrieve->layouts_lock, NULL); /* cannot fail on Linux without attributes */
    retrieve->metadata = metadata_cache_new(PACS_METADATA_CACHE);
    retrieve->images = image_cache_new();
    if (!retrieve->metadata || !retrieve->images)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for retrieval");
    *ret_retrieve = PACS_STEAL(retrieve);
    return PACS_OK;
}

void pacs_retrieve_free(PacsRetrieve *retrieve)
{
    if (!retrieve)
        return;
    metadata_cache_free(retrieve->metadata);
    (void)pthread_mutex_destroy(&retrieve->layouts_lock);
    image_cache_free(retrieve->images);
    free(retrieve);
}

void pacs_retrieve_set_transcode(PacsRetrieve *retrieve, TranscodeService *transcode)
{
    retrieve->transcode = transcode;
}

TranscodeService *pacs_retrieve_transcode(const PacsRetrieve *retrieve)
{
    return retrieve->transcode;
}

PacsStatus pacs_retrieve_lost(const PacsStoredObject *object, PacsStatus status, PacsError *err)
{
    char hex[PACS_KEY_HEX + 1];

    if (status != PACS_NOT_FOUND)
        return status;
    pacs_key_format(&object->key, hex);
    return pacs_fail(err, PACS_CORRUPT, "the object %s of instance %s is missing from the store", hex,
                     object->sop_instance_uid);
}

PacsStatus pacs_retrieve_file(PacsRetrieve *retrieve, const char *instance_id, PacsArena *arena,
                              PacsRetrievedFile *ret_file, PacsError *err)
{
    PacsRetrievedFile file = {.fd = -1};
    PacsStoredObject *object = NULL;

    PacsStatus status = pacs_index_find_object(retrieve->index, instance_id, arena, &object, err);
    if (status != PACS_OK)
        return status;
    file.object = object;
    file.size_bytes = object->size_bytes;

    status = pacs_store_open_fd(retrieve->store, &object->key, &file.fd, err);
    if (status == PACS_UNSUPPORTED)
        status = pacs_store_open(retrieve->store, &object->key, 0, object->size_bytes, &file.source, err);
    if (status != PACS_OK)
        return pacs_retrieve_lost(object, status, err);
    *ret_file = file;
    return PACS_OK;
}

PacsStatus pacs_retrieve_open(PacsRetrieve *retrieve, const PacsKey *key, uint64_t offset, uint64_t size,
                              PacsRetrievedBytes *ret_bytes, PacsError *err)
{
    PacsRetrievedBytes bytes = {.fd = -1};
    char hex[PACS_KEY_HEX + 1];

    PacsStatus status = pacs_store_open_fd(retrieve->store, key, &bytes.fd, err);
    if (status == PACS_UNSUPPORTED)
        status = pacs_store_open(retrieve->store, key, offset, size, &bytes.source, err);
    if (status == PACS_NOT_FOUND) {
        pacs_key_format(key, hex);
        return pacs_fail(err, PACS_CORRUPT, "the object %s is missing from the store", hex);
    }
    if (status == PACS_OK)
        *ret_bytes = bytes;
    return status;
}

bool pacs_retrieve_opens_files(const PacsRetrieve *retrieve)
{
    return pacs_store_has_fds(retrieve->store);
}

PacsStatus pacs_retrieve_unpack_json(const PacsInstanceBlobs *blobs, PacsBuffer *out, PacsError *err)
{
    return pacs_index_unpack_json(blobs, out, err);
}

PacsStatus pacs_retrieve_json(PacsRetrieve *retrieve, const char *instance_id, PacsBuffer *out,
                              PacsError *err)
{
    PacsInstanceBlobs blobs = {0};
    PACS_AUTO(PacsArena) arena = pacs_arena_new(BLOB_ARENA_MAX);
    if (!arena)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory to read metadata");

    PacsStatus status = pacs_index_find_blobs(retrieve->index, instance_id, PACS_BLOB_JSON, arena, &blobs,
                                              err);
    return status == PACS_OK ? pacs_retrieve_unpack_json(&blobs, out, err) : status;
}
