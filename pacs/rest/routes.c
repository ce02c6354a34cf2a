#include "pacs/rest/rest_private.h"

/**
 * Every route of the REST API. What looks something up runs on the HTTP thread; what waits for the disk or
 * may take long (lists, deletions, checks) runs in the pool.
 */

#define GET(path, handler)                                                                                   \
    {                                                                                                        \
        .method = PACS_HTTP_GET, .pattern = (path), .handle = (handler), .place = PACS_HTTP_INLINE           \
    }
#define GET_SLOW(path, handler)                                                                              \
    {                                                                                                        \
        .method = PACS_HTTP_GET, .pattern = (path), .handle = (handler), .place = PACS_HTTP_POOL             \
    }
#define PROBE(path, handler, where)                                                                          \
    {                                                                                                        \
        .method = PACS_HTTP_GET, .pattern = (path), .handle = (handler), .place = (where),                   \
        .flags = PACS_HTTP_PUBLIC                                                                            \
    }
#define DELETE(path, handler)                                                                                \
    {                                                                                                        \
        .method = PACS_HTTP_DELETE, .pattern = (path), .handle = (handler), .place = PACS_HTTP_POOL,         \
        .flags = PACS_HTTP_MUTATES                                                                           \
    }
#define RESOURCE(path)                                                                                       \
    GET_SLOW(path, rest_list), GET(path "/{id}", rest_one), DELETE(path "/{id}", rest_delete)

const PacsHttpRoute rest_routes[] = {
    PROBE("/livez", rest_livez, PACS_HTTP_INLINE),
    PROBE("/readyz", rest_readyz, PACS_HTTP_POOL),
    GET("/metrics", rest_metrics),

    GET("/system", rest_system),
    GET("/statistics", rest_statistics),
    GET("/changes", rest_changes),
    DELETE("/changes", rest_clear_changes),

    GET("/events", rest_events),
    GET_SLOW("/events/dead", rest_dead_events),
    {.method = PACS_HTTP_POST,
     .pattern = "/events/{ce_id}/retry",
     .handle = rest_retry_event,
     .place = PACS_HTTP_POOL,
     .flags = PACS_HTTP_MUTATES},
    DELETE("/events/{ce_id}", rest_discard_event),
    {.method = PACS_HTTP_POST,
     .pattern = "/studies/{id}/arrive",
     .handle = rest_arrive,
     .place = PACS_HTTP_POOL,
     .flags = PACS_HTTP_MUTATES},

    RESOURCE("/patients"),
    RESOURCE("/studies"),
    RESOURCE("/series"),
    RESOURCE("/instances"),

    GET_SLOW("/patients/{id}/studies", rest_below),
    GET_SLOW("/patients/{id}/series", rest_below),
    GET_SLOW("/patients/{id}/instances", rest_below),
    GET_SLOW("/studies/{id}/series", rest_below),
    GET_SLOW("/studies/{id}/instances", rest_below),
    GET_SLOW("/series/{id}/instances", rest_below),

    GET("/studies/{id}/patient", rest_above),
    GET("/series/{id}/patient", rest_above),
    GET("/series/{id}/study", rest_above),
    GET("/instances/{id}/patient", rest_above),
    GET("/instances/{id}/study", rest_above),
    GET("/instances/{id}/series", rest_above),

    {.method = PACS_HTTP_POST,
     .pattern = "/instances",
     .reader = &rest_instance_reader,
     .body = PACS_HTTP_BODY_STREAM,
     .flags = PACS_HTTP_MUTATES},
    GET("/instances/{id}/file", rest_file),
    GET("/instances/{id}/tags", rest_tags),
    GET("/instances/{id}/simplified-tags", rest_simplified_tags),

    GET("/instances/{id}/preview", rest_picture),
    GET("/instances/{id}/rendered", rest_picture),
    GET("/instances/{id}/image-uint8", rest_picture),
    GET("/instances/{id}/image-uint16", rest_picture),
    GET("/instances/{id}/image-int16", rest_picture),
    GET_SLOW("/instances/{id}/numpy", rest_instance_numpy),
    GET_SLOW("/instances/{id}/matlab", rest_instance_matlab),
    GET_SLOW("/instances/{id}/pdf", rest_pdf),
    GET("/instances/{id}/frames", rest_frames),
    GET("/instances/{id}/frames/{frame}", rest_frame_operations),
    GET("/instances/{id}/frames/{frame}/preview", rest_frame_picture),
    GET("/instances/{id}/frames/{frame}/rendered", rest_frame_picture),
    GET("/instances/{id}/frames/{frame}/image-uint8", rest_frame_picture),
    GET("/instances/{id}/frames/{frame}/image-uint16", rest_frame_picture),
    GET("/instances/{id}/frames/{frame}/image-int16", rest_frame_picture),
    GET_SLOW("/instances/{id}/frames/{frame}/numpy", rest_frame_numpy),
    GET_SLOW("/instances/{id}/frames/{frame}/matlab", rest_frame_matlab),
    GET_SLOW("/instances/{id}/frames/{frame}/raw", rest_frame_raw),
    GET_SLOW("/instances/{id}/frames/{frame}/raw.gz", rest_frame_raw_gzip),
    GET_SLOW("/series/{id}/numpy", rest_series_numpy),
    GET_SLOW("/series/{id}/ordered-slices", rest_ordered_slices),
};

const size_t rest_route_count = sizeof rest_routes / sizeof rest_routes[0];
