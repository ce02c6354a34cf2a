#pragma once

#include <stdatomic.h>

#include "pacs/rest/event_hub.h"
#include "pacs/rest/rest.h"
#include "pacs/util/json.h"

struct PacsRest {
    PacsRestOptions options;
    PacsIngest *ingest;
    PacsRetrieve *retrieve;
    PacsIndex *index;
    PacsStore *store;
    PacsMetrics *metrics;
    RestEventHub *event_hub;
    PacsHttpMount mount;
    atomic_bool draining;
};

/** The largest JSON answer: a list of a million ids is 50 MB; beyond, the client pages with since
 * and limit. */
#define REST_MAX_ANSWER (256u << 20)

/* routes.c */
extern const PacsHttpRoute rest_routes[];
extern const size_t rest_route_count;

/* errors.c: Orthanc's errors, by its own numbers (`Orthanc --errors`) */
typedef enum RestError {
    REST_INTERNAL = -1,
    REST_PARAMETER_OUT_OF_RANGE = 3,
    REST_OUT_OF_MEMORY = 4,
    REST_BAD_REQUEST = 8,
    REST_INEXISTENT_FILE = 13,
    REST_BAD_FILE_FORMAT = 15,
    REST_TIMEOUT = 16,
    REST_UNKNOWN_RESOURCE = 17,
    REST_FULL_STORAGE = 19,
    REST_CORRUPTED_FILE = 20,
    REST_READ_ONLY = 22,
    REST_INCOMPATIBLE_IMAGE_FORMAT = 23,
    REST_UNAUTHORIZED = 29,
    REST_NOT_ACCEPTABLE = 34,
    REST_DATABASE_UNAVAILABLE = 36,
    REST_CANCELLED = 37,
    REST_BAD_RANGE = 41,
    REST_REVISION = 43,
} RestError;

/** Answer with an error of Orthanc's; details may be NULL. http_code 0: the error's usual one. */
void rest_reply_error(const PacsRest *rest, PacsHttpRequest *request, PacsHttpReply *reply, RestError error,
                      uint32_t http_code, const char *details);
/** Answer with what came from below: the code from pacs/dicom/reply_codes.h. */
void rest_reply_failure(const PacsRest *rest, PacsHttpRequest *request, PacsHttpReply *reply,
                        const PacsError *err);
/** PacsHttpMount.error */
void rest_render_error(void *context, PacsHttpRequest *request, PacsHttpReply *reply, uint32_t http_code,
                       const PacsError *err);

/** Send a finished answer, or 500/413 if it did not fit. *Takes* the buffer's bytes. */
void rest_reply_json(const PacsRest *rest, PacsHttpRequest *request, PacsHttpReply *reply, PacsBuffer *json);

/* Paths: the level that "/studies/..." speaks of. */
const char *rest_level_path(PacsLevel level);              /* "studies" */
PacsLevel rest_path_level(const PacsHttpRequest *request); /* of the first segment of one of our routes */

/** An unsigned query parameter: PACS_OK and the default where it is absent. */
PACS_CHECKED PacsStatus rest_query_u64(const PacsHttpRequest *request, const char *name, uint64_t max,
                                       uint64_t *ret_value, PacsError *err);
/** True for "?name", "?name=true", "?name=1"; false for absent, "false", "0". */
bool rest_query_flag(const PacsHttpRequest *request, const char *name);

/* Handlers, by file. */
void rest_livez(void *context, PacsHttpRequest *request, PacsHttpReply *reply);
void rest_readyz(void *context, PacsHttpRequest *request, PacsHttpReply *reply);
void rest_metrics(void *context, PacsHttpRequest *request, PacsHttpReply *reply);
void rest_system(void *context, PacsHttpRequest *request, PacsHttpReply *reply);
void rest_statistics(void *context, PacsHttpRequest *request, PacsHttpReply *reply);
void rest_changes(void *context, PacsHttpRequest *request, PacsHttpReply *reply);
void rest_clear_changes(void *context, PacsHttpRequest *request, PacsHttpReply *reply);
void rest_list(void *context, PacsHttpRequest *request, PacsHttpReply *reply);
void rest_one(void *context, PacsHttpRequest *request, PacsHttpReply *reply);
void rest_below(void *context, PacsHttpRequest *request, PacsHttpReply *reply);
void rest_above(void *context, PacsHttpRequest *request, PacsHttpReply *reply);
void rest_delete(void *context, PacsHttpRequest *request, PacsHttpReply *reply);
void rest_file(void *context, PacsHttpRequest *request, PacsHttpReply *reply);
void rest_tags(void *context, PacsHttpRequest *request, PacsHttpReply *reply);
void rest_simplified_tags(void *context, PacsHttpRequest *request, PacsHttpReply *reply);
extern const PacsHttpBodyReader rest_instance_reader; /* POST /instances */

/* events.c */
void rest_events(void *context, PacsHttpRequest *request, PacsHttpReply *reply);
void rest_dead_events(void *context, PacsHttpRequest *request, PacsHttpReply *reply);
void rest_retry_event(void *context, PacsHttpRequest *request, PacsHttpReply *reply);
void rest_discard_event(void *context, PacsHttpRequest *request, PacsHttpReply *reply);
void rest_arrive(void *context, PacsHttpRequest *request, PacsHttpReply *reply);

/* pictures.c */
void rest_picture(void *context, PacsHttpRequest *request, PacsHttpReply *reply);
void rest_frame_picture(void *context, PacsHttpRequest *request, PacsHttpReply *reply);
/** The route's {frame}, which counts from 0, as a frame number; false if it is none. */
bool rest_frame_number(const PacsHttpRequest *request, uint32_t *ret_number);
/** As rest_reply_failure(), but what has no picture is 415, as from Orthanc. */
void rest_reply_picture_failure(const PacsRest *rest, PacsHttpRequest *request, PacsHttpReply *reply,
                                const PacsError *err);

/* frames.c */
void rest_frames(void *context, PacsHttpRequest *request, PacsHttpReply *reply);
void rest_frame_operations(void *context, PacsHttpRequest *request, PacsHttpReply *reply);
void rest_frame_raw(void *context, PacsHttpRequest *request, PacsHttpReply *reply);
void rest_frame_raw_gzip(void *context, PacsHttpRequest *request, PacsHttpReply *reply);
void rest_pdf(void *context, PacsHttpRequest *request, PacsHttpReply *reply);

/* arrays.c, slices.c */
void rest_instance_numpy(void *context, PacsHttpRequest *request, PacsHttpReply *reply);
void rest_instance_matlab(void *context, PacsHttpRequest *request, PacsHttpReply *reply);
void rest_frame_numpy(void *context, PacsHttpRequest *request, PacsHttpReply *reply);
void rest_frame_matlab(void *context, PacsHttpRequest *request, PacsHttpReply *reply);
void rest_series_numpy(void *context, PacsHttpRequest *request, PacsHttpReply *reply);
void rest_ordered_slices(void *context, PacsHttpRequest *request, PacsHttpReply *reply);
