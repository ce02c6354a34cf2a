#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "pacs/util/buffer.h"

/**
 * Add UTF-8 `text` to `out` so that it may stand in an element or between the quotes of an attribute, and reads
 * back the same: markup becomes entities, line ends and tabs become character references (a parser would
 * normalise them otherwise). What no XML document can hold (control characters, U+FFFE, U+FFFF, bytes that are
 * no UTF-8) becomes U+FFFD. False if `out` could not take it all.
 * Source: XML 1.0 (fifth edition) 2.2, 2.4, 2.11, 3.3.3.
 */
bool pacs_xml_escape(PacsBuffer *out, const char *text, size_t size);
