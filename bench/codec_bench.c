#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <charls/charls.h>
#include <jpeglib.h>
#include <libdeflate.h>
#include <openjpeg.h>

#include "pacs/bridge/dcmtk_jpeg.h"
#include "pacs/bridge/openjph.h"
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

static bool charls_encode(const TranscodeFrame *native, PacsBuffer *out)
{
    const TranscodeLayout *layout = &native->layout;
    const charls_frame_info info = {layout->columns, layout->rows, layout->bits_stored,
                                    layout->samples_per_pixel};
    charls_jpegls_encoder *encoder = charls_jpegls_encoder_create();
    size_t room = 0;
    bool is_done = !layout->is_planar && (layout->bits_stored + 7) / 8 * 8 == layout->bits_allocated &&
                   charls_jpegls_encoder_set_frame_info(encoder, &info) == CHARLS_JPEGLS_ERRC_SUCCESS &&
                   (layout->samples_per_pixel == 1 ||
                    charls_jpegls_encoder_set_interleave_mode(encoder, CHARLS_INTERLEAVE_MODE_SAMPLE) ==
                        CHARLS_JPEGLS_ERRC_SUCCESS) &&
                   charls_jpegls_encoder_get_estimated_destination_size(encoder, &room) ==
                       CHARLS_JPEGLS_ERRC_SUCCESS &&
                   pacs_buffer_reserve(out, room, NULL) == PACS_OK &&
                   charls_jpegls_encoder_set_destination_buffer(encoder, out->bytes, room) ==
                       CHARLS_JPEGLS_ERRC_SUCCESS &&
                   charls_jpegls_encoder_encode_from_buffer(encoder, native->bytes, native->size, 0) ==
                       CHARLS_JPEGLS_ERRC_SUCCESS &&
                   charls_jpegls_encoder_get_bytes_written(encoder, &out->size) == CHARLS_JPEGLS_ERRC_SUCCESS;

    charls_jpegls_encoder_destroy(encoder);
    return is_done;
}

static bool charls_decode(const PacsBuffer *encoded, const TranscodeFrame *native, uint8_t *out)
{
    charls_jpegls_decoder *decoder = charls_jpegls_decoder_create();
    const bool is_done = charls_jpegls_decoder_set_source_buffer(decoder, encoded->bytes, encoded->size) ==
                             CHARLS_JPEGLS_ERRC_SUCCESS &&
                         charls_jpegls_decoder_read_header(decoder) == CHARLS_JPEGLS_ERRC_SUCCESS &&
                         charls_jpegls_decoder_decode_to_buffer(decoder, out, native->size, 0) ==
                             CHARLS_JPEGLS_ERRC_SUCCESS;

    charls_jpegls_decoder_destroy(decoder);
    return is_done;
}

/* OpenJPEG: to and from its planes of integers only, grey of 16 bits; what becomes of them is not its own. */

typedef struct Memory {
    uint8_t *bytes;
    size_t size, at;
} Memory;

static OPJ_SIZE_T read_memory(void *to, OPJ_SIZE_T wanted, void *context)
{
    Memory *memory = context;
    const size_t count = wanted < memory->size - memory->at ? wanted : memory->size - memory->at;

    memcpy(to, memory->bytes + memory->at, count);
    memory->at += count;
    return count > 0 ? count : (OPJ_SIZE_T)-1;
}

static OPJ_SIZE_T write_memory(void *bytes, OPJ_SIZE_T size, void *context)
{
    return pacs_buffer_add(context, bytes, size) ? size : (OPJ_SIZE_T)-1;
}

static opj_stream_t *open_memory(void *context, bool is_input)
{
    opj_stream_t *stream = opj_stream_default_create(is_input);

    opj_stream_set_read_function(stream, read_memory);
    opj_stream_set_write_function(stream, write_memory);
    opj_stream_set_user_data(stream, context, NULL);
    if (is_input)
        opj_stream_set_user_data_length(stream, ((Memory *)context)->size);
    return stream;
}

static bool openjpeg_encode(const TranscodeFrame *native, PacsBuffer *out)
{
    const TranscodeLayout *layout = &native->layout;
    opj_image_cmptparm_t component = {.dx = 1,
                                      .dy = 1,
                                      .w = layout->columns,
                                      .h = layout->rows,
                                      .prec = layout->bits_stored,
                                      .sgnd = layout->is_signed};
    opj_cparameters_t parameters;

    if (layout->samples_per_pixel != 1 || layout->bits_allocated != 16)
        return false;
    opj_codec_t *codec = opj_create_compress(OPJ_CODEC_J2K);
    opj_stream_t *stream = open_memory(out, false);
    opj_image_t *image = opj_image_create(1, &component, OPJ_CLRSPC_GRAY);
    image->x1 = layout->columns;
    image->y1 = layout->rows;
    for (size_t i = 0; i < native->size / 2; i++)
        image->comps[0].data[i] = layout->is_signed ? ((const int16_t *)(const void *)native->bytes)[i]
                                                    : ((const uint16_t *)(const void *)native->bytes)[i];
    opj_set_default_encoder_parameters(&parameters);
    parameters.tcp_numlayers = 1;
    parameters.cp_disto_alloc = 1;
    const bool is_done = opj_setup_encoder(codec, &parameters, image) &&
                         opj_start_compress(codec, image, stream) && opj_encode(codec, stream) &&
                         opj_end_compress(codec, stream);
    opj_image_destroy(image);
    opj_stream_destroy(stream);
    opj_destroy_codec(codec);
    return is_done;
}

static bool openjpeg_decode(const PacsBuffer *encoded, const TranscodeFrame *native, uint8_t *out)
{
    Memory memory = {encoded->bytes, encoded->size, 0};
    opj_codec_t *codec = opj_create_decompress(OPJ_CODEC_J2K);
    opj_stream_t *stream = open_memory(&memory, true);
    opj_image_t *image = NULL;
    opj_dparameters_t parameters;

    opj_set_default_decoder_parameters(&parameters);
    const bool is_done = native->layout.samples_per_pixel == 1 && native->layout.bits_allocated == 16 &&
                         opj_setup_decoder(codec, &parameters) && opj_read_header(stream, codec, &image) &&
                         opj_decode(codec, stream, image) && opj_end_decompress(codec, stream);
    for (size_t i = 0; is_done && i < native->size / 2; i++)
        ((int16_t *)(void *)out)[i] = (int16_t)image->comps[0].data[i];
    opj_image_destroy(image);
    opj_stream_destroy(stream);
    opj_destroy_codec(codec);
    return is_done;
}

/* OpenJPH behind its cover, as the ijg codecs; grey of 16 bits, in the coding that ours has. */

typedef struct Lines {
    const TranscodeLayout *layout;
    const int16_t *from;
    int16_t *to;
} Lines;

static void read_words(void *context, uint32_t component, uint32_t row, int32_t *values)
{
    const Lines *lines = context;

    (void)component;
    for (uint32_t i = 0; i < lines->layout->columns; i++) {
        const int16_t word = lines->from[(size_t)row * lines->layout->columns + i];
        values[i] = lines->layout->is_signed ? word : (uint16_t)word;
    }
}

static void write_words(void *context, uint32_t component, uint32_t line, int32_t *values, uint32_t count)
{
    const Lines *lines = context;

    (void)component;
    for (uint32_t i = 0; i < count; i++)
        lines->to[(size_t)line * count + i] = (int16_t)values[i];
}

static bool openjph_encode(const TranscodeFrame *native, PacsBuffer *out)
{
    const TranscodeLayout *layout = &native->layout;
    Lines lines = {.layout = layout, .from = (const int16_t *)(const void *)native->bytes};
    const PacsHtj2kImage image = {layout->rows, layout->columns, 1, layout->bits_stored, layout->is_signed};
    const PacsHtj2kCoding coding = {.is_reversible = true,
                                    .decompositions = 5,
                                    .progression = "RPCL",
                                    .read_line = read_words,
                                    .context = &lines};

    return layout->samples_per_pixel == 1 && layout->bits_allocated == 16 &&
           pacs_bridge_htj2k_encode(&image, &coding, out, NULL) == PACS_OK;
}

static bool openjph_decode(const PacsBuffer *encoded, const TranscodeFrame *native, uint8_t *out)
{
    Lines lines = {.layout = &native->layout, .to = (int16_t *)(void *)out};

    return native->layout.samples_per_pixel == 1 && native->layout.bits_allocated == 16 &&
           pacs_bridge_htj2k_decode(encoded->bytes, encoded->size, write_words, &lines, NULL) == PACS_OK;
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
    {PACS_UID_JPEG_LS_LOSSLESS, charls_encode, charls_decode},
    {PACS_UID_JPEG_2000_LOSSLESS, openjpeg_encode, openjpeg_decode},
    {PACS_UID_HTJ2K_LOSSLESS, openjph_encode, openjph_decode},
    {PACS_UID_HTJ2K_LOSSLESS_RPCL, openjph_encode, openjph_decode},
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
