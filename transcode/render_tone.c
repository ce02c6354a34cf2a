#include <math.h>

#include "transcode/render_private.h"

/** How bright a stored value is: modality LUT, VOI LUT or window, presentation LUT, in the order of PS3.4 N.2. */

/* ---- Checks ---- */

static PacsStatus check_lut(const TranscodeLut *lut, const char *name, PacsError *err)
{
    if (!lut)
        return PACS_OK;
    if (!lut->values || lut->count == 0 || lut->count > 65536 || lut->bits == 0 || lut->bits > 16)
        return pacs_fail(err, PACS_INVALID, "a %s of %u entries with %u bits: it has 1 to 65,536 of 1 to 16",
                         name, lut->count, lut->bits);
    return PACS_OK;
}

static PacsStatus check_window(const TranscodeWindow *window, PacsError *err)
{
    if (!isfinite(window->center) || !isfinite(window->width) || window->width < 0)
        return pacs_fail(err, PACS_INVALID, "a window around %g, %g wide", window->center, window->width);
    return PACS_OK;
}

static PacsStatus check_palette(const TranscodePalette *palette, PacsError *err)
{
    if (!palette)
        return PACS_OK;
    PacsStatus status = check_lut(&palette->red, "red palette", err);
    if (status == PACS_OK)
        status = check_lut(&palette->green, "green palette", err);
    return status == PACS_OK ? check_lut(&palette->blue, "blue palette", err) : status;
}

PacsStatus render_tone_check(const TranscodeRendering *rendering, const TranscodeView *view, PacsError *err)
{
    PacsStatus status = check_lut(rendering->modality_lut, "modality LUT", err);
    if (status == PACS_OK)
        status = check_lut(rendering->voi_lut, "VOI LUT", err);
    if (status == PACS_OK)
        status = check_lut(rendering->presentation_lut, "presentation LUT", err);
    if (status == PACS_OK)
        status = check_palette(rendering->palette, err);
    if (status == PACS_OK && rendering->has_window)
        status = check_window(&rendering->window, err);
    if (status == PACS_OK && view->window)
        status = check_window(view->window, err);
    if (status == PACS_OK && (!isfinite(rendering->rescale_slope) || !isfinite(rendering->rescale_intercept)))
        return pacs_fail(err, PACS_INVALID, "a rescale without numbers");
    return status;
}

/* ---- Windows: PS3.3 C.11.2.1.2 and C.11.2.1.3, from 0 to 1 ---- */

static double ramp(double center, double width, double value)
{
    if (value <= center - width / 2)
        return 0;
    if (value > center + width / 2)
        return 1;
    return (value - center) / width + 0.5;
}

static double sigmoid(const TranscodeWindow *window, double value)
{
    if (window->width == 0)
        return value > window->center;
    return 1 / (1 + exp(-4 * (value - window->center) / window->width));
}

static double windowed(const TranscodeWindow *window, double value)
{
    switch (window->function) {
    case TRANSCODE_SIGMOID:
        return sigmoid(window, value);
    case TRANSCODE_LINEAR:
        if (window->width >= 1) /* narrower ones, of float images, are meant exactly */
            return ramp(window->center - 0.5, window->width - 1, value);
        __attribute__((fallthrough));
    default:
        return ramp(window->center, window->width, value);
    }
}

/* ---- Tables ---- */

/* The entry for a value; not a number counts as the first. */
static double entry(const TranscodeLut *lut, double value)
{
    const double index = floor(value + 0.5) - lut->first_mapped;

    if (!(index > 0))
        return lut->values[0];
    return lut->values[index >= lut->count ? lut->count - 1 : (uint32_t)index];
}

static double brightness(const TranscodeLut *lut, double value)
{
    return fmin(entry(lut, value) / (double)((1u << lut->bits) - 1), 1);
}

/* ---- The whole way ---- */

static bool is_inverted(const TranscodeLayout *layout, TranscodePolarity polarity)
{
    return polarity == TRANSCODE_INVERSE ||
           (polarity == TRANSCODE_BY_PHOTOMETRIC && layout->photometric == TRANSCODE_MONOCHROME1);
}

void render_tone_init(RenderTone *tone, const TranscodeLayout *layout, const TranscodeRendering *rendering,
                      const TranscodeView *view)
{
    *tone = (RenderTone){
        .rendering = rendering,
        .window = view->window ? *view->window : rendering->window,
        .has_window = view->window || (rendering->has_window && !rendering->voi_lut),
        .voi_lut = view->window ? NULL : rendering->voi_lut,
        .is_inverted = is_inverted(layout, rendering->polarity),
        .padding_first = NAN,
        .padding_last = NAN,
        .padding_tone = rendering->polarity == TRANSCODE_INVERSE ? 255 : 0,
    };
    if (rendering->has_padding) {
        tone->padding_first = fmin(rendering->padding_first, rendering->padding_last);
        tone->padding_last = fmax(rendering->padding_first, rendering->padding_last);
    }
}

bool render_tone_needs_range(const RenderTone *tone)
{
    return !tone->has_window && !tone->voi_lut;
}

void render_tone_set_range(RenderTone *tone, double smallest, double largest)
{
    tone->has_window = true;
    tone->window = (TranscodeWindow){.center = smallest / 2 + largest / 2,
                                     .width = largest - smallest,
                                     .function = TRANSCODE_LINEAR_EXACT};
}

bool render_tone_is_padding(const RenderTone *tone, double stored)
{
    return stored >= tone->padding_first && stored <= tone->padding_last;
}

double render_tone_modality(const RenderTone *tone, double stored)
{
    const TranscodeRendering *rendering = tone->rendering;

    if (rendering->modality_lut)
        return entry(rendering->modality_lut, stored);
    return stored * rendering->rescale_slope + rendering->rescale_intercept;
}

bool render_tone_line(const RenderTone *tone, RenderRamp *ret_ramp)
{
    const TranscodeRendering *rendering = tone->rendering;
    const bool has_steps = tone->window.function == TRANSCODE_LINEAR && tone->window.width >= 1;
    const double center = tone->window.center - (has_steps ? 0.5 : 0);
    const double width = tone->window.width - (has_steps ? 1 : 0);

    if (!tone->has_window || tone->window.function == TRANSCODE_SIGMOID || width <= 0 ||
        rendering->modality_lut || rendering->presentation_lut)
        return false;
    double slope = 255 * rendering->rescale_slope / width;
    double start = 255 * ((rendering->rescale_intercept - center) / width + 0.5);
    if (tone->is_inverted) {
        slope = -slope;
        start = 255 - start;
    }
    *ret_ramp = (RenderRamp){.slope = (float)slope, .start = (float)(start + 0.5)};
    return true;
}

uint8_t render_tone_of(const RenderTone *tone, double stored)
{
    const TranscodeLut *presentation = tone->rendering->presentation_lut;

    if (isnan(stored) || render_tone_is_padding(tone, stored))
        return tone->padding_tone;
    const double value = render_tone_modality(tone, stored);
    double shown = tone->voi_lut ? brightness(tone->voi_lut, value) : windowed(&tone->window, value);
    if (presentation) /* its first mapped value is 0: C.11.6.1 */
        shown = brightness(presentation, presentation->first_mapped + shown * (presentation->count - 1));
    if (tone->is_inverted)
        shown = 1 - shown;
    return shown > 0 ? (uint8_t)lround(shown * 255) : 0; /* infinities may have made it no number */
}
