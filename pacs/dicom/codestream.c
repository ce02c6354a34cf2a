#include "pacs/dicom/codestream.h"

#include <stdbool.h>
#include <string.h>

#include "pacs/dicom/uid.h"

#define UID_JPEG_XL "1.2.840.10008.1.2.4.112"

static uint16_t u16(const uint8_t *bytes)
{
    return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

static uint32_t u32(const uint8_t *bytes)
{
    return (uint32_t)u16(bytes) << 16 | u16(bytes + 2);
}

/* ---- Marker segments: FF, a code, a length that counts itself ---- */

typedef struct Segments {
    const uint8_t *bytes;
    size_t size;
    size_t at;
} Segments;

typedef struct Segment {
    uint8_t code;
    const uint8_t *payload;
    size_t size;
} Segment;

/** The next segment, whole; false if it is not all there, or none. */
static bool next_segment(Segments *segments, Segment *ret_segment)
{
    const uint8_t *bytes = segments->bytes;
    size_t at = segments->at;

    while (segments->size - at > 1 && bytes[at] == 0xFF && bytes[at + 1] == 0xFF)
        at++; /* fill bytes */
    if (segments->size - at < 4 || bytes[at] != 0xFF)
        return false;
    size_t length = u16(bytes + at + 2);
    if (length < 2 || segments->size - at - 2 < length)
        return false;
    *ret_segment = (Segment){bytes[at + 1], bytes + at + 4, length - 2};
    segments->at = at + 2 + length;
    return true;
}

/* ---- JPEG and JPEG-LS ---- */

#define JPEG_SOF0 0xC0
#define JPEG_SOF1 0xC1
#define JPEG_SOF3 0xC3
#define JPEG_LS_SOF 0xF7
#define JPEG_SOS 0xDA

/** In lossless JPEG the scan's Ss is the predictor, in JPEG-LS NEAR stands in its place. */
static uint8_t scan_parameter(const Segment *scan)
{
    size_t at = scan->size > 0 ? 1 + (size_t)scan->payload[0] * 2 : 0;

    return at > 0 && at < scan->size ? scan->payload[at] : 0xFF;
}

static const char *jpeg_syntax(uint8_t frame, const Segment *scan)
{
    switch (frame) {
    case JPEG_SOF0:
        return PACS_UID_JPEG_BASELINE;
    case JPEG_SOF1:
        return PACS_UID_JPEG_EXTENDED;
    case JPEG_SOF3:
        return scan_parameter(scan) == 1 ? PACS_UID_JPEG_LOSSLESS_SV1 : PACS_UID_JPEG_LOSSLESS;
    case JPEG_LS_SOF:
        return scan_parameter(scan) == 0 ? PACS_UID_JPEG_LS_LOSSLESS : PACS_UID_JPEG_LS_NEAR_LOSSLESS;
    default: /* progressive and arithmetic ones are no syntax of DICOM any more */
        return NULL;
    }
}

static bool is_frame(uint8_t code)
{
    return (code >= 0xC0 && code <= 0xCF && code != 0xC4 && code != 0xC8 && code != 0xCC) ||
           code == JPEG_LS_SOF;
}

static const char *read_jpeg(const uint8_t *bytes, size_t size)
{
    Segments segments = {bytes, size, 2};
    Segment segment;
    uint8_t frame = 0;

    while (next_segment(&segments, &segment)) {
        if (segment.code == JPEG_SOS)
            return jpeg_syntax(frame, &segment);
        if (is_frame(segment.code))
            frame = segment.code;
    }
    return NULL;
}

/* ---- JPEG 2000 ---- */

#define J2K_CAP 0x50
#define J2K_COD 0x52
#define J2K_TLM 0x55
#define J2K_SOT 0x90
#define J2K_COD_PROGRESSION 1
#define J2K_COD_TRANSFORM 9
#define J2K_RPCL 2
#define J2K_REVERSIBLE 1
#define J2K_CAP_PART_15 (1u << 17) /* Pcap: bit 15 counted from the first */

static const char *htj2k_syntax(const Segment *cod, bool has_tlm)
{
    if (cod->payload[J2K_COD_TRANSFORM] != J2K_REVERSIBLE)
        return PACS_UID_HTJ2K;
    return cod->payload[J2K_COD_PROGRESSION] == J2K_RPCL && has_tlm ? PACS_UID_HTJ2K_LOSSLESS_RPCL
                                                                    : PACS_UID_HTJ2K_LOSSLESS;
}

static const char *read_jpeg2000(const uint8_t *bytes, size_t size)
{
    Segments segments = {bytes, size, 2};
    Segment segment;
    Segment cod = {0};
    bool high_throughput = false;
    bool has_tlm = false;

    while (next_segment(&segments, &segment) && segment.code != J2K_SOT) {
        if (segment.code == J2K_CAP && segment.size >= 4)
            high_throughput = u32(segment.payload) & J2K_CAP_PART_15;
        if (segment.code == J2K_COD && segment.size > J2K_COD_TRANSFORM)
            cod = segment;
        has_tlm = has_tlm || segment.code == J2K_TLM;
    }
    if (!cod.payload)
        return NULL;
    if (high_throughput)
        return htj2k_syntax(&cod, has_tlm);
    return cod.payload[J2K_COD_TRANSFORM] == J2K_REVERSIBLE ? PACS_UID_JPEG_2000_LOSSLESS
                                                            : PACS_UID_JPEG_2000;
}

const char *pacs_codestream_transfer_syntax(const uint8_t *bytes, size_t size)
{
    static const uint8_t jpeg_xl_file[] = {0, 0, 0, 12, 'J', 'X', 'L', ' '};

    if (size >= 4 && bytes[0] == 0xFF && bytes[1] == 0xD8)
        return read_jpeg(bytes, size);
    if (size >= 4 && u32(bytes) == 0xFF4FFF51)
        return read_jpeg2000(bytes, size);
    if ((size >= 2 && u16(bytes) == 0xFF0A) ||
        (size >= sizeof jpeg_xl_file && memcmp(bytes, jpeg_xl_file, sizeof jpeg_xl_file) == 0))
        return UID_JPEG_XL;
    return NULL;
}

/* ---- Boxes of a JP2 file: a length that counts itself, four letters (T.800 annex I) ---- */

uint64_t pacs_codestream_start(const uint8_t *bytes, size_t size, uint64_t *ret_size)
{
    static const uint8_t signature[] = {0, 0, 0, 12, 'j', 'P', ' ', ' ', 0x0D, 0x0A, 0x87, 0x0A};
    uint64_t at = sizeof signature;

    *ret_size = 0;
    if (size < sizeof signature || memcmp(bytes, signature, sizeof signature) != 0)
        return 0;
    while (size >= 8 && at <= size - 8) {
        uint64_t length = u32(bytes + at);
        uint64_t header = 8;
        bool is_codestream = memcmp(bytes + at + 4, "jp2c", 4) == 0;
        if (length == 1 && size - at >= 16) {
            length = (uint64_t)u32(bytes + at + 8) << 32 | u32(bytes + at + 12);
            header = 16;
        }
        if (is_codestream && (length == 0 || length > header)) {
            *ret_size = length == 0 ? 0 : length - header;
            return at + header;
        }
        if (length < header || length > size - at) /* the last box, or one that ends beyond what we have */
            return 0;
        at += length;
    }
    return 0;
}
