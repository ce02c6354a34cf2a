#include "pacs/rest/rest_private.h"

#include "pacs/dicom/reply_codes.h"

/** Orthanc's number, its words and its HTTP code; clients compare the numbers and show the words. */
typedef struct ErrorRow {
    RestError error;
    uint16_t http;
    const char *message;
} ErrorRow;

static const ErrorRow rows[] = {
    {REST_INTERNAL, 500, "Internal error"},
    {REST_PARAMETER_OUT_OF_RANGE, 400, "Parameter out of range"},
    {REST_OUT_OF_MEMORY, 503, "The server hosting Orthanc is running out of memory"},
    {REST_BAD_REQUEST, 400, "Bad request"},
    {REST_INEXISTENT_FILE, 404, "Inexistent file"},
    {REST_BAD_FILE_FORMAT, 400, "Bad file format"},
    {REST_TIMEOUT, 408, "Timeout"},
    {REST_UNKNOWN_RESOURCE, 404, "Unknown resource"},
    {REST_FULL_STORAGE, 507, "The file storage is full"},
    {REST_CORRUPTED_FILE, 500, "Corrupted file (e.g. inconsistent MD5 hash)"},
    {REST_READ_ONLY, 403, "Cannot modify a read-only data structure"},
    {REST_INCOMPATIBLE_IMAGE_FORMAT, 500, "Incompatible format of the images"},
    {REST_UNAUTHORIZED, 401, "Bad credentials were provided to an HTTP request"},
    {REST_NOT_ACCEPTABLE, 406,
     "Cannot send a response which is acceptable according to the Accept HTTP header"},
    {REST_DATABASE_UNAVAILABLE, 503,
     "The database is currently not available (probably a transient situation)"},
    {REST_CANCELLED, 503, "This job was canceled"},
    {REST_BAD_RANGE, 416, "Incorrect range request"},
    {REST_REVISION, 409,
     "A bad revision number was provided, which might indicate conflict between multiple writers"},
};

/** Which of Orthanc's errors a status of ours is. */
static const RestError by_status[] = {
    [PACS_OK] = REST_INTERNAL,
    [PACS_NOT_FOUND] = REST_UNKNOWN_RESOURCE,
    [PACS_EXISTS] = REST_REVISION,
    [PACS_INVALID] = REST_BAD_REQUEST,
    [PACS_MISMATCH] = REST_BAD_REQUEST,
    [PACS_UNSUPPORTED] = REST_BAD_FILE_FORMAT,
    [PACS_REFUSED] = REST_READ_ONLY,
    [PACS_TOO_LARGE] = REST_BAD_REQUEST,
    [PACS_NO_SPACE] = REST_FULL_STORAGE,
    [PACS_CORRUPT] = REST_CORRUPTED_FILE,
    [PACS_UNAVAILABLE] = REST_DATABASE_UNAVAILABLE,
    [PACS_CANCELLED] = REST_CANCELLED,
    [PACS_NO_MEMORY] = REST_OUT_OF_MEMORY,
    [PACS_INTERNAL] = REST_INTERNAL,
};

typedef struct HttpWords {
    uint32_t code;
    RestError error; /* what an error of the server itself is called */
    const char *words;
} HttpWords;

static const HttpWords http_words[] = {
    {400, REST_BAD_REQUEST, "Bad Request"},
    {401, REST_UNAUTHORIZED, "Unauthorized"},
    {403, REST_READ_ONLY, "Forbidden"},
    {404, REST_UNKNOWN_RESOURCE, "Not Found"},
    {405, REST_BAD_REQUEST, "Method Not Allowed"},
    {406, REST_NOT_ACCEPTABLE, "Not Acceptable"},
    {408, REST_TIMEOUT, "Request Timeout"},
    {409, REST_REVISION, "Conflict"},
    {411, REST_BAD_REQUEST, "Length Required"},
    {413, REST_BAD_REQUEST, "Content Too Large"},
    {415, REST_BAD_REQUEST, "Unsupported Media Type"},
    {416, REST_BAD_RANGE, "Range Not Satisfiable"},
    {417, REST_BAD_REQUEST, "Expectation Failed"},
    {500, REST_INTERNAL, "Internal Server Error"},
    {503, REST_DATABASE_UNAVAILABLE, "Service Unavailable"},
    {507, REST_FULL_STORAGE, "Insufficient Storage"},
};

static const ErrorRow *find_row(RestError error)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].error == error)
            return &rows[i];
    }
    return &rows[0];
}

static const HttpWords *find_words(uint32_t code)
{
    static const HttpWords unknown = {0, REST_INTERNAL, "Error"};

    for (size_t i = 0; i < sizeof http_words / sizeof http_words[0]; i++) {
        if (http_words[i].code == code)
            return &http_words[i];
    }
    return &unknown;
}

static void set_body(const PacsRest *rest, PacsHttpRequest *request, PacsHttpReply *reply,
                     const ErrorRow *row, uint32_t http_code, const char *details)
{
    PACS_AUTO_BUFFER PacsBuffer body = PACS_BUFFER(64u << 10);
    PacsJson json;

    if (!rest->options.describe_errors ||
        http_code == 405) { /* Orthanc's 405 has no body: Allow says it all */
        pacs_http_reply_nothing(reply);
        return;
    }
    pacs_json_init(&json, &body, true);
    pacs_json_object_begin(&json);
    if (details && details[0])
        pacs_json_member_string(&json, "Details", details);
    pacs_json_member_string(&json, "HttpError", find_words(http_code)->words);
    pacs_json_member_u64(&json, "HttpStatus", http_code);
    pacs_json_member_string(&json, "Message", row->message);
    pacs_json_member_string(&json, "Method", pacs_http_method_name(request));
    pacs_json_member_string(&json, "OrthancError", row->message);
    pacs_json_member_i64(&json, "OrthancStatus", row->error);
    pacs_json_member_string(&json, "Uri", pacs_http_path(request));
    pacs_json_object_end(&json);

    if (body.failed) /* an enormous path: the code alone must do */
        pacs_http_reply_nothing(reply);
    else if (row->error == REST_UNKNOWN_RESOURCE)
        pacs_http_reply_buffer(reply, "text/plain", &body); /* Orthanc's habit; nosniff keeps it harmless */
    else
        pacs_http_reply_buffer(reply, "application/json", &body);
}

void rest_reply_error(const PacsRest *rest, PacsHttpRequest *request, PacsHttpReply *reply, RestError error,
                      uint32_t http_code, const char *details)
{
    const ErrorRow *row = find_row(error);
    uint32_t code = http_code ? http_code : row->http;

    pacs_http_reply_code(reply, code);
    if (code == 503)
        pacs_http_reply_header(reply, "Retry-After", PACS_HTTP_RETRY_AFTER_S);
    set_body(rest, request, reply, row, code, details);
}

void rest_reply_failure(const PacsRest *rest, PacsHttpRequest *request, PacsHttpReply *reply,
                        const PacsError *err)
{
    rest_reply_error(rest, request, reply, by_status[err->status], pacs_reply_codes(err->status).http,
                     err->text);
}

void rest_render_error(void *context, PacsHttpRequest *request, PacsHttpReply *reply, uint32_t http_code,
                       const PacsError *err)
{
    set_body(context, request, reply, find_row(find_words(http_code)->error), http_code,
             err ? err->text : NULL);
}
