/* Decoding in processes of their own: what crashes, hangs or grows there hurts one frame. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "pacs/dicom/uid.h"
#include "tests/unit/transcode/asker.h"
#include "transcode/helper.h"

#define PIXELS 64 /* bytes of every frame here */

/* ---- In the helper: this program, started anew ---- */

/** The first bytes of a codestream say what its decoder does. */
static PacsStatus decode(const TranscodeFrame *frame, const TranscodeLayout *layout, uint8_t *out,
                         size_t out_size, PacsError *err)
{
    const char *wish = (const char *)frame->bytes;
    pid_t pid = getpid();

    (void)layout;
    memset(out, 'x', out_size);
    if (strcmp(wish, "crash") == 0)
        abort();
    if (strcmp(wish, "hang") == 0)
        for (;;)
            (void)pause();
    if (strcmp(wish, "memory") == 0)
        return malloc((size_t)1 << 40) ? PACS_OK : pacs_fail(err, PACS_NO_MEMORY, "no memory");
    if (strcmp(wish, "broken") == 0)
        return pacs_fail(err, PACS_INVALID, "broken\nat 7");
    if (strcmp(wish, "pid") == 0)
        memcpy(out, &pid, sizeof pid);
    if (strcmp(wish, "file") == 0)
        out[0] = open("/etc/passwd", O_RDONLY | O_CLOEXEC) < 0 && errno == EPERM;
    if (strcmp(wish, "network") == 0)
        out[0] = socket(AF_INET, SOCK_STREAM, 0) < 0 && errno == EPERM;
    if (strcmp(wish, "descriptors") == 0)
        out[0] = fcntl(3, F_GETFD) >= 0 && fcntl(5, F_GETFD) < 0 && fcntl(6, F_GETFD) < 0 &&
                 fcntl(7, F_GETFD) < 0;
    if (strcmp(wish, "silence") == 0) {
        struct stat out_info,
            null_info = {.st_rdev = makedev(1, 3)}; /* /dev/null, which cannot be opened here */
        out[0] = fstat(STDERR_FILENO, &out_info) == 0 && out_info.st_rdev == null_info.st_rdev &&
                 fstat(STDOUT_FILENO, &out_info) == 0 && out_info.st_rdev == null_info.st_rdev;
    }
    if (strcmp(wish, "stay") == 0 && memcmp(wish + 8, &pid, sizeof pid) == 0)
        for (;;)
            (void)pause();
    return PACS_OK;
}

/* ---- In the service ---- */

typedef struct Wish {
    char codestream[32];
    uint8_t pixels[PIXELS];
} Wish;

static Wish wish; /* of the one asker of each test */

static PacsStatus decode_wish(Asker *asker, TranscodeWork *work, PacsBuffer *out, PacsError *err)
{
    const TranscodeLayout layout = {.rows = 1,
                                    .columns = PIXELS,
                                    .samples_per_pixel = 1,
                                    .bits_allocated = 8,
                                    .bits_stored = 8,
                                    .high_bit = 7,
                                    .photometric = TRANSCODE_MONOCHROME2};
    const TranscodeFrame frame = {.transfer_syntax_uid = PACS_UID_JPEG_LS_LOSSLESS,
                                  .layout = layout,
                                  .bytes = (const uint8_t *)wish.codestream,
                                  .size = sizeof wish.codestream};

    (void)asker;
    PacsStatus status = transcode_work_decode(work, &frame, &layout, wish.pixels, sizeof wish.pixels, err);
    pacs_buffer_add(out, "made", 4);
    return status;
}

static void open_stage(Stage *stage, uint32_t timeout_ms)
{
    const TranscodeServiceOptions options = {
        .workers = 1, .helper = "/proc/self/exe", .decode_bytes = 1 << 30, .decode_timeout_ms = timeout_ms};

    stage_open(stage, &options);
    stage_let_makers_go(stage);
}

static PacsStatus decode_here(Stage *stage, const char *codestream, PacsError *err)
{
    Asker asker = {.act = decode_wish};

    memset(&wish, 0, sizeof wish);
    strcpy(wish.codestream, codestream);
    const PacsStatus status = ask(&asker, stage, "d 1");
    if (err)
        *err = asker.error;
    asker_clear(&asker);
    return status;
}

static int ends(Stage *stage, const char *reason)
{
    char series[128];

    (void)snprintf(series, sizeof series, "imaging_transcode_helper_ends_total{reason=\"%s\"}", reason);
    return stage_count(stage, series);
}

static pid_t ask_pid(Stage *stage)
{
    pid_t pid = 0;

    assert_int_equal(decode_here(stage, "pid", NULL), PACS_OK);
    memcpy(&pid, wish.pixels, sizeof pid);
    return pid;
}

static void frames_are_decoded_in_one_process_that_is_kept(void **state)
{
    (void)state;
    Stage stage;

    open_stage(&stage, 10000);
    assert_int_equal(decode_here(&stage, "fine", NULL), PACS_OK);
    assert_int_equal(wish.pixels[0], 'x');
    assert_int_equal(wish.pixels[PIXELS - 1], 'x');
    const pid_t first = ask_pid(&stage);
    assert_int_not_equal(first, getpid());
    assert_int_equal(ask_pid(&stage), first);
    stage_close(&stage);
    assert_int_equal(kill(first, 0), -1); /* and goes with the service */
}

static void a_broken_frame_is_an_answer(void **state)
{
    (void)state;
    PacsError err = {0};
    Stage stage;

    open_stage(&stage, 10000);
    const pid_t before = ask_pid(&stage);
    assert_int_equal(decode_here(&stage, "broken", &err), PACS_INVALID);
    assert_string_equal(err.text, "broken?at 7"); /* nothing of it starts a line in a log */
    assert_int_equal(ask_pid(&stage), before);
    stage_close(&stage);
}

static void a_crash_is_one_frames_misfortune(void **state)
{
    (void)state;
    PacsError err = {0};
    Stage stage;

    open_stage(&stage, 10000);
    assert_int_equal(decode_here(&stage, "crash", &err), PACS_INVALID);
    assert_string_equal(err.text, "it brought its decoder down");
    assert_int_equal(ends(&stage, "crashed"), 1);
    assert_int_equal(decode_here(&stage, "fine", NULL), PACS_OK);
    stage_close(&stage);
}

static void a_frame_that_brought_a_decoder_down_is_not_tried_again(void **state)
{
    (void)state;
    PacsError err = {0};
    Stage stage;

    open_stage(&stage, 10000);
    assert_int_equal(decode_here(&stage, "crash", NULL), PACS_INVALID);
    assert_int_equal(decode_here(&stage, "crash", &err), PACS_INVALID);
    assert_string_equal(err.text, "it brought its decoder down a while ago");
    assert_int_equal(ends(&stage, "crashed"), 1);
    stage_close(&stage);
}

static void a_decoder_that_hangs_is_ended(void **state)
{
    (void)state;
    Stage stage;

    open_stage(&stage, 1);
    assert_int_equal(decode_here(&stage, "hang", NULL), PACS_TOO_LARGE);
    assert_int_equal(ends(&stage, "timeout"), 1);
    stage_close(&stage);
}

static void a_decoder_gets_only_so_much_memory(void **state)
{
    (void)state;
    Stage stage;

    open_stage(&stage, 10000);
    const PacsStatus status = decode_here(&stage, "memory", NULL);
    assert_true(status == PACS_TOO_LARGE || status == PACS_INVALID); /* a sanitizer ends it */
    stage_close(&stage);
}

static void a_decoder_that_died_while_idle_is_replaced(void **state)
{
    (void)state;
    Stage stage;

    open_stage(&stage, 10000);
    const pid_t first = ask_pid(&stage);
    assert_int_equal(kill(first, SIGKILL), 0);
    assert_int_not_equal(ask_pid(&stage), first);
    stage_close(&stage);
}

static void a_frame_whose_decoder_was_killed_is_tried_again(void **state)
{
    (void)state;
    Asker asker = {.act = decode_wish};
    Stage stage;

    open_stage(&stage, 60000);
    const pid_t first = ask_pid(&stage);
    memset(&wish, 0, sizeof wish);
    strcpy(wish.codestream, "stay");
    memcpy(wish.codestream + 8, &first, sizeof first);
    asker_start(&asker, &stage, "d stay", TRANSCODE_INTERACTIVE);
    asker_await_waiting(&asker); /* it has been asked while the decoder works */
    assert_int_equal(kill(first, SIGKILL), 0);
    assert_int_equal(asker_join(&asker), PACS_OK);
    assert_int_equal(wish.pixels[0], 'x');
    asker_clear(&asker);
    stage_close(&stage);
}

static void a_decoder_is_ended_when_nobody_waits(void **state)
{
    (void)state;
    Asker asker = {.act = decode_wish};
    Stage stage;

    open_stage(&stage, 60000);
    memset(&wish, 0, sizeof wish);
    strcpy(wish.codestream, "hang");
    asker_start(&asker, &stage, "d hang", TRANSCODE_INTERACTIVE);
    stage_await_makers(&stage, 1);
    asker_give_up(&asker);
    assert_int_equal(asker_join(&asker), PACS_CANCELLED);
    stage_close(&stage);
}

static void a_decoder_has_no_files_no_network_and_no_voice(void **state)
{
    (void)state;
#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
    skip(); /* it needs them for what it has to say */
#endif
    static const char *const wishes[] = {"file", "network", "descriptors", "silence"};
    Stage stage;

    open_stage(&stage, 10000);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(decode_here(&stage, wishes[i], NULL), PACS_OK);
        assert_int_equal(wish.pixels[0], 1);
    }
    stage_close(&stage);
}

static void a_program_that_cannot_be_started_is_said(void **state)
{
    (void)state;
    const TranscodeServiceOptions options = {.workers = 1, .helper = "/no/such/program"};
    Stage stage;

    stage_open(&stage, &options);
    stage_let_makers_go(&stage);
    assert_int_equal(decode_here(&stage, "fine", NULL), PACS_UNAVAILABLE);
    stage_close(&stage);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_are_decoded_in_one_process_that_is_kept),
        cmocka_unit_test(a_broken_frame_is_an_answer),
        cmocka_unit_test(a_crash_is_one_frames_misfortune),
        cmocka_unit_test(a_frame_that_brought_a_decoder_down_is_not_tried_again),
        cmocka_unit_test(a_decoder_that_hangs_is_ended),
        cmocka_unit_test(a_decoder_gets_only_so_much_memory),
        cmocka_unit_test(a_decoder_that_died_while_idle_is_replaced),
        cmocka_unit_test(a_frame_whose_decoder_was_killed_is_tried_again),
        cmocka_unit_test(a_decoder_is_ended_when_nobody_waits),
        cmocka_unit_test(a_decoder_has_no_files_no_network_and_no_voice),
        cmocka_unit_test(a_program_that_cannot_be_started_is_said),
    };

    if (argc == 2 && strcmp(argv[1], TRANSCODE_HELPER_ARGUMENT) == 0)
        return transcode_helper_main(decode);
    return cmocka_run_group_tests_name("transcode helpers", tests, NULL, NULL);
}
