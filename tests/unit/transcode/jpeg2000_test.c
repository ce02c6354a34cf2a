#include "transcode/jpeg2000.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openjpeg.h>

#include "pacs/dicom/uid.h"
#include "pacs/util/limits.h"
#include "tests/support/frames.h"
#include "transcode/codec.h"

/* ---- Codestreams as others write them: samples count up from 0 in each component ---- */

typedef struct Foreign {
    uint32_t rows, columns, components, precision;
    bool is_signed;
    uint32_t subsampling; /* of all components but the first; 0: none */
    uint32_t tile;        /* rows and columns; 0: one */
    uint32_t offset;      /* of the image on the grid */
    bool is_irreversible;
    bool has_color_transform;
} Foreign;

typedef struct Codestream {
    uint8_t bytes[1u << 16];
    size_t size;
} Codestream;

static OPJ_SIZE_T write_bytes(void *bytes, OPJ_SIZE_T size, void *context)
{
    Codestream *codestream = context;

    assert_true(size <= sizeof codestream->bytes - codestream->size);
    memcpy(codestream->bytes + codestream->size, bytes, size);
    codestream->size += size;
    return size;
}

static int32_t sample_of(const Foreign *foreign, size_t index)
{
    const int32_t bottom = foreign->is_signed ? -(1 << (foreign->precision - 1)) : 0;

    return bottom + (int32_t)(index % (1u << foreign->precision));
}

static opj_image_t *foreign_image(const Foreign *foreign)
{
    opj_image_cmptparm_t parameters[4] = {0};

    for (uint32_t i = 0; i < foreign->components; i++) {
        const uint32_t step = i > 0 && foreign->subsampling ? foreign->subsampling : 1;
        parameters[i] = (opj_image_cmptparm_t){.dx = step,
                                               .dy = step,
                                               .w = (foreign->columns + step - 1) / step,
                                               .h = (foreign->rows + step - 1) / step,
                                               .prec = foreign->precision,
                                               .sgnd = foreign->is_signed};
    }
    opj_image_t *image = opj_image_create(foreign->components, parameters, OPJ_CLRSPC_UNSPECIFIED);
    assert_non_null(image);
    image->x0 = image->y0 = foreign->offset;
    image->x1 = foreign->offset + foreign->columns;
    image->y1 = foreign->offset + foreign->rows;
    for (uint32_t i = 0; i < foreign->components; i++)
        for (size_t j = 0; j < (size_t)image->comps[i].w * image->comps[i].h; j++)
            image->comps[i].data[j] = sample_of(foreign, j);
    return image;
}

static void write_foreign(const Foreign *foreign, Codestream *ret_codestream)
{
    opj_codec_t *codec = opj_create_compress(OPJ_CODEC_J2K);
    opj_stream_t *stream = opj_stream_create(1u << 16, OPJ_FALSE);
    opj_image_t *image = foreign_image(foreign);
    opj_cparameters_t parameters;

    ret_codestream->size = 0;
    opj_set_default_encoder_parameters(&parameters);
    parameters.tcp_numlayers = 1;
    parameters.cp_disto_alloc = 1;
    parameters.numresolution = 3;
    parameters.irreversible = foreign->is_irreversible;
    parameters.tcp_mct = foreign->has_color_transform;
    parameters.tile_size_on = foreign->tile > 0;
    parameters.cp_tdx = parameters.cp_tdy = (int)foreign->tile;
    opj_stream_set_write_function(stream, write_bytes);
    opj_stream_set_user_data(stream, ret_codestream, NULL);
    assert_true(opj_setup_encoder(codec, &parameters, image));
    assert_true(opj_start_compress(codec, image, stream));
    assert_true(opj_encode(codec, stream));
    assert_true(opj_end_compress(codec, stream));
    opj_stream_destroy(stream);
    opj_destroy_codec(codec);
    opj_image_destroy(image);
}

/* ---- What comes of them ---- */

static PacsStatus decode(const Codestream *codestream, const TranscodeLayout *layout, uint8_t *out,
                         PacsError *err)
{
    const TranscodeFrame frame = {PACS_UID_JPEG_2000, *layout, codestream->bytes, codestream->size};
    size_t size = 0;

    assert_int_equal(transcode_layout_size(layout, &size, NULL), PACS_OK);
    return transcode_decode(&frame, layout, out, size, err);
}

static void assert_decodes(const Foreign *foreign, const TranscodeLayout *layout)
{
    Codestream codestream;
    PacsError err = {0};
    size_t size = 0;
    PACS_AUTO_FREE uint8_t *out = test_frame(layout, TEST_NOISE, &size);

    write_foreign(foreign, &codestream);
    if (decode(&codestream, layout, out, &err) != PACS_OK)
        fail_msg("%s", err.text);
    for (uint32_t row = 0; row < foreign->rows; row++)
        for (uint32_t column = 0; column < foreign->columns; column++)
            for (uint32_t i = 0; i < layout->samples_per_pixel; i++) {
                const uint32_t step = i > 0 && foreign->subsampling ? foreign->subsampling : 1;
                const size_t from = (size_t)(row / step) * ((foreign->columns + step - 1) / step) +
                                    column / step;
                const size_t to = ((size_t)row * foreign->columns + column) * layout->samples_per_pixel + i;
                const uint32_t mask = (1u << layout->bits_stored) - 1;
                assert_int_equal((uint32_t)test_sample(layout, out, to) & mask,
                                 (uint32_t)sample_of(foreign, from) & mask);
            }
}

static void signs_are_the_attributes(void **state)
{
    (void)state;
    const Foreign with_sign = {
        .rows = 30, .columns = 41, .components = 1, .precision = 12, .is_signed = true};
    const Foreign without = {.rows = 30, .columns = 41, .components = 1, .precision = 12};
    const TranscodeLayout is_signed = test_layout(30, 41, 1, 16, 12, true);
    const TranscodeLayout is_unsigned = test_layout(30, 41, 1, 16, 12, false);

    assert_decodes(&with_sign, &is_unsigned);
    assert_decodes(&without, &is_signed);
    assert_decodes(&with_sign, &is_signed);
}

static void unused_bits_are_the_sign_whatever_the_codestream_said(void **state)
{
    (void)state;
    const Foreign foreign = {.rows = 4, .columns = 1024, .components = 1, .precision = 12};
    const TranscodeLayout layout = test_layout(4, 1024, 1, 16, 12, true);
    static Codestream codestream;
    uint8_t out[4096 * 2];

    write_foreign(&foreign, &codestream);
    assert_int_equal(decode(&codestream, &layout, out, NULL), PACS_OK);
    assert_memory_equal(out + 4095 * 2, "\xFF\xFF", 2); /* -1 */
    assert_memory_equal(out + 2048 * 2, "\x00\xF8", 2); /* -2048 */
}

static void a_codestream_of_other_precision_keeps_its_values(void **state)
{
    (void)state;
    const Foreign wider = {.rows = 9, .columns = 50, .components = 1, .precision = 16};
    const Foreign narrower = {.rows = 9, .columns = 50, .components = 1, .precision = 10};
    const TranscodeLayout layout = test_layout(9, 50, 1, 16, 12, false);
    const TranscodeLayout in_bytes = test_layout(9, 50, 1, 8, 8, false);
    Codestream codestream;
    PacsError err = {0};
    uint8_t out[9 * 50];

    assert_decodes(&wider, &layout);
    assert_decodes(&narrower, &layout);
    write_foreign(&narrower, &codestream);
    assert_int_equal(decode(&codestream, &in_bytes, out, &err), PACS_INVALID);
    assert_non_null(strstr(err.text, "10 bits"));
}

static void tiles_are_put_together(void **state)
{
    (void)state;
    Foreign foreign = {.rows = 70, .columns = 53, .components = 3, .precision = 8, .tile = 16};
    const TranscodeLayout layout = test_layout(70, 53, 3, 8, 8, false);

    assert_decodes(&foreign, &layout);
    foreign.has_color_transform = true;
    assert_decodes(&foreign, &layout);
}

static void subsampled_components_fill_their_blocks(void **state)
{
    (void)state;
    const Foreign foreign = {.rows = 31, .columns = 45, .components = 3, .precision = 8, .subsampling = 2};
    TranscodeLayout layout = test_layout(31, 45, 3, 8, 8, false);

    layout.photometric = TRANSCODE_YBR_FULL;
    assert_decodes(&foreign, &layout);
}

static void an_image_may_begin_anywhere_on_the_grid(void **state)
{
    (void)state;
    const Foreign foreign = {.rows = 20, .columns = 33, .components = 1, .precision = 8, .offset = 7};
    const TranscodeLayout layout = test_layout(20, 33, 1, 8, 8, false);

    assert_decodes(&foreign, &layout);
}

static void opacity_is_left_out(void **state)
{
    (void)state;
    const Foreign foreign = {.rows = 20, .columns = 33, .components = 4, .precision = 8};
    const TranscodeLayout layout = test_layout(20, 33, 3, 8, 8, false);

    assert_decodes(&foreign, &layout);
}

static void samples_of_32_bits_hold_16(void **state)
{
    (void)state;
    const Foreign foreign = {.rows = 20, .columns = 33, .components = 1, .precision = 16, .is_signed = true};
    TranscodeLayout layout = test_layout(20, 33, 1, 16, 16, true);

    layout.bits_allocated = 32;
    assert_decodes(&foreign, &layout);
}

static void boxes_around_a_codestream_do_not_matter(void **state)
{
    (void)state;
    static const uint8_t boxes[] = {0,    0,    0, 12, 'j', 'P', ' ', ' ', 0x0D, 0x0A,
                                    0x87, 0x0A, 0, 0,  0,   0,   'j', 'p', '2',  'c'};
    const Foreign foreign = {.rows = 5, .columns = 6, .components = 1, .precision = 8};
    const TranscodeLayout layout = test_layout(5, 6, 1, 8, 8, false);
    Codestream codestream;
    uint8_t out[30];

    write_foreign(&foreign, &codestream);
    memmove(codestream.bytes + sizeof boxes, codestream.bytes, codestream.size);
    memcpy(codestream.bytes, boxes, sizeof boxes);
    codestream.size += sizeof boxes;
    assert_int_equal(decode(&codestream, &layout, out, NULL), PACS_OK);
    assert_int_equal(out[29], 29);
}

/* ---- What is refused, before anything is allocated ---- */

#define SIZ_XTSIZ 24 /* where the tile's width begins in a codestream */
#define SIZ_DX 43    /* of the first component */

static void put_u32(uint8_t *bytes, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        bytes[i] = (uint8_t)(value >> (24 - 8 * i));
}

static void headers_that_ask_for_too_much_are_refused(void **state)
{
    (void)state;
    const Foreign foreign = {.rows = 500, .columns = 500, .components = 1, .precision = 8};
    const TranscodeLayout layout = test_layout(500, 500, 1, 8, 8, false);
    Codestream codestream;
    PacsError err = {0};
    size_t size = 0;
    PACS_AUTO_FREE uint8_t *out = test_frame(&layout, TEST_NOISE, &size);

    write_foreign(&foreign, &codestream);
    put_u32(codestream.bytes + SIZ_XTSIZ, 1);
    put_u32(codestream.bytes + SIZ_XTSIZ + 4, 1);
    assert_int_equal(decode(&codestream, &layout, out, &err), PACS_TOO_LARGE);
    assert_non_null(strstr(err.text, "250000 JPEG 2000 tiles"));
    put_u32(codestream.bytes + SIZ_XTSIZ, 0);
    assert_int_equal(decode(&codestream, &layout, out, &err), PACS_INVALID);
    put_u32(codestream.bytes + SIZ_XTSIZ, 500);
    put_u32(codestream.bytes + SIZ_XTSIZ + 4, 500);
    codestream.bytes[SIZ_DX] = 0;
    assert_int_equal(decode(&codestream, &layout, out, &err), PACS_INVALID);
}

static void what_is_cut_off_anywhere_is_invalid(void **state)
{
    (void)state;
    const Foreign foreign = {.rows = 40, .columns = 40, .components = 1, .precision = 8};
    const TranscodeLayout layout = test_layout(40, 40, 1, 8, 8, false);
    Codestream codestream;
    uint8_t out[1600];

    write_foreign(&foreign, &codestream);
    const size_t whole = codestream.size;
    for (codestream.size = 0; codestream.size < whole - 2; codestream.size++)
        assert_int_not_equal(decode(&codestream, &layout, out, NULL), PACS_OK);
}

static void a_volume_in_one_codestream_is_unsupported(void **state)
{
    (void)state;
    const Foreign foreign = {.rows = 8, .columns = 8, .components = 4, .precision = 8};
    const TranscodeLayout layout = test_layout(8, 8, 1, 8, 8, false);
    Codestream codestream;
    uint8_t out[64];

    write_foreign(&foreign, &codestream);
    assert_int_equal(decode(&codestream, &layout, out, NULL), PACS_INVALID);
    const TranscodeFrame frame = {"1.2.840.10008.1.2.4.92", layout, codestream.bytes, codestream.size};
    assert_int_equal(transcode_decode(&frame, &layout, out, sizeof out, NULL), PACS_UNSUPPORTED);
}

static void htj2k_that_is_plain_jpeg_2000_is_decoded_as_what_it_is(void **state)
{
    (void)state;
    const Foreign foreign = {.rows = 8, .columns = 8, .components = 1, .precision = 8};
    const TranscodeLayout layout = test_layout(8, 8, 1, 8, 8, false);
    Codestream codestream;
    uint8_t out[64];

    write_foreign(&foreign, &codestream);
    const TranscodeFrame frame = {PACS_UID_HTJ2K_LOSSLESS, layout, codestream.bytes, codestream.size};
    assert_int_equal(transcode_decode(&frame, &layout, out, sizeof out, NULL), PACS_OK);
    assert_int_equal(out[63], 63);
}

/* ---- Quality ---- */

static double psnr(const TranscodeTarget *target, const TranscodeLayout *layout, int32_t range,
                   size_t *ret_size)
{
    PACS_AUTO_BUFFER PacsBuffer codestream = PACS_BUFFER(16u << 20);
    size_t size = 0;
    double sum = 0;
    PACS_AUTO_FREE uint8_t *native = test_frame(layout, TEST_SMOOTH, &size);
    PACS_AUTO_FREE uint8_t *decoded = malloc(size);

    (void)test_round_trip(target, layout, native, &codestream);
    const TranscodeFrame frame = {target->transfer_syntax_uid, *layout, codestream.bytes, codestream.size};
    assert_int_equal(transcode_decode(&frame, layout, decoded, size, NULL), PACS_OK);
    const size_t count = size / (layout->bits_allocated / 8u);
    for (size_t i = 0; i < count; i++)
        sum += pow(test_sample(layout, native, i) - test_sample(layout, decoded, i), 2);
    *ret_size = codestream.size;
    return 10 * log10(pow(range, 2) / (sum / (double)count));
}

static void quality_is_a_signal_to_noise_ratio_over_the_values_there_are(void **state)
{
    (void)state;
    static const char *const uids[] = {PACS_UID_JPEG_2000, PACS_UID_HTJ2K};

    for (size_t i = 0; i < 2; i++)
        for (uint16_t allocated = 8; allocated <= 16; allocated += 8) {
            size_t last = 0;
            const TranscodeLayout layout = test_layout(256, 256, 1, allocated, 8, false);
            for (uint32_t quality = 20; quality <= 100; quality += 40) {
                const TranscodeTarget target = {.transfer_syntax_uid = uids[i], .quality = quality};
                size_t size = 0;
                const double ratio = psnr(&target, &layout, 255, &size);
                if (ratio < transcode_jpeg2000_psnr(&target) - 3)
                    fail_msg("%s, quality %u: %.1f dB", uids[i], quality, ratio);
                assert_true(size > last);
                last = size;
            }
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signs_are_the_attributes),
        cmocka_unit_test(unused_bits_are_the_sign_whatever_the_codestream_said),
        cmocka_unit_test(a_codestream_of_other_precision_keeps_its_values),
        cmocka_unit_test(tiles_are_put_together),
        cmocka_unit_test(subsampled_components_fill_their_blocks),
        cmocka_unit_test(an_image_may_begin_anywhere_on_the_grid),
        cmocka_unit_test(opacity_is_left_out),
        cmocka_unit_test(samples_of_32_bits_hold_16),
        cmocka_unit_test(boxes_around_a_codestream_do_not_matter),
        cmocka_unit_test(headers_that_ask_for_too_much_are_refused),
        cmocka_unit_test(what_is_cut_off_anywhere_is_invalid),
        cmocka_unit_test(a_volume_in_one_codestream_is_unsupported),
        cmocka_unit_test(htj2k_that_is_plain_jpeg_2000_is_decoded_as_what_it_is),
        cmocka_unit_test(quality_is_a_signal_to_noise_ratio_over_the_values_there_are),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
