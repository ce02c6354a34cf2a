#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pacs/util/text.h"

/**
 * Unique identifiers: their form (PS3.5 9.1) and the registered ones (PS3.6 A), as generate_dictionary.py
 * wrote them into uid_table.inc.
 *
 * Shape:   text without padding; pacs_uid_trim() takes trailing NULs and spaces at both ends off.
 * Owner:   static; entries live for ever.
 * Threads: any.
 */
#define PACS_UID_MAX 64  /* characters, PS3.5 9.1 */
#define PACS_UID_SIZE 65 /* and a NUL */

#define PACS_UID_VERIFICATION "1.2.840.10008.1.1"
#define PACS_UID_APPLICATION_CONTEXT "1.2.840.10008.3.1.1.1"
#define PACS_UID_IMPLICIT_LITTLE "1.2.840.10008.1.2"
#define PACS_UID_EXPLICIT_LITTLE "1.2.840.10008.1.2.1"
#define PACS_UID_ENCAPSULATED_EXPLICIT_LITTLE "1.2.840.10008.1.2.1.98"
#define PACS_UID_DEFLATED_EXPLICIT_LITTLE "1.2.840.10008.1.2.1.99"
#define PACS_UID_EXPLICIT_BIG "1.2.840.10008.1.2.2"
#define PACS_UID_JPEG_BASELINE "1.2.840.10008.1.2.4.50"
#define PACS_UID_JPEG_EXTENDED "1.2.840.10008.1.2.4.51"
#define PACS_UID_JPEG_LOSSLESS "1.2.840.10008.1.2.4.57"
#define PACS_UID_JPEG_LOSSLESS_SV1 "1.2.840.10008.1.2.4.70"
#define PACS_UID_JPEG_LS_LOSSLESS "1.2.840.10008.1.2.4.80"
#define PACS_UID_JPEG_LS_NEAR_LOSSLESS "1.2.840.10008.1.2.4.81"
#define PACS_UID_JPEG_2000_LOSSLESS "1.2.840.10008.1.2.4.90"
#define PACS_UID_JPEG_2000 "1.2.840.10008.1.2.4.91"
#define PACS_UID_HTJ2K_LOSSLESS "1.2.840.10008.1.2.4.201"
#define PACS_UID_HTJ2K_LOSSLESS_RPCL "1.2.840.10008.1.2.4.202"
#define PACS_UID_HTJ2K "1.2.840.10008.1.2.4.203"
#define PACS_UID_RLE_LOSSLESS "1.2.840.10008.1.2.5"
#define PACS_UID_DEFLATED_FRAMES "1.2.840.10008.1.2.8.1"
#define PACS_UID_MEDIA_STORAGE_DIRECTORY "1.2.840.10008.1.3.10"

typedef enum PacsUidFlags {
    PACS_UID_RETIRED = 1 << 0,
    /* transfer syntaxes */
    PACS_UID_EXPLICIT = 1 << 1, /* elements name their VR */
    PACS_UID_BIG_ENDIAN = 1 << 2,
    PACS_UID_DEFLATED = 1 << 3,     /* the whole data set after the meta header is one raw deflate stream */
    PACS_UID_ENCAPSULATED = 1 << 4, /* pixel data has undefined length and comes in fragments (PS3.5 A.4) */
    PACS_UID_VIDEO = 1 << 5,        /* MPEG2, MPEG4, HEVC: frames are not separate codestreams */
    PACS_UID_LOSSY = 1 << 6, /* may have lost information; the lossless modes of such a syntax count too */
    PACS_UID_REFERENCED = 1 << 7,  /* pixel data is elsewhere: Pixel Data Provider URL (JPIP) */
    PACS_UID_NO_DATA_SET = 1 << 8, /* XML, MIME, live SMPTE ST 2110 streams: no syntax of stored objects */
    /* SOP classes */
    PACS_UID_STORAGE = 1 << 9,      /* its instances are sent by C-STORE */
    PACS_UID_NON_PATIENT = 1 << 10, /* ... and are of no patient, study or series (PS3.4 GG) */
} PacsUidFlags;

typedef enum PacsUidKind {
    PACS_UID_KIND_TRANSFER_SYNTAX,
    PACS_UID_KIND_SOP_CLASS,
    PACS_UID_KIND_META_SOP_CLASS,
    PACS_UID_KIND_OTHER, /* well-known instances, frames of reference, coding schemes, service classes */
} PacsUidKind;

typedef struct PacsUidEntry {
    const char *uid;
    const char *keyword; /* "CTImageStorage" */
    const char *name;    /* "CT Image Storage" */
    PacsUidKind kind;
    uint32_t flags; /* PacsUidFlags */
} PacsUidEntry;

/** Strict form (PS3.5 9.1): digits and dots, 1 to 64 characters, no empty part, no leading zero in a part. */
bool pacs_uid_valid(PacsSlice uid);

/** What real files carry and we keep: digits and dots, 1 to 64 characters. */
bool pacs_uid_acceptable(PacsSlice uid);

/** Without the padding a value may have: NULs and spaces at the end, spaces in front. */
PacsSlice pacs_uid_trim(PacsSlice value);

/** The registered UID, NULL if there is none. `uid` is trimmed. */
const PacsUidEntry *pacs_uid_find(PacsSlice uid);

/** As pacs_uid_find(), but NULL unless it is a transfer syntax. */
const PacsUidEntry *pacs_uid_find_transfer_syntax(PacsSlice uid);

/** True if the UID is a registered storage SOP class (retired ones included). */
bool pacs_uid_is_storage(PacsSlice uid);

/** All transfer syntaxes; all other registered UIDs. Each sorted by the bytes of the UID. */
const PacsUidEntry *pacs_uid_transfer_syntaxes(size_t *ret_count);
const PacsUidEntry *pacs_uid_others(size_t *ret_count);
