/* Metadata in DICOM JSON, as STOW-RS takes them: cut into objects, each of which becomes a data set. */

#include <stdint.h>
#include <string.h>

#include "pacs/dicom/dataset_json.h"
#include "pacs/util/json_items.h"
#include "tests/fuzz/dataset_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static PacsStatus take(void *context, PacsSlice object, PacsError *err)
{
    PacsDatasetWriter *writer = context;

    (void)err;
    pacs_dataset_writer_reset(writer);
    if (pacs_dataset_json_read(object, writer, NULL) == PACS_OK)
        fuzz_finish(writer);
    return PACS_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    PACS_AUTO(PacsDatasetWriter) writer = NULL;
    PACS_AUTO(PacsJsonItems) items = NULL;
    size_t half = size / 2;

    if (pacs_dataset_writer_new(FUZZ_DATASET_MAX, &writer, NULL) != PACS_OK ||
        pacs_json_items_new(FUZZ_DATASET_MAX, take, writer, &items, NULL) != PACS_OK)
        abort();
    if (pacs_json_items_feed(items, data, half, NULL) == PACS_OK &&
        pacs_json_items_feed(items, data + half, size - half, NULL) == PACS_OK)
        pacs_ignore(pacs_json_items_finish(items, NULL));
    return 0;
}
