#include "pacs/http/mapped.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include "pacs/util/clock.h"
#include "pacs/util/limits.h"

/*
 *      before | head      pages of the file, as they are        tail | after
 *     --------+------|------------------------------------|----------+------
 *      memory of our own                                     memory of our own
 *
 * head and tail are what of the range does not fill a page; they are copies.
 */
struct PacsHttpMapped {
    atomic_uint references;
    bool has_edges;              /* head and tail have been read */
    _Atomic uint64_t checked_ns; /* when all of it was in memory */
    PacsHttpMappedRange range;
    size_t head, middle, tail; /* bytes of the range */
    uint8_t *area;             /* as mapped */
    size_t area_size;
    uint8_t *bytes; /* of the body */
};

static size_t page_size(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

static size_t round_up(size_t size, size_t unit)
{
    return (size + unit - 1) / unit * unit;
}

/* ---- Mapping ---- */

/* False: the range has no page of its own, or too few. */
static bool divide(PacsHttpMapped *mapped, size_t page)
{
    const PacsHttpMappedRange *range = &mapped->range;

    mapped->head = round_up((size_t)(range->offset % page), page) - (size_t)(range->offset % page);
    if (range->size < mapped->head + PACS_HTTP_MAPPED_MIN)
        return false;
    mapped->tail = (range->size - mapped->head) % page;
    mapped->middle = range->size - mapped->head - mapped->tail;
    return true;
}

static bool map(PacsHttpMapped *mapped, size_t page)
{
    const PacsHttpMappedRange *range = &mapped->range;
    const size_t front = round_up(range->before + mapped->head, page);

    mapped->area_size = front + mapped->middle + round_up(mapped->tail + range->after, page);
    mapped->area = mmap(NULL, mapped->area_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapped->area == MAP_FAILED)
        return false;
    mapped->bytes = mapped->area + front - mapped->head - range->before;
    void *middle = mmap(mapped->area + front, mapped->middle, PROT_READ, MAP_SHARED | MAP_FIXED, range->fd,
                        (off_t)(range->offset + mapped->head));
    if (middle == MAP_FAILED)
        return false;
    (void)madvise(middle, mapped->middle, MADV_HUGEPAGE); /* a hint: what is cold comes in large folios */
    return true;
}

PacsHttpMapped *pacs_http_mapped_new(const PacsHttpMappedRange *range)
{
    const size_t page = page_size();
    PacsHttpMapped *mapped = malloc(sizeof *mapped);

    if (!mapped)
        return NULL;
    *mapped = (PacsHttpMapped){.range = *range, .area = MAP_FAILED};
    atomic_init(&mapped->references, 1);
    if (divide(mapped, page) && map(mapped, page))
        return mapped;
    pacs_http_mapped_unref(mapped);
    return NULL;
}

PacsHttpMapped *pacs_http_mapped_ref(PacsHttpMapped *mapped)
{
    atomic_fetch_add_explicit(&mapped->references, 1, memory_order_relaxed);
    return mapped;
}

void pacs_http_mapped_unref(PacsHttpMapped *mapped)
{
    if (!mapped || atomic_fetch_sub(&mapped->references, 1) != 1)
        return;
    if (mapped->area != MAP_FAILED)
        (void)munmap(mapped->area, mapped->area_size); /* what we mapped can be unmapped */
    free(mapped);
}

/* ---- Having it in memory ---- */

static uint8_t *middle_of(const PacsHttpMapped *mapped)
{
    return mapped->bytes + mapped->range.before + mapped->head;
}

static bool is_resident(const PacsHttpMapped *mapped)
{
    unsigned char pages[PACS_HTTP_READ_WHOLE / 4096]; /* the smallest page there is */
    const size_t count = mapped->middle / page_size();

    if (count > sizeof pages || mincore(middle_of(mapped), mapped->middle, pages) != 0)
        return false;
    for (size_t i = 0; i < count; i++)
        if (!(pages[i] & 1))
            return false;
    return true;
}

static PacsHttpMappedState read_edge(int fd, uint64_t offset, uint8_t *bytes, size_t size, bool may_wait)
{
    const struct iovec into = {.iov_base = bytes, .iov_len = size};

    if (size == 0)
        return PACS_HTTP_MAPPED_READY;
    const ssize_t count = preadv2(fd, &into, 1, (off_t)offset, may_wait ? 0 : RWF_NOWAIT);
    if (count == (ssize_t)size)
        return PACS_HTTP_MAPPED_READY;
    return may_wait ? PACS_HTTP_MAPPED_FAILED : PACS_HTTP_MAPPED_COLD;
}

static PacsHttpMappedState read_edges(PacsHttpMapped *mapped, bool may_wait)
{
    const uint64_t offset = mapped->range.offset;
    const int fd = mapped->range.fd;

    PacsHttpMappedState state = read_edge(fd, offset, middle_of(mapped) - mapped->head, mapped->head,
                                          may_wait);
    if (state == PACS_HTTP_MAPPED_READY)
        state = read_edge(fd, offset + mapped->head + mapped->middle, middle_of(mapped) + mapped->middle,
                          mapped->tail, may_wait);
    mapped->has_edges = state == PACS_HTTP_MAPPED_READY;
    return state;
}

static PacsHttpMappedState fetch(PacsHttpMapped *mapped, bool may_wait)
{
    const bool was_resident = is_resident(mapped);

    if (!was_resident && !may_wait)
        return PACS_HTTP_MAPPED_COLD;
    /* The first time also for what the page cache has: else each page of it is a fault of its own. */
    if ((!was_resident || !mapped->has_edges) &&
        madvise(middle_of(mapped), mapped->middle, MADV_POPULATE_READ) != 0)
        return PACS_HTTP_MAPPED_FAILED;
    return mapped->has_edges ? PACS_HTTP_MAPPED_READY : read_edges(mapped, may_wait);
}

PacsHttpMappedState pacs_http_mapped_prepare(PacsHttpMapped *mapped, bool may_wait)
{
    const uint64_t now = pacs_monotonic_ns();
    const uint64_t checked = atomic_load_explicit(&mapped->checked_ns, memory_order_relaxed);

    if (checked > 0 && now - checked < PACS_HTTP_MAPPED_CHECK_MS * UINT64_C(1000000))
        return PACS_HTTP_MAPPED_READY;
    PacsHttpMappedState state = fetch(mapped, may_wait);
    if (state == PACS_HTTP_MAPPED_READY)
        atomic_store_explicit(&mapped->checked_ns, now, memory_order_relaxed);
    return state;
}

/* ---- What is there ---- */

uint8_t *pacs_http_mapped_before(PacsHttpMapped *mapped)
{
    return mapped->bytes;
}

uint8_t *pacs_http_mapped_after(PacsHttpMapped *mapped)
{
    return mapped->bytes + mapped->range.before + mapped->range.size;
}

const void *pacs_http_mapped_bytes(const PacsHttpMapped *mapped)
{
    return mapped->bytes;
}

size_t pacs_http_mapped_size(const PacsHttpMapped *mapped)
{
    return mapped->range.before + mapped->range.size + mapped->range.after;
}
