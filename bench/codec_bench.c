#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>
#include <libdeflate.h>

#include "pacs/bridge/dcmtk_jpeg.h"
#include "pacs/dicom/uid.h"
#include "pacs/util/clock.h"
#include "pacs/util/limits.h"
#include "tests/support/stored_frame.h"

/**
 * What our way to a codec costs beside its library called directly: `codec_bench FILE [ROUNDS [KEYWORD]]`, KEYWORD a
 * part of the transfer syntaxes to measure.
 *
 * The file's first frame is decoded once. Then every round (7) encodes and decodes it in each transfer syntax that takes
 * it, by transcode_encode() and transcode_decode() and by the library, in alternating order, each for 50 ms at least.
 * Printed: frames a second (median of the rounds) of either, and their ratio; "-" where there is no library to call, or
 * the library cannot take the frame as it is.
 *
 * To add a codec: a row in `libraries`.
 */
#define SLICE_NS 50000000u
#define ROUNDS_MAX 101

typedef struct Frame {
    TranscodeFrame native;
    PacsBuffer encoded; /* by us */
    uint8_t *out;       /* room for the native frame */
    PacsBuffer made;    /* room for an encoder */
} Frame;

/* ---- The libraries, with as little around them as they allow. False: it cannot, or it failed. ---- */

static bool deflate_encode(const TranscodeFrame *native, PacsBuffer *out)
{
    struct libdeflate_compressor *deflate = libdeflate_alloc_compressor(6);
    const size_t room = libdeflate_deflate_compress_bound(deflate, native->size);
    bool is_done = pacs_buffer_reserve(out, room, NULL) == PACS_OK;

    if (is_done)
        out->size = libdeflate_deflate_compress(deflate, native->bytes, native->size, out->bytes, room);
    libdeflate_free_compressor(deflate);
    return is_done && out->size > 0;
}

static bool deflate_decode(const PacsBuffer *encoded, const TranscodeFrame *native, uint8_t *out)
{
    struct libdeflate_decompressor *inflate = libdeflate_alloc_decompressor();
    const bool is_done = libdeflate_deflate_decompress(inflate, encoded->bytes, encoded->size, out,
                                                       native->size, NULL) == LIBDEFLATE_SUCCESS;

    libdeflate_free_decompressor(inflate);
    return is_done;
}

static bool turbo_encode(const TranscodeFrame *native, PacsBuffer *out)
{
    struct jpeg_compress_struct jpeg;
    struct jpeg_error_mgr errors;
    unsigned char *bytes = NULL;
    unsigned long size = 0;

    if (native->layout.bits_allocated != 8 || native->layout.is_planar)
        return false;
    jpeg.err = jpeg_std_error(&errors); /* ends the program: fine here */
    jpeg_create_compress(&jpeg);
    jpeg_mem_dest(&jpeg, &bytes, &size);
    jpeg.image_width = native->layout.columns;
    jpeg.image_height = native->layout.rows;
    jpeg.input_components = native->layout.samples_per_pixel;
    jpeg.in_color_space = jpeg.input_components == 1 ? JCS_GRAYSCALE : JCS_RGB;
    jpeg_set_defaults(&jpeg);
    jpeg_set_quality(&jpeg, 90, TRUE);
    jpeg.comp_info[0].h_samp_factor = jpeg.input_components == 1 ? 1 : 2;
    jpeg.comp_info[0].v_samp_factor = 1;
    jpeg_start_compress(&jpeg, TRUE);
    while (jpeg.next_scanline < jpeg.image_height) {
        JSAMPROW row = (JSAMPROW)(uintptr_t)(native->bytes + (size_t)jpeg.next_scanline * jpeg.image_width *
                                                                 (unsigned)jpeg.input_components);
        (void)jpeg_write_scanlines(&jpeg, &row, 1);
    }
    jpeg_finish_compress(&jpeg);
    jpeg_destroy_compress(&jpeg);
    pacs_buffer_add(out, bytes, size);
    free(bytes);
    return true;
}

static bool turbo_decode(const PacsBuffer *encoded, const TranscodeFrame *native, uint8_t *out)
{
    struct jpeg_decompress_struct jpeg;
    struct jpeg_error_mgr errors;

    if (native->layout.bits_allocated != 8)
        return false;
    jpeg.err = jpeg_std_error(&errors);
    jpeg_create_decompress(&jpeg);
    jpeg_mem_src(&jpeg, encoded->bytes, encoded->size);
    (void)jpeg_read_header(&jpeg, TRUE);
    (void)jpeg_start_decompress(&jpeg);
    while (jpeg.output_scanline < jpeg.output_height) {
        JSAMPROW row = out +
                       (size_t)jpeg.output_scanline * jpeg.output_width * (unsigned)jpeg.output_components;
        (void)jpeg_read_scanlines(&jpeg, &row, 1);
    }
    jpeg_destroy_decompress(&jpeg);
    return true;
}

/* Behind the thinnest cover there is: a C++ library cannot be called from here. Samples as they are stored. */
static PacsBridgeJpeg ijg_image(const TranscodeLayout *layout)
{
    return (PacsBridgeJpeg){.rows = (uint16_t)layout->rows,
                            .columns = (uint16_t)layout->columns,
                            .samples_per_pixel = layout->samples_per_pixel,
                            .precision = (uint8_t)layout->bits_allocated};
}

static bool ijg_encode(const TranscodeFrame *native, PacsBuffer *out)
{
    const PacsBridgeJpeg image = ijg_image(&native->layout);
    const PacsBridgeJpegOptions options = {
        .colour = native->layout.samples_per_pixel == 1 ? PACS_BRIDGE_GREY : PACS_BRIDGE_RGB, .predictor = 1};

    return !native->layout.is_planar && image.precision <= 16 &&
           pacs_bridge_jpeg_encode(&image, &options, native->bytes, out, NULL) == PACS_OK;
}

static bool ijg_decode(const PacsBuffer *encoded, const TranscodeFrame *native, uint8_t *out)
{
    PacsBridgeJpeg image = ijg_image(&native->layout);
    size_t size = native->size;

    if (native->layout.bits_allocated == 16 && native->layout.bits_stored <= 12)
        image.precision = 12; /* what our encoder chose, mostly */
    return pacs_bridge_jpeg_decode(encoded->bytes, encoded->size, &image, false, out, size, NULL) == PACS_OK;
}

typedef struct Library {
    const char *uid;
    bool (*encode)(const TranscodeFrame *native, PacsBuffer *out);
    bool (*decode)(const PacsBuffer *encoded, const TranscodeFrame *native, uint8_t *out);
} Library;

static const Library libraries[] = {
    {PACS_UID_DEFLATED_FRAMES, deflate_encode, deflate_decode},
    {PACS_UID_JPEG_BASELINE, turbo_encode, turbo_decode},
    {PACS_UID_JPEG_LOSSLESS_SV1, ijg_encode, ijg_decode},
};

/* ---- Ours ---- */

static bool our_encode(Frame *frame, const char *uid)
{
    const TranscodeTarget target = {.transfer_syntax_uid = uid};

    pacs_buffer_reset(&frame->made);
    return transcode_encode(&frame->native, &target, &frame->made, NULL) == PACS_OK;
}

static bool our_decode(Frame *frame, const TranscodeFrame *encoded, const TranscodeLayout *back)
{
    return transcode_decode(encoded, back, frame->out, frame->native.size, NULL) == PACS_OK;
}

/* ---- Measuring ---- */

typedef struct Job {
    Frame *frame;
    const char *uid;
    const Library *library; /* or NULL */
    TranscodeFrame encoded;
    TranscodeLayout back;
} Job;

typedef enum Kind { OUR_ENCODE, LIBRARY_ENCODE, OUR_DECODE, LIBRARY_DECODE, KIND_COUNT } Kind;

static bool once(const Job *job, Kind kind)
{
    Frame *frame = job->frame;

    switch (kind) {
    case OUR_ENCODE:
        return our_encode(frame, job->uid);
    case OUR_DECODE:
        return our_decode(frame, &job->encoded, &job->back);
    case LIBRARY_ENCODE:
        pacs_buffer_reset(&frame->made);
        return job->library && job->library->encode(&frame->native, &frame->made);
    default:
        return job->library && job->library->decode(&frame->encoded, &frame->native, frame->out);
    }
}

/* Frames a second; 0 where it cannot. */
static double rate(const Job *job, Kind kind)
{
    const uint64_t begin = pacs_monotonic_ns();
    uint64_t now = begin;
    unsigned count = 0;

    do {
        if (!once(job, kind))
            return 0;
        count++;
        now = pacs_monotonic_ns();
    } while (now - begin < SLICE_NS);
    return count * 1e9 / (double)(now - begin);
}

static int by_size(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static void print_pair(double ours, double theirs)
{
    if (theirs > 0)
        (void)printf("  %9.1f %9.1f  %5.2f", ours, theirs, ours / theirs);
    else
        (void)printf("  %9.1f %9s  %5s", ours, "-", "-");
}

static void measure(const Job *job, const char *keyword, unsigned rounds)
{
    double rates[KIND_COUNT][ROUNDS_MAX];

    for (unsigned round = 0; round < rounds; round++)
        for (unsigned i = 0; i < KIND_COUNT; i++) {
            const Kind kind = round % 2 == 0 ? i : KIND_COUNT - 1 - i;
            rates[kind][round] = rate(job, kind);
        }
    for (unsigned i = 0; i < KIND_COUNT; i++)
        qsort(rates[i], rounds, sizeof rates[i][0], by_size);
    (void)printf("%-34.34s %6.1f%%", keyword,
                 100.0 * (double)job->frame->encoded.size / (double)job->frame->native.size);
    print_pair(rates[OUR_ENCODE][rounds / 2], rates[LIBRARY_ENCODE][rounds / 2]);
    print_pair(rates[OUR_DECODE][rounds / 2], rates[LIBRARY_DECODE][rounds / 2]);
    (void)printf("\n");
}

static void measure_syntax(Frame *frame, const PacsUidEntry *entry, unsigned rounds)
{
    const TranscodeTarget target = {.transfer_syntax_uid = entry->uid},
                          native = {.transfer_syntax_uid = PACS_UID_EXPLICIT_LITTLE};
    Job job = {.frame = frame, .uid = entry->uid};
    size_t size = 0;

    pacs_buffer_reset(&frame->encoded);
    if (transcode_encode(&frame->native, &target, &frame->encoded, NULL) != PACS_OK)
        return;
    job.encoded = (TranscodeFrame){entry->uid, frame->native.layout, frame->encoded.bytes,
                                   frame->encoded.size};
    if (transcode_layout_after(PACS_UID_EXPLICIT_LITTLE, &frame->native.layout, &target, &job.encoded.layout,
                               NULL) != PACS_OK ||
        transcode_layout_after(entry->uid, &job.encoded.layout, &native, &job.back, NULL) != PACS_OK ||
        transcode_layout_size(&job.back, &size, NULL) != PACS_OK || size != frame->native.size)
        return;
    for (size_t i = 0; i < sizeof libraries / sizeof *libraries; i++)
        if (strcmp(libraries[i].uid, entry->uid) == 0)
            job.library = &libraries[i];
    measure(&job, entry->keyword, rounds);
}

static PacsStatus run(const char *path, unsigned rounds, const char *keyword, PacsError *err)
{
    TEST_AUTO_STORED TestStored stored = {0};
    PACS_AUTO_BUFFER PacsBuffer bytes = PACS_BUFFER(PACS_MAX_FRAME_BYTES);
    PACS_AUTO_BUFFER PacsBuffer decoded = PACS_BUFFER(PACS_MAX_FRAME_BYTES);
    Frame frame = {.encoded = PACS_BUFFER(PACS_MAX_FRAME_BYTES), .made = PACS_BUFFER(PACS_MAX_FRAME_BYTES)};
    TranscodeFrame first;
    size_t count = 0;
    const PacsUidEntry *entries = pacs_uid_transfer_syntaxes(&count);

    PacsStatus status = test_stored_open(path, &stored, err);
    if (status == PACS_OK)
        status = test_stored_frame(&stored, 1, &bytes, &first, err);
    if (status == PACS_OK)
        status = test_stored_decode(&first, &decoded, &frame.native, err);
    if (status != PACS_OK)
        return status;
    frame.out = malloc(frame.native.size);
    if (!frame.out)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory");
    (void)printf(
        "%u x %u, %u samples of %u bits, %s; frames a second\n%-34s %7s  %9s %9s  %5s  %9s %9s  %5s\n",
        frame.native.layout.columns, frame.native.layout.rows, frame.native.layout.samples_per_pixel,
        frame.native.layout.bits_stored, transcode_photometric_name(frame.native.layout.photometric), "",
        "size", "encode", "library", "ratio", "decode", "library", "ratio");
    for (size_t i = 0; i < count; i++)
        if (strstr(entries[i].keyword, keyword) && entries[i].flags & PACS_UID_ENCAPSULATED)
            measure_syntax(&frame, &entries[i], rounds);
    free(frame.out);
    pacs_buffer_clear(&frame.encoded);
    pacs_buffer_clear(&frame.made);
    return PACS_OK;
}

int main(int argc, char **argv)
{
    PacsError err = {0};
    uint64_t rounds = 7;

    if (argc < 2 || argc > 4 ||
        (argc > 2 && pacs_parse_u64(pacs_slice(argv[2]), ROUNDS_MAX, &rounds, NULL) != PACS_OK) ||
        rounds == 0) {
        (void)fprintf(stderr, "usage: codec_bench FILE [ROUNDS [KEYWORD]]\n");
        return 2;
    }
    if (run(argv[1], (unsigned)rounds, argc > 3 ? argv[3] : "", &err) != PACS_OK) {
        (void)fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    return 0;
}
