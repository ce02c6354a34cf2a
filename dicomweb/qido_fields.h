#pragma once

#include "dicomweb/qido_query.h"

/**
 * Which attributes an answer shows, and where each comes from: worked out once for a search, used for every match.
 *
 * Always shown: those of PS3.18 tables 10.6.3-3 to -5, at the level searched and, where the path does not name them,
 * those above; and the UIDs of everything above. Beside them what the query asks for. What belongs to a lower level
 * is not shown (a study has no Series Description), which PS3.18 10.6.3.3 wants so.
 *
 * Anything else that is asked for is taken from the DICOM JSON of the match, of a study's or series' first instance.
 */
typedef enum QidoSource {
    QIDO_COMPUTED, /* a member of PacsSearchRow, or the server's own */
    QIDO_KEPT,     /* one of the tags that the index keeps */
    QIDO_SEQUENCE, /* a sequence among them */
    QIDO_JSON,     /* of the stored DICOM JSON */
} QidoSource;

typedef struct QidoField {
    PacsTag tag;
    QidoSource source;
    bool is_required; /* shown without a value where there is none */
    /** Of a sequence only these: paths that begin with the field's tag, sorted; none: all of it. */
    const QidoPath *paths;
    size_t path_count;
} QidoField;

typedef struct QidoFields {
    PacsLevel level;
    const QidoField *fields; /* sorted by tag, each once */
    size_t count;
    bool needs_json; /* some field, or all, come from JSON */
    bool shows_json; /* the whole data set of an instance: includefield=all */
} QidoFields;

/** `path`: what the request's path names. Borrows from the query; the rest is in the arena. Errors: PACS_NO_MEMORY. */
PACS_CHECKED PacsStatus qido_fields_choose(const QidoQuery *query, const PacsUidPath *path, PacsArena *arena,
                                           QidoFields *ret_fields, PacsError *err);
