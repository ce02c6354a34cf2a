#include "dicomweb/dicomweb_private.h"

#include <stdlib.h>

PacsStatus dicomweb_new(const DicomwebOptions *options, PacsIngest *ingest, PacsRetrieve *retrieve,
                        PacsIndex *index, PacsMetrics *metrics, Dicomweb **ret_dicomweb, PacsError *err)
{
    Dicomweb *dicomweb = calloc(1, sizeof *dicomweb);
    if (!dicomweb)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for DICOMweb");

    *dicomweb = (Dicomweb){.options = *options,
                           .ingest = ingest,
                           .retrieve = retrieve,
                           .index = index,
                           .metrics = metrics,
                           .opener = {.open = dicomweb_open_object,
                                      .context = retrieve,
                                      .is_quick = pacs_retrieve_opens_files(retrieve)},
                           .mount = {.prefix = options->root,
                                     .routes = dicomweb_routes,
                                     .route_count = dicomweb_route_count,
                                     .context = dicomweb,
                                     .error = dicomweb_render_error},
                           .wado_mount = {.prefix = options->wado_root,
                                          .routes = dicomweb_wado_routes,
                                          .route_count = dicomweb_wado_route_count,
                                          .context = dicomweb,
                                          .error = dicomweb_render_error}};
    *ret_dicomweb = dicomweb;
    return PACS_OK;
}

void dicomweb_free(Dicomweb *dicomweb)
{
    free(dicomweb);
}

PacsUidPath dicomweb_path(const PacsHttpRequest *request, PacsLevel level)
{
    return (PacsUidPath){
        .study_uid = pacs_http_capture(request, "study"),
        .series_uid = level >= PACS_LEVEL_SERIES ? pacs_http_capture(request, "series") : NULL,
        .sop_instance_uid = level >= PACS_LEVEL_INSTANCE ? pacs_http_capture(request, "instance") : NULL,
    };
}

const PacsHttpMount *dicomweb_mount(const Dicomweb *dicomweb)
{
    return &dicomweb->mount;
}

const PacsHttpMount *dicomweb_wado_mount(const Dicomweb *dicomweb)
{
    return dicomweb->options.wado_root ? &dicomweb->wado_mount : NULL;
}
