/* render_bench [FILE [CENTER WIDTH]]: what a picture costs, step by step, on one core: milliseconds of the processor
 * and pictures a second, the best of several rounds. Without a file: a made CT slice, and a made X-ray of 3000 x 2500. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "pacs/dicom/uid.h"
#include "pacs/util/limits.h"
#include "tests/support/stored_frame.h"
#include "transcode/rendering.h"

#define ROUNDS 9
#define ROUND_SECONDS 0.05

static double cpu_seconds(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

typedef struct Case {
    const TranscodeFrame *native;
    TranscodeRendering rendering;
    TranscodeView view;
    const TranscodePicture *picture; /* written, where there is one; else rendered */
    TranscodeFormat format;
    size_t size; /* of what came out */
} Case;

static void run_once(Case *what)
{
    PACS_AUTO_BUFFER PacsBuffer file = PACS_BUFFER(PACS_MAX_FRAME_BYTES);
    TRANSCODE_AUTO_PICTURE TranscodePicture picture = {0};
    PacsError err = {0};

    const PacsStatus status = what->picture
                                  ? transcode_picture_write(what->picture, what->format, 0, &file, &err)
                                  : transcode_render(what->native, &what->rendering, &what->view, &picture,
                                                     &err);
    if (status != PACS_OK) {
        (void)fprintf(stderr, "%s\n", err.text);
        exit(1);
    }
    what->size = what->picture ? file.size : (size_t)picture.width * picture.height * picture.channels;
}

static void measure(const char *name, Case what)
{
    double best = 1e9;

    for (int round = 0; round < ROUNDS; round++) {
        const double start = cpu_seconds();
        double end = start;
        int count = 0;
        for (; end - start < ROUND_SECONDS; end = cpu_seconds(), count++)
            run_once(&what);
        best = (end - start) / count < best ? (end - start) / count : best;
    }
    (void)printf("  %-28s %8.3f ms %8.0f /s %10zu bytes\n", name, best * 1e3, 1 / best, what.size);
}

static void bench(const char *name, const TranscodeFrame *native, const TranscodeRendering *rendering)
{
    static const char *const names[] = {"JPEG", "PNG", "WebP", "GIF", "PAM"};
    const Case whole = {.native = native, .rendering = *rendering};
    TRANSCODE_AUTO_PICTURE TranscodePicture picture = {0};
    PacsError err = {0};
    Case what = whole;

    (void)printf("%s, %u x %u, %u of %u bits\n", name, native->layout.columns, native->layout.rows,
                 native->layout.bits_stored, native->layout.bits_allocated);
    measure("window", what);
    what.rendering.window.function = TRANSCODE_SIGMOID;
    measure("sigmoid", what);
    what.rendering.has_window = false;
    measure("smallest to largest", what);
    what = whole;
    what.view = (TranscodeView){.viewport_width = 256, .viewport_height = 256};
    measure("window, 256 pixels", what);
    what.view = (TranscodeView){.viewport_width = native->layout.columns * 3 / 2,
                                .viewport_height = native->layout.rows * 3 / 2,
                                .enlarges = true};
    measure("window, half as large again", what);
    what = whole;
    what.rendering.rotation = 90;
    measure("window, turned", what);
    if (transcode_render(native, rendering, &whole.view, &picture, &err) != PACS_OK)
        return;
    what.picture = &picture;
    for (int format = 0; format < TRANSCODE_FORMAT_COUNT; format++) {
        what.format = (TranscodeFormat)format;
        measure(names[format], what);
    }
}

/* A disc with soft rings and noise, as images of the body are: smooth, on black, and never the same twice. */
static uint16_t *make_image(uint32_t columns, uint32_t rows, uint32_t noise)
{
    uint16_t *pixels = malloc((size_t)columns * rows * sizeof *pixels);
    uint32_t random = 1;

    for (uint32_t y = 0; pixels && y < rows; y++)
        for (uint32_t x = 0; x < columns; x++) {
            const double across = 2.0 * x / columns - 1;
            const double down = 2.0 * y / rows - 1;
            const double out = across * across + down * down;
            random = random * 1664525 + 1013904223;
            pixels[(size_t)y * columns + x] = (uint16_t)((out < 0.8 ? 1024 + 800 * out * (1.2 - out) : 24) +
                                                         (random >> 16) % noise);
        }
    return pixels;
}

static int bench_made(const char *name, uint32_t columns, uint32_t rows, uint32_t noise)
{
    PACS_AUTO_FREE uint16_t *pixels = make_image(columns, rows, noise);
    TranscodeRendering rendering = TRANSCODE_RENDERING_PLAIN;
    const TranscodeFrame native = {
        .transfer_syntax_uid = PACS_UID_EXPLICIT_LITTLE,
        .layout = {.rows = rows,
                   .columns = columns,
                   .samples_per_pixel = 1,
                   .bits_allocated = 16,
                   .bits_stored = 12,
                   .high_bit = 11,
                   .photometric = TRANSCODE_MONOCHROME2},
        .bytes = (const uint8_t *)pixels,
        .size = (size_t)columns * rows * 2,
    };

    if (!pixels)
        return 1;
    rendering.rescale_intercept = -1024;
    rendering.has_window = true;
    rendering.window = (TranscodeWindow){40, 400, TRANSCODE_LINEAR};
    bench(name, &native, &rendering);
    return 0;
}

static int bench_file(const char *path, const char *center, const char *width)
{
    TEST_AUTO_STORED TestStored stored = {0};
    PACS_AUTO_BUFFER PacsBuffer bytes = PACS_BUFFER(PACS_MAX_FRAME_BYTES);
    PACS_AUTO_BUFFER PacsBuffer decoded = PACS_BUFFER(PACS_MAX_FRAME_BYTES);
    TranscodeRendering rendering = TRANSCODE_RENDERING_PLAIN;
    TranscodeFrame frame, native;
    PacsError err = {0};

    PacsStatus status = test_stored_open(path, &stored, &err);
    if (status == PACS_OK)
        status = test_stored_frame(&stored, 1, &bytes, &frame, &err);
    if (status == PACS_OK)
        status = test_stored_decode(&frame, &decoded, &native, &err);
    if (status != PACS_OK) {
        (void)fprintf(stderr, "%s: %s\n", path, err.text);
        return 1;
    }
    rendering.has_window = center && width;
    if (rendering.has_window)
        rendering.window = (TranscodeWindow){strtod(center, NULL), strtod(width, NULL), TRANSCODE_LINEAR};
    bench(path, &native, &rendering);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc > 1)
        return bench_file(argv[1], argc > 3 ? argv[2] : NULL, argc > 3 ? argv[3] : NULL);
    return bench_made("CT", 512, 512, 20) + bench_made("DX", 2500, 3000, 64);
}
