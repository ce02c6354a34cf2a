#pragma once

#include "transcode/service.h"
#include "transcode/service_lru.h"

/**
 * Results on their way to the disk. A thread of its own writes them in order, so that nobody who asked waits for a disk;
 * until then they are found here. Bounded (PACS_MAX_TRANSCODE_UNWRITTEN): what comes faster than the disk takes it is not
 * written.
 *
 * Owner:   holds a reference to each result until it was written.
 * Threads: any, at once.
 */
typedef struct TranscodeWriter TranscodeWriter;

/** Called for one result at a time. It must not call the writer. */
typedef void (*TranscodeWrite)(void *context, const TranscodeName *name, TranscodeResult *result);

PACS_CHECKED PacsStatus transcode_writer_new(TranscodeWrite write, void *context,
                                             TranscodeWriter **ret_writer, PacsError *err);
/** Writes what waits still. */
void transcode_writer_free(TranscodeWriter *writer);
PACS_DEFINE_AUTO(TranscodeWriter, transcode_writer_free);

/** False: no room; it will not be written. */
bool transcode_writer_add(TranscodeWriter *writer, const TranscodeName *name, TranscodeResult *result);
/** What was not written yet, or NULL. */
TranscodeResult *transcode_writer_find(TranscodeWriter *writer, const TranscodeName *name);
/** Nothing whose name begins with the object's waits any more or is being written on return. */
void transcode_writer_forget(TranscodeWriter *writer, const TranscodeName *name);
/** Returns when nothing waits. */
void transcode_writer_flush(TranscodeWriter *writer);
