#pragma once

#include "pacs/util/buffer.h"
#include "pacs/util/status.h"
#include "pacs/util/text.h"

/**
 * A structured report (or a key object selection) as a page for people: who and when, then the content tree.
 *
 * Shape:   one HTML5 document, UTF-8, without scripts; its style stands in it. Everything that comes from the report is
 *          escaped. Sections are headings down to the sixth level; measurements have their units, images their thumbnails.
 * Memory:  the page, at most what `out` takes, and about the size of the report's JSON beside it.
 * Errors:  PACS_UNSUPPORTED (the data set is no document with content items), PACS_CORRUPT (no DICOM JSON), PACS_TOO_LARGE.
 * Source:  PS3.3 C.17.3, C.18, PS3.18 8.7.4 (text/html).
 */
typedef struct PacsReportLinks {
    /** What stands in front of "/studies/..." in addresses of images: "/dicom-web". NULL: no links. */
    const char *root;
} PacsReportLinks;

PACS_CHECKED PacsStatus pacs_report_html_write(PacsSlice json, const PacsReportLinks *links, PacsBuffer *out,
                                               PacsError *err);
