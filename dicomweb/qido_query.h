#pragma once

#include "dicomweb/qido_path.h"
#include "pacs/http/http.h"
#include "pacs/index/index_search.h"

/**
 * The query of a search, understood: what has to match, what is to be shown, which part of the matches.
 *
 * Anything that names an attribute is one: a keyword, eight digits, a path through sequences. A value that its
 * attribute cannot have is an error; a parameter that names nothing is passed over and noted, because proxies and
 * pages add their own (Orthanc passes over it in silence; strict: an error). An empty name, an empty includefield
 * and an empty limit say nothing.
 *
 * Source:  PS3.18 8.3.4 (search query parameters), 10.6.1.2.
 */
typedef struct QidoQuery {
    PacsLevel level;
    PacsSearchTerm *terms; /* those of the path first */
    size_t term_count;
    const QidoPath *shown; /* attributes asked for, by includefield and as keys; sorted, each once */
    size_t shown_count;
    bool shows_all;       /* includefield=all */
    const char *timezone; /* dates and times are meant in it; NULL: as they are written */
    bool has_limit;
    uint32_t limit;        /* with has_limit: 0 to PACS_MAX_QIDO_ROWS */
    uint64_t offset;       /* 0 to PACS_MAX_QIDO_OFFSET */
    const char *cursor;    /* NULL: from the first */
    PacsSearchCount count; /* total=: for X-Total-Count; QUICK where nothing is said */
    uint32_t notes;        /* QidoNote: what the answer has to say about the query */
} QidoQuery;

typedef enum QidoNote {
    QIDO_NOTE_UNKNOWN_PARAMETER = 1, /* passed over */
    QIDO_NOTE_UNKNOWN_ATTRIBUTE = 2, /* an includefield that names nothing: passed over */
    QIDO_NOTE_LIMITED = 4,           /* more was asked for than PACS_MAX_QIDO_ROWS */
    QIDO_NOTE_NOT_MATCHED = 8,       /* a key of an attribute that is only shown, such as RetrieveURL */
} QidoNote;

/**
 * Everything lives in the arena or is borrowed from `parameters` and `path`. `path`: the study and series of the
 * request's path, NULL where it has none.
 * Errors: PACS_INVALID, PACS_TOO_LARGE (PACS_MAX_SEARCH_TERMS, PACS_MAX_SEARCH_VALUES), PACS_NO_MEMORY.
 */
PACS_CHECKED PacsStatus qido_query_parse(PacsLevel level, const PacsUidPath *path,
                                         const PacsHttpPair *parameters, size_t count, bool strict,
                                         PacsArena *arena, QidoQuery *ret_query, PacsError *err);
