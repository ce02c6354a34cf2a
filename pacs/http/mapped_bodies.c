#include "pacs/http/mapped_bodies.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "pacs/util/cache.h"
#include "pacs/util/clock.h"
#include "pacs/util/limits.h"

#define SEEN_NAMES 16384 /* 128 KiB of their hashes */

struct PacsHttpMappedBodies {
    PacsCache *cache;
    _Atomic uint64_t
        seen[SEEN_NAMES]; /* of names asked about, each where its hash belongs; the newest stays */
};

static void ref(void *value)
{
    (void)pacs_http_mapped_ref(value);
}

static void unref(void *value)
{
    pacs_http_mapped_unref(value);
}

PacsHttpMappedBodies *pacs_http_mapped_bodies_new(void)
{
    const PacsCacheOptions options = {
        .max_bytes = PACS_HTTP_MAPPED_BYTES, .max_count = PACS_HTTP_MAPPED_COUNT, .ref = ref, .unref = unref};
    PacsHttpMappedBodies *bodies = calloc(1, sizeof *bodies);

    if (bodies)
        bodies->cache = pacs_cache_new(&options);
    if (bodies && bodies->cache)
        return bodies;
    free(bodies);
    return NULL;
}

void pacs_http_mapped_bodies_free(PacsHttpMappedBodies *bodies)
{
    if (bodies)
        pacs_cache_free(bodies->cache);
    free(bodies);
}

PacsHttpMapped *pacs_http_mapped_bodies_find(PacsHttpMappedBodies *bodies, const char *name)
{
    return pacs_cache_find(bodies->cache, name, strlen(name));
}

bool pacs_http_mapped_bodies_wants(PacsHttpMappedBodies *bodies, const char *name)
{
    const uint64_t hash = pacs_cache_hash(name, strlen(name));

    return atomic_exchange_explicit(&bodies->seen[hash % SEEN_NAMES], hash, memory_order_relaxed) == hash;
}

void pacs_http_mapped_bodies_add(PacsHttpMappedBodies *bodies, const char *name, PacsHttpMapped *mapped)
{
    pacs_cache_add(bodies->cache, name, strlen(name), mapped, pacs_http_mapped_size(mapped));
}

void pacs_http_mapped_bodies_expire(PacsHttpMappedBodies *bodies)
{
    const uint64_t now = pacs_monotonic_ns(), idle = PACS_HTTP_MAPPED_IDLE_MS * UINT64_C(1000000);

    if (now > idle)
        pacs_cache_expire(bodies->cache, now - idle);
}
