#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pacs/dicom/vr.h"
#include "pacs/util/buffer.h"
#include "pacs/util/text.h"

/**
 * Specific Character Set (0008,0005): from a data set's bytes to UTF-8.
 *
 * Shape:   a PacsCharset is a plain value: copy it, keep it per item (a nested item without its own
 *          (0008,0005) has its parent's), nothing to free. {0} is the default repertoire.
 * Threads: any; conversion keeps no state between calls.
 * Errors:  text is never refused. What means nothing becomes U+FFFD, one for each byte or broken
 *          character; only the buffer's PACS_TOO_LARGE and PACS_NO_MEMORY are passed on.
 * Source:  PS3.3 C.12.1.1.2 (defined terms), PS3.5 6.1 (repertoires, code extensions), H to K (examples).
 *
 * The default repertoire is ASCII. High bytes where nothing was declared, or where a term is unknown, are
 * taken as UTF-8 if the whole value is well-formed UTF-8 (nothing else looks like it by accident), otherwise
 * become U+FFFD: a guess at Latin-1 would show wrong names that look right. A caller with a site's own rule
 * (Orthanc's DefaultEncoding) parses that term for data sets that have none.
 */

/* The values of one (0008,0005); PS3.3 has 19 that may stand together, real lists have up to 4. */
#define PACS_CHARSET_MAX_TERMS 16

typedef struct PacsCharset {
    uint8_t terms[PACS_CHARSET_MAX_TERMS]; /* numbers of charset_terms.c's table; 0 is ASCII */
    uint8_t count;                         /* values in (0008,0005), ignored ones not counted; 0: none */
    bool lenient;                          /* a term was misspelt ("ISO-IR 100", "latin1") but understood */
    bool unknown;                          /* a term was not understood, or one too many */
} PacsCharset;

/** `value`: the bytes of (0008,0005), or an Orthanc encoding name ("Latin1", "Utf8", "Windows1251"). */
PacsCharset pacs_charset_parse(PacsSlice value);

/**
 * Add a value's text to `out` as UTF-8. In VRs that (0008,0005) does not concern (CS, DA, UI ...) the default
 * repertoire is in force. Escape sequences are honoured and left out; code extensions are reset where PS3.5
 * 6.1.2.5.3 says: control characters, `\` in multi-valued VRs, `^` and `=` in PN. Padding is kept.
 *
 * `bytes` may hold several values: separators come out as `\`; but a `\` out of a non-multi-valued VR or
 * (with ISO_IR 13, where 5/12 is a yen sign) inside a value cannot be told from them then, so split first.
 */
PACS_CHECKED PacsStatus pacs_charset_to_utf8(const PacsCharset *charset, PacsVr vr, const char *bytes,
                                             size_t size, PacsBuffer *out, PacsError *err);

/**
 * Next value of *rest, which becomes what follows its `\`; false when nothing is left. Knows that the byte
 * 5/12 may be the second half of a character (GB18030, GBK, JIS X 0208). "a\\b" gives "a", "", "b"; "" gives
 * one empty value. VRs of one value give all of *rest. Values are borrowed from *rest and still in their own
 * characters. Start with {bytes, size}; *rest ends as {NULL, 0}.
 */
bool pacs_charset_next_value(const PacsCharset *charset, PacsVr vr, PacsSlice *rest, PacsSlice *ret_value);
