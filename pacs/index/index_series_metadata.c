#include "pacs/index/index_series_metadata.h"

#include <assert.h>

#include "pacs/index/index_backend.h"

/* The face of ready-made metadata and of leases. */

PacsStatus pacs_index_find_series_metadata(PacsIndex *index, const PacsUidPath *path, PacsArena *arena,
                                           PacsSeriesMetadata **ret_series, size_t *ret_count, PacsError *err)
{
    size_t count = 0;
    const PacsStatus status = index->ops->find_series_metadata(index, path, arena, ret_series, &count, err);
    if (status != PACS_OK)
        return status;
    if (count == 0)
        return pacs_fail(err, PACS_NOT_FOUND, "no %s has this UID",
                         pacs_level_name(pacs_uid_path_level(path)));
    *ret_count = count;
    return PACS_OK;
}

PacsStatus pacs_index_read_metadata_stream(PacsIndex *index, int64_t stream, uint64_t offset, void *ret_bytes,
                                           size_t size, PacsError *err)
{
    return size == 0 ? PACS_OK
                     : index->ops->read_metadata_stream(index, stream, offset, ret_bytes, size, err);
}

PacsStatus pacs_index_read_series_json(PacsIndex *index, const PacsInstanceJsonQuery *query, PacsArena *arena,
                                       PacsInstanceJson **ret_instances, size_t *ret_count, PacsError *err)
{
    assert(query->max_count > 0 && query->max_bytes > 0);
    return index->ops->read_series_json(index, query, arena, ret_instances, ret_count, err);
}

PacsStatus pacs_index_set_metadata_root(PacsIndex *index, const char *root, PacsError *err)
{
    return index->ops->set_metadata_root(index, root, err);
}

PacsStatus pacs_index_find_unappended(PacsIndex *index, uint32_t max, PacsArena *arena,
                                      PacsUnappended *ret_unappended, PacsError *err)
{
    assert(max > 0);
    return index->ops->find_unappended(index, max, arena, ret_unappended, err);
}

PacsStatus pacs_index_append_metadata(PacsIndex *index, const char *root, int64_t mark,
                                      const PacsMetadataAppend *appends, size_t count, PacsError *err)
{
    return index->ops->append_metadata(index, root, mark, appends, count, err);
}

PacsStatus pacs_index_purge_metadata(PacsIndex *index, int64_t before_ms, bool *ret_left, PacsError *err)
{
    return index->ops->purge_metadata(index, before_ms, ret_left, err);
}

PacsStatus pacs_index_take_lease(PacsIndex *index, const char *name, const char *holder, uint32_t ttl_ms,
                                 bool *ret_held, uint64_t *ret_epoch, PacsError *err)
{
    return index->ops->take_lease(index, name, holder, ttl_ms, ret_held, ret_epoch, err);
}

PacsStatus pacs_index_drop_lease(PacsIndex *index, const char *name, const char *holder, PacsError *err)
{
    return index->ops->drop_lease(index, name, holder, err);
}
