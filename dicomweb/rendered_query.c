#include "dicomweb/rendered_query.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "pacs/util/limits.h"

#define NUMBER_MAX 63 /* characters */

bool dicomweb_parse_number(PacsSlice text, double *ret_number)
{
    char copy[NUMBER_MAX + 1];
    char *end = NULL;

    text = pacs_slice_trim(text);
    if (text.size == 0 || text.size > NUMBER_MAX)
        return false;
    for (size_t i = 0; i < text.size; i++)
        if (!text.text[i] || !strchr("+-.0123456789eE", text.text[i])) /* no "nan", no "0x10" */
            return false;
    memcpy(copy, text.text, text.size);
    copy[text.size] = '\0';
    const double number = strtod(copy, &end);
    if (*end || !isfinite(number))
        return false;
    *ret_number = number;
    return true;
}

/* ---- window ---- */

static bool parse_function(PacsSlice text, TranscodeWindowFunction *ret_function)
{
    static const struct {
        const char *name;
        TranscodeWindowFunction function;
    } functions[] = {{"linear", TRANSCODE_LINEAR},
                     {"linear-exact", TRANSCODE_LINEAR_EXACT},
                     {"linear_exact", TRANSCODE_LINEAR_EXACT}, /* as the attribute has it */
                     {"sigmoid", TRANSCODE_SIGMOID}};

    text = pacs_slice_trim(text);
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++)
        if (pacs_slice_equal_case(text, functions[i].name)) {
            *ret_function = functions[i].function;
            return true;
        }
    return false;
}

static PacsStatus parse_window(const char *text, PacsArena *arena, const TranscodeWindow **ret_window,
                               PacsError *err)
{
    TranscodeWindow *window = pacs_arena_alloc(arena, sizeof *window);
    PacsSlice rest = pacs_slice(text), center, width, function = PACS_SLICE("linear");

    if (!window)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for a window");
    const bool is_pair = pacs_slice_split(&rest, ',', &center) && pacs_slice_split(&rest, ',', &width);
    if (is_pair)
        (void)pacs_slice_split(&rest, ',', &function);
    if (!is_pair || rest.text || !dicomweb_parse_number(center, &window->center) ||
        !dicomweb_parse_number(width, &window->width) || !parse_function(function, &window->function) ||
        window->width <= 0 || (window->function == TRANSCODE_LINEAR && window->width < 1))
        return pacs_fail(
            err, PACS_INVALID,
            "the parameter window is to be center,width,function: two numbers, the width above 0 (of linear at "
            "least 1), and linear, linear-exact or sigmoid");
    *ret_window = window;
    return PACS_OK;
}

/* ---- viewport ---- */

static PacsStatus bad_viewport(PacsError *err)
{
    return pacs_fail(
        err, PACS_INVALID,
        "the parameter viewport is to be width,height or width,height,sx,sy,sw,sh: a size of 1 to %u and a "
        "region of the image",
        PACS_MAX_VIEWPORT);
}

static bool parse_side(PacsSlice text, uint32_t *ret_side)
{
    double side = 0;

    if (!dicomweb_parse_number(text, &side) || side < 1 || side > PACS_MAX_VIEWPORT || side != floor(side))
        return false;
    *ret_side = (uint32_t)side;
    return true;
}

/** sx,sy,sw,sh; what is left empty is the image's edge. */
static bool parse_region(PacsSlice rest, TranscodeView *view)
{
    double *const numbers[] = {&view->region_x, &view->region_y, &view->region_width, &view->region_height};
    PacsSlice part;

    for (size_t i = 0; i < 4; i++) {
        if (!pacs_slice_split(&rest, ',', &part))
            return i > 0;
        if (pacs_slice_trim(part).size > 0 && !dicomweb_parse_number(part, numbers[i]))
            return false;
    }
    return !rest.text && view->region_x >= 0 && view->region_y >= 0;
}

static PacsStatus parse_viewport(const char *text, bool is_thumbnail, TranscodeView *view, PacsError *err)
{
    PacsSlice rest = pacs_slice(text), width, height;

    if (!pacs_slice_split(&rest, ',', &width) || !pacs_slice_split(&rest, ',', &height) ||
        !parse_side(width, &view->viewport_width) || !parse_side(height, &view->viewport_height))
        return bad_viewport(err);
    if (rest.text && (is_thumbnail || !parse_region(rest, view)))
        return bad_viewport(err);
    return PACS_OK;
}

/* ---- quality, annotation, iccprofile ---- */

static PacsStatus parse_quality(const char *text, uint32_t *ret_quality, PacsError *err)
{
    uint64_t quality = 0;

    if (pacs_parse_u64(pacs_slice(text), 100, &quality, NULL) != PACS_OK || quality == 0)
        return pacs_fail(err, PACS_INVALID, "the parameter quality is to be a whole number from 1 to 100");
    *ret_quality = (uint32_t)quality;
    return PACS_OK;
}

PacsStatus dicomweb_parse_annotation(const char *text, uint32_t *ret_annotations, PacsError *err)
{
    PacsSlice rest = pacs_slice(text), word;

    while (pacs_slice_split(&rest, ',', &word)) {
        word = pacs_slice_trim(word);
        if (pacs_slice_equal_case(word, "patient"))
            *ret_annotations |= PACS_ANNOTATE_PATIENT;
        else if (pacs_slice_equal_case(word, "technique"))
            *ret_annotations |= PACS_ANNOTATE_TECHNIQUE;
        else
            return pacs_fail(err, PACS_INVALID,
                             "the parameter annotation is to be patient, technique or both");
    }
    return PACS_OK;
}

static PacsStatus parse_profile(const char *text, PacsPictureProfile *ret_profile, PacsError *err)
{
    static const struct {
        const char *name;
        PacsPictureProfile profile;
    } profiles[] = {{"no", PACS_PROFILE_NONE},
                    {"yes", PACS_PROFILE_IMAGE},
                    {"srgb", PACS_PROFILE_SRGB},
                    {"adobergb", PACS_PROFILE_ADOBE_RGB},
                    {"rommrgb", PACS_PROFILE_ROMM_RGB}};

    for (size_t i = 0; i < sizeof profiles / sizeof profiles[0]; i++)
        if (pacs_slice_equal_case(pacs_slice(text), profiles[i].name)) {
            *ret_profile = profiles[i].profile;
            return PACS_OK;
        }
    return pacs_fail(err, PACS_INVALID,
                     "the parameter iccprofile is to be no, yes, srgb, adobergb or rommrgb");
}

/* ---- All of them ---- */

PacsStatus dicomweb_rendered_query(const PacsHttpRequest *request, bool is_thumbnail,
                                   PacsPictureWish *ret_wish, PacsError *err)
{
    PacsPictureWish wish = is_thumbnail ? PACS_PICTURE_THUMBNAIL
                                        : (PacsPictureWish){.view.shows_overlays = true};
    const char *viewport = pacs_http_query(request, "viewport");
    const char *quality = pacs_http_query(request, "quality");
    const char *window = pacs_http_query(request, "window");
    const char *annotation = pacs_http_query(request, "annotation");
    const char *profile = pacs_http_query(request, "iccprofile");
    PacsStatus status = PACS_OK;

    if (viewport)
        status = parse_viewport(viewport, is_thumbnail, &wish.view, err);
    wish.view.enlarges = viewport && !is_thumbnail; /* as large as the viewport (8.3.5.1.3) */
    if (status == PACS_OK && quality)
        status = parse_quality(quality, &wish.quality, err);
    if (status == PACS_OK && window && !is_thumbnail)
        status = parse_window(window, pacs_http_arena(request), &wish.view.window, err);
    if (status == PACS_OK && annotation && !is_thumbnail)
        status = dicomweb_parse_annotation(annotation, &wish.annotations, err);
    if (status == PACS_OK && profile && !is_thumbnail)
        status = parse_profile(profile, &wish.profile, err);
    if (status == PACS_OK)
        *ret_wish = wish;
    return status;
}
