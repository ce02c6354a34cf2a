#pragma once

#include "pacs/http/http.h"
#include "pacs/retrieve/pictures.h"

/**
 * The parameters of rendered resources and thumbnails, into a wish: window, viewport, quality, annotation, iccprofile.
 *
 *     ?window=40,400,linear  ?viewport=512,512,0,0,256,256  ?quality=80  ?annotation=patient,technique  ?iccprofile=yes
 *
 * Thumbnails hear of viewport (a size alone) and quality only; the rest is passed over, as PS3.18 8.3.1 has it for parameters
 * that a resource does not know.
 *
 * Owner:   what the wish points to is in the request's arena.
 * Errors:  PACS_INVALID: the text names the parameter and says what was expected.
 * Source:  PS3.18 (2024) 8.3.5.1, 8.3.5.2.
 */
PACS_CHECKED PacsStatus dicomweb_rendered_query(const PacsHttpRequest *request, bool is_thumbnail,
                                                PacsPictureWish *ret_wish, PacsError *err);

/** A number in the way people write them: "-1024", "0.5", "1e3"; nothing behind it. */
bool dicomweb_parse_number(PacsSlice text, double *ret_number);

/** "patient,technique" as PACS_ANNOTATE_ bits, added to *ret_annotations. Errors: PACS_INVALID. */
PACS_CHECKED PacsStatus dicomweb_parse_annotation(const char *text, uint32_t *ret_annotations,
                                                  PacsError *err);
