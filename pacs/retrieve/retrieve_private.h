#pragma once

#include <pthread.h>

#include "pacs/retrieve/image_cache.h"
#include "pacs/retrieve/metadata_cache.h"
#include "pacs/retrieve/retrieve.h"
#include "transcode/layout.h"

/** image_layout.c: what the frames of an object look like, remembered. */
#define LAYOUT_PLACES 4096
typedef struct LayoutPlace {
    PacsKey key;
    TranscodeLayout layout; /* no rows: nothing is here */
} LayoutPlace;

/** For the files of this room alone. */
struct PacsRetrieve {
    PacsStore *store;
    PacsIndex *index;
    MetadataCache *metadata;
    TranscodeService *transcode;  /* NULL: frames leave as they are stored */
    pthread_mutex_t layouts_lock; /* of layouts */
    LayoutPlace layouts[LAYOUT_PLACES];
    ImageCache *images;
};

/** converted_object.c: the transfer syntax of the frames of an object in this one. Static, or `uid`. */
const char *converted_frame_syntax(const char *uid);

/** A row without its object is our damage, not the asker's mistake: PACS_NOT_FOUND becomes PACS_CORRUPT. */
PacsStatus pacs_retrieve_lost(const PacsStoredObject *object, PacsStatus status, PacsError *err);
