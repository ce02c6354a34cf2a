#pragma once

#include <stddef.h>
#include <stdint.h>

#include "pacs/util/arena.h"
#include "pacs/util/status.h"

/** "1,2,5": frame numbers from 1 on, at most PACS_MAX_FRAME_LIST; in the arena. Errors: PACS_INVALID. */
PACS_CHECKED PacsStatus dicomweb_frame_list_parse(const char *list, PacsArena *arena, uint32_t **ret_numbers,
                                                  size_t *ret_count, PacsError *err);
