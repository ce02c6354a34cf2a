#pragma once

#include "workers/consumer-dicom/study.h"
#include "workers/loop/database.h"

/** Write the study's rows as they are to be now: of a study that does not exist none stay. */
PACS_CHECKED PacsStatus dicom_tables_write(WorkerTransaction *transaction, const DicomStudy *study,
                                           uint64_t revision, PacsError *err);
PACS_CHECKED PacsStatus dicom_tables_remove(WorkerTransaction *transaction, const char *study_uid,
                                            PacsError *err);
