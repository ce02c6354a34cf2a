#include "pacs/util/xml.h"

#include <stdint.h>

#include "pacs/util/text.h"

#define REPLACEMENT "\xEF\xBF\xBD" /* U+FFFD */

/** What stands for a character in XML; NULL for those that stand for themselves. */
static const char *entity(uint32_t code_point)
{
    switch (code_point) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\t':
        return "&#9;";
    case '\n':
        return "&#10;";
    case '\r':
        return "&#13;";
    default:
        return code_point < ' ' || code_point == 0xFFFE || code_point == 0xFFFF ? REPLACEMENT : NULL;
    }
}

bool pacs_xml_escape(PacsBuffer *out, const char *text, size_t size)
{
    size_t plain = 0; /* start of what has not been added yet */
    size_t at = 0;

    while (at < size) {
        uint32_t code_point;
        size_t length = pacs_utf8_next(text + at, size - at, &code_point);
        const char *instead = length > 0 ? entity(code_point) : REPLACEMENT;
        if (!length)
            length = 1;
        if (instead) {
            (void)pacs_buffer_add(out, text + plain, at - plain); /* checked by the last addition */
            (void)pacs_buffer_add_text(out, instead);
            plain = at + length;
        }
        at += length;
    }
    (void)pacs_buffer_add(out, text + plain, at - plain);
    return !out->failed;
}
