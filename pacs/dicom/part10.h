#pragma once

#include "pacs/util/buffer.h"
#include "pacs/util/status.h"

/** What a data set from the network gets in front of it to be a file (PS3.10 section 7.1). */
typedef struct PacsFileMeta {
    const char *sop_class_uid;
    const char *sop_instance_uid;
    const char *transfer_syntax_uid;
    const char *source_application_entity_title; /* NULL to leave out */
} PacsFileMeta;

/**
 * Preamble, prefix and file meta information (explicit little endian, with group length and our
 * Implementation Class UID and version name), added to `out`.
 *
 * Errors: PACS_INVALID (a UID is empty or over 64 characters).
 * Source: PS3.10 7.1.
 */
PACS_CHECKED PacsStatus pacs_part10_format_header(const PacsFileMeta *meta, PacsBuffer *out, PacsError *err);

/** Also sent in A-ASSOCIATE. Minted for Lightbox: 2.25.<UUID as a number>. */
#define PACS_IMPLEMENTATION_CLASS_UID "2.25.175943585985248623282167355600201527908"
#define PACS_IMPLEMENTATION_VERSION_NAME "LIGHTBOX_0_1"
