#pragma once

#include <stddef.h>
#include <stdint.h>

/**
 * Which transfer syntax a compressed image is in, by its own headers. Pure functions of bytes from outside; they look
 * at no more than is given and decode nothing.
 *
 * Source: ITU-T T.81 (JPEG), T.87 (JPEG-LS), T.800 and T.814 (JPEG 2000, HTJ2K), ISO 18181 (JPEG XL), PS3.5 8.2, A.4.
 */

/**
 * The UID for a codestream that begins with these bytes (the first PACS_CODESTREAM_HEAD of it, or all), static; NULL
 * if they are no codestream known here, or end before they tell.
 */
const char *pacs_codestream_transfer_syntax(const uint8_t *bytes, size_t size);

/** JPEG files carry profiles and thumbnails of up to 64 kB each in front of what matters. */
#define PACS_CODESTREAM_HEAD (256u << 10)

/**
 * Where the codestream begins in a JP2, JPX or JPH file, whose boxes DICOM does not take (PS3.5 A.4.4), given its first
 * bytes; 0 for what is a codestream by itself, or is neither. *ret_size is its length, or 0: to the end.
 */
uint64_t pacs_codestream_start(const uint8_t *bytes, size_t size, uint64_t *ret_size);
