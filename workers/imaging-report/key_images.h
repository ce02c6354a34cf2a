#pragma once

#include <stddef.h>
#include <stdint.h>

#include "pacs/util/arena.h"
#include "pacs/util/status.h"
#include "pacs/util/text.h"

/**
 * Which images stand for a study: those that somebody marked (key object selections), else the middle of each main series.
 * Works on what QIDO-RS and WADO-RS tell; asks nobody.
 *
 * Owner: everything read is in the arena.
 */
typedef struct ReportSeries {
    const char *series_instance_uid, *modality, *description;
    int64_t number;
    uint32_t instance_count;
} ReportSeries;

typedef struct ReportInstance {
    const char *sop_class_uid, *sop_instance_uid, *series_instance_uid;
    int64_t number;
    uint32_t frame_count; /* at least 1 */
} ReportInstance;

/** Answers of QIDO-RS, in the order of their numbers. PACS_UNSUPPORTED: no list of DICOM JSON. */
PACS_CHECKED PacsStatus report_series_parse(PacsSlice json, PacsArena *arena, ReportSeries **ret_series,
                                            size_t *ret_count, PacsError *err);
PACS_CHECKED PacsStatus report_instances_parse(PacsSlice json, PacsArena *arena,
                                               ReportInstance **ret_instances, size_t *ret_count,
                                               PacsError *err);

/** An image that was marked: which, and which of its frames. */
typedef struct ReportMark {
    const char *sop_instance_uid;
    uint32_t frame_number; /* 0: not said */
} ReportMark;

/**
 * Add what a key object selection marks, from its metadata. Selections whose title rejects images (IOCM), or lists all there
 * is (manifests), mark none. Each image is marked once.
 */
PACS_CHECKED PacsStatus report_marks_add(PacsSlice json, PacsArena *arena, ReportMark *marks, size_t max,
                                         size_t *count, PacsError *err);

/**
 * How many images of each series stand for the study: shares[i] for series[i], `max` altogether.
 *
 * One of each, larger series first, scouts left out beside them; what remains goes to series whose images are views of their own
 * (X-ray, ultrasound), not to volumes.
 */
void report_key_shares(const ReportSeries *series, size_t count, uint32_t max, uint32_t *shares);

/** The instance at place `index` of `share` evenly spread over `count`: of one the middle. */
size_t report_key_place(size_t count, uint32_t share, uint32_t index);
