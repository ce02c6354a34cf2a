#pragma once

#include <stdint.h>

/** The files of workers/loop/migrations in the order of their numbers (cmake/embed_migrations.cmake). */
extern const char *const worker_loop_migrations[];
extern const uint32_t worker_loop_migration_count;
