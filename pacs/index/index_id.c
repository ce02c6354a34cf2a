#include "pacs/index/index_id.h"

#include <string.h>

#include "pacs/util/text.h"

#define GROUP_BYTES ((size_t)4) /* eight digits between two dashes */

bool pacs_index_id_parse(const char *text, PacsOrthancId *ret_id)
{
    if (!text || !pacs_orthanc_id_valid(pacs_slice(text)))
        return false;
    PacsOrthancId id;
    for (size_t at = 0; at < sizeof id.bytes; at += GROUP_BYTES) {
        const PacsSlice digits = {text + at * 2 + at / GROUP_BYTES, GROUP_BYTES * 2};
        if (pacs_hex_parse(digits, id.bytes + at, GROUP_BYTES, NULL) != PACS_OK)
            return false;
    }
    *ret_id = id;
    return true;
}

void pacs_index_id_format(const PacsOrthancId *id, char ret_text[PACS_ORTHANC_ID_SIZE])
{
    pacs_orthanc_id_format(id->bytes, ret_text);
}
