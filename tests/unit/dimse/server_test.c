#include "pacs/dimse/server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "pacs/dicom/uid.h"
#include "pacs/dimse/pdu.h"
#include "pacs/util/log.h"
#include "tests/support/archive.h"
#include "tests/support/object.h"
#include "tests/unit/dimse/wire_build.h"

#define ECHO 1
#define STORE 3

/* A server on a free loopback port, over an archive of its own. */
typedef struct Case {
    TestArchive archive;
    PacsMetrics *metrics;
    PacsDimseOptions options;
    PacsDimseServer *server;
} Case;

static int begin_case(void **state)
{
    static Case c;

    pacs_log_setup(PACS_LOG_ERROR, PACS_LOG_AS_TEXT, 2);
    memset(&c, 0, sizeof c);
    test_archive_open(&c.archive, PACS_OVERWRITE_NEVER);
    c.metrics = pacs_metrics_new();
    c.options = pacs_dimse_default_options();
    c.options.bind_host = "127.0.0.1";
    c.options.port = 0;
    *state = &c;
    return 0;
}

static int end_case(void **state)
{
    Case *c = *state;

    pacs_dimse_close(c->server);
    pacs_metrics_free(c->metrics);
    test_archive_close(&c->archive);
    return 0;
}

static void start(Case *c)
{
    assert_int_equal(pacs_dimse_open(&c->options, c->archive.ingest, c->metrics, &c->server, NULL), PACS_OK);
}

/* ---- A peer ---- */

static int dial(const Case *c)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(pacs_dimse_port(c->server)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const struct timeval patience = {
        .tv_sec = 60}; /* a hanging server fails the test instead of stopping it */
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience), 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

static void say(int fd, const PacsBuffer *bytes)
{
    assert_int_equal(send(fd, bytes->bytes, bytes->size, MSG_NOSIGNAL), bytes->size);
}

/* The next PDU's type, 0 at the end; its body's first bytes. */
static uint8_t hear(int fd, uint8_t body[16])
{
    uint8_t header[PACS_PDU_HEADER_SIZE], rest[4096];

    if (recv(fd, header, sizeof header, MSG_WAITALL) != (ssize_t)sizeof header)
        return 0;
    PacsPduHeader pdu = pacs_pdu_parse_header(header);
    assert_true(pdu.length <= sizeof rest);
    assert_int_equal(recv(fd, rest, pdu.length, MSG_WAITALL), pdu.length);
    memcpy(body, rest, pdu.length < 16 ? pdu.length : 16);
    return pdu.type;
}

static const char *ct_image(void)
{
    return test_object(1, 1, 1).sop_class_uid;
}

static void say_request(int fd)
{
    PACS_AUTO_BUFFER PacsBuffer bytes = PACS_BUFFER(WIRE_MAX);
    const WireContext contexts[] = {{ECHO, PACS_UID_VERIFICATION, {PACS_UID_IMPLICIT_LITTLE}},
                                    {STORE, ct_image(), {PACS_UID_EXPLICIT_LITTLE}}};

    wire_request(&bytes, &(WireRequest){.contexts = contexts, .context_count = 2});
    say(fd, &bytes);
}

static void say_release(int fd)
{
    PACS_AUTO_BUFFER PacsBuffer bytes = PACS_BUFFER(WIRE_MAX);

    wire_short_pdu(&bytes, PACS_PDU_RELEASE_RQ);
    say(fd, &bytes);
}

static int associate(const Case *c)
{
    uint8_t body[16];
    int fd = dial(c);

    say_request(fd);
    assert_int_equal(hear(fd, body), PACS_PDU_ASSOCIATE_AC);
    return fd;
}

static void release(int fd)
{
    uint8_t body[16];

    say_release(fd);
    assert_int_equal(hear(fd, body), PACS_PDU_RELEASE_RP);
    (void)close(fd);
}

static void say_store_command(int fd, const TestObject *object)
{
    PACS_AUTO_BUFFER PacsBuffer bytes = PACS_BUFFER(WIRE_MAX);

    wire_store(&bytes, STORE, 1, object->sop_class_uid, object->sop_instance_uid);
    say(fd, &bytes);
}

static void say_data_set(int fd, const TestObject *object)
{
    PACS_AUTO_BUFFER PacsBuffer bytes = PACS_BUFFER(WIRE_MAX);
    PACS_AUTO_BUFFER PacsBuffer dataset = PACS_BUFFER(WIRE_MAX);

    test_object_dataset(object, &dataset);
    wire_data(&bytes, STORE, WIRE_LAST, dataset.bytes, dataset.size);
    say(fd, &bytes);
}

/* ---- Tests ---- */

static void an_object_goes_from_the_socket_into_the_archive(void **state)
{
    Case *c = *state;
    uint8_t body[16];
    TestObject object = test_object(1, 1, 1);

    start(c);
    int fd = associate(c);
    say_store_command(fd, &object);
    say_data_set(fd, &object);
    assert_int_equal(hear(fd, body), PACS_PDU_DATA);
    assert_int_equal(test_archive_object_count(&c->archive), 1); /* there before the answer was */
    release(fd);
}

static void an_object_that_is_not_the_announced_one_leaves_nothing(void **state)
{
    Case *c = *state;
    uint8_t body[16];
    TestObject object = test_object(1, 1, 1);

    start(c);
    int fd = associate(c);
    object.sop_instance_uid = "1.2.3.4.5.6"; /* not what the data set says */
    say_store_command(fd, &object);
    object = test_object(1, 1, 1);
    say_data_set(fd, &object);
    assert_int_equal(hear(fd, body), PACS_PDU_DATA);
    assert_int_equal(test_archive_object_count(&c->archive), 0);
    release(fd);
}

static void a_port_in_use_and_options_out_of_range_are_told(void **state)
{
    Case *c = *state;
    PacsDimseServer *second = NULL;
    PacsError err = {0};

    start(c);
    PacsDimseOptions options = c->options;
    options.port = pacs_dimse_port(c->server);
    assert_int_equal(pacs_dimse_open(&options, c->archive.ingest, NULL, &second, &err), PACS_UNAVAILABLE);
    options = c->options;
    options.max_pdu_bytes = 100;
    assert_int_equal(pacs_dimse_open(&options, c->archive.ingest, NULL, &second, &err), PACS_INVALID);
    options = c->options;
    options.aet = "MORE THAN 16 BYTES";
    assert_int_equal(pacs_dimse_open(&options, c->archive.ingest, NULL, &second, &err), PACS_INVALID);
    options = c->options;
    options.bind_host = "192.0.2.1"; /* nobody's (RFC 5737) */
    assert_int_equal(pacs_dimse_open(&options, c->archive.ingest, NULL, &second, &err), PACS_UNAVAILABLE);
    assert_null(second);
}

static void one_association_too_many_is_rejected_until_one_ends(void **state)
{
    Case *c = *state;
    uint8_t body[16];

    c->options.max_associations = 2;
    start(c);
    int first = associate(c), second = associate(c);
    int third = dial(c);
    say_request(third);
    assert_int_equal(hear(third, body), PACS_PDU_ASSOCIATE_RJ);
    assert_memory_equal(body, "\0\2\3\2", 4);
    (void)close(third);

    release(first);
    while (pacs_dimse_active(c->server) == 2)
        (void)sched_yield();
    third = associate(c);
    release(second);
    release(third);
}

static void connections_beyond_every_rejection_are_hung_up_on(void **state)
{
    Case *c = *state;
    int fds[40];
    uint8_t body[16];

    c->options.max_associations = 1;
    start(c);
    for (size_t i = 0; i < 40; i++)
        fds[i] = dial(c);
    /* The last one was accepted after all that are served or rejected: these say nothing and hold their
     * place. */
    assert_int_equal(hear(fds[39], body), 0);
    for (size_t i = 0; i < 40; i++)
        (void)close(fds[i]);
}

static void closing_drops_whoever_is_there(void **state)
{
    Case *c = *state;
    uint8_t body[16];

    start(c);
    int idle = associate(c), silent = dial(c), sending = associate(c);
    TestObject object = test_object(1, 1, 1);
    say_store_command(sending, &object);
    while (pacs_dimse_active(c->server) < 3 || test_archive_object_count(&c->archive) == 0)
        (void)sched_yield();
    pacs_dimse_close(c->server);
    c->server = NULL;
    assert_int_equal(hear(idle, body), PACS_PDU_ABORT);
    assert_int_equal(hear(sending, body), PACS_PDU_ABORT);
    assert_int_equal(test_archive_object_count(&c->archive), 0);
    (void)close(idle);
    (void)close(silent);
    (void)close(sending);
}

static void *drain(void *argument)
{
    pacs_dimse_drain(argument, 60000);
    return NULL;
}

static void a_drain_waits_for_the_operation_in_hand(void **state)
{
    Case *c = *state;
    pthread_t drainer;
    uint8_t body[16];
    TestObject object = test_object(1, 1, 1);

    start(c);
    int idle = associate(c), sending = associate(c);
    say_store_command(sending, &object);
    while (test_archive_object_count(&c->archive) == 0) /* begun */
        (void)sched_yield();

    assert_int_equal(pthread_create(&drainer, NULL, drain, c->server), 0);
    assert_int_equal(hear(idle, body), PACS_PDU_ABORT);
    int late = dial(c);
    say_request(late);
    assert_int_equal(hear(late, body), PACS_PDU_ASSOCIATE_RJ);
    assert_memory_equal(body, "\0\2\3\1", 4);
    (void)close(late);
    (void)close(idle);

    object = test_object(1, 1, 1);
    say_data_set(sending, &object);
    assert_int_equal(hear(sending, body), PACS_PDU_DATA);
    assert_int_equal(test_archive_object_count(&c->archive), 1);
    assert_int_equal(hear(sending, body), PACS_PDU_ABORT);
    (void)close(sending);
    assert_int_equal(pthread_join(drainer, NULL), 0);
    assert_int_equal(pacs_dimse_active(c->server), 0);
}

static void associations_are_counted(void **state)
{
    Case *c = *state;
    const PacsModality modality = {.name = "ct", .aet = "PEER", .host = "127.0.0.1", .allow_store = true};
    PACS_AUTO_BUFFER PacsBuffer text = PACS_BUFFER(WIRE_MAX);

    c->options.modalities = &modality;
    c->options.modality_count = 1;
    start(c);
    release(associate(c));
    while (pacs_dimse_active(c->server))
        (void)sched_yield();
    assert_int_equal(pacs_metrics_format(c->metrics, &text, NULL), PACS_OK);
    assert_non_null(strstr(pacs_buffer_text(&text),
                           "imaging_associations_total{calling_aet=\"PEER\",result=\"released\"} 1"));
    assert_non_null(strstr(pacs_buffer_text(&text), "imaging_associations_active 0"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin_case, end_case)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_object_goes_from_the_socket_into_the_archive),
        TEST(an_object_that_is_not_the_announced_one_leaves_nothing),
        TEST(a_port_in_use_and_options_out_of_range_are_told),
        TEST(one_association_too_many_is_rejected_until_one_ends),
        TEST(connections_beyond_every_rejection_are_hung_up_on),
        TEST(closing_drops_whoever_is_there),
        TEST(a_drain_waits_for_the_operation_in_hand),
        TEST(associations_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
