#include "dicomweb/dicomweb_private.h"

/**
 * Every route of DICOMweb, by transaction. What looks something up runs on the HTTP thread; what waits for
 * the disk or may take long runs in the pool.
 */

#define DELETE(path, handler)                                                                                \
    {                                                                                                        \
        .method = PACS_HTTP_DELETE, .pattern = (path), .handle = (handler), .place = PACS_HTTP_POOL,         \
        .flags = PACS_HTTP_MUTATES                                                                           \
    }

#define GET(path, handler, where)                                                                            \
    {                                                                                                        \
        .method = PACS_HTTP_GET, .pattern = (path), .handle = (handler), .place = (where)                    \
    }

#define STORE(path, body_reader)                                                                             \
    {                                                                                                        \
        .method = PACS_HTTP_POST, .pattern = (path), .reader = &(body_reader),                               \
        .body = PACS_HTTP_BODY_STREAM, .place = PACS_HTTP_POOL, .flags = PACS_HTTP_MUTATES                   \
    }

const PacsHttpRoute dicomweb_routes[] = {
    /* QIDO-RS (PS3.18 10.6) */
    GET("/studies", dicomweb_search_studies, PACS_HTTP_POOL),
    GET("/series", dicomweb_search_series, PACS_HTTP_POOL),
    GET("/instances", dicomweb_search_instances, PACS_HTTP_POOL),
    GET("/studies/{study}/series", dicomweb_search_study_series, PACS_HTTP_POOL),
    GET("/studies/{study}/instances", dicomweb_search_study_instances, PACS_HTTP_POOL),
    GET("/studies/{study}/series/{series}/instances", dicomweb_search_series_instances, PACS_HTTP_POOL),

    /* WADO-RS (PS3.18 10.4) */
    GET("/studies/{study}", dicomweb_retrieve_study, PACS_HTTP_POOL),
    GET("/studies/{study}/series/{series}", dicomweb_retrieve_series, PACS_HTTP_POOL),
    GET("/studies/{study}/series/{series}/instances/{instance}", dicomweb_retrieve_instance,
        PACS_HTTP_INLINE),
    GET("/studies/{study}/series/{series}/instances/{instance}/frames/{frames}", dicomweb_retrieve_frames,
        PACS_HTTP_INLINE),
    GET("/studies/{study}/metadata", dicomweb_metadata_study, PACS_HTTP_INLINE),
    GET("/studies/{study}/series/{series}/metadata", dicomweb_metadata_series, PACS_HTTP_INLINE),
    GET("/studies/{study}/series/{series}/instances/{instance}/metadata", dicomweb_metadata_instance,
        PACS_HTTP_INLINE),
    GET("/studies/{study}/bulkdata", dicomweb_retrieve_study_bulk, PACS_HTTP_POOL),
    GET("/studies/{study}/series/{series}/bulkdata", dicomweb_retrieve_series_bulk, PACS_HTTP_POOL),
    GET("/studies/{study}/series/{series}/instances/{instance}/bulkdata/{*path}",
        dicomweb_retrieve_bulk_value, PACS_HTTP_POOL),
    GET("/studies/{study}/series/{series}/instances/{instance}/bulk/{*path}", dicomweb_retrieve_bulk_value,
        PACS_HTTP_POOL), /* Orthanc's */
    GET("/studies/{study}/pixeldata", dicomweb_retrieve_study_pixels, PACS_HTTP_POOL),
    GET("/studies/{study}/series/{series}/pixeldata", dicomweb_retrieve_series_pixels, PACS_HTTP_POOL),
    GET("/studies/{study}/series/{series}/instances/{instance}/pixeldata", dicomweb_retrieve_instance_pixels,
        PACS_HTTP_POOL),

    GET("/studies/{study}/rendered", dicomweb_rendered_study, PACS_HTTP_POOL),
    GET("/studies/{study}/series/{series}/rendered", dicomweb_rendered_series, PACS_HTTP_POOL),
    GET("/studies/{study}/series/{series}/instances/{instance}/rendered", dicomweb_rendered_instance,
        PACS_HTTP_INLINE),
    GET("/studies/{study}/series/{series}/instances/{instance}/frames/{frames}/rendered",
        dicomweb_rendered_frames, PACS_HTTP_INLINE),
    GET("/studies/{study}/thumbnail", dicomweb_thumbnail_study, PACS_HTTP_POOL),
    GET("/studies/{study}/series/{series}/thumbnail", dicomweb_thumbnail_series, PACS_HTTP_POOL),
    GET("/studies/{study}/series/{series}/instances/{instance}/thumbnail", dicomweb_thumbnail_instance,
        PACS_HTTP_INLINE),
    GET("/studies/{study}/series/{series}/instances/{instance}/frames/{frames}/thumbnail",
        dicomweb_thumbnail_frames, PACS_HTTP_INLINE),

    /* STOW-RS (PS3.18 10.5) */
    STORE("/studies", dicomweb_stow_reader),
    STORE("/studies/{study}", dicomweb_stow_study_reader),

    /* Delete */
    DELETE("/studies/{study}", dicomweb_delete_study),
    DELETE("/studies/{study}/series/{series}", dicomweb_delete_series),
    DELETE("/studies/{study}/series/{series}/instances/{instance}", dicomweb_delete_instance),

    /* Capabilities (PS3.18 8.9) */
    {.method = PACS_HTTP_OPTIONS, .pattern = "/", .handle = dicomweb_capabilities, .place = PACS_HTTP_INLINE},
    GET("/", dicomweb_capabilities, PACS_HTTP_INLINE),
};

const size_t dicomweb_route_count = sizeof dicomweb_routes / sizeof dicomweb_routes[0];
