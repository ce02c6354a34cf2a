#include "tests/unit/dicomweb/stow_client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

uint64_t stow_instances(DicomwebFixture *fixture)
{
    PacsStatistics statistics;

    assert_int_equal(pacs_index_statistics(fixture->archive.index, &statistics, NULL), PACS_OK);
    return statistics.instances;
}

void stow_add_raw_part(PacsBuffer *body, const char *header, const void *bytes, size_t size)
{
    (void)pacs_buffer_add_format(body, "--b\r\n%s\r\n\r\n", header);
    (void)pacs_buffer_add(body, bytes, size);
    assert_true(pacs_buffer_add_text(body, "\r\n"));
}

void stow_add_part(PacsBuffer *body, const char *content_type, const void *bytes, size_t size)
{
    PACS_AUTO_BUFFER PacsBuffer header = PACS_BUFFER(1 << 16);

    assert_true(pacs_buffer_add_format(&header, "Content-Type: %s", content_type));
    stow_add_raw_part(body, pacs_buffer_text(&header), bytes, size);
}

void stow_add_object(PacsBuffer *body, unsigned study, unsigned series, unsigned instance)
{
    PACS_AUTO_BUFFER PacsBuffer file = PACS_BUFFER(1 << 16);
    const TestObject object = test_object(study, series, instance);

    test_object_file(&object, &file);
    stow_add_part(body, "application/dicom", file.bytes, file.size);
}

void stow_end_parts(PacsBuffer *body)
{
    assert_true(pacs_buffer_add_text(body, "--b--\r\n"));
}

void stow_post(DicomwebFixture *fixture, const StowPost *how, const PacsBuffer *body,
               PacsHttpAnswer *ret_answer)
{
    const PacsHttpPair headers[] = {{"Content-Type", how->content_type ? how->content_type : STOW_MULTIPART},
                                    {"Host", "pacs.example.org"},
                                    {"Accept", how->accept}};
    const PacsHttpAsk ask = {.method = "POST",
                             .target = how->target ? how->target : "/dicom-web/studies",
                             .headers = headers,
                             .header_count = how->accept ? 3 : 2,
                             .body = body->bytes,
                             .body_size = body->size,
                             .piece_size = how->piece_size,
                             .leaves_midway = how->leaves_midway};

    (void)pacs_http_perform(fixture->http, &ask, ret_answer);
}

json_t *stow_store(DicomwebFixture *fixture, const StowPost *how, const PacsBuffer *body,
                   uint32_t expected_code)
{
    PacsHttpAnswer answer;

    stow_post(fixture, how, body, &answer);
    assert_int_equal(answer.code, expected_code);
    json_t *dataset = json_loads(pacs_buffer_text(&answer.body), 0, NULL);
    pacs_http_answer_clear(&answer);
    return dataset;
}

const json_t *stow_value(const json_t *dataset, const char *sequence, size_t item, const char *tag)
{
    const json_t *in = json_array_get(json_object_get(json_object_get(dataset, sequence), "Value"), item);

    return json_array_get(json_object_get(json_object_get(in, tag), "Value"), 0);
}

static size_t count(const json_t *dataset, const char *sequence)
{
    return json_array_size(json_object_get(json_object_get(dataset, sequence), "Value"));
}

void stow_check_counts(const json_t *dataset, size_t stored, size_t failed, size_t other)
{
    assert_non_null(dataset);
    assert_int_equal(count(dataset, "00081199"), stored);
    assert_int_equal(count(dataset, "00081198"), failed);
    assert_int_equal(count(dataset, "0008119A"), other);
}

const char *stow_root_url(const json_t *dataset)
{
    return json_string_value(
        json_array_get(json_object_get(json_object_get(dataset, "00081190"), "Value"), 0));
}
