#pragma once

#include <stdint.h>

/** The files of workers/consumer-dicom/migrations in the order of their numbers (cmake/embed_migrations.cmake). */
extern const char *const consumer_dicom_migrations[];
extern const uint32_t consumer_dicom_migration_count;
