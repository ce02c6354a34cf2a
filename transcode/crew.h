#pragma once

#include <stdint.h>

#include "pacs/util/auto.h"
#include "pacs/util/status.h"

/**
 * Hands for work that can be shared: the thread that brings it, and others that have nothing to do.
 *
 * Owner:   whoever made it; nobody may be inside when it goes.
 * Threads: any, at once.
 */
typedef struct TranscodeCrew TranscodeCrew;

/** Up to `threads` beside those who bring work; they are started when they are needed first. */
PACS_CHECKED PacsStatus transcode_crew_new(uint32_t threads, TranscodeCrew **ret_crew, PacsError *err);
void transcode_crew_free(TranscodeCrew *crew);
PACS_DEFINE_AUTO(TranscodeCrew, transcode_crew_free);

/** How many of a crew may help; {0}: none. */
typedef struct TranscodeHands {
    TranscodeCrew *crew;
    uint32_t count;
} TranscodeHands;

/** Calls work(context) here, and as often as there are hands on other threads; returns when all calls have. `work` takes
 *  one part after the other until none is left: a hand that comes late finds nothing to do, and is not waited for. */
void transcode_crew_work(TranscodeHands hands, void (*work)(void *context), void *context);
