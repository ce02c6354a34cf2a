#include "pacs/util/clock.h"
#include "pacs/util/crash_point.h"
#include "workers/loop/loop_private.h"

/* One try of one event: what is read elsewhere first, then everything that is written in one transaction. */

/** Before prepare, which may take long: is there anything to do at all? */
static PacsStatus look(WorkerLoop *loop, const LoopWork *work, WorkerTransaction *transaction,
                       bool *ret_known, bool *ret_waits, PacsError *err)
{
    const char *consumer = loop->options.consumer;
    PacsStatus status = worker_inbox_has(transaction, consumer, work->event.source, work->event.id,
                                         loop->attempt_arena, ret_known, err);
    if (status == PACS_OK && !work->parked)
        status = worker_parked_has(transaction, consumer, work->key, loop->attempt_arena, ret_waits, err);
    return status;
}

/** What every outcome but a failure writes: the record's place, and that it waits no longer. */
static PacsStatus write_place(WorkerLoop *loop, const LoopWork *work, WorkerTransaction *transaction,
                              PacsError *err)
{
    const WorkerSource *source = loop->options.source;
    if (!work->parked)
        return source->ops->note ? source->ops->note(loop->options.source, work->record, transaction, err)
                                 : PACS_OK;
    const PacsStatus status = worker_parked_remove(transaction, loop->options.consumer, work->parked, err);
    return status == PACS_OK ? worker_parked_wake(transaction, loop->options.consumer, work->key,
                                                  worker_loop_now_ms(loop), err)
                             : status;
}

static PacsStatus queue_behind_parked(WorkerLoop *loop, const LoopWork *work, WorkerTransaction *transaction,
                                      PacsError *err)
{
    const int64_t now_ms = worker_loop_now_ms(loop);
    const WorkerParking parking = {.consumer = loop->options.consumer,
                                   .key = work->key,
                                   .source = work->event.source,
                                   .id = work->event.id,
                                   .record = work->record,
                                   .reason = "an event of the same key waits",
                                   .now_ms = now_ms,
                                   .next_ms = now_ms};
    return worker_parked_add(transaction, &parking, err);
}

/** *ret_outcome is set if there is nothing left to do but to commit. */
static PacsStatus begin_effect(WorkerLoop *loop, const LoopWork *work, WorkerTransaction *transaction,
                               LoopOutcome *ret_outcome, PacsError *err)
{
    const char *consumer = loop->options.consumer;
    const WorkerHandler *handler = work->handler;
    bool is_new = false;
    bool is_newer = true;
    PacsStatus status = worker_inbox_add(transaction, consumer, work->event.source, work->event.id,
                                         worker_loop_now_ms(loop), &is_new, err);
    if (status == PACS_OK && is_new && handler->aggregate)
        status = worker_revision_raise(transaction, consumer, handler->aggregate, work->key, work->revision,
                                       &is_newer, err);
    *ret_outcome = !is_new ? LOOP_DUPLICATE : !is_newer ? LOOP_STALE : LOOP_APPLIED;
    return status;
}

static WorkerDelivery delivery_of(WorkerLoop *loop, const LoopWork *work)
{
    return (WorkerDelivery){.record = work->record,
                            .event = &work->event,
                            .key = work->key,
                            .revision = work->revision,
                            .attempt = work->attempt,
                            .arena = loop->attempt_arena};
}

/** A database that is away or full is not the event's fault, also where the effect ran into it. */
static bool is_database_trouble(PacsStatus status)
{
    return status == PACS_UNAVAILABLE || status == PACS_NO_SPACE;
}

static PacsStatus write_effect(WorkerLoop *loop, const LoopWork *work, void *prepared,
                               LoopOutcome *ret_outcome, bool *ret_is_database, PacsError *err)
{
    PACS_AUTO(WorkerTransaction) transaction = NULL;
    const WorkerDelivery delivery = delivery_of(loop, work);
    *ret_is_database = true;
    PacsStatus status = worker_begin(loop->options.database, &transaction, err);
    if (status == PACS_OK)
        status = begin_effect(loop, work, transaction, ret_outcome, err);
    if (status == PACS_OK && *ret_outcome == LOOP_APPLIED) {
        status = work->handler->apply(loop->options.context, &delivery, prepared, transaction, err);
        *ret_is_database = is_database_trouble(status);
        if (status != PACS_OK)
            return status;
    }
    *ret_is_database = true;
    if (status == PACS_OK)
        status = write_place(loop, work, transaction, err);
    PACS_CRASH_POINT("worker-before-commit");
    if (status == PACS_OK)
        status = worker_commit(PACS_STEAL(transaction), err);
    PACS_CRASH_POINT("worker-after-commit");
    return status;
}

/** One transaction of reading; one more if the event only has to be put behind others. */
static PacsStatus look_first(WorkerLoop *loop, const LoopWork *work, bool *ret_settled,
                             LoopOutcome *ret_outcome, PacsError *err)
{
    PACS_AUTO(WorkerTransaction) transaction = NULL;
    bool is_known = false;
    bool waits = false;
    PacsStatus status = worker_begin(loop->options.database, &transaction, err);
    if (status == PACS_OK)
        status = look(loop, work, transaction, &is_known, &waits, err);
    if (status != PACS_OK || !(is_known || waits))
        return status;
    *ret_settled = true;
    *ret_outcome = is_known ? LOOP_DUPLICATE : LOOP_QUEUED;
    if (!is_known)
        status = queue_behind_parked(loop, work, transaction, err);
    if (status == PACS_OK)
        status = write_place(loop, work, transaction, err);
    return status == PACS_OK ? worker_commit(PACS_STEAL(transaction), err) : status;
}

PacsStatus worker_attempt(WorkerLoop *loop, const LoopWork *work, LoopOutcome *ret_outcome,
                          bool *ret_is_database, PacsError *err)
{
    const WorkerDelivery delivery = delivery_of(loop, work);
    bool is_settled = false;
    void *prepared = NULL;

    pacs_arena_reset(loop->attempt_arena);
    atomic_store(&loop->attempt_since_ns, pacs_monotonic_ns());
    *ret_is_database = true;
    PacsStatus status = look_first(loop, work, &is_settled, ret_outcome, err);
    if (status == PACS_OK && !is_settled && work->handler->prepare) {
        *ret_is_database = false;
        status = work->handler->prepare(loop->options.context, &delivery, &prepared, err);
    }
    PACS_CRASH_POINT("worker-after-prepare");
    if (status == PACS_OK && !is_settled)
        status = write_effect(loop, work, prepared, ret_outcome, ret_is_database, err);
    atomic_store(&loop->attempt_since_ns, 0);
    return status;
}
