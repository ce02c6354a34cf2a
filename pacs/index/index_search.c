#include "pacs/index/index_backend.h"
#include "pacs/index/index_search_prepare.h"

PacsStatus pacs_index_search(PacsIndex *index, const PacsSearch *search, PacsArena *arena,
                             PacsSearchPage *ret_page, PacsError *err)
{
    PacsPreparedSearch prepared;
    const PacsStatus status = pacs_search_prepare(search, arena, &prepared, err);
    return status == PACS_OK ? index->ops->search(index, &prepared, arena, ret_page, err) : status;
}
