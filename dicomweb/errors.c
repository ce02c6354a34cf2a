#include "dicomweb/dicomweb_private.h"

#include "pacs/dicom/reply_codes.h"
#include "pacs/util/json.h"

void dicomweb_reply_failure(PacsHttpRequest *request, PacsHttpReply *reply, const PacsError *err)
{
    pacs_http_reply_error(request, reply, pacs_reply_codes(err->status).http, err);
}

void dicomweb_render_error(void *context, PacsHttpRequest *request, PacsHttpReply *reply, uint32_t http_code,
                           const PacsError *err)
{
    const Dicomweb *dicomweb = context;
    PACS_AUTO_BUFFER PacsBuffer body = PACS_BUFFER(64u << 10);
    PacsJson json;

    pacs_json_init(&json, &body, true);
    pacs_json_object_begin(&json);
    pacs_json_member_u64(&json, "HttpStatus", http_code);
    pacs_json_member_string(&json, "Message", err ? err->text : "");
    pacs_json_member_string(&json, "Method", pacs_http_method_name(request));
    pacs_json_member_string(&json, "Uri", pacs_http_path(request));
    pacs_json_object_end(&json);
    if (body.failed || !dicomweb->options.describe_errors) /* an enormous path: the code alone must do */
        pacs_http_reply_nothing(reply);
    else
        pacs_http_reply_buffer(reply, "application/json", &body);
}
