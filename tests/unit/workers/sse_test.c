/* A stream of server-sent events, in pieces of any size. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "workers/loop/sse.h"

#define MAX 256

/** All events of a text that arrives in pieces, as "[id|type|data]" each; "!" where it was given up. */
static const char *read_all(const char *text, size_t size, size_t piece, PacsBuffer *out)
{
    WorkerSse sse;
    worker_sse_init(&sse, MAX);
    PacsStatus status = PACS_OK;
    for (size_t at = 0; status == PACS_OK && at < size; at += piece) {
        const char *bytes = text + at;
        size_t left = size - at < piece ? size - at : piece;
        bool found = true;
        while (status == PACS_OK && (left > 0 || found)) {
            WorkerSseEvent event;
            status = worker_sse_read(&sse, &bytes, &left, &found, &event, NULL);
            if (status == PACS_OK && found)
                (void)pacs_buffer_add_format(out, "[%s|%s|%.*s]", event.id, event.type,
                                             event.data.text ? (int)event.data.size : 1,
                                             event.data.text ? event.data.text : "-");
        }
    }
    if (status != PACS_OK)
        (void)pacs_buffer_add_char(out, '!');
    worker_sse_clear(&sse);
    return pacs_buffer_text(out);
}

static void expect(const char *text, const char *expected)
{
    for (size_t piece = 1; piece <= strlen(text) + 1; piece++) {
        PACS_AUTO_BUFFER PacsBuffer out = PACS_BUFFER(4096);
        assert_string_equal(read_all(text, strlen(text), piece, &out), expected);
    }
}

static void an_event_has_an_id_a_type_and_data(void **state)
{
    (void)state;
    expect("id: 7\nevent: study.arrived\ndata: {\"a\":1}\n\n", "[7|study.arrived|{\"a\":1}]");
}

static void data_of_several_lines_is_one_text(void **state)
{
    (void)state;
    expect("data: a\ndata:b\ndata:\ndata:  c\n\n", "[||a\nb\n\n c]");
}

static void every_line_break_ends_a_line(void **state)
{
    (void)state;
    expect("id:1\rdata:a\r\rid:2\r\ndata:b\r\n\r\ndata:c\n\n", "[1||a][2||b][2||c]");
}

static void the_id_stays_and_the_type_does_not(void **state)
{
    (void)state;
    expect("id: 3\nevent: x\ndata: a\n\ndata: b\n\n", "[3|x|a][3||b]");
}

static void an_event_without_data_says_where_the_stream_stands(void **state)
{
    (void)state;
    expect("retry: 3000\nid: 12\n\n:\nid: 13\n\n", "[12||-][13||-]");
}

static void comments_and_unknown_fields_are_passed_over(void **state)
{
    (void)state;
    expect("\xef\xbb\xbf: hello\nfoo: bar\nnothing\ndata\n\n", "[||]");
}

static void what_is_not_ended_is_no_event(void **state)
{
    (void)state;
    expect("data: a\n", "");
    expect("data: a", "");
}

static void a_line_over_the_maximum_ends_the_reading(void **state)
{
    PACS_AUTO_BUFFER PacsBuffer out = PACS_BUFFER(4096);
    char text[2 * MAX];
    (void)state;
    memset(text, 'x', sizeof text);
    assert_string_equal(read_all(text, sizeof text, 64, &out), "!");
}

static void data_over_the_maximum_ends_the_reading(void **state)
{
    PACS_AUTO_BUFFER PacsBuffer out = PACS_BUFFER(4096);
    char text[4 * MAX];
    (void)state;
    for (size_t i = 0; i + 8 <= sizeof text; i += 8)
        memcpy(text + i, "data:ab\n", 8);
    assert_string_equal(read_all(text, sizeof text, 64, &out), "!");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event_has_an_id_a_type_and_data),
        cmocka_unit_test(data_of_several_lines_is_one_text),
        cmocka_unit_test(every_line_break_ends_a_line),
        cmocka_unit_test(the_id_stays_and_the_type_does_not),
        cmocka_unit_test(an_event_without_data_says_where_the_stream_stands),
        cmocka_unit_test(comments_and_unknown_fields_are_passed_over),
        cmocka_unit_test(what_is_not_ended_is_no_event),
        cmocka_unit_test(a_line_over_the_maximum_ends_the_reading),
        cmocka_unit_test(data_over_the_maximum_ends_the_reading),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
