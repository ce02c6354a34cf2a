#pragma once

#include <stdint.h>

#include "pacs/util/status.h"

/**
 * Name of a stored object: minted by the store, kept by the index, opaque to everybody else. Keys of one
 * store sort by the time they were made (second precision), compared byte by byte.
 */
#define PACS_KEY_BYTES 16
#define PACS_KEY_HEX 32

typedef struct PacsKey {
    uint8_t bytes[PACS_KEY_BYTES];
} PacsKey;

/** Lower-case hexadecimal. */
void pacs_key_format(const PacsKey *key, char ret_hex[PACS_KEY_HEX + 1]);
PACS_CHECKED PacsStatus pacs_key_parse(const char *hex, PacsKey *ret_key, PacsError *err);
int pacs_key_compare(const PacsKey *a, const PacsKey *b);
