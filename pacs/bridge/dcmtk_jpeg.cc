#include "pacs/bridge/dcmtk_jpeg.h"

#include <memory>

#include <dcmtk/config/osconfig.h>

#include <dcmtk/dcmjpeg/djcparam.h>
#include <dcmtk/dcmjpeg/djdijg12.h>
#include <dcmtk/dcmjpeg/djdijg16.h>
#include <dcmtk/dcmjpeg/djdijg8.h>
#include <dcmtk/dcmjpeg/djeijg12.h>
#include <dcmtk/dcmjpeg/djeijg16.h>
#include <dcmtk/dcmjpeg/djeijg8.h>

#include "pacs/bridge/guard.h"

namespace
{

PacsStatus fail(PacsError *err, const OFCondition &condition)
{
    if (condition == EC_MemoryExhausted)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory in DCMTK");
    return pacs_fail(err, PACS_INVALID, "DCMTK: %s", condition.text());
}

/* ---- Decode ---- */

/* Warnings of the library mean that pixels are missing or wrong. They are counted, and not logged. */
template <typename Base> class Decoder final : public Base
{
  public:
    using Base::Base;

    void emitMessage(int level) const override
    {
        warnings += level < 0;
    }

    mutable unsigned warnings = 0;
};

const DJCodecParameter &decoding(bool ybr_to_rgb)
{
    static const DJCodecParameter as_it_is(ECC_lossyRGB, EDC_never, EUC_never, EPC_colorByPixel);
    static const DJCodecParameter to_rgb(ECC_lossyRGB, EDC_always, EUC_never, EPC_colorByPixel);

    return ybr_to_rgb ? to_rgb : as_it_is;
}

template <typename Base>
PacsStatus decode_with(const uint8_t *bytes, size_t size, const PacsBridgeJpeg &image, bool ybr_to_rgb,
                       uint8_t *out, size_t out_size, PacsError *err)
{
    Decoder<Base> decoder(decoding(ybr_to_rgb), ybr_to_rgb);
    Uint8 end_marker[] = {0xFF, 0xD9};

    OFCondition condition = decoder.init();
    if (condition.good())
        condition = decoder.decode(const_cast<Uint8 *>(bytes), static_cast<Uint32>(size), out,
                                   static_cast<Uint32>(out_size), OFFalse);
    /* It wants more: give it the end, which is what old writers leave out. What is really missing it then warns of. */
    if (condition == EJ_Suspension)
        condition = decoder.decode(end_marker, sizeof end_marker, out, static_cast<Uint32>(out_size),
                                   OFFalse);
    if (condition == EJ_Suspension || (condition.good() && decoder.warnings > image.has_odd_scan))
        return pacs_fail(err, PACS_INVALID, "the JPEG is damaged or cut off");
    return condition.good() ? PACS_OK : fail(err, condition);
}

PacsStatus decode(const uint8_t *bytes, size_t size, const PacsBridgeJpeg &image, bool ybr_to_rgb,
                  uint8_t *out, size_t out_size, PacsError *err)
{
    if (size > UINT32_MAX || out_size > UINT32_MAX)
        return pacs_fail(err, PACS_TOO_LARGE, "a JPEG of more than 4 GiB");
    if (image.precision <= 8)
        return decode_with<DJDecompressIJG8Bit>(bytes, size, image, ybr_to_rgb, out, out_size, err);
    if (image.precision <= 12)
        return decode_with<DJDecompressIJG12Bit>(bytes, size, image, ybr_to_rgb, out, out_size, err);
    return decode_with<DJDecompressIJG16Bit>(bytes, size, image, ybr_to_rgb, out, out_size, err);
}

/* ---- Encode ---- */

template <typename Base> class Encoder final : public Base
{
  public:
    using Base::Base;

    void emitMessage(void *, int) const override
    {
    }
};

/* Colours at half the columns where they are YBR and lossy; lossless samples are left alone. */
const DJCodecParameter &encoding(bool is_lossy)
{
    static const DJCodecParameter lossless(ECC_lossyRGB, EDC_never, EUC_never, EPC_colorByPixel);
    static const DJCodecParameter lossy(ECC_lossyYCbCr, EDC_never, EUC_never, EPC_colorByPixel, OFFalse,
                                        OFFalse, OFFalse, OFTrue, 0, 0, 0, OFTrue, ESS_422);

    return is_lossy ? lossy : lossless;
}

EP_Interpretation interpretation(PacsBridgeJpegColour colour)
{
    switch (colour) {
    case PACS_BRIDGE_RGB:
        return EPI_RGB;
    case PACS_BRIDGE_YBR:
        return EPI_YBR_Full;
    default:
        return EPI_Monochrome2;
    }
}

template <typename Sample>
PacsStatus run(DJEncoder &encoder, const PacsBridgeJpeg &image, PacsBridgeJpegColour colour,
               const uint8_t *samples, PacsBuffer *out, PacsError *err)
{
    Uint8 *bytes = nullptr;
    Uint32 size = 0;

    const OFCondition condition = encoder.encode(
        image.columns, image.rows, interpretation(colour), image.samples_per_pixel,
        reinterpret_cast<Sample *>(const_cast<uint8_t *>(samples)), bytes, size);
    const std::unique_ptr<Uint8[]> owned(bytes);
    if (condition.bad())
        return fail(err, condition);
    (void)pacs_buffer_add(out, bytes, size);
    return pacs_buffer_check(out, err);
}

PacsStatus encode(const PacsBridgeJpeg &image, const PacsBridgeJpegOptions &options, const uint8_t *samples,
                  PacsBuffer *out, PacsError *err)
{
    const DJCodecParameter &parameter = encoding(options.predictor == 0);

    if (options.predictor == 0) {
        Encoder<DJCompressIJG12Bit> encoder(parameter, EJM_sequential, options.quality);
        return run<Uint16>(encoder, image, options.colour, samples, out, err);
    }
    if (image.precision <= 8) {
        Encoder<DJCompressIJG8Bit> encoder(parameter, EJM_lossless, options.predictor, 0);
        return run<Uint8>(encoder, image, options.colour, samples, out, err);
    }
    if (image.precision <= 12) {
        Encoder<DJCompressIJG12Bit> encoder(parameter, EJM_lossless, options.predictor, 0);
        return run<Uint16>(encoder, image, options.colour, samples, out, err);
    }
    Encoder<DJCompressIJG16Bit> encoder(parameter, EJM_lossless, options.predictor, 0);
    return run<Uint16>(encoder, image, options.colour, samples, out, err);
}

} // namespace

PacsStatus pacs_bridge_jpeg_decode(const uint8_t *bytes, size_t size, const PacsBridgeJpeg *image,
                                   bool ybr_to_rgb, uint8_t *out, size_t out_size, PacsError *err)
{
    return pacs_bridge_guard(err,
                             [&] { return decode(bytes, size, *image, ybr_to_rgb, out, out_size, err); });
}

PacsStatus pacs_bridge_jpeg_encode(const PacsBridgeJpeg *image, const PacsBridgeJpegOptions *options,
                                   const uint8_t *samples, PacsBuffer *out, PacsError *err)
{
    return pacs_bridge_guard(err, [&] { return encode(*image, *options, samples, out, err); });
}
