#include "pacs/store/store_backend.h"

#include <inttypes.h>
#include <string.h>

#include "pacs/util/clock.h"

/* ---- what back ends share ---- */

static const char *const op_names[PACS_STORE_OP_COUNT] = {
    [PACS_STORE_OP_PUT] = "put",       [PACS_STORE_OP_OPEN] = "open", [PACS_STORE_OP_SIZE] = "size",
    [PACS_STORE_OP_REMOVE] = "remove", [PACS_STORE_OP_LIST] = "list",
};

void pacs_store_init(PacsStore *store, const PacsStoreOps *ops, PacsMetrics *metrics)
{
    PacsMetricFamily *seconds = pacs_metrics_family(
        metrics, PACS_HISTOGRAM, "imaging_storage_ops_seconds",
        "Time of object store calls; put is a whole object, without waiting for its sender", "op,backend");
    PacsMetricFamily *bytes = pacs_metrics_family(metrics, PACS_COUNTER, "imaging_storage_bytes_total",
                                                  "Bytes committed to and opened for reading from the store",
                                                  "direction,backend");
    *store = (PacsStore){
        .ops = ops,
        .bytes_written = pacs_metric(bytes, "written", ops->name, NULL),
        .bytes_read = pacs_metric(bytes, "read", ops->name, NULL),
    };
    for (size_t op = 0; op < PACS_STORE_OP_COUNT; op++)
        store->op_seconds[op] = pacs_metric(seconds, op_names[op], ops->name, NULL);
}

PacsStatus pacs_store_clip_range(uint64_t object_size, uint64_t offset, uint64_t *size, PacsError *err)
{
    if (offset > object_size || (*size != UINT64_MAX && *size > object_size - offset))
        return pacs_fail(err, PACS_CORRUPT,
                         "stored object has %" PRIu64 " bytes, %" PRIu64 " asked from offset %" PRIu64,
                         object_size, *size, offset);
    if (*size == UINT64_MAX)
        *size = object_size - offset;
    return PACS_OK;
}

static void put_u64(uint8_t *bytes, uint64_t value)
{
    for (int i = 7; i >= 0; i--, value >>= 8)
        bytes[i] = (uint8_t)value;
}

static uint64_t get_u64(const uint8_t *bytes)
{
    uint64_t value = 0;
    for (int i = 0; i < 8; i++)
        value = value << 8 | bytes[i];
    return value;
}

void pacs_store_key_make(uint64_t folder, uint64_t object, PacsKey *ret_key)
{
    put_u64(ret_key->bytes, folder);
    put_u64(ret_key->bytes + 8, object);
}

void pacs_store_key_split(const PacsKey *key, uint64_t *ret_folder, uint64_t *ret_object)
{
    *ret_folder = get_u64(key->bytes);
    *ret_object = get_u64(key->bytes + 8);
}

/* ---- the front ---- */

static const PacsKey zero_key;

/* A key that nobody filled in is the likeliest wrong one, and no store makes it. */
static PacsStatus check_key(const PacsKey *key, PacsError *err)
{
    if (pacs_key_compare(key, &zero_key) == 0)
        return pacs_fail(err, PACS_INVALID, "an empty key names no object");
    return PACS_OK;
}

static void count_op(const PacsStore *store, PacsStoreOp op, uint64_t start_ns)
{
    pacs_metric_observe_ns(store->op_seconds[op], pacs_monotonic_ns() - start_ns);
}

void pacs_store_free(PacsStore *store)
{
    if (store)
        store->ops->free(store);
}

const char *pacs_store_name(const PacsStore *store)
{
    return store->ops->name;
}

PacsStatus pacs_store_create(PacsStore *store, uint64_t size_hint, PacsStoreWriter **ret_writer,
                             PacsError *err)
{
    uint64_t start_ns = pacs_monotonic_ns();
    PacsStoreWriter *writer = NULL;
    PacsStatus status = store->ops->create(store, size_hint, &writer, err);
    if (status != PACS_OK)
        return status;
    *writer = (PacsStoreWriter){
        .store = store, .key = writer->key, .spent_ns = pacs_monotonic_ns() - start_ns};
    *ret_writer = writer;
    return PACS_OK;
}

static PacsStatus check_open(PacsStoreWriter *writer, PacsError *err)
{
    if (writer->committed)
        return pacs_fail(err, PACS_INTERNAL, "the object was committed already");
    if (writer->failure.status != PACS_OK)
        return pacs_fail(err, writer->failure.status, "%s", writer->failure.text);
    return PACS_OK;
}

/* Remember the outcome of a slot that was given &writer->failure as its err. */
static PacsStatus settle(PacsStoreWriter *writer, PacsStatus status, uint64_t start_ns, PacsError *err)
{
    writer->spent_ns += pacs_monotonic_ns() - start_ns;
    writer->failure.status = status; /* also where the slot failed without a text */
    return status == PACS_OK ? PACS_OK : pacs_fail(err, status, "%s", writer->failure.text);
}

PacsStatus pacs_store_write(PacsStoreWriter *writer, const void *bytes, size_t size, PacsError *err)
{
    PacsStatus status = check_open(writer, err);
    if (status != PACS_OK || size == 0)
        return status;

    uint64_t start_ns = pacs_monotonic_ns();
    status = writer->store->ops->write(writer, bytes, size, &writer->failure);
    if (status == PACS_OK)
        writer->size_bytes += size;
    return settle(writer, status, start_ns, err);
}

PacsStatus pacs_store_room(PacsStoreWriter *writer, uint8_t **ret_room, size_t *ret_size, PacsError *err)
{
    PacsStatus status = check_open(writer, err);
    if (status != PACS_OK)
        return status;
    *ret_size = 0;
    if (!writer->store->ops->room)
        return PACS_OK;
    return settle(writer, writer->store->ops->room(writer, ret_room, ret_size, &writer->failure),
                  pacs_monotonic_ns(), err);
}

PacsStatus pacs_store_filled(PacsStoreWriter *writer, size_t size, PacsError *err)
{
    PacsStatus status = check_open(writer, err);
    if (status != PACS_OK || size == 0)
        return status;

    uint64_t start_ns = pacs_monotonic_ns();
    status = writer->store->ops->filled(writer, size, &writer->failure);
    if (status == PACS_OK)
        writer->size_bytes += size;
    return settle(writer, status, start_ns, err);
}

PacsStatus pacs_store_write_block(PacsStoreWriter *writer, uint8_t **block, size_t size, PacsError *err)
{
    if (!writer->store->ops->write_block)
        return pacs_store_write(writer, *block, size, err);
    PacsStatus status = check_open(writer, err);
    if (status != PACS_OK || size == 0)
        return status;

    uint64_t start_ns = pacs_monotonic_ns();
    status = writer->store->ops->write_block(writer, block, size, &writer->failure);
    if (status == PACS_OK)
        writer->size_bytes += size;
    return settle(writer, status, start_ns, err);
}

PacsStatus pacs_store_commit(PacsStoreWriter *writer, PacsError *err)
{
    PacsStatus status = check_open(writer, err);
    if (status != PACS_OK)
        return status;

    PacsStore *store = writer->store;
    uint64_t start_ns = pacs_monotonic_ns();
    status = store->ops->commit(writer, &writer->failure);
    writer->committed = status == PACS_OK;
    status = settle(writer, status, start_ns, err);
    if (status == PACS_OK) {
        pacs_metric_observe_ns(store->op_seconds[PACS_STORE_OP_PUT], writer->spent_ns);
        pacs_metric_add(store->bytes_written, writer->size_bytes);
    }
    return status;
}

const PacsKey *pacs_store_writer_key(const PacsStoreWriter *writer)
{
    return &writer->key;
}

void pacs_store_writer_free(PacsStoreWriter *writer)
{
    if (writer)
        writer->store->ops->writer_free(writer);
}

PacsStatus pacs_store_open(PacsStore *store, const PacsKey *key, uint64_t offset, uint64_t size,
                           PacsSource **ret_source, PacsError *err)
{
    PacsStatus status = check_key(key, err);
    if (status != PACS_OK)
        return status;

    uint64_t start_ns = pacs_monotonic_ns();
    status = store->ops->open(store, key, offset, &size, ret_source, err);
    if (status == PACS_OK)
        pacs_metric_add(store->bytes_read, size);
    count_op(store, PACS_STORE_OP_OPEN, start_ns);
    return status;
}

PacsStatus pacs_store_open_fd(PacsStore *store, const PacsKey *key, int *ret_fd, PacsError *err)
{
    PacsStatus status = check_key(key, err);
    if (status != PACS_OK)
        return status;
    if (!store->ops->open_fd)
        return pacs_fail(err, PACS_UNSUPPORTED, "objects of the %s store have no descriptor",
                         store->ops->name);

    uint64_t start_ns = pacs_monotonic_ns();
    status = store->ops->open_fd(store, key, ret_fd, err);
    count_op(store, PACS_STORE_OP_OPEN, start_ns);
    return status;
}

bool pacs_store_has_fds(const PacsStore *store)
{
    return store->ops->open_fd != NULL;
}

PacsStatus pacs_store_size(PacsStore *store, const PacsKey *key, uint64_t *ret_bytes, PacsError *err)
{
    PacsStatus status = check_key(key, err);
    if (status != PACS_OK)
        return status;

    uint64_t start_ns = pacs_monotonic_ns();
    status = store->ops->size(store, key, ret_bytes, err);
    count_op(store, PACS_STORE_OP_SIZE, start_ns);
    return status;
}

PacsStatus pacs_store_remove(PacsStore *store, const PacsKey *key, PacsError *err)
{
    PacsStatus status = check_key(key, err);
    if (status != PACS_OK)
        return status;

    uint64_t start_ns = pacs_monotonic_ns();
    status = store->ops->remove(store, key, err);
    count_op(store, PACS_STORE_OP_REMOVE, start_ns);
    return status;
}

PacsStatus pacs_store_remove_all(PacsStore *store, const PacsKey *keys, size_t count, PacsError *err)
{
    for (size_t i = 0; i < count; i++) {
        PacsStatus status = pacs_store_remove(store, &keys[i], err);
        if (status != PACS_OK && status != PACS_NOT_FOUND)
            return status;
    }
    return store->ops->sync_removed && count > 0 ? store->ops->sync_removed(store, keys, count, err)
                                                 : PACS_OK;
}

PacsStatus pacs_store_list(PacsStore *store, const PacsKey *from, PacsStoreVisit *visit, void *context,
                           PacsError *err)
{
    uint64_t start_ns = pacs_monotonic_ns();
    PacsStatus status = store->ops->list(store, from ? from : &zero_key, visit, context, err);
    count_op(store, PACS_STORE_OP_LIST, start_ns);
    return status;
}

PacsStatus pacs_store_check(PacsStore *store, PacsError *err)
{
    static const char proof[] = "a write works";
    PACS_AUTO(PacsStoreWriter) writer = NULL;
    PacsStatus status = pacs_store_create(store, sizeof proof, &writer, err);
    if (status == PACS_OK)
        status = pacs_store_write(writer, proof, sizeof proof, err);
    if (status == PACS_OK)
        status = pacs_store_commit(writer, err);
    if (status == PACS_OK)
        status = pacs_store_remove(store, pacs_store_writer_key(writer), err);
    return status;
}
