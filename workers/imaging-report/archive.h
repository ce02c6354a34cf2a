#pragma once

#include <stddef.h>
#include <stdint.h>

#include "pacs/util/arena.h"
#include "pacs/util/buffer.h"
#include "pacs/util/status.h"
#include "workers/http_client/http_client.h"
#include "workers/imaging-report/key_images.h"
#include "workers/imaging-report/study.h"

/**
 * The archive as the report worker asks it, by DICOMweb: QIDO-RS, WADO-RS, STOW-RS and deletion.
 *
 * Owner:   borrows client and root; what is read is in the arena given.
 * Threads: one at a time.
 * Errors:  the client's (workers/http_client/http_client.h); PACS_UNSUPPORTED: an answer that is no DICOM JSON.
 */
typedef struct ReportArchive {
    WorkerHttpClient *client;
    const char *root;        /* "/dicom-web" */
    const char *traceparent; /* of the event at hand; NULL */
} ReportArchive;

/** The series of a study. PACS_NOT_FOUND: the study is not there, or has none. */
PACS_CHECKED PacsStatus report_archive_series(const ReportArchive *archive, const char *study_uid,
                                              PacsArena *arena, ReportSeries **ret_series, size_t *ret_count,
                                              PacsError *err);
/** Instances of a series; with series_uid NULL those of the study whose UIDs stand in `sop_uids` (joined by commas). */
PACS_CHECKED PacsStatus report_archive_instances(const ReportArchive *archive, const char *study_uid,
                                                 const char *series_uid, const char *sop_uids,
                                                 PacsArena *arena, ReportInstance **ret_instances,
                                                 size_t *ret_count, PacsError *err);
/** DICOM JSON of one instance: a list of one data set, in the arena. */
PACS_CHECKED PacsStatus report_archive_metadata(const ReportArchive *archive, const char *study_uid,
                                                const ReportInstance *instance, PacsArena *arena,
                                                PacsSlice *ret_json, PacsError *err);
/** A frame as JPEG, at most `side` pixels wide and high. */
PACS_CHECKED PacsStatus report_archive_rendered(const ReportArchive *archive, const char *study_uid,
                                                const ReportInstance *instance, uint32_t frame_number,
                                                uint32_t side, PacsBuffer *out, PacsError *err);

/** Store objects, all or none being stored is the archive's to say. PACS_INVALID: refused; PACS_UNAVAILABLE: some were not stored. */
PACS_CHECKED PacsStatus report_archive_store(const ReportArchive *archive, const char *study_uid,
                                             const PacsSlice *objects, size_t count, PacsError *err);
/** Not there (any more) is PACS_OK. */
PACS_CHECKED PacsStatus report_archive_delete(const ReportArchive *archive, const char *study_uid,
                                              const char *series_uid, const char *sop_uid, PacsError *err);
