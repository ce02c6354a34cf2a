#pragma once

#include <stddef.h>
#include <stdint.h>

#include "pacs/util/auto.h"
#include "pacs/util/status.h"

/** Digests by OpenSSL, in the shapes we use them. Hex is lower case. */

#define PACS_SHA256_SIZE 32
#define PACS_SHA1_SIZE 20
#define PACS_MD5_HEX 32

typedef struct PacsSha256 PacsSha256; /* a running digest */

PACS_CHECKED PacsStatus pacs_sha256_new(PacsSha256 **ret_hash, PacsError *err);
PACS_CHECKED PacsStatus pacs_sha256_add(PacsSha256 *hash, const void *bytes, size_t size, PacsError *err);
PACS_CHECKED PacsStatus pacs_sha256_finish(PacsSha256 *hash, uint8_t ret_digest[PACS_SHA256_SIZE],
                                           PacsError *err);
void pacs_sha256_free(PacsSha256 *hash);
PACS_DEFINE_AUTO(PacsSha256, pacs_sha256_free);

PACS_CHECKED PacsStatus pacs_sha1(const void *bytes, size_t size, uint8_t ret_digest[PACS_SHA1_SIZE],
                                  PacsError *err);
PACS_CHECKED PacsStatus pacs_hmac_sha256(const void *key, size_t key_size, const void *bytes, size_t size,
                                         uint8_t ret_digest[PACS_SHA256_SIZE], PacsError *err);

/** Bytes nobody can guess. */
PACS_CHECKED PacsStatus pacs_random(void *ret_bytes, size_t size, PacsError *err);

/** A UUID version 7 (time-ordered, RFC 9562) as 36 characters and a NUL. */
PACS_CHECKED PacsStatus pacs_uuid7(char ret_text[37], PacsError *err);
/** A UID under 2.25 (PS3.5 B.2): "2.25." and a random UUID as a decimal number, at most 44 characters. */
PACS_CHECKED PacsStatus pacs_mint_uid(char ret_uid[65], PacsError *err);
/** A UID under 2.25 that the same text gives each time: from its SHA-256 (a UUID version 8). */
PACS_CHECKED PacsStatus pacs_derive_uid(const char *text, char ret_uid[65], PacsError *err);
