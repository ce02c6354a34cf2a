#pragma once

#include "workers/loop/database.h"
#include "workers/loop/record.h"
#include "workers/loop/source.h"

/** The tables of workers/loop/migrations, as sentences. All within the caller's transaction; `consumer` is the group. */

/* ---- Events that were had ---- */

PACS_CHECKED PacsStatus worker_inbox_has(WorkerTransaction *transaction, const char *consumer,
                                         const char *source, const char *id, PacsArena *arena,
                                         bool *ret_known, PacsError *err);
/** *ret_new false: it was there. Another process that notes the same event is waited for. */
PACS_CHECKED PacsStatus worker_inbox_add(WorkerTransaction *transaction, const char *consumer,
                                         const char *source, const char *id, int64_t now_ms, bool *ret_new,
                                         PacsError *err);
PACS_CHECKED PacsStatus worker_inbox_forget(WorkerTransaction *transaction, const char *consumer,
                                            int64_t before_ms, uint64_t *ret_count, PacsError *err);

/** *ret_newer false: this revision of the key, or a later one, was applied before. */
PACS_CHECKED PacsStatus worker_revision_raise(WorkerTransaction *transaction, const char *consumer,
                                              const char *aggregate, const char *key, uint64_t revision,
                                              bool *ret_newer, PacsError *err);

/* ---- Keys that wait ---- */

typedef struct WorkerParked {
    const char *key;
    int64_t place;
    WorkerRecord record;
    uint32_t attempts;
    int64_t parked_ms;
    int64_t next_ms; /* when it is tried again */
} WorkerParked;

PACS_CHECKED PacsStatus worker_parked_has(WorkerTransaction *transaction, const char *consumer,
                                          const char *key, PacsArena *arena, bool *ret_parked,
                                          PacsError *err);
/** Behind the others of its key; an event that is there already stays where it is. */
typedef struct WorkerParking {
    const char *consumer, *key, *source, *id;
    const WorkerRecord *record;
    const char *reason;
    uint32_t attempts;
    int64_t now_ms, next_ms;
} WorkerParking;
PACS_CHECKED PacsStatus worker_parked_add(WorkerTransaction *transaction, const WorkerParking *parking,
                                          PacsError *err);
/** The first event of the key that has waited longest since it was due. PACS_NOT_FOUND: none is due. In the arena. */
PACS_CHECKED PacsStatus worker_parked_due(WorkerTransaction *transaction, const char *consumer,
                                          int64_t now_ms, PacsArena *arena, WorkerParked *ret_parked,
                                          PacsError *err);
/** Set when it is tried again; *ret_won false: another process was quicker, and has it now. */
PACS_CHECKED PacsStatus worker_parked_claim(WorkerTransaction *transaction, const char *consumer,
                                            const WorkerParked *parked, int64_t next_ms, bool *ret_won,
                                            PacsError *err);
PACS_CHECKED PacsStatus worker_parked_remove(WorkerTransaction *transaction, const char *consumer,
                                             const WorkerParked *parked, PacsError *err);
/** The next event of the key is due at once. */
PACS_CHECKED PacsStatus worker_parked_wake(WorkerTransaction *transaction, const char *consumer,
                                           const char *key, int64_t now_ms, PacsError *err);
PACS_CHECKED PacsStatus worker_parked_count(WorkerTransaction *transaction, const char *consumer,
                                            PacsArena *arena, int64_t *ret_keys, int64_t *ret_events,
                                            int64_t *ret_oldest_ms, PacsError *err);

/* ---- Dead letters, positions ---- */

PACS_CHECKED PacsStatus worker_dead_add(WorkerTransaction *transaction, const char *consumer,
                                        const WorkerRecord *record, const WorkerDeath *death, int64_t now_ms,
                                        PacsError *err);

PACS_CHECKED PacsStatus worker_position_read(WorkerTransaction *transaction, const char *consumer,
                                             const char *source, PacsArena *arena, int64_t *ret_position,
                                             PacsError *err);
PACS_CHECKED PacsStatus worker_position_write(WorkerTransaction *transaction, const char *consumer,
                                              const char *source, int64_t position, PacsError *err);
