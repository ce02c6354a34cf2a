#include <string.h>

#include "pacs/index/index_backend.h"
#include "pacs/util/limits.h"

/* The face: checks what callers hand in, turns texts into ids, works out what needs no database, and asks. */

void pacs_index_free(PacsIndex *index)
{
    if (index)
        index->ops->free(index);
}

const char *pacs_index_name(const PacsIndex *index)
{
    return index->ops->name;
}

uint32_t pacs_index_schema_version(const PacsIndex *index)
{
    return index->schema_version;
}

PacsStatus pacs_index_check(PacsIndex *index, PacsError *err)
{
    return index->ops->check(index, err);
}

bool pacs_index_generation(PacsIndex *index, uint64_t *ret_generation)
{
    return index->ops->generation && index->ops->generation(index, ret_generation);
}

bool pacs_index_removals(PacsIndex *index, uint64_t *ret_removals)
{
    return index->ops->removals && index->ops->removals(index, ret_removals);
}

const char *pacs_change_type_name(PacsChangeType type)
{
    static const char *const names[PACS_CHANGE_TYPE_COUNT] = {
        [PACS_CHANGE_NEW_INSTANCE] = "NewInstance",
        [PACS_CHANGE_NEW_SERIES] = "NewSeries",
        [PACS_CHANGE_NEW_STUDY] = "NewStudy",
        [PACS_CHANGE_NEW_PATIENT] = "NewPatient",
        [PACS_CHANGE_COMPLETED_SERIES] = "CompletedSeries",
        [PACS_CHANGE_STABLE_SERIES] = "StableSeries",
        [PACS_CHANGE_STABLE_STUDY] = "StableStudy",
        [PACS_CHANGE_STABLE_PATIENT] = "StablePatient",
        [PACS_CHANGE_ANONYMIZED_STUDY] = "AnonymizedStudy",
        [PACS_CHANGE_ANONYMIZED_SERIES] = "AnonymizedSeries",
        [PACS_CHANGE_ANONYMIZED_PATIENT] = "AnonymizedPatient",
        [PACS_CHANGE_MODIFIED_STUDY] = "ModifiedStudy",
        [PACS_CHANGE_MODIFIED_SERIES] = "ModifiedSeries",
        [PACS_CHANGE_MODIFIED_PATIENT] = "ModifiedPatient",
        [PACS_CHANGE_UPDATED_ATTACHMENT] = "UpdatedAttachment",
        [PACS_CHANGE_UPDATED_METADATA] = "UpdatedMetadata",
    };
    const unsigned number = (unsigned)type;
    return number < PACS_CHANGE_TYPE_COUNT && names[number] ? names[number] : "";
}

static PacsStatus parse_id(PacsLevel level, const char *text, PacsOrthancId *ret_id, PacsError *err)
{
    if (!pacs_index_id_parse(text, ret_id))
        return pacs_fail(err, PACS_NOT_FOUND, "no %s has this id", pacs_level_name(level));
    return PACS_OK;
}

/* ---- Writing ---- */

PacsStatus pacs_index_add(PacsIndex *index, const PacsIndexAdd *add, PacsIndexAdded *ret_added,
                          PacsError *err)
{
    PACS_AUTO(PacsArena) arena = pacs_arena_new(PACS_MAX_INDEX_ADD_ARENA);
    if (!arena)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory to index an instance");
    PacsPreparedAdd prepared;
    const PacsStatus status = pacs_index_prepare(add, arena, &prepared, err);
    if (status != PACS_OK)
        return status;
    return index->ops->add(index, &prepared, ret_added, err);
}

PacsStatus pacs_index_delete(PacsIndex *index, PacsLevel level, const char *id, PacsRemaining *ret_remaining,
                             PacsError *err)
{
    PacsOrthancId parsed;
    const PacsStatus status = parse_id(level, id, &parsed, err);
    return status != PACS_OK ? status
                             : index->ops->delete_resource(index, level, &parsed, ret_remaining, err);
}

PacsStatus pacs_index_stabilise(PacsIndex *index, int64_t before_ms, uint32_t limit, uint32_t *ret_count,
                                PacsError *err)
{
    return index->ops->stabilise(index, before_ms, limit, ret_count, err);
}

PacsStatus pacs_index_arrive(PacsIndex *index, const char *study_id, const char *reason, PacsError *err)
{
    PacsOrthancId parsed;
    const PacsStatus status = parse_id(PACS_LEVEL_STUDY, study_id, &parsed, err);
    return status != PACS_OK ? status : index->ops->arrive(index, &parsed, reason, err);
}

PacsStatus pacs_index_read_garbage(PacsIndex *index, PacsKey *ret_keys, size_t max, size_t *ret_count,
                                   PacsError *err)
{
    return index->ops->read_garbage(index, ret_keys, max, ret_count, err);
}

PacsStatus pacs_index_forget_garbage(PacsIndex *index, const PacsKey *keys, size_t count, PacsError *err)
{
    return count == 0 ? PACS_OK : index->ops->forget_garbage(index, keys, count, err);
}

PacsStatus pacs_index_has_key(PacsIndex *index, const PacsKey *key, bool *ret_known, PacsError *err)
{
    return index->ops->has_key(index, key, ret_known, err);
}

PacsStatus pacs_index_read_setting(PacsIndex *index, const char *name, PacsArena *arena,
                                   const char **ret_value, PacsError *err)
{
    return index->ops->read_setting(index, name, arena, ret_value, err);
}

PacsStatus pacs_index_write_setting(PacsIndex *index, const char *name, const char *value, PacsError *err)
{
    return index->ops->write_setting(index, name, value, err);
}

/* ---- Reading ---- */

PacsStatus pacs_index_find(PacsIndex *index, PacsLevel level, const char *id, PacsResourceParts parts,
                           PacsArena *arena, PacsResource **ret_resource, PacsError *err)
{
    PacsOrthancId parsed;
    const PacsStatus status = parse_id(level, id, &parsed, err);
    return status != PACS_OK ? status
                             : index->ops->find(index, level, &parsed, parts, arena, ret_resource, err);
}

static PacsStatus find_bare(PacsIndex *index, PacsLevel level, const char *id, PacsArena *arena,
                            PacsResource **ret_resource, PacsError *err)
{
    return pacs_index_find(index, level, id, 0, arena, ret_resource, err);
}

PacsStatus pacs_index_find_level(PacsIndex *index, const char *id, PacsLevel *ret_level, PacsError *err)
{
    PACS_AUTO(PacsArena) arena = pacs_arena_new(PACS_MAX_INDEX_ADD_ARENA);
    if (!arena)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory to look an id up");
    for (int level = PACS_LEVEL_INSTANCE; level >= PACS_LEVEL_PATIENT; level--) {
        PacsResource *resource = NULL;
        const PacsStatus status = find_bare(index, (PacsLevel)level, id, arena, &resource, err);
        if (status == PACS_OK)
            *ret_level = (PacsLevel)level;
        if (status != PACS_NOT_FOUND)
            return status;
    }
    return pacs_fail(err, PACS_NOT_FOUND, "no resource has this id");
}

PacsStatus pacs_index_find_ancestor(PacsIndex *index, PacsLevel level, const char *id, PacsLevel above,
                                    char ret_id[PACS_ORTHANC_ID_SIZE], PacsError *err)
{
    if (above >= level)
        return pacs_fail(err, PACS_INVALID, "a %s is not above a %s", pacs_level_name(above),
                         pacs_level_name(level));
    PACS_AUTO(PacsArena) arena = pacs_arena_new(PACS_MAX_INDEX_ADD_ARENA);
    if (!arena)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory to look an ancestor up");
    for (; level > above; level--) {
        PacsResource *resource = NULL;
        const PacsStatus status = find_bare(index, level, id, arena, &resource, err);
        if (status != PACS_OK)
            return status;
        id = resource->parent_id;
    }
    memcpy(ret_id, id, PACS_ORTHANC_ID_SIZE);
    return PACS_OK;
}

PacsLevel pacs_uid_path_level(const PacsUidPath *path)
{
    if (path->sop_instance_uid)
        return PACS_LEVEL_INSTANCE;
    return path->series_uid ? PACS_LEVEL_SERIES : PACS_LEVEL_STUDY;
}

static PacsStatus nothing_there(const PacsUidPath *path, PacsError *err)
{
    return pacs_fail(err, PACS_NOT_FOUND, "no %s has this UID", pacs_level_name(pacs_uid_path_level(path)));
}

PacsStatus pacs_index_find_uids(PacsIndex *index, const PacsUidPath *path, PacsArena *arena,
                                PacsUidMatch **ret_matches, size_t *ret_count, PacsError *err)
{
    PacsOrthancId ids[PACS_MAX_UID_MATCHES];
    size_t count = 0;
    const PacsStatus status = index->ops->find_uids(index, path, ids, PACS_MAX_UID_MATCHES, &count, err);
    if (status != PACS_OK)
        return status;
    if (count == 0)
        return nothing_there(path, err);
    PacsUidMatch *matches = pacs_arena_array(arena, count, sizeof *matches);
    if (!matches)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory to look a UID up");
    for (size_t i = 0; i < count; i++)
        pacs_index_id_format(&ids[i], matches[i].id);
    *ret_matches = matches;
    *ret_count = count;
    return PACS_OK;
}

PacsStatus pacs_index_list_objects(PacsIndex *index, const PacsUidPath *path, PacsArena *arena,
                                   PacsListedObject **ret_objects, size_t *ret_count, PacsError *err)
{
    PacsListedObject *objects = NULL;
    size_t count = 0;
    const PacsStatus status = index->ops->list_objects(index, path, arena, &objects, &count, err);
    if (status != PACS_OK)
        return status;
    if (count == 0)
        return nothing_there(path, err);
    *ret_objects = objects;
    *ret_count = count;
    return PACS_OK;
}

PacsStatus pacs_index_list(PacsIndex *index, PacsLevel level, uint64_t since, uint64_t limit,
                           PacsResourceParts parts, PacsResourceVisitor *visit, void *context, PacsError *err)
{
    const PacsIndexScope scope = {.level = level, .since = since, .limit = limit};
    return index->ops->list(index, &scope, parts, visit, context, err);
}

PacsStatus pacs_index_list_below(PacsIndex *index, PacsLevel level, const char *id, PacsLevel below,
                                 PacsResourceParts parts, PacsResourceVisitor *visit, void *context,
                                 PacsError *err)
{
    if (below <= level)
        return pacs_fail(err, PACS_INVALID, "a %s is not below a %s", pacs_level_name(below),
                         pacs_level_name(level));
    PacsIndexScope scope = {.level = below, .has_above = true, .above_level = level};
    const PacsStatus status = parse_id(level, id, &scope.above, err);
    return status != PACS_OK ? status : index->ops->list(index, &scope, parts, visit, context, err);
}

PacsStatus pacs_index_find_object(PacsIndex *index, const char *instance_id, PacsArena *arena,
                                  PacsStoredObject **ret_object, PacsError *err)
{
    PacsOrthancId parsed;
    const PacsStatus status = parse_id(PACS_LEVEL_INSTANCE, instance_id, &parsed, err);
    return status != PACS_OK ? status : index->ops->find_object(index, &parsed, arena, ret_object, err);
}

PacsStatus pacs_index_find_blobs(PacsIndex *index, const char *instance_id, PacsBlobParts parts,
                                 PacsArena *arena, PacsInstanceBlobs *ret_blobs, PacsError *err)
{
    PacsOrthancId parsed;
    const PacsStatus status = parse_id(PACS_LEVEL_INSTANCE, instance_id, &parsed, err);
    return status != PACS_OK ? status : index->ops->find_blobs(index, &parsed, parts, arena, ret_blobs, err);
}

PacsStatus pacs_index_find_object_at(PacsIndex *index, const PacsUidPath *path, PacsBlobParts parts,
                                     PacsArena *arena, PacsStoredObject **ret_object,
                                     PacsInstanceBlobs *ret_blobs, PacsError *err)
{
    return index->ops->find_object_at(index, path, parts, arena, ret_object, ret_blobs, err);
}

PacsStatus pacs_index_read_metadata(PacsIndex *index, PacsLevel level, const char *id, PacsArena *arena,
                                    PacsMetadataValue **ret_values, size_t *ret_count, PacsError *err)
{
    PacsOrthancId parsed;
    const PacsStatus status = parse_id(level, id, &parsed, err);
    return status != PACS_OK
               ? status
               : index->ops->read_metadata(index, level, &parsed, arena, ret_values, ret_count, err);
}

PacsStatus pacs_index_statistics(PacsIndex *index, PacsStatistics *ret_statistics, PacsError *err)
{
    return index->ops->statistics(index, ret_statistics, err);
}

PacsStatus pacs_index_read_changes(PacsIndex *index, const PacsChangeQuery *query, PacsArena *arena,
                                   PacsChangePage *ret_page, PacsError *err)
{
    if (query->limit == 0)
        return pacs_fail(err, PACS_INVALID, "a page of no changes was asked for");
    return index->ops->read_changes(index, query, arena, ret_page, err);
}

PacsStatus pacs_index_clear_changes(PacsIndex *index, PacsError *err)
{
    return index->ops->clear_changes(index, err);
}
