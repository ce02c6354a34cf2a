#pragma once

#include "dicomweb/dicomweb.h"

struct Dicomweb {
    DicomwebOptions options;
    PacsIngest *ingest;
    PacsRetrieve *retrieve;
    PacsIndex *index;
    PacsMetrics *metrics;
    PacsHttpMount mount;
};

/* routes.c */
extern const PacsHttpRoute dicomweb_routes[];
extern const size_t dicomweb_route_count;

/* errors.c */

/** Answer with what came from below: the code from pacs/dicom/reply_codes.h. */
void dicomweb_reply_failure(PacsHttpRequest *request, PacsHttpReply *reply, const PacsError *err);
/** PacsHttpMount.error: a small JSON object for people, unless HttpDescribeErrors is off. */
void dicomweb_render_error(void *context, PacsHttpRequest *request, PacsHttpReply *reply, uint32_t http_code,
                           const PacsError *err);

/** The study, series and instance of a route's pattern. Borrowed from the request. */
PacsUidPath dicomweb_path(const PacsHttpRequest *request, PacsLevel level);

/* Handlers, by file. */
void dicomweb_delete_study(void *context, PacsHttpRequest *request, PacsHttpReply *reply);
void dicomweb_delete_series(void *context, PacsHttpRequest *request, PacsHttpReply *reply);
void dicomweb_delete_instance(void *context, PacsHttpRequest *request, PacsHttpReply *reply);

/* stow.c */
extern const PacsHttpBodyReader dicomweb_stow_reader;
extern const PacsHttpBodyReader dicomweb_stow_study_reader; /* into one study */
