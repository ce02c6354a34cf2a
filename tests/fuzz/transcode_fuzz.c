/* A stored frame in any syntax, through our own door: decoded whole or refused; what is decoded goes through RLE and comes
 * back as it was.
 *
 * OpenJPH 0.9 ends the process by its assertions at some packet headers, and CharLS 2.4 takes seconds over some broken
 * near-lossless codestreams of a hundred bytes. In the server that costs a process whose business it is to die
 * (transcode/helper.h). Here such a frame goes through a child first, and what the child survives in time is decoded once
 * more in sight of the fuzzer, so that finds in everybody's code still stop it: a child that ends in any other way is one. */

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pacs/dicom/uid.h"
#include "pacs/util/limits.h"
#include "tests/fuzz/transcode_frame.h"

#define CHILD_MS 200 /* a sound frame of 255 by 255 takes ten */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Decoded by the two libraries, at least in part. */
static bool may_end_the_process(const char *transfer_syntax_uid)
{
    static const char *const syntaxes[] = {
        PACS_UID_JPEG_LS_LOSSLESS,
        PACS_UID_JPEG_LS_NEAR_LOSSLESS,
        PACS_UID_JPEG_2000_LOSSLESS,
        PACS_UID_JPEG_2000,
        PACS_UID_HTJ2K_LOSSLESS,
        PACS_UID_HTJ2K_LOSSLESS_RPCL,
        PACS_UID_HTJ2K,
    };

    for (size_t i = 0; i < sizeof syntaxes / sizeof *syntaxes; i++)
        if (strcmp(syntaxes[i], transfer_syntax_uid) == 0)
            return true;
    return false;
}

static _Noreturn void decode_in_child(const TranscodeFrame *frame, const TranscodeLayout *layout,
                                      uint8_t *out, size_t size)
{
    const struct itimerval timer = {.it_value.tv_usec = CHILD_MS * 1000L};

    (void)signal(SIGABRT, SIG_DFL); /* libFuzzer's own handlers call everything a find */
    (void)signal(SIGALRM, SIG_DFL);
    (void)setitimer(ITIMER_REAL, &timer, NULL);
    pacs_ignore(transcode_decode(frame, layout, out, size, NULL)); /* how it ends is all that counts */
    _exit(0);
}

static bool child_survives(const TranscodeFrame *frame, const TranscodeLayout *layout, uint8_t *out,
                           size_t size)
{
    const pid_t child = fork();
    int how = 0;

    if (child == 0)
        decode_in_child(frame, layout, out, size);
    while (child > 0 && waitpid(child, &how, 0) < 0)
        if (errno != EINTR)
            abort();
    if (child < 0 || (WIFSIGNALED(how) && (WTERMSIG(how) == SIGABRT || WTERMSIG(how) == SIGALRM)))
        return false;
    if (how != 0)
        abort(); /* it has said why */
    return true;
}

static void check_round_trip(const TranscodeFrame *native)
{
    const TranscodeTarget target = {.transfer_syntax_uid = PACS_UID_RLE_LOSSLESS};
    PACS_AUTO_BUFFER PacsBuffer encoded = PACS_BUFFER(PACS_MAX_FRAME_BYTES);

    if (!transcode_can_encode(PACS_UID_RLE_LOSSLESS, &native->layout) ||
        native->layout.photometric == TRANSCODE_YBR_FULL_422)
        return;
    if (transcode_encode(native, &target, &encoded, NULL) != PACS_OK)
        abort();
    const TranscodeFrame frame = {PACS_UID_RLE_LOSSLESS, native->layout, encoded.bytes, encoded.size};
    PACS_AUTO_FREE uint8_t *back = malloc(native->size);
    if (!back || transcode_decode(&frame, &native->layout, back, native->size, NULL) != PACS_OK ||
        memcmp(back, native->bytes, native->size) != 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const TranscodeTarget target = {.transfer_syntax_uid = PACS_UID_EXPLICIT_LITTLE};
    TranscodeFrame native = {.transfer_syntax_uid = PACS_UID_EXPLICIT_LITTLE};
    PacsError err = {0};

    if (size < TRANSCODE_FUZZ_HEAD)
        return 0;
    const TranscodeFrame frame = transcode_fuzz_frame(data, size);
    if (transcode_layout_after(frame.transfer_syntax_uid, &frame.layout, &target, &native.layout, NULL) !=
            PACS_OK ||
        transcode_layout_size(&native.layout, &native.size, NULL) != PACS_OK)
        return 0;
    PACS_AUTO_FREE uint8_t *out = malloc(native.size);
    if (!out)
        return 0;
    memset(out, 0xA5, native.size);
    if (may_end_the_process(frame.transfer_syntax_uid) &&
        !child_survives(&frame, &native.layout, out, native.size))
        return 0;
    const PacsStatus status = transcode_decode(&frame, &native.layout, out, native.size, &err);
    if (status != PACS_OK && (err.status != status || err.text[0] == '\0'))
        abort();
    native.bytes = out;
    if (status == PACS_OK)
        check_round_trip(&native);
    return 0;
}
