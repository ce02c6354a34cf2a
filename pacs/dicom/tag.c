#include "pacs/dicom/tag.h"

#include <stdio.h>
#include <string.h>

void pacs_tag_format(PacsTag tag, char ret_text[PACS_TAG_HEX_SIZE])
{
    snprintf(ret_text, PACS_TAG_HEX_SIZE, "%08X", tag);
}

void pacs_tag_format_comma(PacsTag tag, char ret_text[PACS_TAG_COMMA_SIZE])
{
    snprintf(ret_text, PACS_TAG_COMMA_SIZE, "%04x,%04x", pacs_tag_group(tag), pacs_tag_element(tag));
}

PacsStatus pacs_tag_parse(PacsSlice text, PacsTag *ret_tag, PacsError *err)
{
    char digits[8];
    if (text.size == 9 && text.text[4] == ',') {
        memcpy(digits, text.text, 4);
        memcpy(digits + 4, text.text + 5, 4);
    } else if (text.size == 8) {
        memcpy(digits, text.text, 8);
    } else {
        return pacs_fail(err, PACS_INVALID, "a tag has 8 hexadecimal digits, not %zu characters", text.size);
    }

    uint8_t bytes[4];
    if (pacs_hex_parse((PacsSlice){digits, sizeof digits}, bytes, sizeof bytes, NULL))
        return pacs_fail(err, PACS_INVALID, "a tag has hexadecimal digits only");
    *ret_tag = (PacsTag)bytes[0] << 24 | (PacsTag)bytes[1] << 16 | (PacsTag)bytes[2] << 8 | bytes[3];
    return PACS_OK;
}
