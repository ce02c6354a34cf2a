#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "pacs/util/arena.h"
#include "pacs/util/status.h"
#include "workers/imaging-report/document.h"
#include "workers/imaging-report/pictures.h"
#include "workers/loop/database.h"

/** The report worker's tables (migrations/0001_reports.sql). Calls run in the transaction given. */

/** The last word on a report. */
typedef struct ReportState {
    bool is_known; /* something was told before */
    uint64_t version;
    int64_t issued_ms;
    /** What stands in the archive for it, the latest version's documents first. */
    ReportPredecessor *documents;
    size_t document_count;
    size_t latest_count; /* of them: those of the latest version */
} ReportState;

PACS_CHECKED PacsStatus report_state_read(WorkerTransaction *transaction, const char *study_uid,
                                          const char *report_id, PacsArena *arena, ReportState *ret_state,
                                          PacsError *err);

/** An event about a report, for the tables. */
typedef struct ReportTold {
    const Report *report;
    const char *event_source, *event_id;
    PacsSlice data;
    const char *outcome; /* "stored", "withdrawn", "stale" */
    int64_t now_ms;
} ReportTold;

/** Keep the event, and unless it is stale make it the last word. */
PACS_CHECKED PacsStatus report_state_write(WorkerTransaction *transaction, const ReportTold *told,
                                           PacsError *err);
PACS_CHECKED PacsStatus report_document_add(WorkerTransaction *transaction, const ReportTold *told,
                                            const ReportPredecessor *document, PacsError *err);
/** All documents of the report are taken back. */
PACS_CHECKED PacsStatus report_documents_withdraw(WorkerTransaction *transaction, const ReportTold *told,
                                                  PacsError *err);

/** True if some report of the study stands. */
PACS_CHECKED PacsStatus report_has_report(WorkerTransaction *transaction, const char *study_uid,
                                          PacsArena *arena, bool *ret_has, PacsError *err);

typedef struct ReportDraft {
    const char *study_uid;
    uint64_t revision;
    const char *lane; /* NULL: none */
    PacsSlice pdf;
    const ReportPicture *pictures;
    size_t picture_count;
    int64_t now_ms;
} ReportDraft;

/** In place of the study's draft before. */
PACS_CHECKED PacsStatus report_draft_write(WorkerTransaction *transaction, const ReportDraft *draft,
                                           PacsError *err);
PACS_CHECKED PacsStatus report_draft_remove(WorkerTransaction *transaction, const char *study_uid,
                                            PacsError *err);
