#include "pacs/dimse/server.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "pacs/dimse/association.h"
#include "pacs/dimse/listener.h"
#include "pacs/dimse/wire.h"
#include "pacs/util/clock.h"
#include "pacs/util/limits.h"
#include "pacs/util/log.h"
#include "pacs/util/socket.h"

/* An association's thread goes through negotiation, ingest and the scan: none recurses, the largest frame is
 * the request's 5 kB, and a name look-up takes some 100 kB. Half of it would do without sanitizers. */
#define THREAD_STACK_SIZE (512u << 10)

#define MAX_ASSOCIATIONS 10000u /* threads: more is a mistyped setting */

static const PacsReject too_many = {2, 3, 2, "too-many-associations"};

typedef enum SlotState { SLOT_FREE, SLOT_RUNNING, SLOT_DONE } SlotState;

/* One association's thread. */
typedef struct Slot {
    PacsDimseServer *server;
    SlotState state;
    pthread_t thread; /* to be joined while DONE */
    int fd;
    char remote_ip[INET6_ADDRSTRLEN];
    PacsAssociationPeer peer;
} Slot;

struct PacsDimseServer {
    PacsDimseOptions options;
    PacsAssociationSetup setup;
    PacsDrain drain;
    int listen_fd;
    int stop_fd; /* readable when the accepting thread has to end */
    pthread_t accept_thread;
    bool accepting;

    pthread_mutex_t lock; /* for what follows */
    pthread_cond_t ended; /* a slot is DONE */
    Slot *slots;          /* max_associations and PACS_DIMSE_REFUSALS of them */
    size_t slot_count;
    uint32_t running; /* all slots that run */
    uint32_t serving; /* those among them that were not refused */
    uint64_t next_number;
};

/* ---- One association ---- */

static void serve(Slot *slot)
{
    PACS_AUTO(PacsTransport) transport = NULL;
    PacsError err = {0};

    if (pacs_transport_socket(slot->fd, &transport, &err) == PACS_OK)
        (void)pacs_association_serve(&slot->server->setup, transport,
                                     &slot->peer); /* has logged how it ended */
    else
        PACS_LOG(PACS_LOG_WARNING, "dimse", "connection", PACS_F_TEXT("reason", err.text));
}

static void *run_slot(void *argument)
{
    Slot *slot = argument;
    PacsDimseServer *server = slot->server;

    serve(slot);
    (void)pthread_mutex_lock(&server->lock);
    slot->state = SLOT_DONE;
    server->running--;
    if (!slot->peer.refusal)
        server->serving--;
    (void)pthread_cond_broadcast(&server->ended);
    (void)pthread_mutex_unlock(&server->lock);
    return NULL;
}

/* Signals are main's to take. */
static int start_thread(pthread_t *thread, void *(*run)(void *), void *argument)
{
    pthread_attr_t attributes;
    sigset_t all, before;

    int code = pthread_attr_init(&attributes);
    if (code)
        return code;
    (void)pthread_attr_setstacksize(&attributes,
                                    THREAD_STACK_SIZE); /* above the least, a whole number of pages */
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    code = pthread_create(thread, &attributes, run, argument);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    (void)pthread_attr_destroy(&attributes);
    return code;
}

/* ---- Accepting ---- */

/* NULL if all are taken. Called with the lock held; joining does not wait, a DONE thread has only
 * to return. */
static Slot *find_slot(PacsDimseServer *server)
{
    for (size_t i = 0; i < server->slot_count; i++) {
        Slot *slot = &server->slots[i];
        if (slot->state == SLOT_RUNNING)
            continue;
        if (slot->state == SLOT_DONE)
            (void)pthread_join(slot->thread, NULL);
        slot->state = SLOT_FREE;
        return slot;
    }
    return NULL;
}

static bool start_slot(PacsDimseServer *server, Slot *slot, int fd, const char *remote_ip)
{
    memcpy(slot->remote_ip, remote_ip, sizeof slot->remote_ip);
    slot->fd = fd;
    slot->peer = (PacsAssociationPeer){
        .number = ++server->next_number,
        .remote_ip = slot->remote_ip,
        .refusal = server->serving < server->options.max_associations ? NULL : &too_many,
    };
    if (start_thread(&slot->thread, run_slot, slot))
        return false;
    slot->state = SLOT_RUNNING;
    server->running++;
    if (!slot->peer.refusal)
        server->serving++;
    return true;
}

static void take_connection(PacsDimseServer *server, int fd, const char *remote_ip)
{
    (void)pthread_mutex_lock(&server->lock);
    Slot *slot = find_slot(server);
    bool started = slot && start_slot(server, slot, fd, remote_ip);
    (void)pthread_mutex_unlock(&server->lock);

    if (!started) {
        (void)close(fd); /* nothing was sent or received */
        PACS_LOG(PACS_LOG_WARNING, "dimse", "connection", PACS_F_TEXT("reason", "too many connections"),
                 PACS_F_TEXT("remote_ip", remote_ip));
    }
}

/* Out of descriptors, connections stay ready and the loop would spin: give the associations time to end. */
static void pause_accepting(PacsDimseServer *server, int reason)
{
    struct pollfd stop = {.fd = server->stop_fd, .events = POLLIN};

    PACS_LOG(PACS_LOG_WARNING, "dimse", "accept", PACS_F_TEXT("reason", strerror(reason)));
    (void)poll(&stop, 1, 100); /* either way the loop looks again */
}

static bool accept_error_passes(int reason)
{
    return reason == EAGAIN || reason == EINTR || reason == ECONNABORTED || reason == EPROTO;
}

static void *run_accept(void *argument)
{
    PacsDimseServer *server = argument;
    struct pollfd polled[2] = {{.fd = server->listen_fd, .events = POLLIN},
                               {.fd = server->stop_fd, .events = POLLIN}};

    for (;;) {
        char remote_ip[INET6_ADDRSTRLEN];
        if (poll(polled, 2, -1) < 0)
            continue; /* EINTR: nothing else can happen to two descriptors of ours */
        if (polled[1].revents)
            return NULL;
        int fd = pacs_listener_accept(server->listen_fd, remote_ip);
        if (fd >= 0)
            take_connection(server, fd, remote_ip);
        else if (!accept_error_passes(errno))
            pause_accepting(server, errno);
    }
}

/* ---- Opening ---- */

static PacsStatus check_options(const PacsDimseOptions *options, PacsError *err)
{
    size_t aet_size = options->aet ? strlen(options->aet) : 0;

    if (aet_size == 0 || aet_size >= PACS_AET_SIZE)
        return pacs_fail(err, PACS_INVALID, "DicomAet: %zu characters, 1 to 16 make an AE title", aet_size);
    for (size_t i = 0; i < aet_size; i++)
        if (!pacs_wire_is_text(options->aet[i]))
            return pacs_fail(err, PACS_INVALID, "DicomAet: character %zu cannot stand in an AE title", i + 1);
    if (options->max_pdu_bytes < PACS_DIMSE_MIN_PDU || options->max_pdu_bytes > PACS_DIMSE_MAX_PDU)
        return pacs_fail(err, PACS_INVALID, "MaximumPduLength: %u is not between %u and %u",
                         options->max_pdu_bytes, PACS_DIMSE_MIN_PDU, PACS_DIMSE_MAX_PDU);
    if (options->max_associations == 0 || options->max_associations > MAX_ASSOCIATIONS)
        return pacs_fail(err, PACS_INVALID, "maximum of associations: %u is not between 1 and %u",
                         options->max_associations, MAX_ASSOCIATIONS);
    if (options->artim_timeout_ms == 0 || options->transfer_timeout_ms == 0)
        return pacs_fail(err, PACS_INVALID, "the DICOM server's ARTIM and transfer timeouts cannot be 0");
    return PACS_OK;
}

static PacsStatus start(PacsDimseServer *server, PacsError *err)
{
    server->slot_count = server->options.max_associations + PACS_DIMSE_REFUSALS;
    server->slots = calloc(server->slot_count, sizeof *server->slots);
    if (!server->slots)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for the DICOM server");
    for (size_t i = 0; i < server->slot_count; i++)
        server->slots[i].server = server;

    server->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (server->stop_fd < 0)
        return pacs_fail(err, PACS_UNAVAILABLE, "cannot make an event descriptor: %s", strerror(errno));
    PacsStatus status = pacs_drain_init(&server->drain, err);
    if (status == PACS_OK)
        status = pacs_listener_open(server->options.bind_host, server->options.port, &server->listen_fd, err);
    if (status != PACS_OK)
        return status;

    int code = start_thread(&server->accept_thread, run_accept, server);
    if (code)
        return pacs_fail(err, PACS_UNAVAILABLE, "cannot start the DICOM server's thread: %s", strerror(code));
    server->accepting = true;
    return PACS_OK;
}

PacsStatus pacs_dimse_open(const PacsDimseOptions *options, PacsIngest *ingest, PacsMetrics *metrics,
                           PacsDimseServer **ret_server, PacsError *err)
{
    PacsStatus status = check_options(options, err);
    if (status != PACS_OK)
        return status;

    PacsDimseServer *fresh = malloc(sizeof *fresh);
    if (!fresh)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for the DICOM server");
    *fresh = (PacsDimseServer){.options = *options, .listen_fd = -1, .stop_fd = -1, .drain.wake_fd = -1};
    (void)pthread_mutex_init(&fresh->lock, NULL); /* neither can fail with default attributes on Linux */
    (void)pthread_cond_init(&fresh->ended, NULL);
    fresh->setup = (PacsAssociationSetup){.options = &fresh->options,
                                          .sink = pacs_sink_ingest(ingest),
                                          .metrics = pacs_dimse_metrics(metrics),
                                          .drain = &fresh->drain};

    PACS_AUTO(PacsDimseServer) server = fresh;
    status = start(server, err);
    if (status == PACS_OK)
        *ret_server = PACS_STEAL(server);
    return status;
}

uint16_t pacs_dimse_port(const PacsDimseServer *server)
{
    return pacs_socket_port(server->listen_fd);
}

uint32_t pacs_dimse_active(PacsDimseServer *server)
{
    (void)pthread_mutex_lock(&server->lock);
    uint32_t serving = server->serving;
    (void)pthread_mutex_unlock(&server->lock);
    return serving;
}

/* ---- Closing ---- */

void pacs_dimse_drain(PacsDimseServer *server, uint32_t grace_ms)
{
    pacs_drain_begin(&server->drain, pacs_monotonic_ns() + grace_ms * UINT64_C(1000000));
    (void)pthread_mutex_lock(&server->lock);
    while (server->running)
        (void)pthread_cond_wait(&server->ended, &server->lock);
    (void)pthread_mutex_unlock(&server->lock);
}

static void stop_accepting(PacsDimseServer *server)
{
    if (!server->accepting)
        return;
    (void)eventfd_write(server->stop_fd, 1); /* a fresh counter takes a 1 */
    (void)pthread_join(server->accept_thread, NULL);
    server->accepting = false;
}

void pacs_dimse_close(PacsDimseServer *server)
{
    if (!server)
        return;
    stop_accepting(server);
    if (server->slots && server->drain.wake_fd >= 0)
        pacs_dimse_drain(server, 0);
    for (size_t i = 0; server->slots && i < server->slot_count; i++)
        if (server->slots[i].state == SLOT_DONE)
            (void)pthread_join(server->slots[i].thread, NULL);

    if (server->listen_fd >= 0)
        (void)close(server->listen_fd); /* nothing is lost by a failure here */
    if (server->stop_fd >= 0)
        (void)close(server->stop_fd);
    pacs_drain_clear(&server->drain);
    (void)pthread_cond_destroy(&server->ended);
    (void)pthread_mutex_destroy(&server->lock);
    free(server->slots);
    free(server);
}
