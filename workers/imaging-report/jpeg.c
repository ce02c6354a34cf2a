#include "workers/imaging-report/jpeg.h"

#include <stdbool.h>

#define SOI 0xD8u
#define SOS 0xDAu
#define SOF_FIRST 0xC0u
#define SOF_PROGRESSIVE 0xC2u
#define SOF_LAST 0xCFu
#define DHT 0xC4u
#define JPG 0xC8u
#define DAC 0xCCu

static bool is_frame_header(uint8_t marker)
{
    return marker >= SOF_FIRST && marker <= SOF_LAST && marker != DHT && marker != JPG && marker != DAC;
}

static uint32_t word(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 8 | bytes[1];
}

/* `bytes` is the segment behind the marker: length, precision, rows, columns, components ... */
static PacsStatus read_frame_header(uint8_t marker, const uint8_t *bytes, size_t size, ReportJpeg *ret_jpeg,
                                    PacsError *err)
{
    if (size < 8)
        return pacs_fail(err, PACS_INVALID, "a JPEG whose frame header has %zu bytes", size);
    const ReportJpeg jpeg = {.width = word(bytes + 5), .height = word(bytes + 3), .components = bytes[7]};
    if (marker > SOF_PROGRESSIVE || bytes[2] != 8 || (jpeg.components != 1 && jpeg.components != 3))
        return pacs_fail(
            err, PACS_UNSUPPORTED,
            "a JPEG of %u bits and %u components, process %02X: 8 bits of grey or colour were expected",
            bytes[2], jpeg.components, marker);
    if (jpeg.width == 0 || jpeg.height == 0)
        return pacs_fail(err, PACS_INVALID, "a JPEG of %u by %u pixels", jpeg.width, jpeg.height);
    *ret_jpeg = jpeg;
    return PACS_OK;
}

PacsStatus report_jpeg_read(const void *data, size_t size, ReportJpeg *ret_jpeg, PacsError *err)
{
    const uint8_t *bytes = data;
    size_t at = 2;

    if (size < 4 || bytes[0] != 0xFF || bytes[1] != SOI)
        return pacs_fail(err, PACS_INVALID, "no JPEG");
    while (at + 4 <= size && bytes[at] == 0xFF) {
        const uint8_t marker = bytes[at + 1];
        if (marker == 0xFF) { /* fill */
            at++;
            continue;
        }
        const size_t length = word(bytes + at + 2);
        if (marker == SOS || length < 2 || length > size - at - 2)
            break;
        if (is_frame_header(marker))
            return read_frame_header(marker, bytes + at + 2, length, ret_jpeg, err);
        at += 2 + length;
    }
    return pacs_fail(err, PACS_INVALID, "a JPEG without a frame header, or cut off in front of it");
}
