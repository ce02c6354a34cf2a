#pragma once

#include "events/relay/settings.h"
#include "pacs/dicom/scan.h"
#include "pacs/index/index_write.h"

/**
 * The lane that an instance brings its study into, if it is the first: that of the first rule that matches, NULL (the
 * usual one) if none does. Patterns are compared with values as they are indexed, of several values with each.
 */
const char *ingest_lane_of(const EventsLaneRule *rules, size_t count, const PacsOrigin *origin,
                           const PacsInstance *instance);
