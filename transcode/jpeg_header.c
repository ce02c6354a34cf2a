#include "transcode/jpeg_header.h"

#include <string.h>

#define SOI 0xD8
#define EOI 0xD9
#define SOS 0xDA
#define APP14 0xEE

typedef struct Reader {
    const uint8_t *bytes;
    size_t size;
    size_t at;
} Reader;

typedef struct Segment {
    uint8_t code;
    const uint8_t *payload;
    size_t size;
} Segment;

/* Whatever stands between two segments (some writers leave zeros) is passed over, as libraries do. */
static bool next_marker(Reader *reader, uint8_t *ret_code)
{
    while (reader->size - reader->at >= 2) {
        const uint8_t *here = reader->bytes + reader->at;

        if (here[0] == 0xFF && here[1] != 0xFF && here[1] != 0) {
            *ret_code = here[1];
            reader->at += 2;
            return true;
        }
        reader->at++;
    }
    return false;
}

static bool stands_alone(uint8_t code)
{
    return code == 0x01 || (code >= 0xD0 && code <= SOI);
}

static bool next_segment(Reader *reader, Segment *ret_segment)
{
    uint8_t code = 0;

    do {
        if (!next_marker(reader, &code) || code == EOI)
            return false;
    } while (stands_alone(code));

    const uint8_t *here = reader->bytes + reader->at;
    const size_t left = reader->size - reader->at;
    const size_t length = left < 2 ? 0 : (size_t)(here[0] << 8 | here[1]);
    if (length < 2 || length > left)
        return false;
    *ret_segment = (Segment){code, here + 2, length - 2};
    reader->at += length;
    return true;
}

static bool is_frame(uint8_t code)
{
    return code >= 0xC0 && code <= 0xCF && code != 0xC4 && code != 0xC8 && code != 0xCC;
}

static bool read_process(uint8_t code, TranscodeJpegHeader *header)
{
    static const TranscodeJpegProcess processes[] = {TRANSCODE_JPEG_BASELINE, TRANSCODE_JPEG_EXTENDED,
                                                     TRANSCODE_JPEG_PROGRESSIVE, TRANSCODE_JPEG_LOSSLESS};

    if (code >= 0xC5 && code != 0xC9 && code != 0xCA && code != 0xCB) /* hierarchical */
        return false;
    header->process = processes[code & 3];
    header->is_arithmetic = code > 0xC8;
    return true;
}

/* Sampling: one component coarser than another cannot be RGB. Names: what libjpeg writes for RGB. */
static void read_components(const uint8_t *component, TranscodeJpegHeader *header)
{
    const uint8_t luma = component[1];

    if (header->base.components != 3)
        return;
    header->is_rgb_certain = component[0] == 'R' && component[3] == 'G' && component[6] == 'B';
    header->is_ybr_certain = !header->is_rgb_certain && (component[4] != luma || component[7] != luma);
}

static PacsStatus read_frame(const Segment *segment, TranscodeJpegHeader *header, PacsError *err)
{
    const uint8_t *at = segment->payload;

    if (!read_process(segment->code, header))
        return pacs_fail(err, PACS_UNSUPPORTED, "hierarchical JPEG is not decoded");
    if (segment->size < 6 || segment->size < 6 + 3u * at[5])
        return pacs_fail(err, PACS_INVALID, "the JPEG frame header is cut off");
    header->base = (TranscodeHeader){.precision = at[0],
                                     .rows = (uint32_t)(at[1] << 8 | at[2]),
                                     .columns = (uint32_t)(at[3] << 8 | at[4]),
                                     .components = at[5]};
    if (header->base.precision < 2 || header->base.precision > 16)
        return pacs_fail(err, PACS_INVALID, "the JPEG frame has samples of %u bits: there are 2 to 16",
                         at[0]);
    read_components(at + 6, header);
    return PACS_OK;
}

/* Its last byte: 0 for no transform. It outdoes what the components look like. */
static void read_adobe(const Segment *segment, TranscodeJpegHeader *header)
{
    if (segment->size < 12 || memcmp(segment->payload, "Adobe", 5) != 0 || header->base.components != 3)
        return;
    header->is_ybr_certain = segment->payload[11] == 1;
    header->is_rgb_certain = segment->payload[11] == 0;
}

static bool is_odd(const Segment *scan, const TranscodeJpegHeader *header)
{
    const size_t at = scan->size > 0 ? 1 + 2u * scan->payload[0] : 0;

    if (header->process > TRANSCODE_JPEG_EXTENDED || at + 3 > scan->size)
        return false;
    return scan->payload[at] != 0 || scan->payload[at + 1] != 63 || scan->payload[at + 2] != 0;
}

PacsStatus transcode_jpeg_header_read(const uint8_t *bytes, size_t size, TranscodeJpegHeader *ret_header,
                                      PacsError *err)
{
    Reader reader = {bytes, size, 0};
    TranscodeJpegHeader header = {0};
    Segment segment = {0}, adobe = {0};

    if (size < 2 || bytes[0] != 0xFF || bytes[1] != SOI)
        return pacs_fail(err, PACS_INVALID, "the frame is no JPEG: it does not begin with FFD8");
    while (next_segment(&reader, &segment) && segment.code != SOS) {
        if (is_frame(segment.code)) {
            PacsStatus status = read_frame(&segment, &header, err);
            if (status != PACS_OK)
                return status;
        }
        if (segment.code == APP14)
            adobe = segment;
    }
    if (segment.code != SOS || header.base.precision == 0)
        return pacs_fail(err, PACS_INVALID, "the JPEG ends before its first scan");
    header.has_odd_scan = is_odd(&segment, &header);
    read_adobe(&adobe, &header);
    *ret_header = header;
    return PACS_OK;
}

static bool says_ybr(TranscodePhotometric photometric)
{
    switch (photometric) {
    case TRANSCODE_YBR_FULL:
    case TRANSCODE_YBR_FULL_422:
    case TRANSCODE_YBR_PARTIAL_422:
    case TRANSCODE_YBR_PARTIAL_420:
        return true;
    default:
        return false;
    }
}

bool transcode_jpeg_is_ybr(const TranscodeJpegHeader *header, TranscodePhotometric stored)
{
    if (header->process != TRANSCODE_JPEG_LOSSLESS && (header->is_ybr_certain || header->is_rgb_certain))
        return header->is_ybr_certain;
    return says_ybr(stored);
}
