#pragma once

#include "transcode/service.h"
#include "transcode/service_lru.h"
#include "transcode/service_metrics.h"

/**
 * What is kept of finished work: small results in memory, all of them in files, both bounded, the least recently used
 * forgotten first.
 *
 * Threads: any, at once.
 */
typedef struct TranscodeCache TranscodeCache;

PACS_CHECKED PacsStatus transcode_cache_new(const TranscodeServiceOptions *options, TranscodeMetrics *metrics,
                                            TranscodeCache **ret_cache, PacsError *err);
void transcode_cache_free(TranscodeCache *cache);
PACS_DEFINE_AUTO(TranscodeCache, transcode_cache_free);

/** What can be sent at once, or NULL. */
TranscodeResult *transcode_cache_find(TranscodeCache *cache, const TranscodeName *name);
/** The same, and what has to be looked for and read first: files of another run or another server. */
TranscodeResult *transcode_cache_load(TranscodeCache *cache, const TranscodeName *name);
/** Keeps a result, which is in memory, as far as there is room; what cannot be kept is no failure. It is found at once,
 *  and written to the disk behind the caller's back. */
void transcode_cache_add(TranscodeCache *cache, const TranscodeName *name, TranscodeResult *result);
/** Returns when everything that was added is on the disk, or will not be. */
void transcode_cache_flush(TranscodeCache *cache);
/** Everything whose name begins with the object's. */
void transcode_cache_forget(TranscodeCache *cache, const TranscodeName *name);

/** A result in memory; steals the buffer's bytes. NULL: no memory. */
TranscodeResult *transcode_result_new(PacsBuffer *bytes);
