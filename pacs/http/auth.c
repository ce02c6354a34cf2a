#include "pacs/http/auth.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "pacs/util/buffer.h"
#include "pacs/util/hash.h"
#include "pacs/util/limits.h"
#include "pacs/util/text.h"

#define CREDENTIALS_MAX 1024 /* name, colon, password */

struct PacsHttpAuth {
    uint8_t key[PACS_SHA256_SIZE];
    size_t count;
    uint8_t digests[][PACS_SHA256_SIZE];
};

static PacsStatus digest_user(PacsHttpAuth *auth, const PacsHttpUser *user, PacsError *err)
{
    PACS_AUTO_BUFFER PacsBuffer pair;
    pacs_buffer_init(&pair, CREDENTIALS_MAX);

    if (user->name[0] == '\0' || strchr(user->name, ':'))
        return pacs_fail(err, PACS_INVALID, "RegisteredUsers: a name is empty or has a colon in it");
    (void)pacs_buffer_add_format(&pair, "%s:%s", user->name, user->password);
    PacsStatus status = pacs_buffer_check(&pair, err);
    if (status == PACS_OK)
        status = pacs_hmac_sha256(auth->key, sizeof auth->key, pair.bytes, pair.size,
                                  auth->digests[auth->count], err);
    if (status == PACS_OK)
        auth->count++;
    if (pair.bytes)
        OPENSSL_cleanse(pair.bytes, pair.size);
    return status;
}

PacsStatus pacs_http_auth_new(const PacsHttpUser *users, size_t count, PacsHttpAuth **ret_auth,
                              PacsError *err)
{
    PACS_AUTO(PacsHttpAuth) auth = calloc(1, sizeof *auth + count * sizeof auth->digests[0]);

    if (!auth)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for the users");
    PacsStatus status = pacs_random(auth->key, sizeof auth->key, err);
    for (size_t i = 0; i < count && status == PACS_OK; i++)
        status = digest_user(auth, &users[i], err);
    if (status != PACS_OK)
        return status;
    *ret_auth = PACS_STEAL(auth);
    return PACS_OK;
}

void pacs_http_auth_free(PacsHttpAuth *auth)
{
    if (auth)
        OPENSSL_cleanse(auth->key, sizeof auth->key);
    free(auth);
}

/* Every user is compared, whether one has matched already or not. */
static bool is_known(const PacsHttpAuth *auth, const PacsBuffer *pair)
{
    uint8_t digest[PACS_SHA256_SIZE];
    int found = 0;

    if (pacs_hmac_sha256(auth->key, sizeof auth->key, pair->bytes, pair->size, digest, NULL) != PACS_OK)
        return false;
    for (size_t i = 0; i < auth->count; i++)
        found |= CRYPTO_memcmp(digest, auth->digests[i], sizeof digest) == 0;
    return found;
}

const char *pacs_http_auth_check(const PacsHttpAuth *auth, PacsArena *arena, const char *authorization)
{
    PACS_AUTO_BUFFER PacsBuffer pair;
    pacs_buffer_init(&pair, CREDENTIALS_MAX);
    const char *name = NULL;

    if (!authorization || strncasecmp(authorization, "Basic ", 6) != 0)
        return NULL;
    PacsSlice encoded = pacs_slice_trim(pacs_slice(authorization + 6));
    if (pacs_base64_parse(encoded, &pair, NULL) == PACS_OK && pair.size > 0 && is_known(auth, &pair)) {
        const char *colon = memchr(pair.bytes, ':', pair.size);
        if (colon)
            name = pacs_arena_strndup(arena, (const char *)pair.bytes,
                                      (size_t)(colon - (const char *)pair.bytes));
    }
    if (pair.bytes)
        OPENSSL_cleanse(pair.bytes, pair.size);
    return name;
}
