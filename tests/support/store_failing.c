#include "tests/support/store_failing.h"

#include <pthread.h>
#include <stdlib.h>

#include "pacs/store/store_backend.h"

typedef struct Trap {
    unsigned calls;
    bool always;
    unsigned at_call; /* 0: none */
    PacsStatus status;
} Trap;

typedef struct StoreFailing {
    PacsStore base;
    PacsStore *inner;
    pthread_mutex_t lock; /* over the traps */
    Trap traps[STORE_FAILING_SLOT_COUNT];
} StoreFailing;

typedef struct FailingWriter {
    PacsStoreWriter base;
    PacsStoreWriter *inner;
} FailingWriter;

void store_failing_arm(PacsStore *failing, StoreFailingSlot slot, unsigned n, PacsStatus status)
{
    StoreFailing *self = (StoreFailing *)failing;
    (void)pthread_mutex_lock(&self->lock);
    Trap *trap = &self->traps[slot];
    trap->always = n == 0;
    trap->at_call = n == 0 ? 0 : trap->calls + n;
    trap->status = status;
    (void)pthread_mutex_unlock(&self->lock);
}

unsigned store_failing_calls(PacsStore *failing, StoreFailingSlot slot)
{
    StoreFailing *self = (StoreFailing *)failing;
    (void)pthread_mutex_lock(&self->lock);
    unsigned calls = self->traps[slot].calls;
    (void)pthread_mutex_unlock(&self->lock);
    return calls;
}

static PacsStatus pass(PacsStore *store, StoreFailingSlot slot, PacsError *err)
{
    StoreFailing *failing = (StoreFailing *)store;
    (void)pthread_mutex_lock(&failing->lock);
    Trap *trap = &failing->traps[slot];
    trap->calls++;
    bool caught = trap->always || trap->calls == trap->at_call;
    PacsStatus status = caught ? trap->status : PACS_OK;
    (void)pthread_mutex_unlock(&failing->lock);
    return status == PACS_OK ? PACS_OK : pacs_fail(err, status, "failing as the test asked");
}

static PacsStatus failing_create(PacsStore *self, uint64_t size_hint, PacsStoreWriter **ret_writer,
                                 PacsError *err)
{
    PacsStatus status = pass(self, STORE_FAILING_CREATE, err);
    if (status != PACS_OK)
        return status;
    PACS_AUTO_FREE FailingWriter *writer = calloc(1, sizeof *writer);
    if (!writer)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for a writer");
    status = pacs_store_create(((StoreFailing *)self)->inner, size_hint, &writer->inner, err);
    if (status != PACS_OK)
        return status;
    writer->base.key = *pacs_store_writer_key(writer->inner);
    *ret_writer = &PACS_STEAL(writer)->base;
    return PACS_OK;
}

static PacsStatus failing_write(PacsStoreWriter *self, const void *bytes, size_t size, PacsError *err)
{
    PacsStatus status = pass(self->store, STORE_FAILING_WRITE, err);
    return status == PACS_OK ? pacs_store_write(((FailingWriter *)self)->inner, bytes, size, err) : status;
}

static PacsStatus failing_commit(PacsStoreWriter *self, PacsError *err)
{
    PacsStatus status = pass(self->store, STORE_FAILING_COMMIT, err);
    return status == PACS_OK ? pacs_store_commit(((FailingWriter *)self)->inner, err) : status;
}

static void failing_writer_free(PacsStoreWriter *self)
{
    pacs_store_writer_free(((FailingWriter *)self)->inner);
    free(self);
}

static PacsStatus failing_open(PacsStore *self, const PacsKey *key, uint64_t offset, uint64_t *size,
                               PacsSource **ret_source, PacsError *err)
{
    PacsStatus status = pass(self, STORE_FAILING_OPEN, err);
    return status == PACS_OK
               ? pacs_store_open(((StoreFailing *)self)->inner, key, offset, *size, ret_source, err)
               : status;
}

static PacsStatus failing_open_fd(PacsStore *self, const PacsKey *key, int *ret_fd, PacsError *err)
{
    PacsStatus status = pass(self, STORE_FAILING_OPEN_FD, err);
    return status == PACS_OK ? pacs_store_open_fd(((StoreFailing *)self)->inner, key, ret_fd, err) : status;
}

static PacsStatus failing_size(PacsStore *self, const PacsKey *key, uint64_t *ret_bytes, PacsError *err)
{
    PacsStatus status = pass(self, STORE_FAILING_SIZE, err);
    return status == PACS_OK ? pacs_store_size(((StoreFailing *)self)->inner, key, ret_bytes, err) : status;
}

static PacsStatus failing_remove(PacsStore *self, const PacsKey *key, PacsError *err)
{
    PacsStatus status = pass(self, STORE_FAILING_REMOVE, err);
    return status == PACS_OK ? pacs_store_remove(((StoreFailing *)self)->inner, key, err) : status;
}

static PacsStatus failing_list(PacsStore *self, const PacsKey *from, PacsStoreVisit *visit, void *context,
                               PacsError *err)
{
    PacsStatus status = pass(self, STORE_FAILING_LIST, err);
    return status == PACS_OK ? pacs_store_list(((StoreFailing *)self)->inner, from, visit, context, err)
                             : status;
}

static void failing_free(PacsStore *self)
{
    StoreFailing *failing = (StoreFailing *)self;
    (void)pthread_mutex_destroy(&failing->lock);
    free(failing);
}

static const PacsStoreOps failing_ops = {
    .name = "failing",
    .create = failing_create,
    .write = failing_write,
    .commit = failing_commit,
    .writer_free = failing_writer_free,
    .open = failing_open,
    .open_fd = failing_open_fd,
    .size = failing_size,
    .remove = failing_remove,
    .list = failing_list,
    .free = failing_free,
};

PacsStore *store_failing_new(PacsStore *inner)
{
    StoreFailing *failing = calloc(1, sizeof *failing);
    if (!failing)
        return NULL;
    pacs_store_init(&failing->base, &failing_ops, NULL);
    failing->inner = inner;
    (void)pthread_mutex_init(&failing->lock, NULL);
    return &failing->base;
}
