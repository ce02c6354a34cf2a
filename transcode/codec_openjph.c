#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "pacs/bridge/openjph.h"
#include "pacs/dicom/uid.h"
#include "transcode/codec_backend.h"
#include "transcode/jpeg2000.h"
#include "transcode/samples.h"

/** HTJ2K by OpenJPH. */

/* ---- Decode ---- */

typedef struct Decoding {
    TranscodeJpeg2000 header;
    const TranscodeLayout *native;
    uint8_t *out;
} Decoding;

static void write_line(void *context, uint32_t component, uint32_t line, int32_t *values, uint32_t count)
{
    Decoding *decoding = context;

    (void)count; /* as the header says: it is the one OpenJPH read */
    transcode_jpeg2000_put_line(&decoding->header, decoding->native, component, line, values, decoding->out);
}

static PacsStatus decode(const TranscodeFrame *frame, const TranscodeLayout *native, uint8_t *out,
                         size_t out_size, PacsError *err)
{
    Decoding decoding = {.native = native, .out = out};

    (void)out_size;
    PacsStatus status = transcode_jpeg2000_read(frame, native, &decoding.header, err);
    if (status == PACS_OK)
        status = transcode_jpeg2000_check_whole(&decoding.header, err);
    if (status != PACS_OK)
        return status;
    return pacs_bridge_htj2k_decode(decoding.header.bytes, decoding.header.size, write_line, &decoding, err);
}

/* ---- Encode ---- */

static bool is_lossless(const char *transfer_syntax_uid)
{
    return strcmp(transfer_syntax_uid, PACS_UID_HTJ2K) != 0;
}

static bool can_encode(const char *transfer_syntax_uid, const TranscodeLayout *layout)
{
    (void)transfer_syntax_uid;
    return layout->bits_allocated == 8 || layout->bits_allocated == 16;
}

typedef struct Encoding {
    const TranscodeFrame *native;
    size_t row_size;
} Encoding;

static void read_line(void *context, uint32_t component, uint32_t row, int32_t *values)
{
    const Encoding *encoding = context;
    const TranscodeLayout *layout = &encoding->native->layout;
    const uint8_t *line = encoding->native->bytes + row * encoding->row_size;

    transcode_samples_to_ints(layout, line + component * transcode_sample_size(layout), layout->columns,
                              values);
}

/* The step of a quantizer, by the full range of the precision, that gives the peak signal-to-noise ratio of this
 * quality over the values that the frame has: noise of a step s is s / sqrt(12), and
 * the wavelet's gains double its power (measured: within 1.5 dB from 45 dB on, better below). */
static float quantization(const TranscodeFrame *native, const TranscodeTarget *target, uint32_t precision)
{
    const double noise = transcode_jpeg2000_range(native) / pow(10, transcode_jpeg2000_psnr(target) / 20);
    const double step = noise * sqrt(6) / ldexp(1, (int)precision);
    return (float)(step < 0.5 ? step : 0.5);
}

#define MARKER_SOT 0x90
#define SOT_SIZE 12

static uint32_t u32(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

/* OpenJPH 0.9 writes no TLM marker segment, which PS3.5 10.18 requires of RPCL: one for the only tile-part, in front of
 * it. `start` is where the codestream begins. */
static PacsStatus insert_tlm(PacsBuffer *out, size_t start, PacsError *err)
{
    uint8_t tlm[] = {0xFF, 0x55, 0, 10, 0, 0x60 /* 16 bits of tile, 32 of length */, 0, 0, 0, 0, 0, 0};
    size_t at = start + 2;

    while (out->size - at > SOT_SIZE && out->bytes[at + 1] != MARKER_SOT)
        at += 2 + ((size_t)out->bytes[at + 2] << 8 | out->bytes[at + 3]);
    if (out->size - at <= SOT_SIZE || u32(out->bytes + at + 6) != out->size - at - 2) /* all but EOC */
        return pacs_fail(err, PACS_INTERNAL, "OpenJPH wrote more than one tile-part");
    memcpy(tlm + 6, out->bytes + at + 4, 6); /* Isot, Psot */
    PacsStatus status = pacs_buffer_reserve(out, sizeof tlm, err);
    if (status != PACS_OK)
        return status;
    memmove(out->bytes + at + sizeof tlm, out->bytes + at, out->size - at);
    memcpy(out->bytes + at, tlm, sizeof tlm);
    out->size += sizeof tlm;
    return PACS_OK;
}

static PacsStatus encode(const TranscodeFrame *native, const TranscodeTarget *target,
                         const TranscodeLayout *as, PacsBuffer *out, PacsError *err)
{
    const TranscodeLayout *layout = &native->layout;
    const char *uid = target->transfer_syntax_uid;
    const size_t start = out->size;
    Encoding encoding = {native,
                         (size_t)layout->columns * layout->samples_per_pixel * transcode_sample_size(layout)};
    const PacsHtj2kImage image = {
        .rows = layout->rows,
        .columns = layout->columns,
        .components = layout->samples_per_pixel,
        .precision = transcode_samples_precision(layout, native->bytes, native->size),
        .is_signed = layout->is_signed,
    };
    const PacsHtj2kCoding coding = {
        .is_reversible = is_lossless(uid),
        .has_color_transform = as->photometric == TRANSCODE_YBR_RCT || as->photometric == TRANSCODE_YBR_ICT,
        .decompositions = transcode_jpeg2000_decompositions(layout),
        .progression = "RPCL",
        .quantization = is_lossless(uid) ? 0 : quantization(native, target, image.precision),
        .read_line = read_line,
        .context = &encoding,
    };

    PacsStatus status = pacs_bridge_htj2k_encode(&image, &coding, out, err);
    if (status == PACS_OK && strcmp(uid, PACS_UID_HTJ2K_LOSSLESS_RPCL) == 0)
        status = insert_tlm(out, start, err);
    return status;
}

static const char *const syntaxes[] = {PACS_UID_HTJ2K_LOSSLESS, PACS_UID_HTJ2K_LOSSLESS_RPCL, PACS_UID_HTJ2K,
                                       NULL};

const TranscodeCodec transcode_codec_openjph = {
    .name = "openjph",
    .decodes = syntaxes,
    .encodes = syntaxes,
    .takes = transcode_jpeg2000_is_high_throughput,
    .decode = decode,
    .can_encode = can_encode,
    .encode = encode,
};
