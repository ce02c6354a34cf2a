#pragma once

#include "pacs/retrieve/metadata_cache.h"
#include "pacs/retrieve/retrieve.h"

/** For the files of this room alone. */
struct PacsRetrieve {
    PacsStore *store;
    PacsIndex *index;
    MetadataCache *metadata;
};

/** A row without its object is our damage, not the asker's mistake: PACS_NOT_FOUND becomes PACS_CORRUPT. */
PacsStatus pacs_retrieve_lost(const PacsStoredObject *object, PacsStatus status, PacsError *err);
