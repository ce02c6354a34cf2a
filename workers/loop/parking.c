#include <string.h>

#include "pacs/util/log.h"
#include "workers/loop/loop_private.h"

/* What becomes of an event that cannot be applied: it waits with its key, or is given up. */

#define PARKED_FIRST_MS 1000 /* until a key that was parked just now is tried again */
#define PARKED_MAX_MS 600000 /* between later tries */
#define MS_PER_DAY (24ll * 3600 * 1000)

/* ---- Parking ---- */

static PacsStatus commit_parking(WorkerLoop *loop, const LoopWork *work, const WorkerParking *parking,
                                 PacsError *err)
{
    PACS_AUTO(WorkerTransaction) transaction = NULL;
    WorkerSource *source = loop->options.source;
    PacsStatus status = worker_begin(loop->options.database, &transaction, err);
    if (status == PACS_OK)
        status = worker_parked_add(transaction, parking, err);
    if (status == PACS_OK && source->ops->note)
        status = source->ops->note(source, work->record, transaction, err);
    return status == PACS_OK ? worker_commit(PACS_STEAL(transaction), err) : status;
}

PacsStatus worker_park(WorkerLoop *loop, const LoopWork *work, const PacsError *why, PacsError *err)
{
    const int64_t now_ms = worker_loop_now_ms(loop);
    const WorkerParking parking = {.consumer = loop->options.consumer,
                                   .key = work->key,
                                   .source = work->event.source,
                                   .id = work->event.id,
                                   .record = work->record,
                                   .reason = why->text,
                                   .attempts = work->attempt,
                                   .now_ms = now_ms,
                                   .next_ms = now_ms + PARKED_FIRST_MS};
    const PacsStatus status = commit_parking(loop, work, &parking, err);
    if (status != PACS_OK)
        return status;
    PACS_LOG(PACS_LOG_WARNING, loop->options.definition->name, "key-parked",
             PACS_F_TEXT("event_id", work->event.id), PACS_F_TEXT("type", work->event.type),
             PACS_F_U64("attempts", work->attempt), PACS_F_TEXT("status", pacs_status_name(why->status)),
             PACS_F_TEXT("reason", why->text));
    return worker_count_parked(loop, err);
}

PacsStatus worker_count_parked(WorkerLoop *loop, PacsError *err)
{
    PACS_AUTO(WorkerTransaction) transaction = NULL;
    int64_t keys = 0;
    int64_t events = 0;
    int64_t oldest_ms = 0;
    pacs_arena_reset(loop->attempt_arena);
    PacsStatus status = worker_begin(loop->options.database, &transaction, err);
    if (status == PACS_OK)
        status = worker_parked_count(transaction, loop->options.consumer, loop->attempt_arena, &keys, &events,
                                     &oldest_ms, err);
    if (status != PACS_OK)
        return status;
    pacs_metric_set(loop->counters.parked_keys, keys);
    pacs_metric_set(loop->counters.parked_events, events);
    pacs_metric_set(loop->counters.parked_oldest,
                    oldest_ms ? (worker_loop_now_ms(loop) - oldest_ms) / 1000 : 0);
    return PACS_OK;
}

/* ---- Dead letters ---- */

/** What those who look after dead letters cannot take, the table can. */
static bool is_for_table(PacsStatus status)
{
    return status == PACS_NOT_FOUND || status == PACS_REFUSED || status == PACS_TOO_LARGE ||
           status == PACS_INVALID || status == PACS_UNSUPPORTED;
}

static PacsStatus write_death(WorkerLoop *loop, const WorkerRecord *record, const WorkerParked *parked,
                              const WorkerDeath *death, bool in_table, PacsError *err)
{
    PACS_AUTO(WorkerTransaction) transaction = NULL;
    WorkerSource *source = loop->options.source;
    const char *consumer = loop->options.consumer;
    const int64_t now_ms = worker_loop_now_ms(loop);
    PacsStatus status = worker_begin(loop->options.database, &transaction, err);
    if (status == PACS_OK && in_table)
        status = worker_dead_add(transaction, consumer, record, death, now_ms, err);
    if (status == PACS_OK && parked)
        status = worker_parked_remove(transaction, consumer, parked, err);
    if (status == PACS_OK && parked)
        status = worker_parked_wake(transaction, consumer, parked->key, now_ms, err);
    if (status == PACS_OK && !parked && source->ops->note)
        status = source->ops->note(source, record, transaction, err);
    return status == PACS_OK ? worker_commit(PACS_STEAL(transaction), err) : status;
}

/* No row in the inbox: whoever has mended the cause may send the letter again. */
PacsStatus worker_bury(WorkerLoop *loop, const WorkerRecord *record, const WorkerParked *parked,
                       const WorkerDeath *death, PacsError *err)
{
    WorkerSource *source = loop->options.source;
    PacsError refusal = {0};
    PacsStatus status = source->ops->bury ? source->ops->bury(source, record, death, &refusal)
                                          : PACS_NOT_FOUND;
    const bool in_table = is_for_table(status);
    if (status != PACS_OK && !in_table) {
        if (err)
            *err = refusal;
        return status;
    }
    if (in_table || parked || source->ops->note) {
        status = write_death(loop, record, parked, death, in_table, err);
        if (status != PACS_OK)
            return status;
    }
    pacs_metric_add(pacs_metric(loop->counters.dead, death->error_class, NULL), 1);
    PACS_LOG(PACS_LOG_ERROR, loop->options.definition->name, "dead-letter",
             PACS_F_TEXT("topic", record->topic), PACS_F_I64("partition", record->partition),
             PACS_F_I64("offset", record->offset), PACS_F_TEXT("class", death->error_class),
             PACS_F_TEXT("reason", death->reason), PACS_F_TEXT("kept_in", in_table ? "table" : "topic"),
             PACS_F_TEXT("topic_trouble", in_table && source->ops->bury ? refusal.text : NULL));
    return PACS_OK;
}

/* ---- Trying again ---- */

/** As long again as it has waited, so that what takes a moment is soon done and what takes a day costs little. */
static int64_t pause_ms(const WorkerParked *parked, int64_t now_ms)
{
    const int64_t waited_ms = now_ms - parked->parked_ms;
    return waited_ms < PARKED_FIRST_MS ? PARKED_FIRST_MS
           : waited_ms < PARKED_MAX_MS ? waited_ms
                                       : PARKED_MAX_MS;
}

static PacsStatus claim_due(WorkerLoop *loop, WorkerParked *ret_parked, bool *ret_won, PacsError *err)
{
    PACS_AUTO(WorkerTransaction) transaction = NULL;
    const int64_t now_ms = worker_loop_now_ms(loop);
    const char *consumer = loop->options.consumer;
    PacsStatus status = worker_begin(loop->options.database, &transaction, err);
    if (status == PACS_OK)
        status = worker_parked_due(transaction, consumer, now_ms, loop->arena, ret_parked, err);
    if (status == PACS_OK)
        status = worker_parked_claim(transaction, consumer, ret_parked, now_ms + pause_ms(ret_parked, now_ms),
                                     ret_won, err);
    return status == PACS_OK ? worker_commit(PACS_STEAL(transaction), err) : status;
}

/** It failed once more: given up if it never will be, or has waited for too long. */
static PacsStatus judge(WorkerLoop *loop, const WorkerParked *parked, const PacsError *why, PacsError *err)
{
    const int64_t age_ms = worker_loop_now_ms(loop) - parked->parked_ms;
    const bool is_poison = worker_verdict(why->status) == WORKER_POISON;
    const WorkerDeath death = {.error_class = is_poison ? pacs_status_name(why->status) : "gave-up",
                               .reason = why->text,
                               .attempts = parked->attempts + 1};
    if (is_poison || age_ms > (int64_t)loop->options.parked_days * MS_PER_DAY)
        return worker_bury(loop, &parked->record, parked, &death, err);
    PACS_LOG(PACS_LOG_INFO, loop->options.definition->name, "key-still-parked",
             PACS_F_U64("attempts", parked->attempts + 1),
             PACS_F_TEXT("status", pacs_status_name(why->status)), PACS_F_TEXT("reason", why->text));
    return PACS_OK;
}

static PacsStatus try_parked(WorkerLoop *loop, const WorkerParked *parked, PacsError *err)
{
    LoopOutcome outcome = LOOP_APPLIED;
    LoopWork work = {0};
    PacsError why = {0};
    bool is_database = false;
    PacsStatus status = worker_understand(loop, &parked->record, loop->arena, &work, &why);
    work.parked = parked;
    work.attempt = parked->attempts + 1;
    if (status == PACS_OK)
        status = worker_attempt(loop, &work, &outcome, &is_database, &why);
    if (status == PACS_OK) {
        worker_loop_count(loop, &work, outcome);
        return PACS_OK;
    }
    if (is_database) {
        if (err)
            *err = why;
        return status;
    }
    return judge(loop, parked, &why, err);
}

PacsStatus worker_retry_parked(WorkerLoop *loop, bool *ret_found, PacsError *err)
{
    WorkerParked parked = {0};
    bool won = false;
    *ret_found = false;
    pacs_arena_reset(loop->arena);
    PacsStatus status = claim_due(loop, &parked, &won, err);
    if (status == PACS_NOT_FOUND)
        return PACS_OK;
    *ret_found = status == PACS_OK;
    if (status == PACS_OK && won)
        status = try_parked(loop, &parked, err);
    return status == PACS_OK ? worker_count_parked(loop, err) : status;
}
