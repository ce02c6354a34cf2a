#pragma once

#include <stdint.h>

/** The files of pacs/index/migrations in the order of their numbers; the build makes migrations.c of them
 *  (embed_migrations.cmake). Entry 0 leads to schema version 1. */
extern const char *const pacs_index_migrations[];
extern const uint32_t pacs_index_migration_count;
