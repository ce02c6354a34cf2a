/* transcode_tool FILE [--frame N] [--to UID] [--quality Q] [--near N]: a frame of a file in a transfer syntax. On stdout one
 * line of JSON that says what it is, then its bytes.
 *
 * transcode_tool --round-trips FILE: every frame (at most 20) decoded, and through every lossless syntax that takes it; a
 * line for each that did not come back bit for bit, and "COUNT round trips" at the end.
 *
 * Exits with 1 and what was wrong on stderr. */

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pacs/dicom/uid.h"
#include "pacs/util/json.h"
#include "pacs/util/limits.h"
#include "pacs/util/text.h"
#include "tests/support/stored_frame.h"

#define FRAMES_MAX 20u

typedef struct Arguments {
    const char *path;
    uint64_t frame;
    uint64_t quality;
    uint64_t near;
    const char *to;
    bool round_trips;
} Arguments;

static void print_frame(const TranscodeFrame *frame, uint32_t frame_count)
{
    const TranscodeLayout *layout = &frame->layout;
    PACS_AUTO_BUFFER PacsBuffer line = PACS_BUFFER(4096);
    PacsJson json;

    pacs_json_init(&json, &line, false);
    pacs_json_object_begin(&json);
    pacs_json_member_string(&json, "transferSyntax", frame->transfer_syntax_uid);
    pacs_json_member_u64(&json, "frames", frame_count);
    pacs_json_member_u64(&json, "rows", layout->rows);
    pacs_json_member_u64(&json, "columns", layout->columns);
    pacs_json_member_u64(&json, "samples", layout->samples_per_pixel);
    pacs_json_member_u64(&json, "bitsAllocated", layout->bits_allocated);
    pacs_json_member_u64(&json, "bitsStored", layout->bits_stored);
    pacs_json_member_u64(&json, "highBit", layout->high_bit);
    pacs_json_member_bool(&json, "signed", layout->is_signed);
    pacs_json_member_bool(&json, "planar", layout->is_planar);
    pacs_json_member_bool(&json, "float", layout->is_float);
    pacs_json_member_string(&json, "photometric", transcode_photometric_name(layout->photometric));
    pacs_json_object_end(&json);
    (void)printf("%s\n", pacs_buffer_text(&line));
    (void)fwrite(frame->bytes, 1, frame->size, stdout);
}

static PacsStatus encode(const TranscodeFrame *native, const TranscodeTarget *target, PacsBuffer *out,
                         TranscodeFrame *ret_frame, PacsError *err)
{
    TranscodeFrame frame = {.transfer_syntax_uid = target->transfer_syntax_uid};

    PacsStatus status = transcode_layout_after(PACS_UID_EXPLICIT_LITTLE, &native->layout, target,
                                               &frame.layout, err);
    if (status == PACS_OK)
        status = transcode_encode(native, target, out, err);
    frame.bytes = out->bytes;
    frame.size = out->size;
    if (status == PACS_OK)
        *ret_frame = frame;
    return status;
}

static PacsStatus show(const TestStored *stored, const Arguments *arguments, PacsError *err)
{
    PACS_AUTO_BUFFER PacsBuffer bytes = PACS_BUFFER(PACS_MAX_FRAME_BYTES);
    PACS_AUTO_BUFFER PacsBuffer decoded = PACS_BUFFER(PACS_MAX_FRAME_BYTES);
    PACS_AUTO_BUFFER PacsBuffer encoded = PACS_BUFFER(PACS_MAX_FRAME_BYTES);
    const TranscodeTarget target = {.transfer_syntax_uid = arguments->to,
                                    .quality = (uint32_t)arguments->quality,
                                    .near = (uint32_t)arguments->near};
    TranscodeFrame frame, native, made;

    PacsStatus status = test_stored_frame(stored, (uint32_t)arguments->frame, &bytes, &frame, err);
    if (status == PACS_OK)
        status = test_stored_decode(&frame, &decoded, &native, err);
    if (status == PACS_OK && strcmp(arguments->to, PACS_UID_EXPLICIT_LITTLE) == 0)
        made = native;
    else if (status == PACS_OK)
        status = encode(&native, &target, &encoded, &made, err);
    if (status == PACS_OK)
        print_frame(&made, stored->frame_count);
    return status;
}

/* ---- Round trips ---- */

static bool is_lossless(const PacsUidEntry *syntax)
{
    return !(syntax->flags & PACS_UID_LOSSY);
}

/* Planes come back by pixel, shared colours unshared: so once through a syntax, and that through it again. */
static PacsStatus trip(const TranscodeFrame *native, const char *uid, PacsBuffer *out,
                       TranscodeFrame *ret_native, PacsError *err)
{
    PACS_AUTO_BUFFER PacsBuffer encoded = PACS_BUFFER(PACS_MAX_FRAME_BYTES);
    TranscodeFrame made;

    PacsStatus status = encode(native, &(TranscodeTarget){.transfer_syntax_uid = uid}, &encoded, &made, err);
    if (status == PACS_OK)
        status = test_stored_decode(&made, out, ret_native, err);
    return status;
}

static PacsStatus check_trip(const TranscodeFrame *native, const char *uid, PacsError *err)
{
    PACS_AUTO_BUFFER PacsBuffer once = PACS_BUFFER(PACS_MAX_FRAME_BYTES);
    PACS_AUTO_BUFFER PacsBuffer twice = PACS_BUFFER(PACS_MAX_FRAME_BYTES);
    TranscodeFrame first, second;

    PacsStatus status = trip(native, uid, &once, &first, err);
    if (status == PACS_OK)
        status = trip(&first, uid, &twice, &second, err);
    if (status != PACS_OK)
        return status;
    const bool is_rearranged = first.size != native->size || native->layout.is_planar;
    if (!is_rearranged && memcmp(first.bytes, native->bytes, first.size) != 0)
        return pacs_fail(err, PACS_CORRUPT, "samples changed");
    if (first.size != second.size || memcmp(first.bytes, second.bytes, first.size) != 0)
        return pacs_fail(err, PACS_CORRUPT, "samples changed the second time");
    return PACS_OK;
}

static unsigned check_trips(const TranscodeFrame *native, uint32_t frame_number, unsigned *count)
{
    size_t syntaxes = 0;
    const PacsUidEntry *entries = pacs_uid_transfer_syntaxes(&syntaxes);
    unsigned failures = 0;

    for (size_t i = 0; i < syntaxes; i++) {
        PacsError err = {0};

        if (!is_lossless(&entries[i]) || !transcode_can_encode(entries[i].uid, &native->layout))
            continue;
        (*count)++;
        if (check_trip(native, entries[i].uid, &err) == PACS_OK)
            continue;
        failures++;
        (void)printf("frame %u, %s: %s\n", frame_number, entries[i].keyword, err.text);
    }
    return failures;
}

static PacsStatus round_trips(const TestStored *stored, PacsError *err)
{
    PacsStatus status = PACS_OK;
    unsigned count = 0, failures = 0;

    for (uint32_t n = 1; status == PACS_OK && n <= stored->frame_count && n <= FRAMES_MAX; n++) {
        PACS_AUTO_BUFFER PacsBuffer bytes = PACS_BUFFER(PACS_MAX_FRAME_BYTES);
        PACS_AUTO_BUFFER PacsBuffer decoded = PACS_BUFFER(PACS_MAX_FRAME_BYTES);
        TranscodeFrame frame, native;

        status = test_stored_frame(stored, n, &bytes, &frame, err);
        if (status == PACS_OK)
            status = test_stored_decode(&frame, &decoded, &native, err);
        if (status == PACS_OK)
            failures += check_trips(&native, n, &count);
    }
    (void)printf("%u round trips\n", count);
    if (status == PACS_OK && failures > 0)
        return pacs_fail(err, PACS_CORRUPT, "%u of %u round trips changed samples", failures, count);
    return status;
}

static bool parse_arguments(int argc, char **argv, Arguments *ret_arguments)
{
    static const struct option options[] = {
        {"frame", required_argument, NULL, 'f'},   {"to", required_argument, NULL, 't'},
        {"quality", required_argument, NULL, 'q'}, {"near", required_argument, NULL, 'n'},
        {"round-trips", no_argument, NULL, 'r'},   {0}};
    Arguments arguments = {.frame = 1, .to = PACS_UID_EXPLICIT_LITTLE};
    PacsStatus status = PACS_OK;
    int option = 0;

    while (status == PACS_OK && (option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option == 'f')
            status = pacs_parse_u64(pacs_slice(optarg), UINT32_MAX, &arguments.frame, NULL);
        else if (option == 't')
            arguments.to = optarg;
        else if (option == 'q')
            status = pacs_parse_u64(pacs_slice(optarg), 100, &arguments.quality, NULL);
        else if (option == 'n')
            status = pacs_parse_u64(pacs_slice(optarg), 255, &arguments.near, NULL);
        else if (option == 'r')
            arguments.round_trips = true;
        else
            return false;
    }
    if (status != PACS_OK || optind + 1 != argc)
        return false;
    arguments.path = argv[optind];
    *ret_arguments = arguments;
    return true;
}

int main(int argc, char **argv)
{
    Arguments arguments;
    PacsError err = {0};
    TEST_AUTO_STORED TestStored stored = {0};

    if (!parse_arguments(argc, argv, &arguments)) {
        (void)fprintf(stderr, "usage: transcode_tool [--frame N] [--to UID] [--quality Q] [--near N] FILE\n"
                              "       transcode_tool --round-trips FILE\n");
        return 2;
    }
    PacsStatus status = test_stored_open(arguments.path, &stored, &err);
    if (status == PACS_OK)
        status = arguments.round_trips ? round_trips(&stored, &err) : show(&stored, &arguments, &err);
    if (status != PACS_OK)
        (void)fprintf(stderr, "%s: %s\n", pacs_status_name(status), err.text);
    return status == PACS_OK ? 0 : 1;
}
