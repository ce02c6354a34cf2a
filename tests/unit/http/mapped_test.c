/* Bodies of which the page cache's own pages are a part, and files that change under them. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "pacs/http/http_memory.h"
#include "pacs/http/mapped.h"
#include "pacs/util/limits.h"

#define FILE_SIZE 300000

static uint8_t content[FILE_SIZE];
static int file = -1;

/** A file that has no name any more, written and in the page cache. */
static int open_file(void **state)
{
    char name[] = "/tmp/mapped-XXXXXX";

    (void)state;
    for (size_t i = 0; i < sizeof content; i++)
        content[i] = (uint8_t)(i * 31 + i / 251);
    file = mkstemp(name);
    return file >= 0 && unlink(name) == 0 && write(file, content, sizeof content) == sizeof content ? 0 : -1;
}

static int close_file(void **state)
{
    (void)state;
    return close(file);
}

static PacsHttpMapped *map(uint64_t offset, size_t size, const char *before, const char *after)
{
    PacsHttpMapped *mapped = pacs_http_mapped_new(&(PacsHttpMappedRange){
        .fd = file, .offset = offset, .size = size, .before = strlen(before), .after = strlen(after)});

    if (mapped) {
        memcpy(pacs_http_mapped_before(mapped), before, strlen(before));
        memcpy(pacs_http_mapped_after(mapped), after, strlen(after));
    }
    return mapped;
}

/* ---- The memory ---- */

static void expect_body(uint64_t offset, size_t size, const char *before, const char *after)
{
    PacsHttpMapped *mapped = map(offset, size, before, after);

    assert_non_null(mapped);
    assert_int_equal(pacs_http_mapped_prepare(mapped, true), PACS_HTTP_MAPPED_READY);
    const uint8_t *bytes = pacs_http_mapped_bytes(mapped);
    assert_int_equal(pacs_http_mapped_size(mapped), strlen(before) + size + strlen(after));
    assert_memory_equal(bytes, before, strlen(before));
    assert_memory_equal(bytes + strlen(before), content + offset, size);
    assert_memory_equal(bytes + strlen(before) + size, after, strlen(after));
    pacs_http_mapped_unref(mapped);
}

static void bytes_stand_around_a_range_wherever_it_begins_and_ends(void **state)
{
    static const uint64_t offsets[] = {0, 1, 1460, 4095, 4096, 4097, 65536};
    static const size_t sizes[] = {131072, 131073, 135167, 135168, 135169, 200001};

    (void)state;
    for (size_t i = 0; i < sizeof offsets / sizeof offsets[0]; i++) {
        for (size_t k = 0; k < sizeof sizes / sizeof sizes[0]; k++) {
            expect_body(offsets[i], sizes[k], "--boundary\r\n\r\n", "\r\n--boundary--\r\n");
            expect_body(offsets[i], sizes[k], "", "");
        }
    }
    expect_body(1, FILE_SIZE - 1, "x", "y");
}

static void a_head_may_be_longer_than_a_page(void **state)
{
    char head[20000];

    (void)state;
    memset(head, 'h', sizeof head - 1);
    head[sizeof head - 1] = '\0';
    expect_body(1460, 131072, head, head);
}

static void what_fills_few_pages_is_not_mapped(void **state)
{
    (void)state;
    assert_null(map(0, PACS_HTTP_MAPPED_MIN - 1, "", ""));
    assert_null(map(1, PACS_HTTP_MAPPED_MIN, "", ""));
    assert_null(map(0, 0, "before", "after"));
}

static void what_is_in_the_page_cache_needs_no_waiting(void **state)
{
    PacsHttpMapped *mapped = map(1460, 200000, "", "");

    (void)state;
    assert_int_equal(pacs_http_mapped_prepare(mapped, false), PACS_HTTP_MAPPED_READY);
    pacs_http_mapped_unref(mapped);
}

/* ---- Files that are cut short ---- */

static void a_file_that_is_too_short_is_not_ready(void **state)
{
    PacsHttpMapped *mapped = map(1460, 200000, "", "");
    PacsHttpMapped *edge = map(FILE_SIZE - 200000, 200000, "", "");

    (void)state;
    assert_int_equal(ftruncate(file, FILE_SIZE - 1), 0);
    assert_int_equal(pacs_http_mapped_prepare(edge, true), PACS_HTTP_MAPPED_FAILED);
    assert_int_equal(ftruncate(file, 100000), 0);
    assert_int_not_equal(pacs_http_mapped_prepare(mapped, false), PACS_HTTP_MAPPED_READY);
    assert_int_equal(pacs_http_mapped_prepare(mapped, true), PACS_HTTP_MAPPED_FAILED);
    pacs_http_mapped_unref(mapped);
    pacs_http_mapped_unref(edge);
}

/* Until the socket has no room, the other side is read away, or sending fails: then errno. */
static int send_all(const uint8_t *bytes, size_t size)
{
    static uint8_t heard[1 << 16];
    int pair[2], error = 0;

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    while (size > 0 && error == 0) {
        ssize_t sent = send(pair[0], bytes, size < 32768 ? size : 32768, MSG_NOSIGNAL);
        error = sent < 0 ? errno : 0;
        if (sent > 0) {
            bytes += sent;
            size -= (size_t)sent;
            for (ssize_t left = sent; left > 0;)
                left -= recv(pair[1], heard, sizeof heard, 0);
        }
    }
    (void)close(pair[0]);
    (void)close(pair[1]);
    return error;
}

static void a_file_cut_short_while_it_is_sent_is_an_error_of_sending(void **state)
{
    PacsHttpMapped *mapped = map(1460, 200000, "before", "after");

    (void)state;
    assert_int_equal(pacs_http_mapped_prepare(mapped, true), PACS_HTTP_MAPPED_READY);
    assert_int_equal(send_all(pacs_http_mapped_bytes(mapped), pacs_http_mapped_size(mapped)), 0);
    assert_int_equal(ftruncate(file, 100000), 0);
    assert_int_equal(send_all(pacs_http_mapped_bytes(mapped), pacs_http_mapped_size(mapped)), EFAULT);
    pacs_http_mapped_unref(mapped);
}

/* ---- Answers ---- */

static size_t put_together; /* answers from pieces */

static void answer_file(void *context, PacsHttpRequest *request, PacsHttpReply *reply)
{
    const char *name = pacs_http_capture(request, "name");

    (void)context;
    if (pacs_http_reply_not_modified(request, reply, "\"one\"") ||
        pacs_http_reply_recall(reply, "application/octet-stream", name))
        return;
    put_together++;
    pacs_http_reply_pieces(reply, "application/octet-stream");
    pacs_http_reply_piece_bytes(reply, "be", 2);
    pacs_http_reply_piece_bytes(reply, "fore", 4);
    pacs_http_reply_piece_fd(reply, file, 1460, 200000);
    pacs_http_reply_piece_bytes(reply, "after", 5);
    if (strcmp(name, "two-ranges") == 0)
        pacs_http_reply_piece_fd(reply, file, 0, 100000);
    pacs_http_reply_remember(reply, name);
}

static const PacsHttpRoute routes[] = {
    {.method = PACS_HTTP_GET, .pattern = "/{name}", .handle = answer_file, .place = PACS_HTTP_INLINE}};
static const PacsHttpMount mount = {.prefix = "", .routes = routes, .route_count = 1};

static PacsHttpMemory *memory;
static PacsHttpAnswer answer;

static int open_memory(void **state)
{
    put_together = 0;
    return open_file(state) ||
           pacs_http_memory_new(&(PacsHttpSiteOptions){0}, &mount, 1, &memory, NULL) != PACS_OK;
}

static int close_memory(void **state)
{
    pacs_http_answer_clear(&answer);
    pacs_http_memory_free(memory);
    return close_file(state);
}

static uint32_t ask(const char *method, const char *target, const char *name, const char *text)
{
    const PacsHttpPair headers[] = {{name, text}};

    pacs_http_answer_clear(&answer);
    return pacs_http_perform(
        memory,
        &(PacsHttpAsk){.method = method, .target = target, .headers = headers, .header_count = name ? 1 : 0},
        &answer);
}

static void expect_answer(void)
{
    assert_int_equal(ask("GET", "/body", NULL, NULL), 200);
    assert_int_equal(answer.body.size, 200011);
    assert_memory_equal(answer.body.bytes, "before", 6);
    assert_memory_equal(answer.body.bytes + 6, content + 1460, 200000);
    assert_memory_equal(answer.body.bytes + 200006, "after", 5);
    assert_non_null(strstr(pacs_buffer_text(&answer.head), "Accept-Ranges: bytes"));
    assert_non_null(strstr(pacs_buffer_text(&answer.head), "ETag: \"one\""));
}

static void a_body_asked_for_twice_is_not_put_together_a_third_time(void **state)
{
    (void)state;
    for (size_t i = 1; i <= 4; i++) {
        expect_answer();
        assert_int_equal(put_together, i < 2 ? i : 2);
    }
    assert_int_equal(ask("HEAD", "/body", NULL, NULL), 200);
    assert_non_null(strstr(pacs_buffer_text(&answer.head), "Content-Length: 200011"));
    assert_int_equal(ask("GET", "/body", "If-None-Match", "\"one\""), 304);
}

static void a_part_of_a_body_comes_from_its_pieces(void **state)
{
    (void)state;
    for (size_t i = 0; i < 3; i++)
        expect_answer();
    assert_int_equal(ask("GET", "/body", "Range", "bytes=4-199999"), 206);
    assert_int_equal(answer.body.size, 199996);
    assert_memory_equal(answer.body.bytes, "re", 2);
    assert_memory_equal(answer.body.bytes + 2, content + 1460, 199994);
    assert_int_equal(put_together, 3);
}

static void a_body_of_two_ranges_is_read(void **state)
{
    (void)state;
    for (size_t i = 1; i <= 3; i++) {
        assert_int_equal(ask("GET", "/two-ranges", NULL, NULL), 200);
        assert_int_equal(answer.body.size, 300011);
        assert_memory_equal(answer.body.bytes + 200011, content, 100000);
        assert_int_equal(put_together, i);
    }
}

static void a_body_whose_file_was_cut_short_before_it_was_mapped_is_a_500(void **state)
{
    (void)state;
    expect_answer();
    assert_int_equal(ftruncate(file, 100000), 0);
    assert_int_equal(ask("GET", "/body", NULL, NULL), 500);
    assert_int_equal(ask("GET", "/body", NULL, NULL), 500);
}

#define ON_FILE(name) cmocka_unit_test_setup_teardown(name, open_file, close_file)
#define IN_MEMORY(name) cmocka_unit_test_setup_teardown(name, open_memory, close_memory)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_FILE(bytes_stand_around_a_range_wherever_it_begins_and_ends),
        ON_FILE(a_head_may_be_longer_than_a_page),
        ON_FILE(what_fills_few_pages_is_not_mapped),
        ON_FILE(what_is_in_the_page_cache_needs_no_waiting),
        ON_FILE(a_file_that_is_too_short_is_not_ready),
        ON_FILE(a_file_cut_short_while_it_is_sent_is_an_error_of_sending),
        IN_MEMORY(a_body_asked_for_twice_is_not_put_together_a_third_time),
        IN_MEMORY(a_part_of_a_body_comes_from_its_pieces),
        IN_MEMORY(a_body_of_two_ranges_is_read),
        IN_MEMORY(a_body_whose_file_was_cut_short_before_it_was_mapped_is_a_500),
    };
    return cmocka_run_group_tests_name("mapped bodies", tests, NULL, NULL);
}
