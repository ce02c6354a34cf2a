#pragma once

#include <stdatomic.h>

#include "dicomweb/dicomweb.h"

struct Dicomweb {
    DicomwebOptions options;
    PacsIngest *ingest;
    PacsRetrieve *retrieve;
    PacsIndex *index;
    PacsMetrics *metrics;
    PacsHttpMount mount;
    atomic_uint_least64_t stow_held; /* bytes of memory, by store requests: PACS_MAX_STOW_HELD */
    PacsHttpMount wado_mount;
    PacsHttpOpener opener; /* dicomweb_open_object() */
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

/* bulk.c */
void dicomweb_retrieve_bulk_value(void *context, PacsHttpRequest *request, PacsHttpReply *reply);
void dicomweb_retrieve_study_bulk(void *context, PacsHttpRequest *request, PacsHttpReply *reply);
void dicomweb_retrieve_series_bulk(void *context, PacsHttpRequest *request, PacsHttpReply *reply);
void dicomweb_retrieve_study_pixels(void *context, PacsHttpRequest *request, PacsHttpReply *reply);
void dicomweb_retrieve_series_pixels(void *context, PacsHttpRequest *request, PacsHttpReply *reply);
void dicomweb_retrieve_instance_pixels(void *context, PacsHttpRequest *request, PacsHttpReply *reply);

/** One value of an instance, alone or as the only part, as its path in bulk data names it: "00420011". */
void dicomweb_reply_bulk_value(Dicomweb *dicomweb, const PacsUidPath *path, const char *value,
                               PacsHttpRequest *request, PacsHttpReply *reply);

/* rendered.c */
void dicomweb_rendered_study(void *context, PacsHttpRequest *request, PacsHttpReply *reply);
void dicomweb_rendered_series(void *context, PacsHttpRequest *request, PacsHttpReply *reply);
void dicomweb_rendered_instance(void *context, PacsHttpRequest *request, PacsHttpReply *reply);
void dicomweb_rendered_frames(void *context, PacsHttpRequest *request, PacsHttpReply *reply);
void dicomweb_thumbnail_study(void *context, PacsHttpRequest *request, PacsHttpReply *reply);
void dicomweb_thumbnail_series(void *context, PacsHttpRequest *request, PacsHttpReply *reply);
void dicomweb_thumbnail_instance(void *context, PacsHttpRequest *request, PacsHttpReply *reply);
void dicomweb_thumbnail_frames(void *context, PacsHttpRequest *request, PacsHttpReply *reply);

/* capabilities.c */
void dicomweb_capabilities(void *context, PacsHttpRequest *request, PacsHttpReply *reply);

/* wado_uri.c */
extern const PacsHttpRoute dicomweb_wado_routes[];
extern const size_t dicomweb_wado_route_count;

/* objects.c */
void dicomweb_retrieve_study(void *context, PacsHttpRequest *request, PacsHttpReply *reply);
void dicomweb_retrieve_series(void *context, PacsHttpRequest *request, PacsHttpReply *reply);
void dicomweb_retrieve_instance(void *context, PacsHttpRequest *request, PacsHttpReply *reply);
void dicomweb_retrieve_frames(void *context, PacsHttpRequest *request, PacsHttpReply *reply);
/** The body and headers of one object alone. It is borrowed until the answer has been sent. */
void dicomweb_reply_object(Dicomweb *dicomweb, const PacsListedObject *object, PacsHttpRequest *request,
                           PacsHttpReply *reply);
/** PacsHttpOpener.open: context is a PacsRetrieve, item a PacsListedObject. */
PacsStatus dicomweb_open_object(void *context, const void *item, uint64_t offset, uint64_t size,
                                PacsHttpOpened *ret_opened, PacsError *err);

/* stow.c */
extern const PacsHttpBodyReader dicomweb_stow_reader;
extern const PacsHttpBodyReader dicomweb_stow_study_reader; /* into one study */

/* metadata.c */
void dicomweb_metadata_study(void *context, PacsHttpRequest *request, PacsHttpReply *reply);
void dicomweb_metadata_series(void *context, PacsHttpRequest *request, PacsHttpReply *reply);
void dicomweb_metadata_instance(void *context, PacsHttpRequest *request, PacsHttpReply *reply);

/* qido.c */
void dicomweb_search_studies(void *context, PacsHttpRequest *request, PacsHttpReply *reply);
void dicomweb_search_series(void *context, PacsHttpRequest *request, PacsHttpReply *reply);
void dicomweb_search_instances(void *context, PacsHttpRequest *request, PacsHttpReply *reply);
void dicomweb_search_study_series(void *context, PacsHttpRequest *request, PacsHttpReply *reply);
void dicomweb_search_study_instances(void *context, PacsHttpRequest *request, PacsHttpReply *reply);
void dicomweb_search_series_instances(void *context, PacsHttpRequest *request, PacsHttpReply *reply);
