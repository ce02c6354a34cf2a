#include <string.h>

#include "pacs/index/index_sqlite.h"

/* The objects below a path of UIDs: one statement, whose rows come in order from the indexes without a sort. */

#define COLUMNS                                                                                                 \
    "SELECT i.object_key, i.size_bytes, i.sha256, i.pixel_data_tag, i.sop_instance_uid, i.transfer_syntax_uid," \
    " s.series_uid, t.id"

static const char *const objects_sql[PACS_LEVEL_COUNT] = {
    [PACS_LEVEL_STUDY] = COLUMNS
    " FROM study_uid u JOIN study t ON t.study_uid = u.id JOIN series s ON s.study = t.id"
    " JOIN instance i ON i.series = s.id WHERE u.uid = ?1 ORDER BY t.id, s.id, i.id",
    [PACS_LEVEL_SERIES] = COLUMNS " FROM series s JOIN study t ON t.id = s.study"
                                  " JOIN study_uid u ON u.id = t.study_uid JOIN instance i ON i.series = s.id"
                                  " WHERE s.series_uid = ?2 AND u.uid = ?1 ORDER BY s.id, i.id",
    [PACS_LEVEL_INSTANCE] = COLUMNS
    " FROM instance i JOIN series s ON s.id = i.series JOIN study t ON t.id = s.study"
    " JOIN study_uid u ON u.id = t.study_uid"
    " WHERE i.sop_instance_uid = ?3 AND s.series_uid = ?2 AND u.uid = ?1 ORDER BY i.id",
};

typedef struct List {
    PacsArena *arena;
    PacsListedObject *objects;
    size_t count, capacity;
    int64_t study; /* row of the last one's study */
} List;

static PacsStatus no_memory(PacsError *err)
{
    return pacs_fail(err, PACS_NO_MEMORY, "no memory for a list of objects");
}

static PacsListedObject *next_place(List *list)
{
    if (list->count == list->capacity) {
        const size_t capacity = list->capacity ? 2 * list->capacity : 8;
        PacsListedObject *longer = pacs_arena_array(list->arena, capacity, sizeof *longer);
        if (!longer)
            return NULL;
        if (list->count > 0)
            memcpy(longer, list->objects, list->count * sizeof *longer);
        list->objects = longer;
        list->capacity = capacity;
    }
    return &list->objects[list->count];
}

/** A column that most rows share with the one before: kept once. */
static PacsStatus shared_text(sqlite3_stmt *rows, int column, PacsArena *arena, const char *before,
                              const char **ret_text, PacsError *err)
{
    const char *text = (const char *)sqlite3_column_text(rows, column);

    if (!text || !before || strcmp(text, before) != 0)
        return pacs_sqlite_text(rows, column, arena, ret_text, err);
    *ret_text = before;
    return PACS_OK;
}

static PacsStatus add_object(List *list, sqlite3_stmt *rows, PacsError *err)
{
    PacsListedObject *object = next_place(list);
    if (!object)
        return no_memory(err);
    const PacsListedObject *before = list->count > 0 ? object - 1 : NULL;
    const int64_t study = sqlite3_column_int64(rows, 7);

    *object = (PacsListedObject){
        .size_bytes = (uint64_t)sqlite3_column_int64(rows, 1),
        .has_pixel_data = sqlite3_column_int64(rows, 3) != 0,
        .patient_index = before ? before->patient_index + (study != list->study) : 0,
    };
    PacsStatus status = pacs_sqlite_fixed(rows, 0, object->key.bytes, sizeof object->key.bytes, err);
    if (status == PACS_OK)
        status = pacs_sqlite_fixed(rows, 2, object->sha256, sizeof object->sha256, err);
    if (status == PACS_OK)
        status = pacs_sqlite_text(rows, 4, list->arena, &object->sop_instance_uid, err);
    if (status == PACS_OK)
        status = shared_text(rows, 5, list->arena, before ? before->transfer_syntax_uid : NULL,
                             &object->transfer_syntax_uid, err);
    if (status == PACS_OK)
        status = shared_text(rows, 6, list->arena, before ? before->series_uid : NULL, &object->series_uid,
                             err);
    list->study = study;
    list->count++;
    return status;
}

PacsStatus pacs_index_sqlite_list_objects(PacsIndex *self, const PacsUidPath *path, PacsArena *arena,
                                          PacsListedObject **ret_objects, size_t *ret_count, PacsError *err)
{
    const PacsLevel level = pacs_uid_path_level(path);
    const PacsSqlValue values[] = {pacs_sql_text(path->study_uid), pacs_sql_text(path->series_uid),
                                   pacs_sql_text(path->sop_instance_uid)};
    List list = {.arena = arena};
    INDEX_AUTO_READER IndexReader reader = {0};
    PACS_AUTO_STATEMENT sqlite3_stmt *rows = NULL;

    PacsStatus status = pacs_index_sqlite_read_begin(pacs_index_sqlite(self), false, &reader, err);
    if (status == PACS_OK)
        status = pacs_sqlite_query(reader.connection, &rows, objects_sql[level], values, (size_t)level, err);
    while (pacs_sqlite_next(reader.connection, rows, &status, err))
        status = add_object(&list, rows, err);
    if (status == PACS_OK) {
        *ret_objects = list.objects;
        *ret_count = list.count;
    }
    return status;
}
