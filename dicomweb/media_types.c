#include "dicomweb/media_types.h"

#include <ctype.h>
#include <string.h>

#include "pacs/dicom/uid.h"

/* The default of a type stands first among its rows. Native big endian and implicit pixels leave as little endian. */
static const struct {
    const char *media_type;
    const char *transfer_syntax_uid;
} pixels[] = {
    {"image/jpeg", PACS_UID_JPEG_LOSSLESS_SV1},
    {"image/jpeg", PACS_UID_JPEG_BASELINE},
    {"image/jpeg", PACS_UID_JPEG_EXTENDED},
    {"image/jpeg", PACS_UID_JPEG_LOSSLESS},
    {"image/dicom-rle", PACS_UID_RLE_LOSSLESS},
    {"image/jls", PACS_UID_JPEG_LS_LOSSLESS},
    {"image/jls", PACS_UID_JPEG_LS_NEAR_LOSSLESS},
    {"image/jp2", PACS_UID_JPEG_2000_LOSSLESS},
    {"image/jp2", PACS_UID_JPEG_2000},
    {"image/jpx", "1.2.840.10008.1.2.4.92"}, /* JPEG 2000 part 2, lossless, multi-component */
    {"image/jpx", "1.2.840.10008.1.2.4.93"},
    {"image/jphc", PACS_UID_HTJ2K_LOSSLESS},
    {"image/jphc", PACS_UID_HTJ2K_LOSSLESS_RPCL},
    {"image/jphc", PACS_UID_HTJ2K},
    {"image/jxl", "1.2.840.10008.1.2.4.110"}, /* JPEG XL lossless, JPEG recompression, lossy */
    {"image/jxl", "1.2.840.10008.1.2.4.111"},
    {"image/jxl", "1.2.840.10008.1.2.4.112"},
    {"application/x-deflate", PACS_UID_DEFLATED_FRAMES},
    {"video/mpeg", "1.2.840.10008.1.2.4.100"}, /* MPEG-2 main and high level, and fragmentable */
    {"video/mpeg", "1.2.840.10008.1.2.4.100.1"},
    {"video/mpeg", "1.2.840.10008.1.2.4.101"},
    {"video/mpeg", "1.2.840.10008.1.2.4.101.1"},
    {"video/mp4", "1.2.840.10008.1.2.4.102"}, /* MPEG-4 AVC high profile 4.1, BD, 4.2 2D, 3D, stereo */
    {"video/mp4", "1.2.840.10008.1.2.4.102.1"},
    {"video/mp4", "1.2.840.10008.1.2.4.103"},
    {"video/mp4", "1.2.840.10008.1.2.4.103.1"},
    {"video/mp4", "1.2.840.10008.1.2.4.104"},
    {"video/mp4", "1.2.840.10008.1.2.4.104.1"},
    {"video/mp4", "1.2.840.10008.1.2.4.105"},
    {"video/mp4", "1.2.840.10008.1.2.4.105.1"},
    {"video/mp4", "1.2.840.10008.1.2.4.106"},
    {"video/mp4", "1.2.840.10008.1.2.4.106.1"},
    {"video/H265", "1.2.840.10008.1.2.4.107"}, /* HEVC main and main 10 profile */
    {"video/H265", "1.2.840.10008.1.2.4.108"},
};

static const char *const uncompressed[] = {DICOMWEB_TYPE_DICOM, DICOMWEB_TYPE_BYTES};

/* Names of PS3.18 2014a and of working drafts, as clients still send them. */
static const struct {
    const char *written;
    const char *media_type;
} aliases[] = {
    {"application/json", DICOMWEB_TYPE_JSON},
    {"application/xml", DICOMWEB_TYPE_XML},
    {"text/xml", DICOMWEB_TYPE_XML},
    {"image/dicom+jpeg", "image/jpeg"},
    {"image/dicom+rle", "image/dicom-rle"},
    {"image/x-dicom-rle", "image/dicom-rle"},
    {"image/dicom+jpeg-ls", "image/jls"},
    {"image/x-jls", "image/jls"},
    {"image/dicom+jp2", "image/jp2"},
    {"image/dicom+jpx", "image/jpx"},
    {"image/jhc", "image/jphc"},
    {"image/jph", "image/jphc"},
    {"video/mpeg2", "video/mpeg"},
    {"video/mpeg4", "video/mp4"},
};

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

const char *dicomweb_pixel_media_type(const char *transfer_syntax_uid)
{
    for (size_t i = 0; i < COUNT(pixels); i++)
        if (strcmp(pixels[i].transfer_syntax_uid, transfer_syntax_uid) == 0)
            return pixels[i].media_type;
    return DICOMWEB_TYPE_BYTES;
}

const char *dicomweb_default_transfer_syntax(PacsSlice media_type)
{
    for (size_t i = 0; i < COUNT(uncompressed); i++)
        if (dicomweb_media_type_means(media_type, uncompressed[i]))
            return PACS_UID_EXPLICIT_LITTLE;
    for (size_t i = 0; i < COUNT(pixels); i++)
        if (dicomweb_media_type_means(media_type, pixels[i].media_type))
            return pixels[i].transfer_syntax_uid;
    return NULL;
}

static bool spells(PacsSlice written, const char *name)
{
    for (size_t i = 0; i < written.size; i++) {
        int c = written.text[i] == ' ' ? '+' : (unsigned char)written.text[i];
        if (!name[i] || tolower(c) != tolower((unsigned char)name[i]))
            return false;
    }
    return name[written.size] == '\0';
}

bool dicomweb_media_type_means(PacsSlice written, const char *media_type)
{
    if (spells(written, media_type))
        return true;
    for (size_t i = 0; i < COUNT(aliases); i++)
        if (strcmp(aliases[i].media_type, media_type) == 0 && spells(written, aliases[i].written))
            return true;
    return false;
}
