#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "pacs/dicom/identity.h"

/** An Orthanc id as the SHA-1 it is: what back ends store and compare. */
typedef struct PacsOrthancId {
    uint8_t bytes[PACS_ORTHANC_ID_BYTES];
} PacsOrthancId;

/** False (and *ret_id untouched) for text that is no id. NULL is none. */
bool pacs_index_id_parse(const char *text, PacsOrthancId *ret_id);

void pacs_index_id_format(const PacsOrthancId *id, char ret_text[PACS_ORTHANC_ID_SIZE]);
