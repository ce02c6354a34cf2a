#pragma once

#include "pacs/index/index_write.h"

/**
 * An object as ingest hands it to the index, made up from four numbers: for tests and benches of the index,
 * which need no bytes. Fields may be changed after init; `add` points into the struct, so it is not copied.
 */
#define INDEXED_OBJECT_TAGS 16

typedef struct IndexedObject {
    PacsIndexAdd add; /* what pacs_index_add() takes */
    PacsInstance instance;
    PacsOrigin origin;
    PacsTagValue tags[4][INDEXED_OBJECT_TAGS];
    char patient_id[32];
    char patient_name[48];
    char uids[3][64]; /* study, series, instance */
    char number[16];
    char json[96]; /* stands for the compressed DICOM JSON */
} IndexedObject;

/**
 * Patient "P<patient>", UIDs 1.2.840.<study>, 1.2.840.<study>.<series>, 1.2.840.<study>.<series>.<instance>,
 * Instance Number <instance>, CT, 1,000 bytes, received by C-STORE now, a key that no other object has.
 */
void indexed_object_init(IndexedObject *object, unsigned patient, unsigned study, unsigned series,
                         unsigned instance);

/** Give a level's tag another value; NULL takes the tag away. The value is borrowed. */
void indexed_object_set(IndexedObject *object, PacsLevel level, PacsTag tag, const char *value);
