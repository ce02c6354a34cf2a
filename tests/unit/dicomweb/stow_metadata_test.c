/* STOW-RS of metadata with bulk data: what is kept is the object that the two describe. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "dicomweb/dicomweb_private.h"
#include "pacs/dicom/frame_table.h"
#include "pacs/dicom/scan.h"
#include "pacs/dicom/uid.h"
#include "pacs/util/limits.h"
#include "tests/unit/dicomweb/stow_client.h"

#define JSON_METADATA "multipart/related; type=\"application/dicom+json\"; boundary=b"
#define PIXELS "\"7FE00010\":{\"vr\":\"OW\",\"BulkDataURI\":\"px\"}"

static const uint8_t pixels[32] = {1, 2, 3, 4, 5, 6, 7, 8};

/* ---- Metadata ---- */

/** One data set of "2.25.9.n", with `more` members behind. */
static void add_dataset(PacsBuffer *json, unsigned instance, const char *more)
{
    assert_true(pacs_buffer_add_format(
        json,
        "{\"00080016\":{\"vr\":\"UI\",\"Value\":[\"1.2.840.10008.5.1.4.1.1.2\"]},"
        "\"00080018\":{\"vr\":\"UI\",\"Value\":[\"2.25.9.%u\"]},"
        "\"00100020\":{\"vr\":\"LO\",\"Value\":[\"P1\"]},"
        "\"0020000D\":{\"vr\":\"UI\",\"Value\":[\"2.25.7\"]},"
        "\"0020000E\":{\"vr\":\"UI\",\"Value\":[\"2.25.8\"]},"
        "\"00280002\":{\"vr\":\"US\",\"Value\":[1]},"
        "\"00280010\":{\"vr\":\"US\",\"Value\":[4]},\"00280011\":{\"vr\":\"US\",\"Value\":[4]},"
        "\"00280100\":{\"vr\":\"US\",\"Value\":[16]}%s%s}",
        instance, *more ? "," : "", more));
}

static void add_metadata(PacsBuffer *body, unsigned instance, const char *more)
{
    PACS_AUTO_BUFFER PacsBuffer json = PACS_BUFFER(1 << 20);

    (void)pacs_buffer_add_char(&json, '[');
    add_dataset(&json, instance, more);
    (void)pacs_buffer_add_char(&json, ']');
    stow_add_part(body, "application/dicom+json", json.bytes, json.size);
}

static void add_bulk(PacsBuffer *body, const char *type, const char *location, const void *bytes, size_t size)
{
    char header[300];

    (void)snprintf(header, sizeof header, "Content-Type: %s\r\nContent-Location: %s", type, location);
    stow_add_raw_part(body, header, bytes, size);
}

static json_t *store(DicomwebFixture *fixture, PacsBuffer *body, size_t piece, uint32_t expected_code)
{
    stow_end_parts(body);
    return stow_store(fixture, &(StowPost){.content_type = JSON_METADATA, .piece_size = piece}, body,
                      expected_code);
}

static void check_store(DicomwebFixture *fixture, PacsBuffer *body, uint32_t expected_code, size_t stored,
                        size_t failed, size_t other)
{
    json_t *dataset = store(fixture, body, 0, expected_code);

    stow_check_counts(dataset, stored, failed, other);
    json_decref(dataset);
}

/* ---- What is kept ---- */

typedef struct Kept {
    PacsBuffer file;
    PacsScan *scan;
    const PacsInstance *instance;
} Kept;

static void read_file(DicomwebFixture *fixture, const char *id, PacsArena *arena, PacsBuffer *out)
{
    PacsRetrievedFile file;

    assert_int_equal(pacs_retrieve_file(fixture->retrieve, id, arena, &file, NULL), PACS_OK);
    assert_int_equal(pacs_buffer_reserve(out, file.size_bytes, NULL), PACS_OK);
    if (file.source) {
        assert_int_equal(pacs_source_read_all(file.source, out->bytes, file.size_bytes, NULL), PACS_OK);
        pacs_source_free(file.source);
    } else {
        assert_int_equal(pread(file.fd, out->bytes, file.size_bytes, 0), file.size_bytes);
        (void)close(file.fd);
    }
    out->size = file.size_bytes;
}

/** The stored file of "2.25.9.n", scanned anew. */
static Kept keep(DicomwebFixture *fixture, unsigned instance)
{
    PACS_AUTO(PacsArena) arena = pacs_arena_new(1 << 20);
    Kept kept = {.file = PACS_BUFFER(1 << 24)};
    PacsUidMatch *matches = NULL;
    size_t count = 0;
    char uid[40];

    (void)snprintf(uid, sizeof uid, "2.25.9.%u", instance);
    const PacsUidPath path = {"2.25.7", "2.25.8", uid};
    assert_int_equal(pacs_index_find_uids(fixture->archive.index, &path, arena, &matches, &count, NULL),
                     PACS_OK);
    assert_int_equal(count, 1);
    read_file(fixture, matches[0].id, arena, &kept.file);
    assert_int_equal(pacs_scan_new(NULL, &kept.scan, NULL), PACS_OK);
    assert_int_equal(pacs_scan_feed(kept.scan, kept.file.bytes, kept.file.size, NULL), PACS_OK);
    assert_int_equal(pacs_scan_finish(kept.scan, NULL), PACS_OK);
    kept.instance = pacs_scan_instance(kept.scan);
    return kept;
}

static void kept_clear(Kept *kept)
{
    pacs_scan_free(kept->scan);
    pacs_buffer_clear(&kept->file);
}

static bool holds(const Kept *kept, const void *bytes, size_t size)
{
    return memmem(kept->file.bytes, kept->file.size, bytes, size) != NULL;
}

/* ---- Native pixels ---- */

static void metadata_and_pixels_make_an_object_whatever_the_cuts(void **state)
{
    static const size_t pieces[] = {0, 1, 13};
    DicomwebFixture *fixture = *state;

    for (unsigned i = 0; i < 3; i++) {
        PACS_AUTO_BUFFER PacsBuffer body = PACS_BUFFER(1 << 20);
        add_metadata(&body, i, PIXELS ",\"00080060\":{\"vr\":\"CS\",\"Value\":[\"CT\"]}");
        add_bulk(&body, "application/octet-stream", "px", pixels, sizeof pixels);
        json_t *dataset = store(fixture, &body, pieces[i], 200);
        stow_check_counts(dataset, 1, 0, 0);
        json_decref(dataset);

        Kept kept = keep(fixture, i);
        assert_string_equal(kept.instance->transfer_syntax_uid, PACS_UID_EXPLICIT_LITTLE);
        assert_memory_equal(kept.file.bytes + kept.file.size - sizeof pixels, pixels, sizeof pixels);
        assert_non_null(strstr(pacs_buffer_text(kept.instance->json), "\"00080060\":{\"vr\":\"CS\""));
        kept_clear(&kept);
    }
}

static void instances_of_one_array_find_their_own_bulk_data(void **state)
{
    DicomwebFixture *fixture = *state;
    PACS_AUTO_BUFFER PacsBuffer body = PACS_BUFFER(1 << 20);
    PACS_AUTO_BUFFER PacsBuffer json = PACS_BUFFER(1 << 20);
    char more[100], name[20];

    (void)pacs_buffer_add_char(&json, '[');
    for (unsigned i = 0; i < 20; i++) {
        (void)snprintf(more, sizeof more, "\"7FE00010\":{\"vr\":\"OW\",\"BulkDataURI\":\"px%u\"}", i);
        if (i > 0)
            (void)pacs_buffer_add_char(&json, ',');
        add_dataset(&json, i, more);
    }
    (void)pacs_buffer_add_char(&json, ']');
    stow_add_part(&body, "application/dicom+json; charset=utf-8", json.bytes, json.size);
    for (unsigned i = 20; i-- > 0;) {
        const uint8_t own[32] = {(uint8_t)i, 0xAB};
        (void)snprintf(name, sizeof name, "px%u", i);
        add_bulk(&body, "application/octet-stream", name, own, sizeof own);
    }
    check_store(fixture, &body, 200, 20, 0, 0);
    for (unsigned i = 0; i < 20; i++) {
        const uint8_t own[32] = {(uint8_t)i, 0xAB};
        Kept kept = keep(fixture, i);
        assert_memory_equal(kept.file.bytes + kept.file.size - sizeof own, own, sizeof own);
        kept_clear(&kept);
    }
}

static void bulk_data_may_be_inside_sequences_and_shared(void **state)
{
    DicomwebFixture *fixture = *state;
    PACS_AUTO_BUFFER PacsBuffer body = PACS_BUFFER(1 << 20);
    static const char more[] =
        "\"54000100\":{\"vr\":\"SQ\",\"Value\":[{\"54001010\":{\"vr\":\"OW\",\"BulkDataURI\":\"a\"}},"
        "{\"54001010\":{\"vr\":\"OW\",\"BulkDataURI\":\"b\"},\"003A0005\":{\"vr\":\"US\",\"Value\":[2]}}]},"
        "\"00420011\":{\"vr\":\"OB\",\"BulkDataURI\":\"a\"}";

    add_metadata(&body, 1, more);
    add_metadata(&body, 2, "\"00420011\":{\"vr\":\"OB\",\"BulkDataURI\":\"b\"}");
    add_bulk(&body, "application/octet-stream", "b", "second", 6);
    add_bulk(&body, "application/pdf", "a", "first", 5);
    check_store(fixture, &body, 200, 2, 0, 0);

    Kept kept = keep(fixture, 1);
    assert_true(holds(&kept,
                      "\x11\x00OB\x00\x00\x06\x00\x00\x00"
                      "first\0",
                      16));
    assert_true(holds(&kept,
                      "\x10\x10OW\x00\x00\x06\x00\x00\x00"
                      "second",
                      16));
    assert_true(holds(&kept,
                      "\x10\x10OW\x00\x00\x06\x00\x00\x00"
                      "first\0",
                      16));
    kept_clear(&kept);
    kept = keep(fixture, 2);
    assert_true(holds(&kept,
                      "\x11\x00OB\x00\x00\x06\x00\x00\x00"
                      "second",
                      16));
    kept_clear(&kept);
}

static void bulk_data_may_come_first(void **state)
{
    DicomwebFixture *fixture = *state;
    PACS_AUTO_BUFFER PacsBuffer body = PACS_BUFFER(1 << 20);

    add_bulk(&body, "application/octet-stream", "px", pixels, sizeof pixels);
    add_metadata(&body, 1, PIXELS);
    check_store(fixture, &body, 200, 1, 0, 0);
    Kept kept = keep(fixture, 1);
    assert_memory_equal(kept.file.bytes + kept.file.size - sizeof pixels, pixels, sizeof pixels);
    kept_clear(&kept);
}

static void metadata_without_bulk_data_are_an_object(void **state)
{
    DicomwebFixture *fixture = *state;
    PACS_AUTO_BUFFER PacsBuffer body = PACS_BUFFER(1 << 20);
    PACS_AUTO_BUFFER PacsBuffer json = PACS_BUFFER(1 << 20);

    add_metadata(&body, 1, "\"00100010\":{\"vr\":\"PN\",\"Value\":[{\"Alphabetic\":\"Ünsal^Ä\"}]}");
    check_store(fixture, &body, 200, 1, 0, 0);
    Kept kept = keep(fixture, 1);
    assert_non_null(strstr(pacs_buffer_text(kept.instance->json), "Ünsal^Ä"));
    kept_clear(&kept);

    add_dataset(&json, 2, "");
    json_t *dataset = stow_store(fixture, &(StowPost){.content_type = "application/dicom+json"}, &json, 200);
    stow_check_counts(dataset, 1, 0, 0);
    json_decref(dataset);
}

static void metadata_may_be_xml(void **state)
{
    static const char model[] =
        "<NativeDicomModel>"
        "<DicomAttribute tag=\"00080016\" vr=\"UI\"><Value number=\"1\">1.2.840.10008.5.1.4.1.1.104.1</Value>"
        "</DicomAttribute>"
        "<DicomAttribute tag=\"00080018\" vr=\"UI\"><Value number=\"1\">2.25.9.%u</Value></DicomAttribute>"
        "<DicomAttribute tag=\"0020000D\" vr=\"UI\"><Value number=\"1\">2.25.7</Value></DicomAttribute>"
        "<DicomAttribute tag=\"0020000E\" vr=\"UI\"><Value number=\"1\">2.25.8</Value></DicomAttribute>"
        "<DicomAttribute tag=\"00420011\" vr=\"OB\"><BulkData uri=\"pdf%u\"/></DicomAttribute>"
        "</NativeDicomModel>";
    DicomwebFixture *fixture = *state;
    PACS_AUTO_BUFFER PacsBuffer body = PACS_BUFFER(1 << 20);
    char text[2000];

    for (unsigned i = 1; i <= 2; i++) {
        int size = snprintf(text, sizeof text, model, i, i);
        stow_add_part(&body, "application/dicom+xml", text, (size_t)size);
    }
    stow_add_part(&body, "application/dicom+xml", "<!DOCTYPE x []><NativeDicomModel/>", 34);
    add_bulk(&body, "application/pdf", "pdf1", "%PDF1", 5);
    add_bulk(&body, "application/pdf", "pdf2", "%PDF2", 5);
    stow_end_parts(&body);
    json_t *dataset = stow_store(
        fixture, &(StowPost){.content_type = "multipart/related; type=\"application/dicom+xml\"; boundary=b"},
        &body, 202);
    stow_check_counts(dataset, 2, 0, 1);
    json_decref(dataset);
    Kept kept = keep(fixture, 2);
    assert_true(holds(&kept, "\x42\x00\x11\x00OB\x00\x00\x06\x00\x00\x00%PDF2\0", 18));
    kept_clear(&kept);
}

/* ---- Compressed pixels ---- */

/** SOI, a comment, a frame header, a scan header. */
#define JPEG(frame, parameter)                                                                               \
    {                                                                                                        \
        0xFF, 0xD8, 0xFF, 0xFE, 0, 4, 'h', 'i', 0xFF, frame, 0, 2, 0xFF, 0xDA, 0, 6, 1, 0, 0, parameter, 7,  \
            0xFF, 0xD9                                                                                       \
    }
/** SOC, SIZ (as far as it matters), CAP for HTJ2K, COD. */
#define J2K(pcap, progression, transform)                                                                    \
    {                                                                                                        \
        0xFF, 0x4F, 0xFF, 0x51, 0, 4, 0, 0, 0xFF, 0x50, 0, 6, 0, pcap, 0, 0, 0xFF, 0x52, 0, 12, 0,           \
            progression, 0, 1, 0, 5, 3, 3, 0, transform, 0xFF, 0x90, 0, 2                                    \
    }

static void the_transfer_syntax_is_what_the_bytes_are(void **state)
{
    static const struct {
        const char *type;
        uint8_t bytes[40];
        const char *expected;
    } cases[] = {
        {"image/jpeg", JPEG(0xC0, 0), PACS_UID_JPEG_BASELINE},
        {"image/jpeg", JPEG(0xC1, 0), PACS_UID_JPEG_EXTENDED},
        {"image/jpeg", JPEG(0xC3, 1), PACS_UID_JPEG_LOSSLESS_SV1},
        {"image/jpeg", JPEG(0xC3, 5), PACS_UID_JPEG_LOSSLESS},
        {"image/jls", JPEG(0xF7, 0), PACS_UID_JPEG_LS_LOSSLESS},
        {"image/x-jls", JPEG(0xF7, 3), PACS_UID_JPEG_LS_NEAR_LOSSLESS},
        {"image/jp2", J2K(0, 0, 1), PACS_UID_JPEG_2000_LOSSLESS},
        {"image/jp2", J2K(0, 0, 0), PACS_UID_JPEG_2000},
        {"image/jphc", J2K(2, 0, 1), PACS_UID_HTJ2K_LOSSLESS},
        {"image/jph", J2K(2, 2, 0), PACS_UID_HTJ2K},
        {"image/jpeg; transfer-syntax=1.2.840.10008.1.2.4.51", JPEG(0xC0, 0), PACS_UID_JPEG_EXTENDED},
        {"image/dicom-rle", {1}, PACS_UID_RLE_LOSSLESS},
        {"video/mp4", {1}, "1.2.840.10008.1.2.4.102"},
        {"video/mpeg2", {1}, "1.2.840.10008.1.2.4.100"},
        {"application/octet-stream; transfer-syntax=\"1.2.840.10008.1.2.5\"", {1}, PACS_UID_RLE_LOSSLESS},
        {"application/octet-stream; transfer-syntax=1.2.840.10008.1.2", {1}, PACS_UID_EXPLICIT_LITTLE},
    };
    DicomwebFixture *fixture = *state;

    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        PACS_AUTO_BUFFER PacsBuffer body = PACS_BUFFER(1 << 20);
        add_metadata(&body, i, PIXELS);
        add_bulk(&body, cases[i].type, "px", cases[i].bytes, sizeof cases[i].bytes);
        check_store(fixture, &body, 200, 1, 0, 0);
        Kept kept = keep(fixture, i);
        assert_string_equal(kept.instance->transfer_syntax_uid, cases[i].expected);
        assert_true(holds(&kept, cases[i].bytes, sizeof cases[i].bytes));
        kept_clear(&kept);
    }
}

static void frames_are_put_in_order(void **state)
{
    static const char *const names[] = {"px/frames/2", "px/frames/3", "px/frames/1"};
    DicomwebFixture *fixture = *state;
    PACS_AUTO_BUFFER PacsBuffer body = PACS_BUFFER(1 << 20);

    add_metadata(&body, 1, "\"00280008\":{\"vr\":\"IS\",\"Value\":[3]}," PIXELS);
    for (unsigned i = 0; i < 3; i++) {
        uint8_t frame[23] = JPEG(0xC0, 0);
        frame[20] = (uint8_t)names[i][10];
        add_bulk(&body, "image/jpeg", names[i], frame, sizeof frame);
    }
    check_store(fixture, &body, 200, 1, 0, 0);

    Kept kept = keep(fixture, 1);
    const PacsBuffer *table = kept.instance->frame_table;
    for (uint32_t frame = 1; frame <= 3; frame++) {
        PacsFrame found;
        assert_int_equal(pacs_frame_table_find(table->bytes, table->size, frame, &found, NULL), PACS_OK);
        assert_int_equal(found.size_bytes, 24); /* made even */
        assert_int_equal(kept.file.bytes[found.first.offset + 20], '0' + frame);
    }
    kept_clear(&kept);
}

static void the_boxes_of_a_jp2_file_are_left_out(void **state)
{
    static const uint8_t file[] = {
        0,   0,    0,    12, 'j', 'P',  ' ',  ' ', 0x0D, 0x0A, 0x87, 0x0A, 0,    0,    0,    9,   'f', 't',
        'y', 'p',  1,    0,  0,   0,    42,   'j', 'p',  '2',  'c',  0xFF, 0x4F, 0xFF, 0x51, 0,   4,   0,
        0,   0xFF, 0x50, 0,  6,   0,    0,    0,   0,    0xFF, 0x52, 0,    12,   0,    0,    0,   1,   0,
        5,   3,    3,    0,  1,   0xFF, 0x90, 0,   2,    0,    0,    0,    9,    'u',  'u',  'i', 'd', 1};
    DicomwebFixture *fixture = *state;
    PACS_AUTO_BUFFER PacsBuffer body = PACS_BUFFER(1 << 20);

    add_metadata(&body, 1, PIXELS);
    add_bulk(&body, "image/jp2", "px", file, sizeof file);
    check_store(fixture, &body, 200, 1, 0, 0);
    Kept kept = keep(fixture, 1);
    assert_string_equal(kept.instance->transfer_syntax_uid, PACS_UID_JPEG_2000_LOSSLESS);
    assert_true(holds(&kept, "\xFE\xFF\x00\xE0\x22\x00\x00\x00\xFF\x4F\xFF\x51", 12));
    assert_false(holds(&kept, "ftyp", 4));
    assert_false(holds(&kept, "uuid", 4));
    kept_clear(&kept);
}

static void bytes_without_a_word_are_in_the_syntax_of_the_metadata(void **state)
{
    DicomwebFixture *fixture = *state;
    PACS_AUTO_BUFFER PacsBuffer body = PACS_BUFFER(1 << 20);

    add_metadata(&body, 1, "\"00020010\":{\"vr\":\"UI\",\"Value\":[\"1.2.840.10008.1.2.5\"]}," PIXELS);
    stow_add_raw_part(&body, "Content-Location: px", "rle", 3);
    check_store(fixture, &body, 200, 1, 0, 0);
    Kept kept = keep(fixture, 1);
    assert_string_equal(kept.instance->transfer_syntax_uid, PACS_UID_RLE_LOSSLESS);
    kept_clear(&kept);
}

/* ---- What goes wrong ---- */

static void an_instance_without_its_bulk_data_is_refused(void **state)
{
    DicomwebFixture *fixture = *state;
    PACS_AUTO_BUFFER PacsBuffer body = PACS_BUFFER(1 << 20);

    add_metadata(&body, 1, PIXELS);
    add_metadata(&body, 2, "");
    stow_end_parts(&body);
    json_t *dataset = stow_store(fixture, &(StowPost){.content_type = JSON_METADATA}, &body, 202);
    stow_check_counts(dataset, 1, 1, 0);
    assert_string_equal(json_string_value(stow_value(dataset, "00081198", 0, "00081155")), "2.25.9.1");
    assert_int_equal(json_integer_value(stow_value(dataset, "00081198", 0, "00081197")), 0xC000);
    json_decref(dataset);
    assert_int_equal(stow_instances(fixture), 1);
}

static void bulk_data_that_nothing_names_are_told(void **state)
{
    DicomwebFixture *fixture = *state;
    PACS_AUTO_BUFFER PacsBuffer body = PACS_BUFFER(1 << 20);

    add_metadata(&body, 1, "");
    add_bulk(&body, "application/octet-stream", "px", pixels, sizeof pixels);
    check_store(fixture, &body, 202, 1, 0, 1);
    pacs_buffer_reset(&body);
    add_metadata(&body, 1, "");
    stow_add_raw_part(&body, "Content-Type: image/jpeg", pixels, sizeof pixels);
    check_store(fixture, &body, 202, 1, 0, 1);
}

static void a_part_without_a_name_does_not_spoil_the_one_before(void **state)
{
    DicomwebFixture *fixture = *state;
    PACS_AUTO_BUFFER PacsBuffer body = PACS_BUFFER(1 << 20);

    add_metadata(&body, 1, PIXELS);
    add_bulk(&body, "application/octet-stream", "px", pixels, sizeof pixels);
    stow_add_raw_part(&body, "Content-Type: image/jpeg", pixels, sizeof pixels);
    check_store(fixture, &body, 202, 1, 0, 1);
}

static void a_bad_data_set_does_not_lose_the_others(void **state)
{
    DicomwebFixture *fixture = *state;
    PACS_AUTO_BUFFER PacsBuffer body = PACS_BUFFER(1 << 20);
    PACS_AUTO_BUFFER PacsBuffer json = PACS_BUFFER(1 << 20);

    (void)pacs_buffer_add_char(&json, '[');
    add_dataset(&json, 1, "\"00280101\":{\"vr\":\"US\",\"Value\":[-1]}");
    (void)pacs_buffer_add_text(&json, ",{},");
    add_dataset(&json, 2, "");
    (void)pacs_buffer_add_text(&json, "] and more");
    stow_add_part(&body, "application/dicom+json", json.bytes, json.size);
    stow_end_parts(&body);
    json_t *dataset = stow_store(fixture, &(StowPost){.content_type = JSON_METADATA}, &body, 202);
    stow_check_counts(dataset, 1, 1, 2);
    assert_string_equal(json_string_value(stow_value(dataset, "00081198", 0, "00081155")), "2.25.9.1");
    json_decref(dataset);
    assert_int_equal(stow_instances(fixture), 1);
}

static void what_pixel_data_cannot_be_is_unsupported(void **state)
{
    static const char *const types[] = {"image/png", "text/plain", "image/jpeg; transfer-syntax=1.2.3"};
    DicomwebFixture *fixture = *state;

    for (size_t i = 0; i < 3; i++) {
        PACS_AUTO_BUFFER PacsBuffer body = PACS_BUFFER(1 << 20);
        add_metadata(&body, 1, PIXELS);
        add_bulk(&body, types[i], "px", "pixels", 6);
        stow_end_parts(&body);
        json_decref(
            stow_store(fixture, &(StowPost){.content_type = JSON_METADATA}, &body, i < 2 ? 415 : 409));
        assert_int_equal(stow_instances(fixture), 0);
    }
}

static void frames_that_break_off_are_not_half_an_object(void **state)
{
    static const uint8_t frame[] = JPEG(0xC0, 0);
    DicomwebFixture *fixture = *state;
    PACS_AUTO_BUFFER PacsBuffer body = PACS_BUFFER(1 << 20);

    add_metadata(&body, 1, "\"00280008\":{\"vr\":\"IS\",\"Value\":[2]}," PIXELS);
    add_bulk(&body, "image/jpeg", "px", frame, sizeof frame);
    add_bulk(&body, "image/jpeg", "px", frame, sizeof frame); /* and no closing boundary */
    json_decref(stow_store(fixture, &(StowPost){.content_type = JSON_METADATA}, &body, 400));
    assert_int_equal(stow_instances(fixture), 0);
    assert_int_equal(test_archive_object_count(&fixture->archive), 0);
}

static void frames_in_different_syntaxes_are_refused(void **state)
{
    static const uint8_t baseline[] = JPEG(0xC0, 0);
    static const uint8_t lossless[] = JPEG(0xC3, 1);
    DicomwebFixture *fixture = *state;
    PACS_AUTO_BUFFER PacsBuffer body = PACS_BUFFER(1 << 20);

    add_metadata(&body, 1, "\"00280008\":{\"vr\":\"IS\",\"Value\":[2]}," PIXELS);
    add_bulk(&body, "image/jpeg", "px/frames/1", baseline, sizeof baseline);
    add_bulk(&body, "image/jpeg", "px/frames/2", lossless, sizeof lossless);
    check_store(fixture, &body, 409, 0, 1, 0);
}

static void metadata_that_are_no_json_are_refused(void **state)
{
    static const char *const texts[] = {"", "[", "[1]", "{\"00080018\"", "<xml/>"};
    DicomwebFixture *fixture = *state;

    for (size_t i = 0; i < 5; i++) {
        PACS_AUTO_BUFFER PacsBuffer body = PACS_BUFFER(1 << 20);
        stow_add_part(&body, "application/dicom+json", texts[i], strlen(texts[i]));
        check_store(fixture, &body, 409, 0, 0, 1);
    }
}

static void instances_of_another_study_are_refused(void **state)
{
    DicomwebFixture *fixture = *state;
    PACS_AUTO_BUFFER PacsBuffer body = PACS_BUFFER(1 << 20);

    add_metadata(&body, 1, "");
    stow_end_parts(&body);
    json_t *dataset = stow_store(
        fixture, &(StowPost){.target = "/dicom-web/studies/1.2", .content_type = JSON_METADATA}, &body, 409);
    assert_int_equal(json_integer_value(stow_value(dataset, "00081198", 0, "00081197")), 0xA900);
    json_decref(dataset);
}

static void requests_that_keep_too_much_together_are_put_off(void **state)
{
    DicomwebFixture *fixture = *state;
    PACS_AUTO_BUFFER PacsBuffer body = PACS_BUFFER(1 << 20);
    Dicomweb *dicomweb = fixture->dicomweb;

    add_metadata(&body, 1, PIXELS);
    add_bulk(&body, "application/octet-stream", "px", pixels, sizeof pixels);
    stow_end_parts(&body);
    (void)atomic_fetch_add(&dicomweb->stow_held, PACS_MAX_STOW_HELD);
    json_decref(stow_store(fixture, &(StowPost){.content_type = JSON_METADATA}, &body, 503));
    (void)atomic_fetch_sub(&dicomweb->stow_held, PACS_MAX_STOW_HELD);
    json_decref(stow_store(fixture, &(StowPost){.content_type = JSON_METADATA}, &body, 200));
    assert_int_equal(atomic_load(&dicomweb->stow_held), 0); /* what a request keeps it gives back */
}

static void a_client_that_leaves_while_metadata_wait_leaves_nothing(void **state)
{
    DicomwebFixture *fixture = *state;
    PACS_AUTO_BUFFER PacsBuffer body = PACS_BUFFER(1 << 20);
    PacsHttpAnswer answer;

    add_metadata(&body, 1, PIXELS);
    add_bulk(&body, "application/octet-stream", "px", pixels, sizeof pixels);
    stow_post(fixture, &(StowPost){.content_type = JSON_METADATA, .piece_size = 10, .leaves_midway = true},
              &body, &answer);
    assert_int_equal(answer.code, 0);
    pacs_http_answer_clear(&answer);
    assert_int_equal(stow_instances(fixture), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, dicomweb_fixture_open, dicomweb_fixture_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(metadata_and_pixels_make_an_object_whatever_the_cuts),
        TEST(instances_of_one_array_find_their_own_bulk_data),
        TEST(bulk_data_may_be_inside_sequences_and_shared),
        TEST(bulk_data_may_come_first),
        TEST(metadata_without_bulk_data_are_an_object),
        TEST(metadata_may_be_xml),
        TEST(the_transfer_syntax_is_what_the_bytes_are),
        TEST(frames_are_put_in_order),
        TEST(the_boxes_of_a_jp2_file_are_left_out),
        TEST(bytes_without_a_word_are_in_the_syntax_of_the_metadata),
        TEST(an_instance_without_its_bulk_data_is_refused),
        TEST(bulk_data_that_nothing_names_are_told),
        TEST(a_part_without_a_name_does_not_spoil_the_one_before),
        TEST(a_bad_data_set_does_not_lose_the_others),
        TEST(what_pixel_data_cannot_be_is_unsupported),
        TEST(frames_that_break_off_are_not_half_an_object),
        TEST(frames_in_different_syntaxes_are_refused),
        TEST(metadata_that_are_no_json_are_refused),
        TEST(instances_of_another_study_are_refused),
        TEST(requests_that_keep_too_much_together_are_put_off),
        TEST(a_client_that_leaves_while_metadata_wait_leaves_nothing),
    };
    return cmocka_run_group_tests_name("dicomweb stow metadata", tests, NULL, NULL);
}
