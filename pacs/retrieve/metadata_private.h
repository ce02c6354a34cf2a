#pragma once

#include "pacs/retrieve/metadata.h"

/* Inside of this room: what the files of metadata share. */

/** Whether the series' stream can leave as it is, as far as it goes. */
bool metadata_is_ready(const PacsMetadata *metadata, const PacsSeriesMetadata *series);

/** metadata_source.c: the array as a gzip member. */
PACS_CHECKED PacsStatus metadata_source_open(PacsRetrieve *retrieve, const PacsMetadata *metadata,
                                             PacsSource **ret_source, PacsError *err);

/** Go on with the instances of metadata->series[series] behind the key `after`. */
void metadata_walk_seek(PacsMetadataWalk *walk, size_t series, int64_t after);
/** The next of that series; *ret_more false at its end. */
PACS_CHECKED PacsStatus metadata_walk_next_of_series(PacsMetadataWalk *walk, PacsBuffer *out, bool *ret_more,
                                                     PacsError *err);
