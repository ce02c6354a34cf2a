#pragma once

#include <stddef.h>
#include <stdint.h>

#include "pacs/dicom/identity.h"
#include "pacs/util/status.h"

/**
 * What of a patient may stand in events: nothing, unless the operator names it (Events.PhiFields). A name is that of the
 * member in the event's data. Values are read when the event is written: they are those of that moment.
 */
typedef struct PacsPhiField {
    const char *name; /* "patientName" */
    PacsLevel level;  /* patient: as the study has it */
    PacsTag tag;
} PacsPhiField;

#define PACS_PHI_FIELD_COUNT 10
extern const PacsPhiField pacs_phi_fields[PACS_PHI_FIELD_COUNT];

/** One bit for each row of the table. */
typedef uint32_t PacsPhiFields;

/** Errors: PACS_INVALID naming what is no such field, and those that are. */
PACS_CHECKED PacsStatus pacs_phi_fields_parse(const char *const *names, size_t count,
                                              PacsPhiFields *ret_fields, PacsError *err);
