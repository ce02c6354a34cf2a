#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "pacs/rest/picture_accept.h"
#include "pacs/rest/rest_private.h"
#include "pacs/retrieve/pictures.h"
#include "pacs/util/limits.h"

/**
 * Orthanc's pictures of instances and frames, which it counts from 0: `preview` (smallest to largest value), `rendered`
 * (windowed), `image-uint8`, `image-uint16` and `image-int16` (values for programs).
 */

#define SIDE_MAX 8192

static const struct {
    const char *name;
    PacsPictureLook look;
} looks[] = {{"preview", PACS_LOOK_STRETCHED},
             {"rendered", PACS_LOOK_WINDOWED},
             {"image-uint8", PACS_LOOK_UINT8},
             {"image-uint16", PACS_LOOK_UINT16},
             {"image-int16", PACS_LOOK_INT16}};

/** The last segment of the path: which picture. */
static PacsPictureLook look_of(const PacsHttpRequest *request)
{
    const char *path = pacs_http_path(request);
    size_t size = strlen(path);

    while (size > 0 && path[size - 1] == '/')
        size--;
    for (size_t i = 0; i < sizeof looks / sizeof looks[0]; i++) {
        const size_t name = strlen(looks[i].name);
        if (size > name && memcmp(path + size - name, looks[i].name, name) == 0)
            return looks[i].look;
    }
    return PACS_LOOK_STRETCHED;
}

/* ---- Arguments ---- */

static PacsStatus read_number(const PacsHttpRequest *request, const char *name, double *ret_number,
                              bool *ret_found, PacsError *err)
{
    const char *text = pacs_http_query(request, name);
    char *end = NULL;

    *ret_found = text != NULL;
    if (!text)
        return PACS_OK;
    const double number = strtod(text, &end);
    if (end == text || *end || !isfinite(number))
        return pacs_fail(err, PACS_INVALID, "the argument %s is no number", name);
    *ret_number = number;
    return PACS_OK;
}

static PacsStatus read_side(const PacsHttpRequest *request, const char *name, uint32_t *ret_side,
                            PacsError *err)
{
    uint64_t side = 0;

    PacsStatus status = rest_query_u64(request, name, SIDE_MAX, &side, err);
    if (status == PACS_OK)
        *ret_side = (uint32_t)side;
    return status;
}

static PacsStatus read_window(const PacsHttpRequest *request, PacsPictureWish *wish, PacsError *err)
{
    TranscodeWindow *window = pacs_arena_alloc(pacs_http_arena(request), sizeof *window);
    bool has_center = false, has_width = false;

    if (!window)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for a picture");
    PacsStatus status = read_number(request, "window-center", &window->center, &has_center, err);
    if (status == PACS_OK)
        status = read_number(request, "window-width", &window->width, &has_width, err);
    if (status != PACS_OK || (!has_center && !has_width))
        return status;
    if (!has_center || !has_width || window->width <= 0)
        return pacs_fail(err, PACS_INVALID,
                         "window-center and window-width belong together, the width above 0");
    window->function = TRANSCODE_LINEAR_EXACT;
    wish->view.window = window;
    return PACS_OK;
}

/** Only `rendered` hears of sizes and windows. */
static PacsStatus read_wish(const PacsHttpRequest *request, PacsPictureWish *wish, PacsError *err)
{
    const char *smooth = pacs_http_query(request, "smooth");
    uint64_t quality = 0;

    PacsStatus status = rest_query_u64(request, "quality", 100, &quality, err);
    wish->quality = (uint32_t)quality;
    if (status != PACS_OK || wish->look != PACS_LOOK_WINDOWED)
        return status;
    status = read_side(request, "width", &wish->view.viewport_width, err);
    if (status == PACS_OK)
        status = read_side(request, "height", &wish->view.viewport_height, err);
    wish->view.enlarges = true;
    wish->view.is_rough = smooth && !rest_query_flag(request, "smooth");
    return status == PACS_OK ? read_window(request, wish, err) : status;
}

/* ---- Answers ---- */

static bool has_gone(void *context)
{
    return pacs_http_cancelled(context);
}

static void release(void *thing)
{
    transcode_result_unref(thing);
}

static void add_result(PacsHttpReply *reply, TranscodeResult *result)
{
    const uint8_t *bytes = transcode_result_bytes(result);

    if (bytes)
        pacs_http_reply_piece_bytes(reply, bytes, (size_t)transcode_result_size(result));
    else
        pacs_http_reply_piece_fd(reply, transcode_result_fd(result), 0, transcode_result_size(result));
    pacs_http_reply_keep(reply, result, release);
}

static PacsStatus make_picture(PacsRest *rest, const PacsPicture *picture, PacsHttpRequest *request,
                               PacsHttpReply *reply, TranscodeResult **ret_result, PacsError *err)
{
    const PacsPictureWaiting waiting = {
        .priority = TRANSCODE_INTERACTIVE, .is_cancelled = has_gone, .context = request};

    *ret_result = pacs_picture_recall(rest->retrieve, picture);
    if (*ret_result || pacs_http_defer(request, reply))
        return PACS_OK;
    return pacs_picture_make(rest->retrieve, picture, &waiting, ret_result, err);
}

static PacsStatus reply_found(PacsRest *rest, const PacsPicture *picture, PacsHttpRequest *request,
                              PacsHttpReply *reply, PacsError *err)
{
    TranscodeResult *result = NULL;

    const PacsStatus status = make_picture(rest, picture, request, reply, &result, err);
    if (!result)
        return status;
    pacs_http_reply_pieces(reply, transcode_format_media_type(picture->wish.format));
    add_result(reply, result);
    return PACS_OK;
}

/** Orthanc sends its clients to a page that shows a drawing; here the drawing says what the instance is. */
static PacsStatus reply_unsupported(PacsRest *rest, PacsPictureWish *wish, PacsHttpRequest *request,
                                    PacsHttpReply *reply, PacsError *err)
{
    const PacsInstanceName name = {.id = pacs_http_capture(request, "id")};
    PacsPicture *picture = NULL;

    wish->is_thumbnail = true;
    const PacsStatus status = pacs_picture_find(rest->retrieve, &name, wish, pacs_http_arena(request),
                                                &picture, err);
    return status == PACS_OK ? reply_found(rest, picture, request, reply, err) : status;
}

static PacsStatus reply_picture(PacsRest *rest, uint32_t frame_number, PacsHttpRequest *request,
                                PacsHttpReply *reply, PacsError *err)
{
    const PacsInstanceName name = {.id = pacs_http_capture(request, "id")};
    PacsPictureWish wish = {.look = look_of(request), .frame_number = frame_number};
    PacsPicture *picture = NULL;

    pacs_http_reply_add_header(reply, "Vary", "Accept");
    if (!rest_choose_format(pacs_http_header(request, "Accept"), &wish.format)) {
        rest_reply_error(rest, request, reply, REST_NOT_ACCEPTABLE, 0,
                         "there is image/png, image/jpeg, image/x-portable-arbitrarymap and image/webp");
        return PACS_OK;
    }
    PacsStatus status = read_wish(request, &wish, err);
    if (status == PACS_OK)
        status = pacs_picture_find(rest->retrieve, &name, &wish, pacs_http_arena(request), &picture, err);
    if (status == PACS_OK)
        status = reply_found(rest, picture, request, reply, err);
    if (status == PACS_UNSUPPORTED && pacs_http_query(request, "returnUnsupportedImage"))
        status = reply_unsupported(rest, &wish, request, reply, err);
    return status;
}

void rest_reply_picture_failure(const PacsRest *rest, PacsHttpRequest *request, PacsHttpReply *reply,
                                const PacsError *err)
{
    if (err->status == PACS_UNSUPPORTED)
        rest_reply_error(rest, request, reply, REST_BAD_FILE_FORMAT, 415, err->text);
    else
        rest_reply_failure(rest, request, reply, err);
}

void rest_picture(void *context, PacsHttpRequest *request, PacsHttpReply *reply)
{
    PacsError err = {0};

    if (reply_picture(context, 1, request, reply, &err) != PACS_OK)
        rest_reply_picture_failure(context, request, reply, &err);
}

bool rest_frame_number(const PacsHttpRequest *request, uint32_t *ret_number)
{
    uint64_t index = 0;

    if (pacs_parse_u64(pacs_slice(pacs_http_capture(request, "frame")), UINT32_MAX - 1, &index, NULL) !=
        PACS_OK)
        return false;
    *ret_number = (uint32_t)index + 1;
    return true;
}

void rest_frame_picture(void *context, PacsHttpRequest *request, PacsHttpReply *reply)
{
    PacsError err = {0};
    uint32_t number = 0;

    if (!rest_frame_number(request, &number))
        rest_reply_error(context, request, reply, REST_UNKNOWN_RESOURCE, 0, "frames are counted from 0");
    else if (reply_picture(context, number, request, reply, &err) != PACS_OK)
        rest_reply_picture_failure(context, request, reply, &err);
}
