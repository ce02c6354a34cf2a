#pragma once

#include "workers/imaging-report/archive.h"
#include "workers/imaging-report/pdf.h"

/** What is known of a study once the archive has been asked: itself and the pictures that stand for it. */
typedef struct ReportSubject {
    ReportStudy study;
    ReportPicture *pictures;
    size_t picture_count;
} ReportSubject;

typedef struct ReportPictureOptions {
    uint32_t max;  /* pictures chosen; what a report names itself is taken as it is */
    uint32_t side; /* pixels */
} ReportPictureOptions;

/**
 * Ask for a study and its key images: those that `report` names if it names any, else those of key object selections, else the middle of
 * each main series. An image that cannot be had as a picture (not in the study, no pixels, not rendered) is left out.
 *
 * Owner:  everything is in the arena, but for the JPEGs, which are behind each other in `jpegs`.
 * Errors: PACS_NOT_FOUND (no such study), the client's.
 */
PACS_CHECKED PacsStatus report_subject_read(const ReportArchive *archive, const Report *report,
                                            const ReportPictureOptions *options, PacsArena *arena,
                                            PacsBuffer *jpegs, ReportSubject *ret_subject, PacsError *err);
