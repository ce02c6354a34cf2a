#pragma once

#include "pacs/index/index.h"
#include "pacs/rest/rest.h"

/** A series' instances in the order a volume has them. */
typedef struct RestSlice {
    char id[PACS_ORTHANC_ID_SIZE];
    double place; /* along the normal, or the instance's number */
    uint32_t frames;
    size_t arrival;
} RestSlice;

typedef struct RestSlices {
    RestSlice *slices;
    size_t count;
    bool
        is_volume; /* parallel slices of one frame each at different places; else by Instance Number, then arrival */
} RestSlices;

/** Errors: PACS_NOT_FOUND (no such series). */
PACS_CHECKED PacsStatus rest_slices_find(PacsRest *rest, const char *series_id, PacsArena *arena,
                                         RestSlices *ret_slices, PacsError *err);
