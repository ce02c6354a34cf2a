#pragma once

#include "transcode/codec.h"

/** The rules of layouts: what decoding and encoding do to a frame's attributes (docs/ARCHITECTURE.md has the table).
 *  Private to the room. */

/** Whether frames of this syntax are native ones: in the data set itself, or bare in fragments. */
bool transcode_is_native(const char *transfer_syntax_uid);

/** The native frame a decoder makes. Errors: PACS_UNSUPPORTED. */
PACS_CHECKED PacsStatus transcode_rules_decoded(const char *from_uid, const TranscodeLayout *stored,
                                                TranscodeLayout *ret_native, PacsError *err);

/** What an encoder of this syntax is given in place of a native frame: by pixel, colours it can write. False: there is
 *  no such thing (a lossy palette, floats). */
bool transcode_rules_input(const char *to_uid, const TranscodeLayout *native, TranscodeLayout *ret_input);

/** The layout of the codestream it makes of that. */
TranscodeLayout transcode_rules_encoded(const TranscodeTarget *target, const TranscodeLayout *input);
