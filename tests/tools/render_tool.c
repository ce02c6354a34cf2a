/* render_tool [OPTION...] FILE: a frame of a file as a picture, a portable map on stdout. What a rendering needs besides
 * pixels and their layout is said by options; a LUT is FIRST,BITS,PATH, the path of a file of its entries, 16 bits little endian.
 *
 *   --frame N   --slope S   --intercept I   --modality LUT   --window CENTER,WIDTH[,exact|sigmoid]   --voi LUT
 *   --padding FIRST,LAST   --inverse   --red LUT --green LUT --blue LUT
 *   --viewport WIDTH,HEIGHT (enlarges)   --turned DEGREES   --flipped   --aspect A
 *
 * Exits with 1 and what was wrong on stderr. */

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pacs/util/limits.h"
#include "tests/support/stored_frame.h"
#include "transcode/rendering.h"

#define ENTRIES_MAX 65536

typedef struct Arguments {
    const char *path;
    uint32_t frame;
    TranscodeRendering rendering;
    TranscodeView view;
    TranscodeLut modality, voi;
    TranscodePalette palette;
} Arguments;

static bool parse_lut(const char *text, TranscodeLut *lut)
{
    int length = 0;
    unsigned bits = 0;

    if (sscanf(text, "%d,%u,%n", &lut->first_mapped, &bits, &length) != 2 || length == 0) /* NOLINT: a tool */
        return false;
    uint16_t *values = calloc(ENTRIES_MAX, sizeof *values);
    FILE *file = fopen(text + length, "rb");
    if (values && file)
        lut->count = (uint32_t)fread(values, sizeof *values, ENTRIES_MAX, file);
    if (file)
        (void)fclose(file);
    lut->values = values;
    lut->bits = (uint16_t)bits;
    return values && file;
}

static bool parse_window(const char *text, TranscodeRendering *rendering)
{
    char function[16] = "";
    const int count = sscanf(text, "%lf,%lf,%15s", &rendering->window.center, /* NOLINT: a tool */
                             &rendering->window.width, function);

    rendering->has_window = count >= 2;
    rendering->window.function = strcmp(function, "exact") == 0     ? TRANSCODE_LINEAR_EXACT
                                 : strcmp(function, "sigmoid") == 0 ? TRANSCODE_SIGMOID
                                                                    : TRANSCODE_LINEAR;
    return rendering->has_window;
}

static bool parse_padding(const char *text, TranscodeRendering *rendering)
{
    rendering->has_padding = sscanf(text, "%lf,%lf", &rendering->padding_first, /* NOLINT: a tool */
                                    &rendering->padding_last) == 2;
    return rendering->has_padding;
}

static bool parse_viewport(const char *text, TranscodeView *view)
{
    view->enlarges = true;
    return sscanf(text, "%u,%u", &view->viewport_width, &view->viewport_height) == 2; /* NOLINT: a tool */
}

static bool parse_option(int option, Arguments *arguments)
{
    TranscodeRendering *rendering = &arguments->rendering;

    switch (option) {
    case 'f':
        arguments->frame = (uint32_t)strtoul(optarg, NULL, 10);
        return arguments->frame > 0;
    case 's':
        rendering->rescale_slope = strtod(optarg, NULL);
        return true;
    case 'i':
        rendering->rescale_intercept = strtod(optarg, NULL);
        return true;
    case 'm':
        rendering->modality_lut = &arguments->modality;
        return parse_lut(optarg, &arguments->modality);
    case 'w':
        return parse_window(optarg, rendering);
    case 'v':
        rendering->voi_lut = &arguments->voi;
        return parse_lut(optarg, &arguments->voi);
    case 'p':
        return parse_padding(optarg, rendering);
    case 'x':
        rendering->polarity = TRANSCODE_INVERSE;
        return true;
    case 'r':
        rendering->palette = &arguments->palette;
        return parse_lut(optarg, &arguments->palette.red);
    case 'g':
        return parse_lut(optarg, &arguments->palette.green);
    case 'b':
        return parse_lut(optarg, &arguments->palette.blue);
    case 'V':
        return parse_viewport(optarg, &arguments->view);
    case 't':
        rendering->rotation = (uint16_t)strtoul(optarg, NULL, 10);
        return true;
    case 'l':
        rendering->is_flipped = true;
        return true;
    case 'a':
        rendering->pixel_aspect = strtod(optarg, NULL);
        return true;
    default:
        return false;
    }
}

static bool parse_arguments(int argc, char **argv, Arguments *arguments)
{
    static const struct option options[] = {
        {"frame", required_argument, NULL, 'f'},     {"slope", required_argument, NULL, 's'},
        {"intercept", required_argument, NULL, 'i'}, {"modality", required_argument, NULL, 'm'},
        {"window", required_argument, NULL, 'w'},    {"voi", required_argument, NULL, 'v'},
        {"padding", required_argument, NULL, 'p'},   {"inverse", no_argument, NULL, 'x'},
        {"red", required_argument, NULL, 'r'},       {"green", required_argument, NULL, 'g'},
        {"blue", required_argument, NULL, 'b'},      {"viewport", required_argument, NULL, 'V'},
        {"turned", required_argument, NULL, 't'},    {"flipped", no_argument, NULL, 'l'},
        {"aspect", required_argument, NULL, 'a'},    {0}};
    int option = 0;

    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
        if (!parse_option(option, arguments))
            return false;
    if (optind + 1 != argc)
        return false;
    arguments->path = argv[optind];
    return true;
}

static PacsStatus show(const Arguments *arguments, PacsError *err)
{
    TEST_AUTO_STORED TestStored stored = {0};
    PACS_AUTO_BUFFER PacsBuffer bytes = PACS_BUFFER(PACS_MAX_FRAME_BYTES);
    PACS_AUTO_BUFFER PacsBuffer decoded = PACS_BUFFER(PACS_MAX_FRAME_BYTES);
    PACS_AUTO_BUFFER PacsBuffer file = PACS_BUFFER(PACS_MAX_FRAME_BYTES);
    TRANSCODE_AUTO_PICTURE TranscodePicture picture = {0};
    TranscodeFrame frame, native;

    PacsStatus status = test_stored_open(arguments->path, &stored, err);
    if (status == PACS_OK)
        status = test_stored_frame(&stored, arguments->frame, &bytes, &frame, err);
    if (status == PACS_OK)
        status = test_stored_decode(&frame, &decoded, &native, err);
    if (status == PACS_OK)
        status = transcode_render(&native, &arguments->rendering, &arguments->view, &picture, err);
    if (status == PACS_OK)
        status = transcode_picture_write(&picture, TRANSCODE_PAM, 0, &file, err);
    if (status == PACS_OK)
        (void)fwrite(file.bytes, 1, file.size, stdout);
    return status;
}

static void clear(Arguments *arguments)
{
    free((void *)(uintptr_t)arguments->modality.values); /* ours: parse_lut() read them */
    free((void *)(uintptr_t)arguments->voi.values);
    free((void *)(uintptr_t)arguments->palette.red.values);
    free((void *)(uintptr_t)arguments->palette.green.values);
    free((void *)(uintptr_t)arguments->palette.blue.values);
}

int main(int argc, char **argv)
{
    Arguments arguments = {.frame = 1, .rendering = TRANSCODE_RENDERING_PLAIN};
    PacsError err = {0};

    if (!parse_arguments(argc, argv, &arguments)) {
        (void)fprintf(stderr, "usage: render_tool [OPTION...] FILE (see the head of its source)\n");
        clear(&arguments);
        return 2;
    }
    PacsStatus status = show(&arguments, &err);
    clear(&arguments);
    if (status != PACS_OK)
        (void)fprintf(stderr, "%s\n", err.text);
    return status == PACS_OK ? 0 : 1;
}
