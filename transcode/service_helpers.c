#include "transcode/service_helpers.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pacs/util/clock.h"
#include "pacs/util/hash.h"
#include "pacs/util/limits.h"
#include "transcode/helper.h"
#include "transcode/helper_wire.h"

#define ASK_EVERY_MS 100               /* whether anybody still waits */
#define SHARED_MIN ((size_t)1 << 20)   /* a CT slice, in and out */
#define SHARED_KEPT ((size_t)32 << 20) /* more is given back after the frame */
#define QUARANTINE_NS (600ull * 1000000000ull)
#define QUARANTINED 64 /* frames; of more the oldest is tried again */

extern char **environ;

typedef struct Helper {
    pid_t pid; /* 0: there is none */
    int socket;
    int shared_fd; /* to be sent with the next frame; else -1 */
    uint8_t *shared;
    size_t shared_size;
    struct Helper *next; /* idle */
} Helper;

typedef struct Offender {
    uint8_t sha1[PACS_SHA1_SIZE];
    uint64_t until_ns;
} Offender;

struct TranscodeHelpers {
    const char *program;
    uint64_t memory;
    uint32_t timeout_ms;
    TranscodeMetrics *metrics;
    uint32_t count;

    pthread_mutex_t lock;  /* of what follows */
    pthread_cond_t idling; /* one came back */
    Helper *idle;          /* the last one used first: it is warm */
    Offender offenders[QUARANTINED];
    uint32_t next_offender;
    atomic_bool has_offenders;
    Helper helpers[];
};

/* ---- Beginning and end ---- */

PacsStatus transcode_helpers_new(const TranscodeServiceOptions *options, uint32_t count,
                                 TranscodeMetrics *metrics, TranscodeHelpers **ret_helpers, PacsError *err)
{
    TranscodeHelpers *helpers = calloc(1, sizeof *helpers + count * sizeof *helpers->helpers);

    if (!helpers)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for decoding processes");
    helpers->program = options->helper;
    helpers->memory = options->decode_bytes;
    helpers->timeout_ms = options->decode_timeout_ms;
    helpers->metrics = metrics;
    helpers->count = count;
    (void)pthread_mutex_init(&helpers->lock, NULL); /* neither can fail on Linux without attributes */
    (void)pthread_cond_init(&helpers->idling, NULL);
    for (uint32_t i = 0; i < count; i++) {
        helpers->helpers[i] = (Helper){.socket = -1, .shared_fd = -1, .next = helpers->idle};
        helpers->idle = &helpers->helpers[i];
    }
    *ret_helpers = helpers;
    return PACS_OK;
}

static void drop_shared(Helper *helper)
{
    if (helper->shared)
        (void)munmap(helper->shared, helper->shared_size);
    if (helper->shared_fd >= 0)
        (void)close(helper->shared_fd);
    helper->shared = NULL;
    helper->shared_size = 0;
    helper->shared_fd = -1;
}

/* Kills it, if it still lives; how it ended. */
static int bury(Helper *helper)
{
    int how = 0;

    if (helper->pid > 0) {
        (void)kill(helper->pid, SIGKILL);
        while (waitpid(helper->pid, &how, 0) < 0 && errno == EINTR)
            ;
    }
    if (helper->socket >= 0)
        (void)close(helper->socket);
    drop_shared(helper);
    helper->pid = 0;
    helper->socket = -1;
    return how;
}

void transcode_helpers_free(TranscodeHelpers *helpers)
{
    if (!helpers)
        return;
    for (uint32_t i = 0; i < helpers->count; i++)
        (void)bury(&helpers->helpers[i]);
    (void)pthread_cond_destroy(&helpers->idling);
    (void)pthread_mutex_destroy(&helpers->lock);
    free(helpers);
}

static Helper *take(TranscodeHelpers *helpers)
{
    (void)pthread_mutex_lock(&helpers->lock);
    while (!helpers->idle)
        (void)pthread_cond_wait(&helpers->idling, &helpers->lock);
    Helper *helper = helpers->idle;
    helpers->idle = helper->next;
    (void)pthread_mutex_unlock(&helpers->lock);
    return helper;
}

static void give_back(TranscodeHelpers *helpers, Helper *helper)
{
    if (helper->shared_size > SHARED_KEPT)
        drop_shared(helper); /* its own view goes when it gets the next one */
    (void)pthread_mutex_lock(&helpers->lock);
    helper->next = helpers->idle;
    helpers->idle = helper;
    (void)pthread_cond_signal(&helpers->idling);
    (void)pthread_mutex_unlock(&helpers->lock);
}

/* ---- Starting one ---- */

/* Its socket, standard output and error, and nothing else of ours; signals as a fresh process has them. */
static int spawn(const TranscodeHelpers *helpers, int socket, pid_t *ret_pid)
{
    char *const arguments[] = {"lightbox", TRANSCODE_HELPER_ARGUMENT, NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t all, none;

    (void)sigfillset(&all);
    (void)sigemptyset(&none);
    if (posix_spawn_file_actions_init(&actions) != 0)
        return ENOMEM;
    int failed = posix_spawnattr_init(&attributes);
    if (failed == 0) {
        failed = posix_spawn_file_actions_adddup2(&actions, socket, HELPER_SOCKET);
        if (failed == 0)
            failed = posix_spawn_file_actions_addclosefrom_np(&actions, HELPER_SOCKET + 1);
        (void)posix_spawnattr_setsigdefault(&attributes, &all);
        (void)posix_spawnattr_setsigmask(&attributes, &none);
        (void)posix_spawnattr_setpgroup(&attributes, 0); /* ^C at a terminal is the server's */
        (void)posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK |
                                                        POSIX_SPAWN_SETPGROUP);
        if (failed == 0)
            failed = posix_spawn(ret_pid, helpers->program, &actions, &attributes, arguments, environ);
        (void)posix_spawnattr_destroy(&attributes);
    }
    (void)posix_spawn_file_actions_destroy(&actions);
    return failed;
}

static PacsStatus start(const TranscodeHelpers *helpers, Helper *helper, PacsError *err)
{
    int ends[2];

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
        return pacs_fail(err, PACS_UNAVAILABLE, "no socket for a decoding process: %s", strerror(errno));
    const int failed = spawn(helpers, ends[1], &helper->pid);
    (void)close(ends[1]);
    if (failed != 0) {
        (void)close(ends[0]);
        helper->pid = 0;
        return pacs_fail(err, PACS_UNAVAILABLE, "no decoding process can be started: %s", strerror(failed));
    }
    helper->socket = ends[0];
    return PACS_OK;
}

/* ---- Shared memory ---- */

static size_t page_up(size_t size)
{
    return (size + 4095) & ~(size_t)4095;
}

/* Sealed, so that a helper cannot take pages away under us. */
static PacsStatus share(Helper *helper, size_t needed, PacsError *err)
{
    size_t size = SHARED_MIN;

    if (helper->shared_size >= needed)
        return PACS_OK;
    drop_shared(helper);
    while (size < needed)
        size *= 2;
    const int fd = memfd_create("frame", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0 || ftruncate(fd, (off_t)size) != 0 ||
        fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) {
        if (fd >= 0)
            (void)close(fd);
        return pacs_fail(err, PACS_NO_MEMORY, "no memory to decode a frame: %s", strerror(errno));
    }
    void *bytes = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    helper->shared_fd = fd;
    if (bytes == MAP_FAILED) {
        drop_shared(helper);
        return pacs_fail(err, PACS_NO_MEMORY, "no memory to decode a frame");
    }
    helper->shared = bytes;
    helper->shared_size = size;
    return PACS_OK;
}

/* ---- One frame ---- */

typedef enum Outcome {
    ANSWERED,
    WAS_DEAD, /* before it got the frame */
    KILLED,   /* by somebody else (SIGKILL): not for this frame, as far as we know */
    CRASHED,
    TOO_SLOW,
    GIVEN_UP,
} Outcome;

static bool send_request(Helper *helper, const HelperRequest *request)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct iovec part = {(void *)request, sizeof *request};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};

    if (helper->shared_fd >= 0) {
        message.msg_control = &control;
        message.msg_controllen = sizeof control;
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        *header = (struct cmsghdr){
            .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int))};
        memcpy(CMSG_DATA(header), &helper->shared_fd, sizeof(int));
    }
    if (sendmsg(helper->socket, &message, MSG_NOSIGNAL) != (ssize_t)sizeof *request)
        return false;
    if (helper->shared_fd >= 0)
        (void)close(helper->shared_fd); /* the mapping stays */
    helper->shared_fd = -1;
    return true;
}

/* Until it answers, its time is over or nobody waits any more. */
static Outcome await_reply(const TranscodeHelpers *helpers, Helper *helper, TranscodeWork *work,
                           HelperReply *reply)
{
    const uint64_t deadline_ns = pacs_monotonic_ns() + (uint64_t)helpers->timeout_ms * 1000000;
    struct pollfd wanted = {.fd = helper->socket, .events = POLLIN};

    while (poll(&wanted, 1, ASK_EVERY_MS) <= 0) {
        if (helpers->timeout_ms > 0 && pacs_monotonic_ns() >= deadline_ns)
            return TOO_SLOW;
        if (transcode_work_check(work, NULL) != PACS_OK)
            return GIVEN_UP;
    }
    ssize_t got;
    do
        got = recv(helper->socket, reply, sizeof *reply, 0);
    while (got < 0 && errno == EINTR);
    return got == (ssize_t)sizeof *reply ? ANSWERED : CRASHED;
}

static Outcome exchange(const TranscodeHelpers *helpers, Helper *helper, TranscodeWork *work,
                        const HelperRequest *request, HelperReply *reply)
{
    static const char *const reasons[] = {[WAS_DEAD] = "idle",
                                          [KILLED] = "killed",
                                          [CRASHED] = "crashed",
                                          [TOO_SLOW] = "timeout",
                                          [GIVEN_UP] = "given_up"};
    Outcome outcome = WAS_DEAD;

    if (send_request(helper, request))
        outcome = await_reply(helpers, helper, work, reply);
    if (outcome == ANSWERED)
        return outcome;
    const int how = bury(helper);
    if (outcome == CRASHED && WIFSIGNALED(how) && WTERMSIG(how) == SIGKILL)
        outcome = KILLED;
    pacs_metric_add(pacs_metric(helpers->metrics->helper_ends, reasons[outcome], NULL), 1);
    return outcome;
}

/* ---- Repeat offenders ---- */

static bool is_quarantined(TranscodeHelpers *helpers, const TranscodeFrame *frame)
{
    uint8_t sha1[PACS_SHA1_SIZE];
    bool is_known = false;

    if (!atomic_load(&helpers->has_offenders) || pacs_sha1(frame->bytes, frame->size, sha1, NULL) != PACS_OK)
        return false;
    const uint64_t now_ns = pacs_monotonic_ns();
    (void)pthread_mutex_lock(&helpers->lock);
    for (size_t i = 0; i < QUARANTINED && !is_known; i++)
        is_known = helpers->offenders[i].until_ns > now_ns &&
                   memcmp(helpers->offenders[i].sha1, sha1, sizeof sha1) == 0;
    (void)pthread_mutex_unlock(&helpers->lock);
    return is_known;
}

static void quarantine(TranscodeHelpers *helpers, const TranscodeFrame *frame)
{
    Offender offender = {.until_ns = pacs_monotonic_ns() + QUARANTINE_NS};

    if (pacs_sha1(frame->bytes, frame->size, offender.sha1, NULL) != PACS_OK)
        return;
    (void)pthread_mutex_lock(&helpers->lock);
    helpers->offenders[helpers->next_offender] = offender;
    helpers->next_offender = (helpers->next_offender + 1) % QUARANTINED;
    (void)pthread_mutex_unlock(&helpers->lock);
    atomic_store(&helpers->has_offenders, true);
}

/* ---- Decoding ---- */

static HelperRequest request_for(const TranscodeHelpers *helpers, const TranscodeFrame *frame,
                                 const TranscodeLayout *layout, size_t out_size)
{
    HelperRequest request = {.stored = frame->layout,
                             .native = *layout,
                             .timeout_ms = helpers->timeout_ms,
                             .memory = helpers->memory,
                             .size = frame->size,
                             .out = page_up(frame->size),
                             .out_size = out_size};

    (void)snprintf(request.transfer_syntax_uid, sizeof request.transfer_syntax_uid, "%s",
                   frame->transfer_syntax_uid);
    return request;
}

/* What a helper says is only as good as what it decoded. */
static PacsStatus read_reply(HelperReply *reply, PacsError *err)
{
    reply->text[sizeof reply->text - 1] = '\0';
    for (char *at = reply->text; *at; at++)
        if ((unsigned char)*at < ' ' || (unsigned char)*at > '~')
            *at = '?';
    switch (reply->status) {
    case PACS_OK:
        return PACS_OK;
    case PACS_INVALID:
    case PACS_UNSUPPORTED:
    case PACS_TOO_LARGE:
        return pacs_fail(err, (PacsStatus)reply->status, "%s", reply->text);
    case PACS_NO_MEMORY:
        return pacs_fail(err, PACS_TOO_LARGE, "the frame takes more memory than a decoder is given");
    default:
        return pacs_fail(err, PACS_INVALID, "the decoder fails: %s", reply->text);
    }
}

static PacsStatus try_once(TranscodeHelpers *helpers, Helper *helper, TranscodeWork *work,
                           const TranscodeFrame *frame, HelperRequest *request, Outcome *ret_outcome,
                           HelperReply *reply, PacsError *err)
{
    PacsStatus status = helper->pid > 0 ? PACS_OK : start(helpers, helper, err);

    if (status == PACS_OK)
        status = share(helper, request->out + request->out_size, err);
    if (status != PACS_OK)
        return status;
    request->shared = helper->shared_size;
    memcpy(helper->shared, frame->bytes, frame->size);
    *ret_outcome = exchange(helpers, helper, work, request, reply);
    return PACS_OK;
}

/* Only what cannot have been the frame's fault is tried again, and only once. */
static PacsStatus try_frame(TranscodeHelpers *helpers, Helper *helper, TranscodeWork *work,
                            const TranscodeFrame *frame, HelperRequest *request, Outcome *ret_outcome,
                            HelperReply *reply, PacsError *err)
{
    PacsStatus status = try_once(helpers, helper, work, frame, request, ret_outcome, reply, err);

    if (status == PACS_OK && (*ret_outcome == WAS_DEAD || *ret_outcome == KILLED))
        status = try_once(helpers, helper, work, frame, request, ret_outcome, reply, err);
    return status;
}

static PacsStatus conclude(TranscodeHelpers *helpers, Outcome outcome, const TranscodeFrame *frame,
                           HelperReply *reply, PacsError *err)
{
    switch (outcome) {
    case ANSWERED:
        return read_reply(reply, err);
    case GIVEN_UP:
        return pacs_fail(err, PACS_CANCELLED, "nobody waits for it any more");
    case WAS_DEAD:
        return pacs_fail(err, PACS_UNAVAILABLE, "decoding processes end as soon as they begin");
    case TOO_SLOW:
        quarantine(helpers, frame);
        return pacs_fail(err, PACS_TOO_LARGE, "decoding it takes longer than %u ms", helpers->timeout_ms);
    default:
        quarantine(helpers, frame);
        return pacs_fail(err, PACS_INVALID, "it brought its decoder down");
    }
}

PacsStatus transcode_helpers_decode(TranscodeHelpers *helpers, TranscodeWork *work,
                                    const TranscodeFrame *frame, const TranscodeLayout *layout, uint8_t *out,
                                    size_t out_size, PacsError *err)
{
    HelperRequest request = request_for(helpers, frame, layout, out_size);
    Outcome outcome = WAS_DEAD;
    HelperReply reply = {0};

    if (frame->size > PACS_MAX_FRAME_BYTES || out_size > PACS_MAX_FRAME_BYTES)
        return pacs_fail(err, PACS_TOO_LARGE, "a frame of %zu bytes: at most %u are decoded", frame->size,
                         PACS_MAX_FRAME_BYTES);
    if (is_quarantined(helpers, frame))
        return pacs_fail(err, PACS_INVALID, "it brought its decoder down a while ago");
    Helper *helper = take(helpers);
    PacsStatus status = try_frame(helpers, helper, work, frame, &request, &outcome, &reply, err);
    if (status == PACS_OK)
        status = conclude(helpers, outcome, frame, &reply, err);
    if (status == PACS_OK)
        memcpy(out, helper->shared + request.out, out_size);
    give_back(helpers, helper);
    return status;
}
