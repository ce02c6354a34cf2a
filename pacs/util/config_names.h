#pragma once

#include "pacs/util/buffer.h"
#include "pacs/util/status.h"

#define PACS_CONFIG_PREFIX "ORTHANC__"

/**
 * The setting that a variable stands for: "ORTHANC__DICOM_WEB__ROOT" is "DicomWeb.Root", added to `out`.
 * Words are capitalised, except those of a table ("POSTGRESQL", "MB").
 *
 * Errors: PACS_INVALID for a name that is none: an empty level, two "_" in a row within one, other
 * characters. Source: the Docker images of the Orthanc Team, as COMPAT.md section 3 ("Docker env") has it.
 */
PACS_CHECKED PacsStatus pacs_config_setting_of(const char *variable, PacsBuffer *out, PacsError *err);
