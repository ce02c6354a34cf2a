#pragma once

#include <stddef.h>

#include "pacs/util/buffer.h"
#include "pacs/util/config.h"
#include "pacs/util/status.h"
#include "workers/imaging-report/report.h"

/**
 * PDFs that others made, fetched from places that the configuration names and from nowhere else.
 *
 * Safety:  an address from outside only ever adds a path to one of the places of the configuration, whose scheme, host and port are
 *          asked as they stand there; no step up ("..", however it is written), no redirects, no proxy, credentials of the place
 *          alone. Addresses that are not public are refused as the connection is made, unless the place says PrivateAddresses.
 *          The answer is bounded, must be a PDF from its first byte to its end, and is held against its SHA-256 where one is told.
 * Threads: one at a time.
 */
typedef struct ReportPdfSources ReportPdfSources;

/** `list` is ImagingReport.PdfSources, or NULL: [{"Url": "https://host/folder/", "BearerToken", "Username", "Password", "CaLocation",
 *  "PrivateAddresses"}]. PACS_INVALID. */
PACS_CHECKED PacsStatus report_pdf_sources_new(const json_t *list, uint32_t timeout_ms,
                                               ReportPdfSources **ret_sources, PacsError *err);
void report_pdf_sources_free(ReportPdfSources *sources);
PACS_DEFINE_AUTO(ReportPdfSources, report_pdf_sources_free);

/**
 * Errors: PACS_INVALID (not allowed, empty, no PDF, another SHA-256), PACS_TOO_LARGE, PACS_UNAVAILABLE, PACS_NOT_FOUND: worth another
 *         try; the text never has the address's query, which may be a key.
 */
PACS_CHECKED PacsStatus report_pdf_fetch(ReportPdfSources *sources, const ReportPdfReference *reference,
                                         PacsBuffer *out, PacsError *err);

/**
 * What of `url` stands below `place` ("/x.pdf?sig=1" of "https://h/a/x.pdf?sig=1" below "https://h/a"), borrowed from url; NULL: not below it,
 * or an address that could be read in two ways.
 */
const char *report_pdf_path_below(const char *place, const char *url);

/** PACS_INVALID: not a PDF from its first byte to its end. */
PACS_CHECKED PacsStatus report_pdf_check(const void *bytes, size_t size, PacsError *err);
