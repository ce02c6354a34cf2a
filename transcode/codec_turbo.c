#include <setjmp.h>
#include <stdio.h> /* in front of jpeglib.h, which forgets it */
#include <stdlib.h>

#include <jpeglib.h>

#include <jerror.h> /* behind jpeglib.h */

#include "pacs/dicom/uid.h"
#include "transcode/codec_backend.h"
#include "transcode/jpeg_header.h"
#include "transcode/samples.h"

/**
 * libjpeg-turbo: lossy JPEG of 8 bits, sequential and progressive, Huffman and arithmetic.
 *
 * The library ends errors by longjmp: each entry has one setjmp, in a function of its own whose state is in a struct, and
 * destroys the library's objects on both ways. Where data are missing or broken the library would go on with grey; a
 * picture that is not what was stored helps nobody, so that is an error too. A missing end marker alone is none.
 */

#define DEFAULT_QUALITY 90
#define MAX_SCANS 200 /* of a progressive image: real ones have 10; each passes over all coefficients */
#define OUTPUT_STEP (64u << 10)

/* ---- Errors ---- */

typedef struct Trap {
    struct jpeg_error_mgr base; /* first: the library hands it back */
    jmp_buf jump;
    bool is_cut_off; /* the library made up an end marker */
    char text[JMSG_LENGTH_MAX];
} Trap;

static _Noreturn void leave(j_common_ptr jpeg)
{
    Trap *trap = (Trap *)jpeg->err;

    trap->base.format_message(jpeg, trap->text);
    longjmp(trap->jump, 1);
}

static void note_warning(j_common_ptr jpeg, int level)
{
    Trap *trap = (Trap *)jpeg->err;

    if (level >= 0)
        return;
    switch (trap->base.msg_code) {
    case JWRN_JPEG_EOF: /* also when it only looked ahead: then all pixels are there */
        trap->is_cut_off = true;
        break;
    case JWRN_HIT_MARKER:
    case JWRN_HUFF_BAD_CODE:
    case JWRN_ARITH_BAD_CODE:
    case JWRN_MUST_RESYNC:
        leave(jpeg);
    default:
        break;
    }
}

static void set_trap(Trap *trap)
{
    jpeg_std_error(&trap->base);
    trap->base.error_exit = leave;
    trap->base.emit_message = note_warning;
}

/* ---- Decode ---- */

typedef struct Decoder {
    struct jpeg_decompress_struct jpeg;
    struct jpeg_progress_mgr progress;
    Trap trap;
    const TranscodeFrame *frame;
    const TranscodeLayout *native;
    bool is_ybr;
    uint8_t *out; /* samples of 8 bits */
} Decoder;

static void count_scans(j_common_ptr jpeg)
{
    const struct jpeg_decompress_struct *decompress = (j_decompress_ptr)jpeg;

    if (decompress->input_scan_number > MAX_SCANS) {
        snprintf(((Trap *)jpeg->err)->text, JMSG_LENGTH_MAX, "more than %d scans", MAX_SCANS);
        longjmp(((Trap *)jpeg->err)->jump, 1);
    }
}

static void choose_colours(Decoder *decoder)
{
    struct jpeg_decompress_struct *jpeg = &decoder->jpeg;

    if (jpeg->num_components != 3)
        return; /* grey stays, YCCK becomes CMYK */
    jpeg->jpeg_color_space = decoder->is_ybr ? JCS_YCbCr : JCS_RGB;
    jpeg->out_color_space = decoder->is_ybr && decoder->native->photometric != TRANSCODE_RGB ? JCS_YCbCr
                                                                                             : JCS_RGB;
}

static void read_rows(Decoder *decoder)
{
    struct jpeg_decompress_struct *jpeg = &decoder->jpeg;
    const size_t stride = (size_t)jpeg->output_width * (unsigned)jpeg->output_components;

    while (jpeg->output_scanline < jpeg->output_height) {
        JSAMPROW rows[8];
        const uint32_t left = jpeg->output_height - jpeg->output_scanline;
        const uint32_t count = left < 8 ? left : 8;

        for (uint32_t i = 0; i < count; i++)
            rows[i] = decoder->out + (jpeg->output_scanline + i) * stride;
        (void)jpeg_read_scanlines(jpeg, rows, count); /* how many came shows in output_scanline */
    }
}

static bool run_decoder(Decoder *decoder)
{
    struct jpeg_decompress_struct *jpeg = &decoder->jpeg;

    if (setjmp(decoder->trap.jump))
        return false;
    jpeg_create_decompress(jpeg);
    decoder->progress.progress_monitor = count_scans;
    jpeg->progress = &decoder->progress;
    jpeg_mem_src(jpeg, decoder->frame->bytes, decoder->frame->size);
    (void)jpeg_read_header(jpeg, TRUE); /* no suspension from memory */
    choose_colours(decoder);
    (void)jpeg_start_decompress(jpeg);
    read_rows(decoder);
    if (decoder->trap.is_cut_off && jpeg_has_multiple_scans(jpeg)) {
        snprintf(decoder->trap.text, sizeof decoder->trap.text, "it is cut off");
        return false;
    }
    return true;
}

static bool takes(const TranscodeFrame *frame)
{
    TranscodeJpegHeader header;

    return transcode_jpeg_header_read(frame->bytes, frame->size, &header, NULL) == PACS_OK &&
           header.process != TRANSCODE_JPEG_LOSSLESS && header.base.precision == 8;
}

static PacsStatus decode(const TranscodeFrame *frame, const TranscodeLayout *native, uint8_t *out,
                         size_t out_size, PacsError *err)
{
    Decoder decoder = {.frame = frame, .native = native, .out = out};
    TranscodeJpegHeader header;

    PacsStatus status = transcode_jpeg_header_read(frame->bytes, frame->size, &header, err);
    if (status == PACS_OK)
        status = transcode_pixels_check(&header.base, native, err);
    if (status != PACS_OK)
        return status;
    if (native->bits_allocated > 16)
        return pacs_fail(err, PACS_UNSUPPORTED, "JPEG of %u bits allocated", native->bits_allocated);
    decoder.is_ybr = transcode_jpeg_is_ybr(&header, frame->layout.photometric);

    set_trap(&decoder.trap);
    decoder.jpeg.err = &decoder.trap.base;
    const bool is_done = run_decoder(&decoder);
    jpeg_destroy_decompress(&decoder.jpeg);
    if (!is_done)
        return pacs_fail(err, PACS_INVALID, "the JPEG cannot be decoded: %s", decoder.trap.text);
    if (native->bits_allocated == 16)
        transcode_pixels_widen(out, out_size / 2);
    if (native->bits_stored < 8)
        transcode_pixels_limit(native, out, out_size);
    if (native->is_signed && native->bits_stored <= 8)
        transcode_samples_extend(native, 8, out, out_size / transcode_sample_size(native));
    return PACS_OK;
}

/* ---- Encode ---- */

typedef struct Encoder {
    struct jpeg_compress_struct jpeg;
    struct jpeg_destination_mgr destination;
    Trap trap;
    const TranscodeLayout *layout;
    const uint8_t *samples; /* of 8 bits, by pixel */
    uint32_t quality;
    PacsBuffer *out;
} Encoder;

static void offer_room(j_compress_ptr jpeg)
{
    Encoder *encoder = jpeg->client_data;

    if (pacs_buffer_reserve(encoder->out, OUTPUT_STEP, NULL) != PACS_OK)
        ERREXIT1(jpeg, JERR_OUT_OF_MEMORY, 0);
    encoder->destination.next_output_byte = encoder->out->bytes + encoder->out->size;
    encoder->destination.free_in_buffer = OUTPUT_STEP;
}

static boolean take_full(j_compress_ptr jpeg)
{
    ((Encoder *)jpeg->client_data)->out->size += OUTPUT_STEP;
    offer_room(jpeg);
    return TRUE;
}

static void take_rest(j_compress_ptr jpeg)
{
    ((Encoder *)jpeg->client_data)->out->size += OUTPUT_STEP - jpeg->dest->free_in_buffer;
}

static void set_parameters(Encoder *encoder)
{
    struct jpeg_compress_struct *jpeg = &encoder->jpeg;
    const TranscodeLayout *layout = encoder->layout;

    jpeg->image_width = layout->columns;
    jpeg->image_height = layout->rows;
    jpeg->input_components = layout->samples_per_pixel;
    jpeg->in_color_space = layout->samples_per_pixel == 1         ? JCS_GRAYSCALE
                           : layout->photometric == TRANSCODE_RGB ? JCS_RGB
                                                                  : JCS_YCbCr;
    jpeg_set_defaults(jpeg);
    jpeg_set_quality(jpeg, (int)encoder->quality, TRUE);
    jpeg->comp_info[0].h_samp_factor = layout->samples_per_pixel == 3 ? 2
                                                                      : 1; /* 4:2:2, as YBR_FULL_422 says */
    jpeg->comp_info[0].v_samp_factor = 1;
}

static bool run_encoder(Encoder *encoder)
{
    struct jpeg_compress_struct *jpeg = &encoder->jpeg;

    if (setjmp(encoder->trap.jump))
        return false;
    jpeg_create_compress(jpeg);
    jpeg->client_data = encoder;
    encoder->destination = (struct jpeg_destination_mgr){
        .init_destination = offer_room, .empty_output_buffer = take_full, .term_destination = take_rest};
    jpeg->dest = &encoder->destination;
    set_parameters(encoder);
    jpeg_start_compress(jpeg, TRUE);
    const size_t stride = (size_t)jpeg->image_width * (unsigned)jpeg->input_components;
    while (jpeg->next_scanline < jpeg->image_height) {
        JSAMPROW row = (JSAMPROW)(encoder->samples + jpeg->next_scanline * stride);

        (void)jpeg_write_scanlines(jpeg, &row, 1);
    }
    jpeg_finish_compress(jpeg);
    return true;
}

static bool can_encode(const char *transfer_syntax_uid, const TranscodeLayout *layout)
{
    (void)transfer_syntax_uid;
    return layout->bits_stored <= 8 && layout->bits_allocated <= 16 && layout->bits_allocated >= 8 &&
           !layout->is_signed && layout->rows <= JPEG_MAX_DIMENSION &&
           layout->columns <= JPEG_MAX_DIMENSION &&
           (layout->samples_per_pixel == 1 || layout->samples_per_pixel == 3);
}

/* 8 bits a sample, the sample lowest. Its own copy only where that is not so already. */
static PacsStatus take_samples(const TranscodeFrame *native, uint8_t **ret_copy, PacsError *err)
{
    const TranscodeLayout *layout = &native->layout;

    if (layout->bits_allocated == 8 && layout->bits_stored == 8)
        return PACS_OK;
    uint8_t *copy = malloc(native->size);
    if (!copy)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for %zu bytes of samples", native->size);
    transcode_pixels_take(layout, native->bytes, native->size, copy);
    if (layout->bits_allocated == 16)
        for (size_t i = 0; i < native->size / 2; i++)
            copy[i] = copy[2 * i];
    *ret_copy = copy;
    return PACS_OK;
}

static PacsStatus encode(const TranscodeFrame *native, const TranscodeTarget *target,
                         const TranscodeLayout *as, PacsBuffer *out, PacsError *err)
{
    const size_t before = out->size;
    PACS_AUTO_FREE uint8_t *copy = NULL;

    (void)as;
    PacsStatus status = take_samples(native, &copy, err);
    if (status != PACS_OK)
        return status;
    Encoder encoder = {.layout = &native->layout,
                       .samples = copy ? copy : native->bytes,
                       .quality = target->quality ? target->quality : DEFAULT_QUALITY,
                       .out = out};
    set_trap(&encoder.trap);
    encoder.jpeg.err = &encoder.trap.base;
    const bool is_done = run_encoder(&encoder);
    jpeg_destroy_compress(&encoder.jpeg);
    if (!is_done) {
        out->size = before;
        return pacs_fail(err, PACS_TOO_LARGE, "the frame does not become JPEG: %s", encoder.trap.text);
    }
    return PACS_OK;
}

static const char *const decodes[] = {
    PACS_UID_JPEG_BASELINE,
    PACS_UID_JPEG_EXTENDED,
    "1.2.840.10008.1.2.4.52", /* the retired ones: extended, arithmetic */
    "1.2.840.10008.1.2.4.53", /* spectral selection */
    "1.2.840.10008.1.2.4.54", /* spectral selection, arithmetic */
    "1.2.840.10008.1.2.4.55", /* full progression */
    "1.2.840.10008.1.2.4.56", /* full progression, arithmetic */
    NULL,
};
static const char *const encodes[] = {PACS_UID_JPEG_BASELINE, PACS_UID_JPEG_EXTENDED, NULL};

const TranscodeCodec transcode_codec_turbo = {
    .name = "libjpeg-turbo",
    .decodes = decodes,
    .encodes = encodes,
    .takes = takes,
    .decode = decode,
    .can_encode = can_encode,
    .encode = encode,
};
