#include "pacs/util/key.h"

#include <string.h>

#include "pacs/util/text.h"

void pacs_key_format(const PacsKey *key, char ret_hex[PACS_KEY_HEX + 1])
{
    pacs_hex_format(key->bytes, PACS_KEY_BYTES, ret_hex);
}

PacsStatus pacs_key_parse(const char *hex, PacsKey *ret_key, PacsError *err)
{
    return pacs_hex_parse(pacs_slice(hex), ret_key->bytes, PACS_KEY_BYTES, err);
}

int pacs_key_compare(const PacsKey *a, const PacsKey *b)
{
    return memcmp(a->bytes, b->bytes, PACS_KEY_BYTES);
}
