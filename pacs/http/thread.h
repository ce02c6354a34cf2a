#pragma once

#include <pthread.h>

#include "pacs/util/status.h"

/** A named thread with all signals blocked, so that these reach the main thread. */
PACS_CHECKED PacsStatus pacs_http_thread_start(pthread_t *ret_thread, const char *name,
                                               void *(*run)(void *argument), void *argument, PacsError *err);
