#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "pacs/dicom/dictionary.h"
#include "pacs/util/arena.h"
#include "pacs/util/status.h"
#include "pacs/util/text.h"

/**
 * An attribute as a query names it: a tag or keyword, behind those of the sequences it stands in, joined by dots
 * ("RequestAttributesSequence.00400009").
 * Source: PS3.18 8.3.4.1.
 */
typedef struct QidoPath {
    const PacsTag *sequences; /* outermost first */
    size_t depth;             /* of them; at most PACS_MAX_SEQUENCE_DEPTH */
    PacsTag tag;
} QidoPath;

/** Errors: PACS_INVALID (no such keyword, not eight digits, something in front of a dot that is no sequence),
 *  PACS_NO_MEMORY. */
PACS_CHECKED PacsStatus qido_path_parse(PacsSlice text, PacsArena *arena, QidoPath *ret_path, PacsError *err);

/** Tag number `i` from the outside, 0 to depth. */
PacsTag qido_path_tag(const QidoPath *path, size_t i);

/** The order of tags, of an outer sequence first: negative, 0 or positive. */
int qido_path_compare(const QidoPath *a, const QidoPath *b);

/** "StudyDate", or "00091001" where there is no keyword, for errors: of the path's last tag. In buffer. */
const char *qido_path_name(const QidoPath *path, char buffer[PACS_TAG_HEX_SIZE]);
