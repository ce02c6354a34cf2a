#pragma once

#include "workers/loop/worker.h"

/** The worker consumer-dicom: see README.md. */
WorkerDefinition consumer_dicom(void);
