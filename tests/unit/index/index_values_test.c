#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "pacs/index/index_event.h"
#include "pacs/index/index_id.h"
#include "pacs/index/index_metadata.h"
#include "pacs/index/index_prepare.h"
#include "pacs/index/index_tags.h"
#include "pacs/util/limits.h"
#include "tests/support/indexed_object.h"

/* What is worked out without any database: ids, tags, metadata, event data. */

/* ---- Ids ---- */

static void an_id_comes_back_as_it_was(void **state)
{
    (void)state;
    const char *const text = "da39a3ee-5e6b4b0d-3255bfef-95601890-afd80709";
    PacsOrthancId id;
    char formatted[PACS_ORTHANC_ID_SIZE];
    assert_true(pacs_index_id_parse(text, &id));
    assert_int_equal(id.bytes[0], 0xDA);
    assert_int_equal(id.bytes[19], 0x09);
    pacs_index_id_format(&id, formatted);
    assert_string_equal(formatted, text);
}

static void what_is_no_id_is_refused(void **state)
{
    (void)state;
    PacsOrthancId id;
    assert_false(pacs_index_id_parse(NULL, &id));
    assert_false(pacs_index_id_parse("", &id));
    assert_false(pacs_index_id_parse("DA39a3ee-5e6b4b0d-3255bfef-95601890-afd80709", &id));
    assert_false(pacs_index_id_parse("da39a3ee-5e6b4b0d-3255bfef-95601890-afd807090", &id));
    assert_false(pacs_index_id_parse("da39a3ee+5e6b4b0d-3255bfef-95601890-afd80709", &id));
}

/* ---- Tags ---- */

static PacsStatus parse(const void *bytes, size_t size)
{
    PACS_AUTO(PacsArena) arena = pacs_arena_new(1u << 20);
    const PacsTagValue *tags = NULL;
    size_t count = 0;
    return pacs_index_tags_parse(bytes, size, arena, &tags, &count, NULL);
}

static void tags_come_back_as_they_were(void **state)
{
    (void)state;
    const PacsTagValue tags[] = {
        {PACS_TAG_STUDY_DATE, "20261121"}, {PACS_TAG_PATIENT_NAME, ""}, {0x00091001, "é"}};
    PACS_AUTO(PacsArena) arena = pacs_arena_new(1u << 20);
    PACS_AUTO_BUFFER PacsBuffer bytes = PACS_BUFFER(1000);
    const PacsTagValue *parsed = NULL;
    size_t count = 0;
    assert_int_equal(pacs_index_tags_format(tags, 3, &bytes, NULL), PACS_OK);
    assert_int_equal(pacs_index_tags_parse(bytes.bytes, bytes.size, arena, &parsed, &count, NULL), PACS_OK);
    assert_int_equal(count, 3);
    for (size_t i = 0; i < 3; i++)
        assert_string_equal(pacs_index_tags_get(parsed, count, tags[i].tag), tags[i].value);
    assert_null(pacs_index_tags_get(parsed, count, PACS_TAG_PATIENT_ID));
}

static void no_tags_are_tags_too(void **state)
{
    (void)state;
    PACS_AUTO_BUFFER PacsBuffer bytes = PACS_BUFFER(1000);
    assert_int_equal(pacs_index_tags_format(NULL, 0, &bytes, NULL), PACS_OK);
    assert_int_equal(parse(bytes.bytes, bytes.size), PACS_OK);
}

static void damaged_tags_are_corrupt_wherever_they_are_cut(void **state)
{
    (void)state;
    const PacsTagValue tags[] = {{PACS_TAG_STUDY_DATE, "20261121"}, {PACS_TAG_PATIENT_NAME, "X"}};
    PACS_AUTO_BUFFER PacsBuffer bytes = PACS_BUFFER(1000);
    assert_int_equal(pacs_index_tags_format(tags, 2, &bytes, NULL), PACS_OK);
    const size_t first_end = 1 + 8 + 9;
    for (size_t size = 0; size < bytes.size; size++) {
        void *cut = malloc(size ? size : 1); /* so that a sanitizer sees a read beyond the end */
        memcpy(cut, bytes.bytes, size);
        assert_int_equal(parse(cut, size), size == 1 || size == first_end ? PACS_OK : PACS_CORRUPT);
        free(cut);
    }
    bytes.bytes[5] = 0xFF; /* a length far beyond the end */
    bytes.bytes[8] = 0xFF;
    assert_int_equal(parse(bytes.bytes, bytes.size), PACS_CORRUPT);
    bytes.bytes[0] = 2;
    assert_int_equal(parse(bytes.bytes, bytes.size), PACS_CORRUPT);
}

/* ---- Metadata ---- */

static const PacsExtraTags no_extra_tags;

static void metadata_set_explicitly_wins_and_keeps_the_order(void **state)
{
    (void)state;
    PACS_AUTO(PacsArena) arena = pacs_arena_new(1u << 20);
    const PacsMetadataFacts facts = {.level = PACS_LEVEL_PATIENT, .extra_tags = &no_extra_tags, .time_ms = 0};
    const PacsMetadataValue set[] = {{.number = 5, .value = "from"},
                                     {.number = 7, .value = "mine", .revision = 2},
                                     {.number = 1024, .value = "u"}};
    PacsMetadataValue *values = NULL;
    size_t count = 0;
    assert_int_equal(pacs_index_metadata_list(&facts, set, 3, arena, &values, &count, NULL), PACS_OK);
    assert_int_equal(count, 4);
    const uint32_t numbers[] = {5, 7, 15, 1024};
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(values[i].number, numbers[i]);
    assert_string_equal(values[1].value, "mine");
    assert_int_equal(values[1].revision, 2);
}

static void a_signature_lists_the_main_tags_of_its_level(void **state)
{
    (void)state;
    PACS_AUTO(PacsArena) arena = pacs_arena_new(1u << 20);
    const PacsMetadataFacts facts = {.level = PACS_LEVEL_PATIENT, .extra_tags = &no_extra_tags, .time_ms = 0};
    PacsMetadataValue *values = NULL;
    size_t count = 0;
    assert_int_equal(pacs_index_metadata_list(&facts, NULL, 0, arena, &values, &count, NULL), PACS_OK);
    assert_string_equal(values[1].value, "0010,0010;0010,0020;0010,0030;0010,0040;0010,1000");
}

/* ---- What is worked out of an addition ---- */

static void names_are_folded_for_searches(void **state)
{
    (void)state;
    PACS_AUTO(PacsArena) arena = pacs_arena_new(1u << 20);
    IndexedObject object;
    PacsPreparedAdd prepared;
    indexed_object_init(&object, 1, 1, 1, 1);
    assert_int_equal(pacs_index_prepare(&object.add, arena, &prepared, NULL), PACS_OK);
    assert_string_equal(prepared.patient_name_search, "nguyen^van1");
    assert_string_equal(prepared.referring_physician_search, "muller^jorg");
}

static void an_image_index_numbers_what_has_no_instance_number(void **state)
{
    (void)state;
    PACS_AUTO(PacsArena) arena = pacs_arena_new(1u << 20);
    IndexedObject object;
    PacsPreparedAdd prepared;
    indexed_object_init(&object, 1, 1, 1, 1);
    indexed_object_set(&object, PACS_LEVEL_INSTANCE, PACS_TAG_INSTANCE_NUMBER, NULL);
    indexed_object_set(&object, PACS_LEVEL_INSTANCE, PACS_TAG_IMAGE_INDEX, " 33 ");
    assert_int_equal(pacs_index_prepare(&object.add, arena, &prepared, NULL), PACS_OK);
    assert_int_equal(prepared.index_in_series, 33);
    indexed_object_set(&object, PACS_LEVEL_INSTANCE, PACS_TAG_IMAGE_INDEX, "third");
    assert_int_equal(pacs_index_prepare(&object.add, arena, &prepared, NULL), PACS_OK);
    assert_int_equal(prepared.index_in_series, -1);
}

static void indexed_tags_beyond_the_limit_are_invalid(void **state)
{
    (void)state;
    PACS_AUTO(PacsArena) arena = pacs_arena_new(8u << 20);
    PACS_AUTO_FREE char *huge = calloc(1, PACS_MAX_INDEXED_TAGS + 1);
    IndexedObject object;
    PacsPreparedAdd prepared;
    memset(huge, 'x', PACS_MAX_INDEXED_TAGS);
    indexed_object_init(&object, 1, 1, 1, 1);
    indexed_object_set(&object, PACS_LEVEL_STUDY, PACS_TAG_STUDY_ID, huge);
    assert_int_equal(pacs_index_prepare(&object.add, arena, &prepared, NULL), PACS_INVALID);
}

/* ---- Events ---- */

static json_t *format_event(PacsEventType type, const PacsStudyFacts *facts)
{
    PACS_AUTO_BUFFER PacsBuffer data = PACS_BUFFER(PACS_MAX_EVENT_DATA);
    assert_int_equal(pacs_index_event_format(type, facts, &data, NULL), PACS_OK);
    json_t *parsed = json_loadb((const char *)data.bytes, data.size, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(parsed);
    return parsed;
}

#define MANY_SERIES 5000

static void an_event_of_too_many_series_is_cut_and_says_so(void **state)
{
    (void)state;
    PacsEventSeries *series = calloc(MANY_SERIES, sizeof *series);
    assert_non_null(series);
    for (size_t i = 0; i < MANY_SERIES; i++)
        series[i] = (PacsEventSeries){.uid = "1.2.840.113619.2.55.3.604688119.971.1345106400.123",
                                      .modality = i % 2 ? "CT" : "SR",
                                      .sop_classes = "1.2.3\\1.2.4",
                                      .instances = 1};
    const PacsStudyFacts facts = {.study_instance_uid = "1.2",
                                  .lane = "normal",
                                  .reason = "stable-age",
                                  .series = series,
                                  .series_count = MANY_SERIES,
                                  .instances = MANY_SERIES,
                                  .revision = 1};
    json_t *event = format_event(PACS_STUDY_ARRIVED, &facts);
    assert_true(json_is_true(json_object_get(event, "truncated")));
    assert_int_equal(json_integer_value(json_object_get(event, "seriesCount")), MANY_SERIES);
    assert_in_range(json_array_size(json_object_get(event, "series")), 200, MANY_SERIES - 1);
    assert_int_equal(json_array_size(json_object_get(event, "modalitiesInStudy")), 2);
    assert_int_equal(json_array_size(json_object_get(event, "sopClassesInStudy")), 2);
    json_decref(event);
    free(series);
}

static void an_event_that_fits_is_not_cut(void **state)
{
    (void)state;
    const PacsEventSeries series = {.uid = "1.2.3", .modality = "CT", .instances = 7};
    const PacsStudyFacts facts = {.study_instance_uid = "1.2",
                                  .lane = "normal",
                                  .reason = "stable-age",
                                  .series = &series,
                                  .series_count = 1,
                                  .instances = 7,
                                  .revision = 1};
    json_t *event = format_event(PACS_STUDY_ARRIVED, &facts);
    assert_null(json_object_get(event, "truncated"));
    assert_null(json_object_get(event, "accessionNumber"));
    json_decref(event);
}

static void values_that_are_not_what_their_tags_are_for_are_left_out(void **state)
{
    (void)state;
    const PacsEventSeries series = {.uid = "1.2.3",
                                    .modality = "CANARY^NAME",
                                    .number = "CANARY",
                                    .body_part = "arm of CANARY, who fell",
                                    .sop_classes = "CANARY\\1.2",
                                    .instances = 7};
    char long_text[80];
    (void)snprintf(long_text, sizeof long_text, "%077d", 0);
    const PacsStudyFacts facts = {.study_instance_uid = "1.2",
                                  .lane = "normal",
                                  .reason = "stable-age",
                                  .accession_number = long_text,
                                  .accession_issuer = long_text,
                                  .referring_physician_ref = long_text,
                                  .study_date = "CANARY01",
                                  .study_time = "CANARY",
                                  .timezone = "CANAR",
                                  .series = &series,
                                  .series_count = 1,
                                  .revision = 1};
    PACS_AUTO_BUFFER PacsBuffer data = PACS_BUFFER(PACS_MAX_EVENT_DATA);
    assert_int_equal(pacs_index_event_format(PACS_STUDY_ARRIVED, &facts, &data, NULL), PACS_OK);
    assert_null(strstr(pacs_buffer_text(&data), "CANAR"));
    assert_null(strstr(pacs_buffer_text(&data), long_text));
    assert_non_null(strstr(pacs_buffer_text(&data), "\"sopClassesInStudy\":[\"1.2\"]"));
}

static void fields_of_patients_are_known_by_their_names(void **state)
{
    (void)state;
    static const char *const good[] = {"sex", "patientName"};
    static const char *const bad[] = {"sex", "PatientName"};
    PacsPhiFields fields = 0;
    PacsError err = {0};
    assert_int_equal(pacs_phi_fields_parse(good, 2, &fields, NULL), PACS_OK);
    assert_int_equal(__builtin_popcount(fields), 2);
    assert_int_equal(pacs_phi_fields_parse(bad, 2, &fields, &err), PACS_INVALID);
    assert_non_null(strstr(err.text, "'PatientName'"));
    assert_non_null(strstr(err.text, "patientName"));
}

static void a_patient_ref_tells_issuers_apart(void **state)
{
    (void)state;
    const uint8_t key[PACS_SHA256_SIZE] = {1, 2, 3};
    char refs[4][2 * PACS_SHA256_SIZE + 1];
    assert_int_equal(pacs_index_event_patient_ref(key, "A", "BC", refs[0], NULL), PACS_OK);
    assert_int_equal(pacs_index_event_patient_ref(key, "AB", "C", refs[1], NULL), PACS_OK);
    assert_int_equal(pacs_index_event_patient_ref(key, NULL, "", refs[2], NULL), PACS_OK);
    assert_int_equal(pacs_index_event_patient_ref(key, "A", "BC", refs[3], NULL), PACS_OK);
    assert_string_not_equal(refs[0], refs[1]);
    assert_string_not_equal(refs[0], refs[2]);
    assert_string_equal(refs[0], refs[3]);
}

static void the_signature_has_the_configured_tags_in_order_and_once(void **state)
{
    (void)state;
    static const PacsTag more[] = {PACS_TAG(0x0010, 0x1010), PACS_TAG(0x0008, 0x0005), PACS_TAG_PATIENT_ID};
    const PacsExtraTags extra = {.tags[PACS_LEVEL_PATIENT] = more, .count[PACS_LEVEL_PATIENT] = 3};
    const PacsMetadataFacts facts = {.level = PACS_LEVEL_PATIENT, .extra_tags = &extra};
    PACS_AUTO(PacsArena) arena = pacs_arena_new(1 << 20);
    PacsMetadataValue *values = NULL;
    size_t count = 0;
    assert_int_equal(pacs_index_metadata_list(&facts, NULL, 0, arena, &values, &count, NULL), PACS_OK);
    assert_int_equal(values[count - 1].number, PACS_METADATA_MAIN_DICOM_TAGS_SIGNATURE);
    assert_string_equal(values[count - 1].value,
                        "0008,0005;0010,0010;0010,0020;0010,0030;0010,0040;0010,1000;0010,1010");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_signature_has_the_configured_tags_in_order_and_once),
        cmocka_unit_test(an_id_comes_back_as_it_was),
        cmocka_unit_test(what_is_no_id_is_refused),
        cmocka_unit_test(tags_come_back_as_they_were),
        cmocka_unit_test(no_tags_are_tags_too),
        cmocka_unit_test(damaged_tags_are_corrupt_wherever_they_are_cut),
        cmocka_unit_test(metadata_set_explicitly_wins_and_keeps_the_order),
        cmocka_unit_test(a_signature_lists_the_main_tags_of_its_level),
        cmocka_unit_test(names_are_folded_for_searches),
        cmocka_unit_test(an_image_index_numbers_what_has_no_instance_number),
        cmocka_unit_test(indexed_tags_beyond_the_limit_are_invalid),
        cmocka_unit_test(an_event_of_too_many_series_is_cut_and_says_so),
        cmocka_unit_test(an_event_that_fits_is_not_cut),
        cmocka_unit_test(values_that_are_not_what_their_tags_are_for_are_left_out),
        cmocka_unit_test(fields_of_patients_are_known_by_their_names),
        cmocka_unit_test(a_patient_ref_tells_issuers_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
