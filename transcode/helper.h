#pragma once

#include "transcode/codec.h"

/**
 * The process that decodes for the service: the server's own binary, started anew with one argument, without files,
 * network or children. It talks over one socket and works in memory that it shares with the server.
 */
#define TRANSCODE_HELPER_ARGUMENT "--decode-frames"

typedef PacsStatus TranscodeDecode(const TranscodeFrame *frame, const TranscodeLayout *layout, uint8_t *out,
                                   size_t out_size, PacsError *err);

/** What main() does where argv[1] is TRANSCODE_HELPER_ARGUMENT: returns the exit code when the server has gone. `decode`
 *  is transcode_decode(), or what a test has in its place. */
int transcode_helper_main(TranscodeDecode *decode);
