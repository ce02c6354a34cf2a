#include <libdeflate.h>
#include <pthread.h>
#include <stdatomic.h>

#include "pacs/util/limits.h"
#include "tests/contract/index_contract_search.h"

/* Pages, totals, what rows hold, bounds, and searches while others write. */

/* ---- What a row holds ---- */

void *search_pack(IndexedObject *object, const char *json)
{
    const size_t size = strlen(json);
    struct libdeflate_compressor *compressor = libdeflate_alloc_compressor(6);
    const size_t bound = libdeflate_deflate_compress_bound(compressor, size);
    uint8_t *packed = malloc(bound);
    assert_non_null(packed);
    object->add.blobs.json_deflate = packed;
    object->add.blobs.json_deflate_size = libdeflate_deflate_compress(compressor, json, size, packed, bound);
    object->add.blobs.json_size = size;
    object->add.blobs.json_crc32 = libdeflate_crc32(0, json, size);
    libdeflate_free_compressor(compressor);
    return packed;
}

static const char *tag_of(const PacsSearchRow *row, PacsLevel level, PacsTag tag)
{
    for (size_t i = 0; i < row->tag_count[level]; i++)
        if (row->tags[level][i].tag == tag)
            return row->tags[level][i].value;
    return "";
}

static void a_row_holds_all_that_is_above_it(void **state)
{
    PacsIndex *index = index_contract_index(state);
    PACS_AUTO(PacsArena) arena = pacs_arena_new(INDEX_CONTRACT_ARENA);
    static const char json[] =
        "{\"00280008\":{\"vr\":\"IS\",\"Value\":[30]},\"00280010\":{\"vr\":\"US\",\"Value\":[512]},"
        "\"00280011\":{\"vr\":\"US\",\"Value\":[256]},\"00280100\":{\"vr\":\"US\",\"Value\":[16]}}";
    search_add(index, &(SearchStudy){.study = 1, .patient = 1, .json = json});
    search_add(index, &(SearchStudy){.study = 2, .patient = 1, .date = "20200101"});
    search_add(index, &(SearchStudy){.study = 1, .patient = 1, .series = 2, .modality = "SR"});
    PacsSearchPage page;
    const PacsSearch search = {.level = PACS_LEVEL_INSTANCE,
                               .terms = &VALUES(PACS_TAG_SOP_INSTANCE_UID, "1.2.840.1.1.1"),
                               .term_count = 1,
                               .want_json = true};
    assert_int_equal(search_try(index, &search, arena, &page), PACS_OK);
    assert_int_equal(page.count, 1);
    const PacsSearchRow *row = &page.rows[0];
    for (PacsLevel level = PACS_LEVEL_PATIENT; level <= PACS_LEVEL_INSTANCE; level++)
        assert_true(index_contract_has(index, level, row->ids[level]));
    assert_string_equal(row->study_instance_uid, "1.2.840.1");
    assert_string_equal(row->series_instance_uid, "1.2.840.1.1");
    assert_string_equal(row->sop_instance_uid, "1.2.840.1.1.1");
    assert_string_equal(tag_of(row, PACS_LEVEL_PATIENT, PACS_TAG_PATIENT_ID), "P1");
    assert_string_equal(tag_of(row, PACS_LEVEL_STUDY, PACS_TAG_ACCESSION_NUMBER), "A123");
    assert_string_equal(tag_of(row, PACS_LEVEL_SERIES, PACS_TAG_MODALITY), "CT");
    assert_string_equal(tag_of(row, PACS_LEVEL_INSTANCE, PACS_TAG_INSTANCE_NUMBER), "1");
    assert_string_equal(row->modalities_in_study, "CT\\SR");
    assert_string_equal(row->sop_class_uid, "1.2.840.10008.5.1.4.1.1.2");
    assert_string_equal(row->transfer_syntax_uid, "1.2.840.10008.1.2.1");
    assert_int_equal(row->patient_studies, 2);
    assert_int_equal(row->study_series, 2);
    assert_int_equal(row->study_instances, 2);
    assert_int_equal(row->series_instances, 1);
    assert_int_equal(row->rows, 512);
    assert_int_equal(row->columns, 256);
    assert_int_equal(row->bits_allocated, 16);
    assert_int_equal(row->number_of_frames, 30);
    assert_int_equal(row->size_bytes, 1000);
    PACS_AUTO_BUFFER PacsBuffer unpacked = PACS_BUFFER(1u << 20);
    assert_int_equal(pacs_index_unpack_json(row->json, &unpacked, NULL), PACS_OK);
    assert_string_equal(pacs_buffer_text(&unpacked), json);
}

static void a_study_row_has_the_json_of_its_first_instance(void **state)
{
    PacsIndex *index = index_contract_index(state);
    PACS_AUTO(PacsArena) arena = pacs_arena_new(INDEX_CONTRACT_ARENA);
    search_add(index, &(SearchStudy){.study = 1, .json = "{\"first\":1}"});
    search_add(index, &(SearchStudy){.study = 1, .series = 2, .json = "{\"second\":1}"});
    PacsSearchPage page;
    assert_int_equal(
        search_try(index, &(PacsSearch){.level = PACS_LEVEL_STUDY, .want_json = true}, arena, &page),
        PACS_OK);
    PACS_AUTO_BUFFER PacsBuffer unpacked = PACS_BUFFER(1u << 20);
    assert_int_equal(pacs_index_unpack_json(page.rows[0].json, &unpacked, NULL), PACS_OK);
    assert_string_equal(pacs_buffer_text(&unpacked), "{\"first\":1}");
}

/* ---- Pages ---- */

/** All pages of a search put together. */
static const char *walk_pages(PacsIndex *index, PacsSearch search, PacsArena *arena, size_t *ret_pages)
{
    const char *all = "";
    *ret_pages = 0;
    do {
        PacsSearchPage page;
        assert_int_equal(search_try(index, &search, arena, &page), PACS_OK);
        assert_true(page.count <= search.limit);
        all = pacs_arena_printf(arena, "%s%s%s", all, all[0] && page.count ? " " : "",
                                search_list(&page, search.level, arena));
        search.cursor = page.next;
        ++*ret_pages;
    } while (search.cursor);
    return all;
}

static void newer_studies_come_first_and_undated_ones_last(void **state)
{
    PacsIndex *index = index_contract_index(state);
    static const char *const dates[][2] = {{"20260101", "1200"}, {"", ""},         {"20260101", "1300"},
                                           {"20251231", ""},     {"20260101", ""}, {"20260101", "1200"}};
    for (unsigned i = 0; i < 6; i++)
        search_add(index, &(SearchStudy){.study = i + 1, .date = dates[i][0], .time = dates[i][1]});
    search_expect(index, PACS_LEVEL_STUDY, (PacsSearchTerm){.tag = PACS_TAG_STUDY_ID}, "3 6 1 5 4 2");
}

static void pages_continue_where_the_one_before_ended(void **state)
{
    PacsIndex *index = index_contract_index(state);
    PACS_AUTO(PacsArena) arena = pacs_arena_new(INDEX_CONTRACT_ARENA);
    for (unsigned study = 1; study <= 3; study++)
        for (unsigned series = 1; series <= 2; series++)
            for (unsigned instance = 1; instance <= 2; instance++)
                search_add(index, &(SearchStudy){.study = study, .series = series, .instance = instance});
    static const struct {
        PacsLevel level;
        const char *all;
        size_t rows;
    } cases[] = {
        {PACS_LEVEL_PATIENT, "P3 P2 P1", 3},
        {PACS_LEVEL_STUDY, "3 2 1", 3},
        {PACS_LEVEL_SERIES, "3.1 3.2 2.1 2.2 1.1 1.2", 6},
        {PACS_LEVEL_INSTANCE, "3.1.1 3.1.2 3.2.1 3.2.2 2.1.1 2.1.2 2.2.1 2.2.2 1.1.1 1.1.2 1.2.1 1.2.2", 12},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        for (uint32_t limit = 1; limit <= 13; limit++) {
            const PacsSearch search = {.level = cases[i].level, .limit = limit};
            size_t pages;
            assert_string_equal(walk_pages(index, search, arena, &pages), cases[i].all);
            assert_int_equal(pages, (cases[i].rows + limit - 1) / limit);
        }
}

static void pages_of_lists_continue_too(void **state)
{
    PacsIndex *index = index_contract_index(state);
    PACS_AUTO(PacsArena) arena = pacs_arena_new(INDEX_CONTRACT_ARENA);
    for (unsigned i = 1; i <= 6; i++)
        search_add(index, &(SearchStudy){.study = i, .patient_id = i % 2 ? "odd" : "even"});
    search_add(index, &(SearchStudy){.study = 4, .patient_id = "even", .series = 2});
    const struct {
        PacsLevel level;
        PacsSearchTerm term;
        const char *all;
    } cases[] = {
        {PACS_LEVEL_STUDY, VALUES(PACS_TAG_PATIENT_ID, "even", "odd", "none"), "6 5 4 3 2 1"},
        {PACS_LEVEL_STUDY, VALUES(PACS_TAG_STUDY_INSTANCE_UID, "1.2.840.2", "1.2.840.5", "1.2.840.1"),
         "5 2 1"},
        {PACS_LEVEL_SERIES, VALUES(PACS_TAG_PATIENT_ID, "even"), "6.1 4.1 4.2 2.1"},
        {PACS_LEVEL_SERIES, VALUES(PACS_TAG_SERIES_INSTANCE_UID, "1.2.840.4.2", "1.2.840.4.1", "1.2.840.1.1"),
         "4.1 4.2 1.1"},
        {PACS_LEVEL_INSTANCE, VALUES(PACS_TAG_SOP_INSTANCE_UID, "1.2.840.4.2.1", "1.2.840.4.1.1"),
         "4.1.1 4.2.1"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        for (uint32_t limit = 1; limit <= 7; limit++) {
            const PacsSearch search = {
                .level = cases[i].level, .limit = limit, .terms = &cases[i].term, .term_count = 1};
            size_t pages;
            assert_string_equal(walk_pages(index, search, arena, &pages), cases[i].all);
        }
}

static void an_offset_skips_matches(void **state)
{
    PacsIndex *index = index_contract_index(state);
    PACS_AUTO(PacsArena) arena = pacs_arena_new(INDEX_CONTRACT_ARENA);
    for (unsigned i = 1; i <= 5; i++)
        search_add(index, &(SearchStudy){.study = i, .modality = i == 3 ? "CT" : "MR"});
    const PacsSearchTerm term = VALUES(PACS_TAG_MODALITIES_IN_STUDY, "MR");
    PacsSearch search = {.level = PACS_LEVEL_STUDY, .terms = &term, .term_count = 1, .limit = 2, .offset = 1};
    PacsSearchPage page;
    assert_int_equal(search_try(index, &search, arena, &page), PACS_OK);
    assert_string_equal(search_list(&page, PACS_LEVEL_STUDY, arena), "4 2");
    assert_non_null(page.next);
    search.offset = 3;
    assert_int_equal(search_try(index, &search, arena, &page), PACS_OK);
    assert_string_equal(search_list(&page, PACS_LEVEL_STUDY, arena), "1");
    assert_null(page.next);
    search.offset = 1000000;
    assert_int_equal(search_try(index, &search, arena, &page), PACS_OK);
    assert_int_equal(page.count, 0);
}

static void what_comes_and_goes_moves_nothing_that_stays(void **state)
{
    PacsIndex *index = index_contract_index(state);
    PACS_AUTO(PacsArena) arena = pacs_arena_new(INDEX_CONTRACT_ARENA);
    for (unsigned i = 1; i <= 4; i++)
        search_add(index, &(SearchStudy){.study = i, .date = "20260101"});
    PacsSearch search = {.level = PACS_LEVEL_STUDY, .limit = 2};
    PacsSearchPage page;
    assert_int_equal(search_try(index, &search, arena, &page), PACS_OK);
    assert_string_equal(search_list(&page, PACS_LEVEL_STUDY, arena), "4 3");
    index_contract_delete(index, PACS_LEVEL_STUDY, page.rows[1].ids[PACS_LEVEL_STUDY]);
    search_add(index, &(SearchStudy){.study = 5, .date = "20260102"});
    search.cursor = page.next;
    assert_int_equal(search_try(index, &search, arena, &page), PACS_OK);
    assert_string_equal(search_list(&page, PACS_LEVEL_STUDY, arena), "2 1");
}

static void a_foreign_cursor_is_refused(void **state)
{
    PacsIndex *index = index_contract_index(state);
    PACS_AUTO(PacsArena) arena = pacs_arena_new(INDEX_CONTRACT_ARENA);
    static const char *const cursors[] = {"",
                                          "s",
                                          "s1",
                                          "s1.2",
                                          "s1.2.3.4",
                                          "e1.2.3",
                                          "s1.2.x",
                                          "s-1.2.3",
                                          "s1.2.3 ",
                                          "sffffffffffffffff.0.0",
                                          "s00000000000000001.0.0"};
    for (size_t i = 0; i < sizeof cursors / sizeof cursors[0]; i++) {
        PacsSearchPage page;
        const PacsSearch search = {.level = PACS_LEVEL_STUDY, .cursor = cursors[i]};
        assert_int_equal(search_try(index, &search, arena, &page), PACS_INVALID);
    }
}

/* ---- Totals ---- */

static void a_total_counts_all_pages(void **state)
{
    PacsIndex *index = index_contract_index(state);
    PACS_AUTO(PacsArena) arena = pacs_arena_new(INDEX_CONTRACT_ARENA);
    for (unsigned i = 1; i <= 6; i++)
        search_add(index, &(SearchStudy){.study = i, .modality = i % 3 ? "MR" : "CT", .series = 1 + i % 2});
    const struct {
        PacsLevel level;
        PacsSearchTerm term;
        uint64_t total;
    } cases[] = {
        {PACS_LEVEL_STUDY, {.tag = PACS_TAG_STUDY_ID}, 6},
        {PACS_LEVEL_INSTANCE, {.tag = PACS_TAG_STUDY_ID}, 6},
        {PACS_LEVEL_STUDY, VALUES(PACS_TAG_MODALITIES_IN_STUDY, "MR"), 4},
        {PACS_LEVEL_SERIES, VALUES(PACS_TAG_MODALITY, "MR"), 4},
        {PACS_LEVEL_PATIENT, WILDCARD(PACS_TAG_PATIENT_NAME, "*nguyen*"), 6},
        {PACS_LEVEL_STUDY, VALUES(PACS_TAG_ACCESSION_NUMBER, "nobody"), 0},
        {PACS_LEVEL_STUDY, VALUES(PACS_TAG_NUMBER_OF_STUDY_RELATED_SERIES, "1"), 6},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        for (uint64_t offset = 0; offset < 8; offset++) {
            PacsSearchPage page;
            const PacsSearch search = {.level = cases[i].level,
                                       .limit = 1,
                                       .offset = offset,
                                       .terms = &cases[i].term,
                                       .term_count = 1,
                                       .count = offset % 2 ? PACS_COUNT_QUICK : PACS_COUNT_EXACT};
            assert_int_equal(search_try(index, &search, arena, &page), PACS_OK);
            assert_int_equal(page.total, cases[i].total);
            assert_false(page.total_is_estimate);
        }
}

/* ---- Deletion ---- */

static void what_is_deleted_is_not_found(void **state)
{
    PacsIndex *index = index_contract_index(state);
    PACS_AUTO(PacsArena) arena = pacs_arena_new(INDEX_CONTRACT_ARENA);
    search_add(index, &(SearchStudy){.study = 1, .name = "Trần^An", .modality = "CT"});
    search_add(index, &(SearchStudy){.study = 1, .name = "Trần^An", .series = 2, .modality = "MR"});
    search_add(index, &(SearchStudy){.study = 2, .name = "Trần^Bình", .modality = "MR"});
    PacsSearchPage page;
    const PacsSearch series = {.level = PACS_LEVEL_SERIES,
                               .terms = &VALUES(PACS_TAG_SERIES_INSTANCE_UID, "1.2.840.1.2"),
                               .term_count = 1};
    assert_int_equal(search_try(index, &series, arena, &page), PACS_OK);
    index_contract_delete(index, PACS_LEVEL_SERIES, page.rows[0].ids[PACS_LEVEL_SERIES]);
    search_expect(index, PACS_LEVEL_STUDY, VALUES(PACS_TAG_MODALITIES_IN_STUDY, "MR"), "2");
    search_expect(index, PACS_LEVEL_STUDY, VALUES(PACS_TAG_MODALITIES_IN_STUDY, "CT"), "1");
    index_contract_delete(index, PACS_LEVEL_STUDY, page.rows[0].ids[PACS_LEVEL_STUDY]);
    search_expect(index, PACS_LEVEL_STUDY, WILDCARD(PACS_TAG_PATIENT_NAME, "*tran*"), "2");
    search_expect(index, PACS_LEVEL_STUDY, VALUES(PACS_TAG_PATIENT_ID, "P1"), "");
    search_expect(index, PACS_LEVEL_INSTANCE, VALUES(PACS_TAG_STUDY_INSTANCE_UID, "1.2.840.1"), "");

    search_add(index, &(SearchStudy){.study = 1, .name = "Lê^An", .modality = "US"});
    search_expect(index, PACS_LEVEL_STUDY, WILDCARD(PACS_TAG_PATIENT_NAME, "*tran*"), "2");
    search_expect(index, PACS_LEVEL_STUDY, WILDCARD(PACS_TAG_PATIENT_NAME, "*le *"), "1");
}

static void an_index_that_was_closed_is_searched_as_before(void **state)
{
    PacsIndex *index = index_contract_index(state);
    search_add(index, &(SearchStudy){.study = 1, .name = "Trần^An"});
    index = index_contract_reopen(state);
    search_expect(index, PACS_LEVEL_STUDY, WILDCARD(PACS_TAG_PATIENT_NAME, "*tran*"), "1");
}

/* ---- Bounds ---- */

static PacsStatus try_term(PacsIndex *index, PacsSearchTerm term)
{
    PACS_AUTO(PacsArena) arena = pacs_arena_new(INDEX_CONTRACT_ARENA);
    PacsSearchPage page;
    return search_try(index, &(PacsSearch){.level = PACS_LEVEL_STUDY, .terms = &term, .term_count = 1}, arena,
                      &page);
}

static void searches_over_a_limit_are_refused(void **state)
{
    PacsIndex *index = index_contract_index(state);
    PACS_AUTO(PacsArena) arena = pacs_arena_new(INDEX_CONTRACT_ARENA);
    PacsSearchPage page;
    static char long_value[64u << 10];
    static const char *values[PACS_MAX_SEARCH_VALUES + 1];
    static PacsSearchTerm terms[PACS_MAX_SEARCH_TERMS + 1];
    memset(long_value, '*', sizeof long_value - 1);
    for (size_t i = 0; i <= PACS_MAX_SEARCH_VALUES; i++)
        values[i] = "1.2.3";
    PacsSearchTerm list = {.tag = PACS_TAG_STUDY_INSTANCE_UID,
                           .match = PACS_MATCH_VALUES,
                           .values = values,
                           .value_count = PACS_MAX_SEARCH_VALUES};
    assert_int_equal(try_term(index, list), PACS_OK);
    list.value_count++;
    assert_int_equal(try_term(index, list), PACS_TOO_LARGE);
    assert_int_equal(try_term(index, WILDCARD(PACS_TAG_PATIENT_NAME, long_value)), PACS_TOO_LARGE);
    assert_int_equal(try_term(index, RANGE(PACS_TAG_STUDY_DATE, long_value, NULL)), PACS_TOO_LARGE);
    const PacsSearch many_terms = {
        .level = PACS_LEVEL_STUDY, .terms = terms, .term_count = PACS_MAX_SEARCH_TERMS + 1};
    assert_int_equal(search_try(index, &many_terms, arena, &page), PACS_TOO_LARGE);
    const PacsSearch long_page = {.level = PACS_LEVEL_STUDY, .limit = PACS_MAX_SEARCH_ROWS + 1};
    assert_int_equal(search_try(index, &long_page, arena, &page), PACS_TOO_LARGE);
    const PacsSearch no_page = {.level = PACS_LEVEL_STUDY};
    assert_int_equal(pacs_index_search(index, &no_page, arena, &page, NULL), PACS_INVALID);
}

static void a_long_list_finds_what_there_is(void **state)
{
    PacsIndex *index = index_contract_index(state);
    static char texts[PACS_MAX_SEARCH_VALUES][24];
    static const char *values[PACS_MAX_SEARCH_VALUES];
    for (unsigned i = 1; i <= 3; i++)
        search_add(index, &(SearchStudy){.study = i});
    for (size_t i = 0; i < PACS_MAX_SEARCH_VALUES; i++) {
        (void)snprintf(texts[i], sizeof texts[i], "1.2.840.%zu", i + 2);
        values[i] = texts[i];
    }
    search_expect(index, PACS_LEVEL_STUDY,
                  ((PacsSearchTerm){.tag = PACS_TAG_STUDY_INSTANCE_UID,
                                    .match = PACS_MATCH_VALUES,
                                    .values = values,
                                    .value_count = PACS_MAX_SEARCH_VALUES}),
                  "3 2");
}

static void patterns_of_one_kilobyte_are_harmless(void **state)
{
    PacsIndex *index = index_contract_index(state);
    static const char *const units[] = {"*", "?", "*a", "\"", "a*\"", "' OR ", "\\",
                                        "(", "-", "^",  "=",  "%",    "山",    "\xFF"};
    search_add(index, &(SearchStudy){.study = 1,
                                     .name = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab"});
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        char pattern[PACS_MAX_SEARCH_VALUE + 1] = "";
        while (strlen(pattern) + strlen(units[i]) <= PACS_MAX_SEARCH_VALUE)
            strcat(pattern, units[i]);
        for (PacsMatch match = PACS_MATCH_VALUES; match <= PACS_MATCH_FUZZY; match++) {
            const PacsTag tags[] = {PACS_TAG_PATIENT_NAME, PACS_TAG_PATIENT_ID, PACS_TAG_STUDY_DATE};
            for (size_t t = 0; t < 3; t++) {
                const PacsStatus status = try_term(index,
                                                   (PacsSearchTerm){.tag = tags[t],
                                                                    .match = match,
                                                                    .values = (const char *const[]){pattern},
                                                                    .value_count = 1,
                                                                    .from = pattern});
                assert_true(status == PACS_OK || status == PACS_INVALID);
            }
        }
    }
}

static void matching_by_json_is_bounded_and_goes_on(void **state)
{
    PacsIndex *index = index_contract_index(state);
    PACS_AUTO(PacsArena) arena = pacs_arena_new(INDEX_CONTRACT_ARENA);
    const unsigned count = PACS_MAX_SEARCH_JSON + 300;
    for (unsigned i = 1; i <= count; i++)
        search_add(index,
                   &(SearchStudy){.study = 1,
                                  .instance = i,
                                  .json = i == count ? "{\"00101010\":{\"vr\":\"AS\",\"Value\":[\"041Y\"]}}"
                                                     : "{}"});
    const PacsSearchTerm term = VALUES(PACS_TAG_PATIENT_AGE, "041Y");
    PacsSearch search = {.level = PACS_LEVEL_INSTANCE, .limit = 10, .terms = &term, .term_count = 1};
    PacsSearchPage page;
    assert_int_equal(search_try(index, &search, arena, &page), PACS_OK);
    assert_true(page.is_partial);
    assert_int_equal(page.count, 0);
    assert_non_null(page.next);
    search.cursor = page.next;
    assert_int_equal(search_try(index, &search, arena, &page), PACS_OK);
    assert_false(page.is_partial);
    assert_int_equal(page.count, 1);
    assert_null(page.next);
}

/* ---- Beside a writer ---- */

typedef struct Writing {
    PacsIndex *index;
    atomic_bool stop;
} Writing;

static void *write_and_delete(void *argument)
{
    Writing *writing = argument;
    for (unsigned i = 0; !atomic_load(&writing->stop); i++) {
        search_add(writing->index,
                   &(SearchStudy){.study = 1000 + i, .name = "Passing^By", .date = "20260101"});
        PACS_AUTO(PacsArena) arena = pacs_arena_new(INDEX_CONTRACT_ARENA);
        PacsSearchPage page;
        char uid[32];
        (void)snprintf(uid, sizeof uid, "1.2.840.%u", 1000 + i);
        const PacsSearchTerm term = VALUES(PACS_TAG_STUDY_INSTANCE_UID, uid);
        const PacsSearch search = {.level = PACS_LEVEL_STUDY, .terms = &term, .term_count = 1};
        assert_int_equal(search_try(writing->index, &search, arena, &page), PACS_OK);
        assert_int_equal(page.count, 1);
        if (i % 2)
            index_contract_delete(writing->index, PACS_LEVEL_STUDY, page.rows[0].ids[PACS_LEVEL_STUDY]);
    }
    return NULL;
}

static void what_stays_is_found_while_others_write(void **state)
{
    PacsIndex *index = index_contract_index(state);
    PACS_AUTO(PacsArena) arena = pacs_arena_new(INDEX_CONTRACT_ARENA);
    for (unsigned i = 1; i <= 9; i++)
        search_add(index, &(SearchStudy){
                              .study = i, .name = "Staying^Here", .date = i % 2 ? "20250101" : "20270101"});
    Writing writing = {.index = index};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, write_and_delete, &writing), 0);
    for (int round = 0; round < 30; round++) {
        size_t pages;
        const PacsSearchTerm term = WILDCARD(PACS_TAG_PATIENT_NAME, "*staying*");
        const PacsSearch search = {.level = PACS_LEVEL_STUDY, .limit = 2, .terms = &term, .term_count = 1};
        const char *all = walk_pages(index, search, arena, &pages);
        if (strcmp(all, "8 6 4 2 9 7 5 3 1") != 0)
            fail_msg("found \"%s\"", all);
    }
    atomic_store(&writing.stop, true);
    pthread_join(thread, NULL);
    index_contract_expect_counters(index);
}

const struct CMUnitTest index_contract_search_page_tests[] = {
    INDEX_TEST(a_row_holds_all_that_is_above_it),
    INDEX_TEST(a_study_row_has_the_json_of_its_first_instance),
    INDEX_TEST(newer_studies_come_first_and_undated_ones_last),
    INDEX_TEST(pages_continue_where_the_one_before_ended),
    INDEX_TEST(pages_of_lists_continue_too),
    INDEX_TEST(an_offset_skips_matches),
    INDEX_TEST(what_comes_and_goes_moves_nothing_that_stays),
    INDEX_TEST(a_foreign_cursor_is_refused),
    INDEX_TEST(a_total_counts_all_pages),
    INDEX_TEST(what_is_deleted_is_not_found),
    INDEX_TEST(an_index_that_was_closed_is_searched_as_before),
    INDEX_TEST(searches_over_a_limit_are_refused),
    INDEX_TEST(a_long_list_finds_what_there_is),
    INDEX_TEST(patterns_of_one_kilobyte_are_harmless),
    INDEX_TEST(matching_by_json_is_bounded_and_goes_on),
    INDEX_TEST(what_stays_is_found_while_others_write),
};
const size_t index_contract_search_page_count = sizeof index_contract_search_page_tests /
                                                sizeof index_contract_search_page_tests[0];
