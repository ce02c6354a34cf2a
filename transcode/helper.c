#include "transcode/helper.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include "pacs/util/auto.h"
#include "transcode/helper_wire.h"

#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
#define IS_SANITIZED 1
#elif defined __has_feature
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define IS_SANITIZED 1
#endif
#endif
#ifndef IS_SANITIZED
#define IS_SANITIZED 0 /* sanitizers need address space, and files for what they have to say */
#endif

#define GRACE_S 5 /* the server ends us first, while there is one */

/* ---- What it may not do ---- */

#if defined __x86_64__
#define NATIVE_ARCH AUDIT_ARCH_X86_64
#define OTHER_ABI 0x40000000u /* x32 has other numbers from here on */
#elif defined __aarch64__
#define NATIVE_ARCH AUDIT_ARCH_AARCH64
#define OTHER_ABI UINT32_MAX
#endif

#ifdef NATIVE_ARCH
/* Whoever takes over the decoder finds nothing to open, nobody to talk to and nothing to start. */
static void refuse_system_calls(void)
{
#define REFUSE(number)                                                                                       \
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (number), 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM)
    static const struct sock_filter rules[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, NATIVE_ARCH, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, OTHER_ABI, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
#ifdef SYS_open
        REFUSE(SYS_open),
        REFUSE(SYS_creat),
        REFUSE(SYS_fork),
        REFUSE(SYS_vfork),
#endif
        REFUSE(SYS_openat),
        REFUSE(SYS_openat2),
        REFUSE(SYS_unlinkat),
        REFUSE(SYS_renameat2),
        REFUSE(SYS_socket),
        REFUSE(SYS_connect),
        REFUSE(SYS_bind),
        REFUSE(SYS_execve),
        REFUSE(SYS_execveat),
        REFUSE(SYS_clone),
        REFUSE(SYS_clone3),
        REFUSE(SYS_ptrace),
        REFUSE(SYS_process_vm_readv),
        REFUSE(SYS_process_vm_writev),
        REFUSE(SYS_kill),
        REFUSE(SYS_tkill),
        REFUSE(SYS_io_uring_setup),
        REFUSE(SYS_bpf),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
#undef REFUSE
    const struct sock_fprog program = {.len = sizeof rules / sizeof *rules,
                                       .filter = (struct sock_filter *)rules};

    /* A kernel without it leaves the other fences. */
    (void)prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}
#else
static void refuse_system_calls(void)
{
}
#endif

/* What libraries print of bad input (libjxl, failed assertions) would stand between the lines of the server's log. */
static void fall_silent(void)
{
    PACS_AUTO_CLOSE int nothing = open("/dev/null", O_WRONLY | O_CLOEXEC);

    if (nothing >= 0) {
        (void)dup2(nothing, STDOUT_FILENO);
        (void)dup2(nothing, STDERR_FILENO);
    }
}

static void fence_in(void)
{
    const struct rlimit none = {0, 0};

    (void)prctl(PR_SET_NAME, "decoder");
    (void)setrlimit(RLIMIT_CORE, &none); /* pictures of people in it */
    (void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (!IS_SANITIZED) {
        fall_silent();
        refuse_system_calls();
    }
}

/* The kernel's count in pages, while files can still be read. */
static uint64_t measure_memory(void)
{
    char text[64] = "";
    FILE *file = fopen("/proc/self/statm", "re");

    if (!file)
        return 0;
    char *first = fgets(text, sizeof text, file);
    (void)fclose(file); /* only read from */
    return first ? strtoull(first, NULL, 10) * (uint64_t)sysconf(_SC_PAGESIZE) : 0;
}

/* `own` is what the process had before the first frame. */
static void limit_memory(uint64_t own, const HelperRequest *request)
{
    const struct rlimit limit = {own + request->shared + request->memory, RLIM_INFINITY};

    if (request->memory > 0 && !IS_SANITIZED)
        (void)setrlimit(RLIMIT_AS, &limit);
}

/* ---- Frames ---- */

typedef struct Shared {
    uint8_t *bytes;
    size_t size;
} Shared;

/* False: the server has gone. *ret_fd is -1 where no descriptor came. */
static bool receive(HelperRequest *request, int *ret_fd)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control;
    struct iovec part = {request, sizeof *request};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    ssize_t got;

    do
        got = recvmsg(HELPER_SOCKET, &message, MSG_CMSG_CLOEXEC);
    while (got < 0 && errno == EINTR);
    if (got != (ssize_t)sizeof *request)
        return false;
    const struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    *ret_fd = -1;
    if (header && header->cmsg_type == SCM_RIGHTS)
        memcpy(ret_fd, CMSG_DATA(header), sizeof *ret_fd);
    return true;
}

static bool map(Shared *shared, int fd, size_t size)
{
    if (shared->bytes)
        (void)munmap(shared->bytes, shared->size);
    *shared = (Shared){0};
    void *bytes = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    (void)close(fd);
    if (bytes == MAP_FAILED)
        return false;
    *shared = (Shared){bytes, size};
    return true;
}

static void set_alarm(uint32_t timeout_ms)
{
    const struct itimerval timer = {.it_value.tv_sec = timeout_ms ? timeout_ms / 1000 + GRACE_S : 0};

    (void)setitimer(ITIMER_REAL, &timer, NULL);
}

static void work(const HelperRequest *request, Shared *shared, TranscodeDecode *decode, HelperReply *reply)
{
    const TranscodeFrame frame = {.transfer_syntax_uid = request->transfer_syntax_uid,
                                  .layout = request->stored,
                                  .bytes = shared->bytes,
                                  .size = request->size};
    PacsError error = {0};

    set_alarm(request->timeout_ms);
    reply->status = decode(&frame, &request->native, shared->bytes + request->out, request->out_size, &error);
    set_alarm(0);
    memcpy(reply->text, error.text, sizeof reply->text);
}

int transcode_helper_main(TranscodeDecode *decode)
{
    HelperRequest request;
    Shared shared = {0};
    const uint64_t own = measure_memory();
    int fd = -1;

    fence_in();
    while (receive(&request, &fd)) {
        HelperReply reply = {.status = PACS_NO_MEMORY};
        limit_memory(own, &request);
        if (fd < 0 || map(&shared, fd, request.shared)) {
            work(&request, &shared, decode, &reply);
        }
        if (send(HELPER_SOCKET, &reply, sizeof reply, MSG_NOSIGNAL) != (ssize_t)sizeof reply)
            break;
    }
    return 0;
}
