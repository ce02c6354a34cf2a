#include <stdlib.h>

#include "pacs/index/index_sqlite.h"
#include "pacs/index/index_sqlite_resource.h"
#include "pacs/util/limits.h"

/**
 * Walks go page by page: one snapshot reads a page, then the visitor is called with no connection held,
 * however slow its client is. What is deleted while a walk is under way is left out, what comes may be seen.
 */
#define PAGE 256
#define PAGE_WITH_CHILDREN 16 /* a series' list of children alone may have megabytes */

typedef struct Rows {
    int64_t *rows;
    size_t count, capacity;
} Rows;

typedef struct Walk {
    IndexSqlite *index;
    const PacsIndexScope *scope;
    PacsResourceParts parts;
    size_t page;
    Rows rows; /* keys of the page; below one resource: of everything, read once */
    PacsArena *arena;
    PacsResource *resources; /* of the page */
    size_t resource_count;
} Walk;

static PacsStatus add_row(Rows *rows, int64_t row, PacsError *err)
{
    if (rows->count == rows->capacity) {
        const size_t capacity = rows->capacity ? 2 * rows->capacity : PAGE;
        int64_t *longer = reallocarray(rows->rows, capacity, sizeof *longer);
        if (!longer)
            return pacs_fail(err, PACS_NO_MEMORY, "no memory for a list of %zu resources", capacity);
        rows->rows = longer;
        rows->capacity = capacity;
    }
    rows->rows[rows->count++] = row;
    return PACS_OK;
}

static PacsStatus collect(PacsSqlite *db, sqlite3_stmt *rows, Rows *out, PacsError *err)
{
    PacsStatus status = PACS_OK;
    while (pacs_sqlite_next(db, rows, &status, err))
        status = add_row(out, sqlite3_column_int64(rows, 0), err);
    return status;
}

/** Keys of all resources of a level after `after`, in arrival order. */
static PacsStatus collect_all(Walk *walk, PacsSqlite *db, int64_t after, uint64_t skip, uint64_t max,
                              PacsError *err)
{
    static const char *const sql[PACS_LEVEL_COUNT] = {
        [PACS_LEVEL_PATIENT] = "SELECT id FROM patient WHERE id > ? ORDER BY id LIMIT ? OFFSET ?",
        [PACS_LEVEL_STUDY] = "SELECT id FROM study WHERE id > ? ORDER BY id LIMIT ? OFFSET ?",
        [PACS_LEVEL_SERIES] = "SELECT id FROM series WHERE id > ? ORDER BY id LIMIT ? OFFSET ?",
        /* The plus keeps SQLite from walking series by series, which would sort everything for each page. */
        [PACS_LEVEL_INSTANCE] = ("SELECT id FROM instance WHERE id > ? AND +series IN (SELECT id FROM series)"
                                 " ORDER BY id LIMIT ? OFFSET ?"),
    };
    PACS_AUTO_STATEMENT sqlite3_stmt *rows = NULL;
    walk->rows.count = 0;
    const PacsStatus status = PACS_SQL_QUERY(db, &rows, err, sql[walk->scope->level], pacs_sql_i64(after),
                                             pacs_sql_u64(max),
                                             pacs_sql_u64(skip < INT64_MAX ? skip : INT64_MAX));
    return status == PACS_OK ? collect(db, rows, &walk->rows, err) : status;
}

static const char *const below_sql[PACS_LEVEL_COUNT][PACS_LEVEL_COUNT] = {
    [PACS_LEVEL_PATIENT] =
        {
            [PACS_LEVEL_STUDY] = "SELECT id FROM study WHERE patient = ? ORDER BY id",
            [PACS_LEVEL_SERIES] =
                "SELECT s.id FROM study st JOIN series s ON s.study = st.id WHERE st.patient = ?"
                " ORDER BY s.id",
            [PACS_LEVEL_INSTANCE] = "SELECT i.id FROM study st JOIN series s ON s.study = st.id"
                                    " JOIN instance i ON i.series = s.id WHERE st.patient = ? ORDER BY i.id",
        },
    [PACS_LEVEL_STUDY] =
        {
            [PACS_LEVEL_SERIES] = "SELECT id FROM series WHERE study = ? ORDER BY id",
            [PACS_LEVEL_INSTANCE] =
                "SELECT i.id FROM series s JOIN instance i ON i.series = s.id WHERE s.study = ?"
                " ORDER BY i.id",
        },
    [PACS_LEVEL_SERIES] =
        {
            [PACS_LEVEL_INSTANCE] = "SELECT id FROM instance WHERE series = ? ORDER BY id",
        },
};

static PacsStatus collect_below(Walk *walk, PacsSqlite *db, PacsError *err)
{
    const PacsIndexScope *scope = walk->scope;
    PACS_AUTO_STATEMENT sqlite3_stmt *rows = NULL;
    int64_t above = 0;
    PacsStatus status = pacs_index_sqlite_row_of(db, scope->above_level, &scope->above, &above, err);
    if (status == PACS_OK)
        status = PACS_SQL_QUERY(db, &rows, err, below_sql[scope->above_level][scope->level],
                                pacs_sql_i64(above));
    return status == PACS_OK ? collect(db, rows, &walk->rows, err) : status;
}

/** Load resources of `count` keys; those that are gone by now are left out. */
static PacsStatus load_page(Walk *walk, PacsSqlite *db, const int64_t *rows, size_t count, PacsError *err)
{
    pacs_arena_reset(walk->arena);
    walk->resource_count = 0;
    for (size_t i = 0; i < count; i++) {
        const PacsStatus status = pacs_index_sqlite_load_resource(
            db, walk->scope->level, rows[i], walk->parts, walk->arena, &walk->resources[walk->resource_count],
            err);
        if (status != PACS_OK && status != PACS_NOT_FOUND)
            return status;
        walk->resource_count += status == PACS_OK ? 1 : 0;
    }
    return PACS_OK;
}

static PacsStatus visit_page(Walk *walk, PacsResourceVisitor *visit, void *context, PacsError *err)
{
    PacsStatus status = PACS_OK;
    for (size_t i = 0; status == PACS_OK && i < walk->resource_count; i++)
        status = visit(context, &walk->resources[i], err);
    return status;
}

/** One page of everything: keys and resources in one snapshot. */
static PacsStatus read_page_of_all(Walk *walk, int64_t after, uint64_t skip, uint64_t max, PacsError *err)
{
    INDEX_AUTO_READER IndexReader reader = {0};
    PacsStatus status = pacs_index_sqlite_read_begin(walk->index, true, &reader, err);
    if (status == PACS_OK)
        status = collect_all(walk, reader.connection, after, skip, max, err);
    return status == PACS_OK ? load_page(walk, reader.connection, walk->rows.rows, walk->rows.count, err)
                             : status;
}

static PacsStatus walk_all(Walk *walk, PacsResourceVisitor *visit, void *context, PacsError *err)
{
    uint64_t left = walk->scope->limit ? walk->scope->limit : UINT64_MAX;
    uint64_t skip = walk->scope->since;
    int64_t after = 0;
    for (;;) {
        const size_t max = left < walk->page ? (size_t)left : walk->page;
        PacsStatus status = read_page_of_all(walk, after, skip, max, err);
        if (status == PACS_OK)
            status = visit_page(walk, visit, context, err);
        left -= walk->rows.count <= left ? walk->rows.count : left;
        if (status != PACS_OK || walk->rows.count < max || left == 0)
            return status;
        after = walk->rows.rows[walk->rows.count - 1];
        skip = 0;
    }
}

/** The first page comes from the snapshot that found the keys, so short lists are consistent. */
static PacsStatus read_page_below(Walk *walk, size_t at, PacsError *err)
{
    INDEX_AUTO_READER IndexReader reader = {0};
    PacsStatus status = pacs_index_sqlite_read_begin(walk->index, true, &reader, err);
    if (status == PACS_OK && at == 0)
        status = collect_below(walk, reader.connection, err);
    if (status != PACS_OK)
        return status;
    const size_t left = walk->rows.count - at;
    return load_page(walk, reader.connection, walk->rows.rows + at, left < walk->page ? left : walk->page,
                     err);
}

static PacsStatus walk_below(Walk *walk, PacsResourceVisitor *visit, void *context, PacsError *err)
{
    for (size_t at = 0;; at += walk->page) {
        PacsStatus status = read_page_below(walk, at, err);
        if (status == PACS_OK)
            status = visit_page(walk, visit, context, err);
        if (status != PACS_OK || walk->rows.count <= at + walk->page)
            return status;
    }
}

PacsStatus pacs_index_sqlite_list(PacsIndex *self, const PacsIndexScope *scope, PacsResourceParts parts,
                                  PacsResourceVisitor *visit, void *context, PacsError *err)
{
    PACS_AUTO(PacsArena) arena = pacs_arena_new(PACS_MAX_INDEX_PAGE_ARENA);
    PACS_AUTO_FREE PacsResource *resources = calloc(PAGE, sizeof *resources);
    Walk walk = {
        .index = pacs_index_sqlite(self),
        .scope = scope,
        .parts = parts,
        .page = parts & PACS_WITH_CHILDREN ? PAGE_WITH_CHILDREN : PAGE,
        .arena = arena,
        .resources = resources,
    };
    if (!arena || !resources)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for a list");
    const PacsStatus status = scope->has_above ? walk_below(&walk, visit, context, err)
                                               : walk_all(&walk, visit, context, err);
    free(walk.rows.rows);
    return status;
}
