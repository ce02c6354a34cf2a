/* Metadata in the Native DICOM Model, as STOW-RS takes them. */

#include <stdint.h>
#include <string.h>

#include "pacs/dicom/dataset_xml.h"
#include "tests/fuzz/dataset_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    PACS_AUTO(PacsDatasetWriter) writer = NULL;
    PACS_AUTO(PacsDatasetXml) xml = NULL;

    if (pacs_dataset_writer_new(FUZZ_DATASET_MAX, &writer, NULL) != PACS_OK ||
        pacs_dataset_xml_new(writer, &xml, NULL) != PACS_OK)
        abort();
    if (pacs_dataset_xml_feed(xml, data, size, NULL) == PACS_OK &&
        pacs_dataset_xml_finish(xml, NULL) == PACS_OK)
        fuzz_finish(writer);
    return 0;
}
