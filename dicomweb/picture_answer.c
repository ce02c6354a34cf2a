#include "dicomweb/picture_answer.h"

static bool has_gone(void *context)
{
    return pacs_http_cancelled(context);
}

PacsPictureWaiting dicomweb_picture_waiting(PacsHttpRequest *request)
{
    return (PacsPictureWaiting){
        .priority = TRANSCODE_INTERACTIVE,
        .is_cancelled = has_gone,
        .context = request,
    };
}

static void release(void *thing)
{
    transcode_result_unref(thing);
}

void dicomweb_add_result(PacsHttpReply *reply, TranscodeResult *result)
{
    const uint64_t size = transcode_result_size(result);
    const uint8_t *bytes = transcode_result_bytes(result);

    if (bytes)
        pacs_http_reply_piece_bytes(reply, bytes, (size_t)size);
    else
        pacs_http_reply_piece_fd(reply, transcode_result_fd(result), 0, size);
    pacs_http_reply_keep(reply, result, release);
}

PacsStatus dicomweb_find_picture(PacsRetrieve *retrieve, const PacsPicture *picture, PacsHttpRequest *request,
                                 PacsHttpReply *reply, TranscodeResult **ret_result, PacsError *err)
{
    const PacsPictureWaiting waiting = dicomweb_picture_waiting(request);

    *ret_result = pacs_picture_recall(retrieve, picture);
    if (*ret_result || pacs_http_defer(request, reply))
        return PACS_OK;
    return pacs_picture_make(retrieve, picture, &waiting, ret_result, err);
}
