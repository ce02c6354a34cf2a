#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "pacs/util/config_section.h"
#include "workers/imaging-report/pdf.h"
#include "workers/imaging-report/pictures.h"
#include "workers/imaging-report/report.h"

/** The section ImagingReport of the configuration, and Worker.Mapping. */
typedef struct ReportSettings {
    ReportDefaults defaults;
    ReportLayout layout;
    ReportPictureOptions pictures;
    const char *person_scheme;
    bool has_drafts;
    bool has_structured_report;
    const json_t *mapping;     /* rows for workers/loop/mapping.h; NULL */
    const json_t *pdf_sources; /* NULL */
    uint32_t pdf_timeout_ms;
} ReportSettings;

/** Texts are borrowed from the configuration. PACS_INVALID naming the key and what was expected. */
PACS_CHECKED PacsStatus report_settings_read(const PacsConfig *config, ReportSettings *ret_settings,
                                             PacsConfigWarning *warn, PacsError *err);
