#include "dicomweb/wado_uri_picture.h"

#include <math.h>
#include <string.h>

#include "dicomweb/accept.h"
#include "dicomweb/fingerprint.h"
#include "dicomweb/picture_answer.h"
#include "dicomweb/rendered_query.h"
#include "pacs/dicom/uid.h"
#include "pacs/util/limits.h"

/* ---- Format ---- */

static const TranscodeFormat formats[] = {TRANSCODE_JPEG, TRANSCODE_PNG, TRANSCODE_GIF, TRANSCODE_WEBP};
#define FORMATS (sizeof formats / sizeof formats[0])
#define STANDARD_FORMATS 3 /* the rest is for who takes nothing of these, as by rendered.c */

static PacsStatus choose_format(PacsHttpRequest *request, PacsPictureWish *wish, PacsError *err)
{
    const char *wanted = pacs_http_query(request, "contentType");
    DicomwebOffer offers[FORMATS];

    if (!wanted || !wanted[0])
        wanted = pacs_http_header(request, "Accept");
    for (size_t i = 0; i < FORMATS; i++)
        offers[i] = (DicomwebOffer){.media_type = transcode_format_media_type(formats[i])};
    const DicomwebOffer *chosen = dicomweb_accept_choose(pacs_slice(wanted), offers, STANDARD_FORMATS);
    if (!chosen)
        chosen = dicomweb_accept_choose(pacs_slice(wanted), offers, FORMATS);
    if (!chosen)
        return pacs_fail(err, PACS_UNSUPPORTED,
                         "there is image/jpeg, image/png, image/gif, image/webp and " DICOMWEB_TYPE_DICOM);
    wish->format = formats[chosen - offers];
    return PACS_OK;
}

/* ---- Parameters ---- */

/** A whole number from 1 to max; *ret_value stays where the parameter is absent. */
static PacsStatus read_whole(const PacsHttpRequest *request, const char *name, uint32_t max,
                             uint32_t *ret_value, PacsError *err)
{
    const char *text = pacs_http_query(request, name);
    uint64_t value = 0;

    if (!text)
        return PACS_OK;
    if (pacs_parse_u64(pacs_slice(text), max, &value, NULL) != PACS_OK || value == 0)
        return pacs_fail(err, PACS_INVALID, "the parameter %s is to be a whole number from 1 to %u", name,
                         max);
    *ret_value = (uint32_t)value;
    return PACS_OK;
}

static PacsStatus read_region(const PacsHttpRequest *request, PacsPictureWish *wish, PacsError *err)
{
    const char *text = pacs_http_query(request, "region");
    PacsSlice rest = pacs_slice(text), part;
    double *region = wish->relative_region;
    bool is_region = true;

    if (!text)
        return PACS_OK;
    for (size_t i = 0; is_region && i < 4; i++)
        is_region = pacs_slice_split(&rest, ',', &part) && dicomweb_parse_number(part, &region[i]) &&
                    region[i] >= 0 && region[i] <= 1;
    if (!is_region || rest.text || region[0] >= region[2] || region[1] >= region[3])
        return pacs_fail(err, PACS_INVALID,
                         "the parameter region is to be xmin,ymin,xmax,ymax: parts of the image from 0 to 1");
    return PACS_OK;
}

static PacsStatus read_window(const PacsHttpRequest *request, PacsPictureWish *wish, PacsError *err)
{
    const char *center = pacs_http_query(request, "windowCenter"),
               *width = pacs_http_query(request, "windowWidth");
    TranscodeWindow *window = pacs_arena_alloc(pacs_http_arena(request), sizeof *window);

    if (!center && !width)
        return PACS_OK;
    if (!window)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for a window");
    if (!center || !width || !dicomweb_parse_number(pacs_slice(center), &window->center) ||
        !dicomweb_parse_number(pacs_slice(width), &window->width) || window->width < 1)
        return pacs_fail(
            err, PACS_INVALID,
            "the parameters windowCenter and windowWidth belong together: numbers, the width at least 1");
    wish->view.window = window;
    return PACS_OK;
}

static bool is_uid(const char *text)
{
    return text && text[0] && pacs_uid_acceptable(pacs_slice(text));
}

/** A state of the same study; with one nothing else may say how the image is shown (PS3.18 9.4.2.2.13). */
static PacsStatus read_presentation(const PacsHttpRequest *request, const PacsUidPath *path,
                                    PacsPictureWish *wish, PacsError *err)
{
    const char *uid = pacs_http_query(request, "presentationUID");
    const char *series = pacs_http_query(request, "presentationSeriesUID");
    PacsUidPath *state = pacs_arena_alloc(pacs_http_arena(request), sizeof *state);

    if (!uid && !series)
        return PACS_OK;
    if (!state)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for a presentation state");
    if (!is_uid(uid) || !is_uid(series))
        return pacs_fail(
            err, PACS_INVALID,
            "the parameters presentationUID and presentationSeriesUID belong together, and are UIDs");
    if (wish->view.window)
        return pacs_fail(err, PACS_INVALID, "the parameter windowCenter contradicts presentationUID");
    *state = (PacsUidPath){path->study_uid, series, uid};
    wish->presentation_state = state;
    return PACS_OK;
}

static PacsStatus read_wish(PacsHttpRequest *request, const PacsUidPath *path, PacsPictureWish *wish,
                            PacsError *err)
{
    const char *annotation = pacs_http_query(request, "annotation");
    TranscodeView *view = &wish->view;

    PacsStatus status = choose_format(request, wish, err);
    if (status == PACS_OK)
        status = read_whole(request, "frameNumber", UINT32_MAX, &wish->frame_number, err);
    if (status == PACS_OK)
        status = read_whole(request, "rows", PACS_MAX_VIEWPORT, &view->viewport_height, err);
    if (status == PACS_OK)
        status = read_whole(request, "columns", PACS_MAX_VIEWPORT, &view->viewport_width, err);
    if (status == PACS_OK)
        status = read_whole(request, "imageQuality", 100, &wish->quality, err);
    if (status == PACS_OK)
        status = read_region(request, wish, err);
    if (status == PACS_OK)
        status = read_window(request, wish, err);
    if (status == PACS_OK)
        status = read_presentation(request, path, wish, err);
    if (status == PACS_OK && annotation)
        status = dicomweb_parse_annotation(annotation, &wish->annotations, err);
    view->enlarges = view->viewport_width || view->viewport_height;
    wish->is_animation = wish->format == TRANSCODE_GIF && wish->frame_number == 0;
    return status;
}

/* ---- The answer ---- */

PacsStatus dicomweb_wado_picture(Dicomweb *dicomweb, const PacsUidPath *path, PacsHttpRequest *request,
                                 PacsHttpReply *reply, PacsError *err)
{
    PacsPictureWish wish = {.view.shows_overlays = true};
    const PacsInstanceName name = {.path = path};
    char fingerprint[DICOMWEB_FINGERPRINT_SIZE];
    TranscodeResult *result = NULL;
    PacsPicture *picture = NULL;

    PacsStatus status = read_wish(request, path, &wish, err);
    if (status == PACS_OK)
        status = pacs_picture_find(dicomweb->retrieve, &name, &wish, pacs_http_arena(request), &picture, err);
    if (status == PACS_OK)
        status = dicomweb_fingerprint(picture->key, NULL, 0, fingerprint, err);
    if (status != PACS_OK)
        return status;
    pacs_http_reply_add_header(reply, "Vary", "Accept");
    if (dicomweb_reply_unchanged(request, reply, fingerprint))
        return PACS_OK;
    status = dicomweb_find_picture(dicomweb->retrieve, picture, request, reply, &result, err);
    if (!result)
        return status; /* or called again, where it may wait */
    pacs_http_reply_pieces(reply, transcode_format_media_type(wish.format));
    dicomweb_add_result(reply, result);
    return PACS_OK;
}
