#include <openjpeg.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "pacs/dicom/uid.h"
#include "transcode/codec_backend.h"
#include "transcode/jpeg2000.h"
#include "transcode/samples.h"

/** JPEG 2000 by OpenJPEG, Part 2 as far as it reads it. Bare codestreams: boxes are left to transcode_jpeg2000_read(). */

#define STREAM_BUFFER (64u << 10)

static void free_codec(opj_codec_t **codec)
{
    if (*codec)
        opj_destroy_codec(*codec);
}

static void free_stream(opj_stream_t **stream)
{
    if (*stream)
        opj_stream_destroy(*stream);
}

static void free_image(opj_image_t **image)
{
    opj_image_destroy(*image);
}

#define AUTO_CODEC __attribute__((cleanup(free_codec))) opj_codec_t *
#define AUTO_STREAM __attribute__((cleanup(free_stream))) opj_stream_t *
#define AUTO_IMAGE __attribute__((cleanup(free_image))) opj_image_t *

/* ---- What OpenJPEG has to say: the first error is the cause ---- */

typedef struct Words {
    char text[160];
} Words;

static void keep_first_error(const char *message, void *context)
{
    Words *words = context;

    if (words->text[0] == '\0') {
        strncpy(words->text, message, sizeof words->text - 1);
        words->text[strcspn(words->text, "\r\n")] = '\0';
    }
}

static void ignore(const char *message, void *context)
{
    (void)message;
    (void)context;
}

static void listen(opj_codec_t *codec, Words *words)
{
    opj_set_error_handler(codec, keep_first_error, words);
    opj_set_warning_handler(codec, ignore, NULL);
    opj_set_info_handler(codec, ignore, NULL);
}

static PacsStatus fail(PacsError *err, PacsStatus status, const Words *words)
{
    return pacs_fail(err, status, "JPEG 2000: %s",
                     words->text[0] ? words->text : "OpenJPEG does not say why");
}

/* ---- Memory as a stream ---- */

typedef struct Input {
    const uint8_t *bytes;
    size_t size;
    size_t at;
} Input;

static OPJ_SIZE_T read_input(void *to, OPJ_SIZE_T wanted, void *context)
{
    Input *input = context;
    const size_t left = input->size - input->at;
    const size_t count = wanted < left ? wanted : left;

    if (count == 0)
        return (OPJ_SIZE_T)-1; /* the end */
    memcpy(to, input->bytes + input->at, count);
    input->at += count;
    return count;
}

static OPJ_OFF_T skip_input(OPJ_OFF_T count, void *context)
{
    Input *input = context;
    const size_t left = input->size - input->at;

    if (count < 0)
        return -1;
    const size_t skipped = (uint64_t)count < left ? (size_t)count : left;
    input->at += skipped;
    return (OPJ_OFF_T)skipped;
}

static OPJ_BOOL seek_input(OPJ_OFF_T at, void *context)
{
    Input *input = context;

    if (at < 0 || (uint64_t)at > input->size)
        return OPJ_FALSE;
    input->at = (size_t)at;
    return OPJ_TRUE;
}

static opj_stream_t *open_input(Input *input)
{
    opj_stream_t *stream = opj_stream_create(STREAM_BUFFER, OPJ_TRUE);

    if (!stream)
        return NULL;
    opj_stream_set_read_function(stream, read_input);
    opj_stream_set_skip_function(stream, skip_input);
    opj_stream_set_seek_function(stream, seek_input);
    opj_stream_set_user_data(stream, input, NULL);
    opj_stream_set_user_data_length(stream, input->size);
    return stream;
}

/* Written from one end to the other: OpenJPEG goes back only for markers we do not ask for. */
static OPJ_SIZE_T write_output(void *bytes, OPJ_SIZE_T size, void *context)
{
    return pacs_buffer_add(context, bytes, size) ? size : (OPJ_SIZE_T)-1;
}

static opj_stream_t *open_output(PacsBuffer *out)
{
    opj_stream_t *stream = opj_stream_create(STREAM_BUFFER, OPJ_FALSE);

    if (!stream)
        return NULL;
    opj_stream_set_write_function(stream, write_output);
    opj_stream_set_user_data(stream, out, NULL);
    return stream;
}

/* ---- Decode ---- */

/* All samples of a component, as the header promised them. */
static PacsStatus put_component(const TranscodeJpeg2000 *header, const TranscodeLayout *native,
                                const opj_image_t *image, uint32_t component, uint8_t *out, PacsError *err)
{
    const TranscodeJpeg2000Component *promised = &header->components[component];
    const opj_image_comp_t *decoded = &image->comps[component];

    if (component >= image->numcomps || !decoded->data || decoded->w != promised->columns ||
        decoded->h != promised->rows || decoded->prec != promised->precision)
        return pacs_fail(err, PACS_INVALID,
                         "component %u of the JPEG 2000 codestream is not what its header says", component);
    for (uint32_t line = 0; line < decoded->h; line++)
        transcode_jpeg2000_put_line(header, native, component, line,
                                    decoded->data + (size_t)line * decoded->w, out);
    return PACS_OK;
}

static PacsStatus decode_image(const TranscodeJpeg2000 *header, opj_image_t **ret_image, PacsError *err)
{
    Input input = {header->bytes, header->size, 0};
    Words words = {0};
    AUTO_CODEC codec = opj_create_decompress(OPJ_CODEC_J2K);
    AUTO_STREAM stream = open_input(&input);
    AUTO_IMAGE image = NULL;
    opj_dparameters_t parameters;

    if (!codec || !stream)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for a JPEG 2000 decoder");
    listen(codec, &words);
    opj_set_default_decoder_parameters(&parameters);
    if (!opj_setup_decoder(codec, &parameters) || !opj_codec_set_threads(codec, 0) ||
        !opj_read_header(stream, codec, &image) || !opj_decode(codec, stream, image) ||
        !opj_end_decompress(codec, stream))
        return fail(err, PACS_INVALID, &words);
    *ret_image = PACS_STEAL(image);
    return PACS_OK;
}

static PacsStatus decode(const TranscodeFrame *frame, const TranscodeLayout *native, uint8_t *out,
                         size_t out_size, PacsError *err)
{
    TranscodeJpeg2000 header;
    AUTO_IMAGE image = NULL;

    (void)out_size;
    PacsStatus status = transcode_jpeg2000_read(frame, native, &header, err);
    if (status == PACS_OK)
        status = decode_image(&header, &image, err);
    for (uint32_t i = 0; status == PACS_OK && i < native->samples_per_pixel; i++)
        status = put_component(&header, native, image, i, out, err);
    return status;
}

/* ---- Encode ---- */

static bool is_lossless(const char *transfer_syntax_uid)
{
    return strcmp(transfer_syntax_uid, PACS_UID_JPEG_2000_LOSSLESS) == 0;
}

static bool can_encode(const char *transfer_syntax_uid, const TranscodeLayout *layout)
{
    (void)transfer_syntax_uid;
    return layout->bits_allocated == 8 || layout->bits_allocated == 16;
}

static opj_image_t *make_image(const TranscodeFrame *native, uint32_t precision)
{
    const TranscodeLayout *layout = &native->layout;
    const size_t width = transcode_sample_size(layout);
    opj_image_cmptparm_t components[4] = {0};

    for (uint32_t i = 0; i < layout->samples_per_pixel; i++)
        components[i] = (opj_image_cmptparm_t){
            .dx = 1,
            .dy = 1,
            .w = layout->columns,
            .h = layout->rows,
            .prec = precision,
            .sgnd = layout->is_signed,
        };
    opj_image_t *image = opj_image_create(layout->samples_per_pixel, components, OPJ_CLRSPC_UNSPECIFIED);
    if (!image)
        return NULL;
    image->x1 = layout->columns;
    image->y1 = layout->rows;
    for (uint32_t i = 0; i < layout->samples_per_pixel; i++)
        transcode_samples_to_ints(layout, native->bytes + i * width, (size_t)layout->columns * layout->rows,
                                  image->comps[i].data);
    return image;
}

/* OpenJPEG counts from the full range of the precision, we from the values that are there. */
static float peak_ratio(const TranscodeFrame *native, const TranscodeTarget *target, uint32_t precision)
{
    const double range = transcode_jpeg2000_range(native);

    return (float)(transcode_jpeg2000_psnr(target) + 20 * log10((ldexp(1, (int)precision) - 1) / range));
}

/* OpenJPEG asks for at least one row and column in the lowest resolution of both, however long the other one is. */
static uint32_t decompositions(const TranscodeLayout *layout)
{
    const uint32_t shortest = layout->rows < layout->columns ? layout->rows : layout->columns;
    uint32_t count = transcode_jpeg2000_decompositions(layout);

    while (shortest >> count == 0)
        count--;
    return count;
}

static void choose(const TranscodeFrame *native, const TranscodeTarget *target, const TranscodeLayout *as,
                   uint32_t precision, opj_cparameters_t *parameters)
{
    opj_set_default_encoder_parameters(parameters);
    parameters->tcp_numlayers = 1;
    parameters->numresolution = (int)decompositions(&native->layout) + 1;
    if (as->photometric == TRANSCODE_YBR_RCT || as->photometric == TRANSCODE_YBR_ICT)
        parameters->tcp_mct = 1;
    if (is_lossless(target->transfer_syntax_uid)) {
        parameters->cp_disto_alloc = 1; /* with a rate of 0: everything */
        return;
    }
    parameters->irreversible = 1;
    parameters->cp_fixed_quality = 1;
    parameters->tcp_distoratio[0] = peak_ratio(native, target, precision);
}

static PacsStatus encode(const TranscodeFrame *native, const TranscodeTarget *target,
                         const TranscodeLayout *as, PacsBuffer *out, PacsError *err)
{
    const uint32_t precision = transcode_samples_precision(&native->layout, native->bytes, native->size);
    opj_cparameters_t parameters;
    Words words = {0};
    AUTO_CODEC codec = opj_create_compress(OPJ_CODEC_J2K);
    AUTO_STREAM stream = open_output(out);
    AUTO_IMAGE image = make_image(native, precision);

    if (!codec || !stream || !image)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory to encode a frame of %zu bytes", native->size);
    listen(codec, &words);
    choose(native, target, as, precision, &parameters);
    if (!opj_setup_encoder(codec, &parameters, image) || !opj_start_compress(codec, image, stream) ||
        !opj_encode(codec, stream) || !opj_end_compress(codec, stream)) {
        PacsStatus status = pacs_buffer_check(out, err);
        return status != PACS_OK ? status : fail(err, PACS_INTERNAL, &words);
    }
    return pacs_buffer_check(out, err);
}

static const char *const decodes[] = {
    PACS_UID_JPEG_2000_LOSSLESS,
    PACS_UID_JPEG_2000,
    "1.2.840.10008.1.2.4.92", /* Part 2 multi-component */
    "1.2.840.10008.1.2.4.93",
    PACS_UID_HTJ2K_LOSSLESS, /* what OpenJPH does not take */
    PACS_UID_HTJ2K_LOSSLESS_RPCL,
    PACS_UID_HTJ2K,
    NULL,
};
static const char *const encodes[] = {PACS_UID_JPEG_2000_LOSSLESS, PACS_UID_JPEG_2000, NULL};

const TranscodeCodec transcode_codec_openjpeg = {
    .name = "openjpeg",
    .decodes = decodes,
    .encodes = encodes,
    .decode = decode,
    .can_encode = can_encode,
    .encode = encode,
};
