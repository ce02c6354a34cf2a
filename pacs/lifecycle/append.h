#pragma once

#include <stdbool.h>

#include "pacs/index/index_series_metadata.h"
#include "pacs/util/auto.h"
#include "pacs/util/metrics.h"
#include "pacs/util/status.h"

/**
 * Makes metadata ready (pacs/index/index_series_metadata.h): appends what has arrived to the streams of its series, some
 * at a time, in the order of commits. It remembers nothing between two steps: the text in front of a new piece, which
 * the piece is compressed against, is that of the last instances in the stream and is made again from these. So it may
 * die at any point, and another may do the work beside it: what both did is taken from one.
 *
 * Threads: one at a time.
 */
typedef struct PacsAppender PacsAppender;

/** index is borrowed; root (copied) is what BulkDataURIs begin with: a path or URL without a slash at the end. */
PACS_CHECKED PacsStatus pacs_appender_new(PacsIndex *index, const char *root, PacsMetrics *metrics,
                                          PacsAppender **ret_appender, PacsError *err);
/** Lets another have the duty. */
void pacs_appender_free(PacsAppender *self);
PACS_DEFINE_AUTO(PacsAppender, pacs_appender_free);

/** Append some hundred instances at most. *ret_more: there was something, and there may be more. */
PACS_CHECKED PacsStatus pacs_appender_step(PacsAppender *self, bool *ret_more, PacsError *err);
