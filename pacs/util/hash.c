#include "pacs/util/hash.h"

#include <assert.h>
#include <limits.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <stdlib.h>

struct PacsSha256 {
    EVP_MD_CTX *context;
};

PacsStatus pacs_sha256_new(PacsSha256 **ret_hash, PacsError *err)
{
    PACS_AUTO(PacsSha256) hash = calloc(1, sizeof *hash);
    if (hash)
        hash->context = EVP_MD_CTX_new();
    if (!hash || !hash->context)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for a digest");
    if (!EVP_DigestInit_ex(hash->context, EVP_sha256(), NULL))
        return pacs_fail(err, PACS_INTERNAL, "OpenSSL offers no SHA-256");
    *ret_hash = PACS_STEAL(hash);
    return PACS_OK;
}

PacsStatus pacs_sha256_add(PacsSha256 *hash, const void *bytes, size_t size, PacsError *err)
{
    if (!EVP_DigestUpdate(hash->context, bytes, size))
        return pacs_fail(err, PACS_INTERNAL, "SHA-256 failed");
    return PACS_OK;
}

PacsStatus pacs_sha256_finish(PacsSha256 *hash, uint8_t ret_digest[PACS_SHA256_SIZE], PacsError *err)
{
    if (!EVP_DigestFinal_ex(hash->context, ret_digest, NULL))
        return pacs_fail(err, PACS_INTERNAL, "SHA-256 failed");
    return PACS_OK;
}

void pacs_sha256_free(PacsSha256 *hash)
{
    if (!hash)
        return;
    EVP_MD_CTX_free(hash->context);
    free(hash);
}

PacsStatus pacs_sha1(const void *bytes, size_t size, uint8_t ret_digest[PACS_SHA1_SIZE], PacsError *err)
{
    if (!EVP_Digest(bytes, size, ret_digest, NULL, EVP_sha1(), NULL))
        return pacs_fail(err, PACS_INTERNAL, "SHA-1 failed");
    return PACS_OK;
}

PacsStatus pacs_hmac_sha256(const void *key, size_t key_size, const void *bytes, size_t size,
                            uint8_t ret_digest[PACS_SHA256_SIZE], PacsError *err)
{
    assert(key_size <= INT_MAX); /* OpenSSL's type; keys are ours and short */
    if (!HMAC(EVP_sha256(), key, (int)key_size, bytes, size, ret_digest, NULL))
        return pacs_fail(err, PACS_INTERNAL, "HMAC-SHA-256 failed");
    return PACS_OK;
}

PacsStatus pacs_random(void *ret_bytes, size_t size, PacsError *err)
{
    assert(size <= INT_MAX);
    if (RAND_bytes(ret_bytes, (int)size) != 1)
        return pacs_fail(err, PACS_INTERNAL, "no random bytes to be had");
    return PACS_OK;
}
