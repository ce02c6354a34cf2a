#include "pacs/index/index_sqlite_search.h"

#include <stdlib.h>

#include "pacs/util/limits.h"

/* One page of a search: the rows that the walk accepts, one more than asked for to know whether there are more. */

typedef struct Page {
    PacsArena *arena;
    PacsSearchRow *rows; /* limit + 1 */
    size_t count;
    uint64_t to_skip;
    PacsSearchPosition last; /* of the last row that is given */
} Page;

static uint32_t number_of(PacsSlice json, PacsTag tag)
{
    PACS_AUTO_BUFFER PacsBuffer text = PACS_BUFFER(64);
    uint64_t number = 0;
    if (pacs_match_json_find(json, tag, &text, NULL) != PACS_OK ||
        pacs_parse_u64(pacs_slice_trim(pacs_slice(pacs_buffer_text(&text))), UINT32_MAX, &number, NULL) !=
            PACS_OK)
        return 0;
    return (uint32_t)number;
}

/** A search does not fail because of one instance whose metadata are damaged: who reads those is told. */
static void describe_pixels(IndexSearchRun *run, IndexSearchCursor *cursor, PacsSearchRow *row)
{
    if (pacs_index_sqlite_search_json(run, cursor, NULL) != PACS_OK)
        return;
    const PacsSlice json = {pacs_buffer_text(&run->json), run->json.size};
    row->rows = number_of(json, PACS_TAG_ROWS);
    row->columns = number_of(json, PACS_TAG_COLUMNS);
    row->bits_allocated = number_of(json, PACS_TAG_BITS_ALLOCATED);
    row->number_of_frames = number_of(json, PACS_TAG_NUMBER_OF_FRAMES);
    if (row->number_of_frames == 0 && row->rows > 0)
        row->number_of_frames = 1;
}

static PacsStatus attach_json(IndexSearchRun *run, IndexSearchCursor *cursor, Page *page, PacsSearchRow *row,
                              PacsError *err)
{
    PacsInstanceBlobs *blobs = pacs_arena_alloc(page->arena, sizeof *blobs);
    if (!blobs)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for a search's answer");
    row->json = blobs;
    return pacs_index_sqlite_cursor_json(cursor, run->search->search->level, page->arena, blobs, err);
}

static PacsStatus add_row(IndexSearchRun *run, IndexSearchCursor *cursor, PacsError *err)
{
    Page *page = run->context;
    const PacsSearch *search = run->search->search;
    if (page->to_skip > 0) {
        page->to_skip--;
        run->found--;
        return PACS_OK;
    }
    if (page->count++ == search->limit) /* there is another one: that is all there is to know */
        return PACS_OK;
    PacsSearchRow *row = &page->rows[page->count - 1];
    PacsStatus status = pacs_index_sqlite_cursor_copy(cursor, search->level, page->arena, row, err);
    if (status == PACS_OK && search->level == PACS_LEVEL_INSTANCE)
        describe_pixels(run, cursor, row);
    if (status == PACS_OK && search->want_json)
        status = attach_json(run, cursor, page, row, err);
    page->last = run->at;
    return status;
}

static PacsStatus finish_page(IndexSearchRun *run, Page *rows, PacsSearchPage *page, PacsError *err)
{
    const PacsSearch *search = run->search->search;
    const bool has_more = rows->count > search->limit;
    *page = (PacsSearchPage){
        .rows = rows->rows,
        .count = has_more ? search->limit : rows->count,
        .is_partial = run->is_partial,
        .resources_examined = run->rows_examined + run->plan.filter.examined,
        .json_examined = run->json_examined,
    };
    if (!has_more && !run->is_partial)
        return PACS_OK;
    page->next = pacs_search_cursor(search->level, has_more ? &rows->last : &run->at, rows->arena);
    return page->next ? PACS_OK : pacs_fail(err, PACS_NO_MEMORY, "no memory for a search's answer");
}

PacsStatus pacs_index_sqlite_search(PacsIndex *self, const PacsPreparedSearch *search, PacsArena *arena,
                                    PacsSearchPage *ret_page, PacsError *err)
{
    Page rows = {.arena = arena, .to_skip = search->search->offset};
    rows.rows = pacs_arena_array(arena, search->search->limit, sizeof *rows.rows);
    if (!rows.rows)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for a search's answer");
    IndexSearchRun run = {
        .index = pacs_index_sqlite(self),
        .search = search,
        .accept = add_row,
        .context = &rows,
        .wanted = (uint64_t)search->search->limit + 1,
        .allowed = PACS_MAX_SEARCH_WORK,
        .at = search->continues ? search->after : (PacsSearchPosition){INT64_MAX, INT64_MAX, INT64_MAX},
    };
    PacsSearchPage page;
    PacsStatus status = pacs_index_sqlite_search_begin(&run, arena, err);
    if (status == PACS_OK)
        status = pacs_index_sqlite_search_run(&run, err);
    if (status == PACS_OK)
        status = finish_page(&run, &rows, &page, err);
    if (status == PACS_OK && search->search->count != PACS_COUNT_NONE)
        status = pacs_index_sqlite_search_total(&run, search->search->offset - rows.to_skip, arena, &page,
                                                err);
    pacs_index_sqlite_search_end(&run);
    if (status == PACS_OK)
        *ret_page = page;
    return status;
}
