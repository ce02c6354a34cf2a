#pragma once

#include <stdint.h>

/** The files of workers/imaging-report/migrations in the order of their numbers (cmake/embed_migrations.cmake). */
extern const char *const imaging_report_migrations[];
extern const uint32_t imaging_report_migration_count;
