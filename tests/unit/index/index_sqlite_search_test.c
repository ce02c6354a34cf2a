#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "pacs/index/index_sqlite_search.h"
#include "pacs/index/index_tags.h"
#include "pacs/index/migrations.h"
#include "tests/contract/index_contract_search.h"
#include "tests/support/temporary.h"

/* How SQLite's searches are planned, and that they look at few studies where there are many. */

/* ---- Plans ---- */

typedef struct Planned {
    PacsArena *arena;
    PacsPreparedSearch prepared;
    IndexSearchPlan plan;
} Planned;

static void plan_terms(Planned *planned, const PacsSearchTerm *terms, size_t count)
{
    static PacsSearch search;
    search = (PacsSearch){.level = PACS_LEVEL_STUDY, .terms = terms, .term_count = count, .limit = 50};
    assert_int_equal(pacs_search_prepare(&search, planned->arena, &planned->prepared, NULL), PACS_OK);
    assert_int_equal(pacs_index_sqlite_search_plan(&planned->prepared, planned->arena, &planned->plan, NULL),
                     PACS_OK);
}

static void plan_term(Planned *planned, PacsSearchTerm term)
{
    PacsSearchTerm *copy = pacs_arena_alloc(planned->arena, sizeof *copy);
    *copy = term;
    plan_terms(planned, copy, 1);
}

static int new_planned(void **state)
{
    Planned *planned = calloc(1, sizeof *planned);
    planned->arena = pacs_arena_new(16u << 20);
    *state = planned;
    return 0;
}

static int free_planned(void **state)
{
    Planned *planned = *state;
    pacs_arena_free(planned->arena);
    free(planned);
    return 0;
}

static void uids_go_before_values_and_values_before_words(void **state)
{
    Planned *planned = *state;
    const PacsSearchTerm terms[] = {
        WILDCARD(PACS_TAG_PATIENT_NAME, "*nguyen*"), VALUES(PACS_TAG_PATIENT_BIRTH_DATE, "19700102"),
        VALUES(PACS_TAG_ACCESSION_NUMBER, "A1"), VALUES(PACS_TAG_STUDY_INSTANCE_UID, "1.2")};
    static const IndexSearchPath paths[] = {INDEX_SEARCH_NEWEST, INDEX_SEARCH_EQUAL, INDEX_SEARCH_EQUAL,
                                            INDEX_SEARCH_UIDS};
    for (size_t count = 1; count <= 4; count++) {
        plan_terms(planned, terms, count);
        assert_int_equal(planned->plan.path, paths[count - 1]);
        assert_true(planned->plan.is_decided);
    }
    plan_terms(planned, terms, 3);
    assert_int_equal(planned->plan.column, SEARCH_ACCESSION_NUMBER);
    assert_string_equal(planned->plan.texts[0], "\\a1\\");
}

static void a_month_is_a_range_of_keys(void **state)
{
    Planned *planned = *state;
    plan_term(planned, RANGE(PACS_TAG_STUDY_DATE, "20261101", "20261130"));
    assert_true(planned->plan.is_decided);
    assert_true(pacs_search_key("20261101", NULL, 1) >= planned->plan.oldest);
    assert_true(pacs_search_key("20261031", "235959", INT32_MAX) < planned->plan.oldest);
    assert_true(pacs_search_key("20261130", "235959.9", INT32_MAX) < planned->plan.below);
    assert_true(pacs_search_key("20261201", NULL, 0) >= planned->plan.below);
}

static void an_open_range_leaves_out_the_undated_alone(void **state)
{
    Planned *planned = *state;
    plan_term(planned, RANGE(PACS_TAG_STUDY_DATE, NULL, "20261130"));
    assert_true(pacs_search_key("00010101", NULL, 0) >= planned->plan.oldest);
    assert_true(pacs_search_key("", NULL, INT32_MAX) < planned->plan.oldest);
    plan_term(planned, RANGE(PACS_TAG_STUDY_DATE, "20261130", NULL));
    assert_true(planned->plan.below == INT64_MAX);
}

static void what_keys_and_texts_cannot_tell_is_not_decided(void **state)
{
    Planned *planned = *state;
    PacsSearchTerm exact = WILDCARD(PACS_TAG_PATIENT_NAME, "Ng*");
    exact.case_sensitive = true;
    const PacsSearchTerm terms[] = {exact,
                                    WILDCARD(PACS_TAG_PATIENT_NAME, "a=b*"),
                                    VALUES(PACS_TAG_REQUESTING_PHYSICIAN, "x"),
                                    RANGE(PACS_TAG_STUDY_TIME, "10", NULL),
                                    VALUES(PACS_TAG_STUDY_DATE, "20260101", "20260103"),
                                    VALUES(PACS_TAG_PATIENT_AGE, "041Y")};
    for (size_t i = 0; i < sizeof terms / sizeof terms[0]; i++) {
        plan_term(planned, terms[i]);
        assert_false(planned->plan.is_decided);
    }
}

/** The first gram of each way, and how many there are. */
static const char *ways_of(Planned *planned, PacsSearchTerm term)
{
    plan_term(planned, term);
    const IndexSearchGrams *grams = &planned->plan.grams;
    const char *text = pacs_arena_printf(planned->arena, "%zu:", grams->condition_count);
    for (size_t i = 0; i < grams->way_count; i++) {
        const PacsSlice first = grams->items[grams->ways[i].first].text;
        text = pacs_arena_printf(planned->arena, "%s[%.*s]%zu", text, (int)first.size, first.text,
                                 grams->ways[i].count);
    }
    return text;
}

static PacsSearchTerm fuzzy(const char *words)
{
    static const char *value;
    value = words;
    return (PacsSearchTerm){
        .tag = PACS_TAG_PATIENT_NAME, .match = PACS_MATCH_FUZZY, .values = &value, .value_count = 1};
}

static void patterns_are_looked_for_by_their_letters(void **state)
{
    Planned *planned = *state;
    const PacsTag name = PACS_TAG_PATIENT_NAME;
    const PacsTag text = PACS_TAG_STUDY_DESCRIPTION;
    assert_string_equal(ways_of(planned, WILDCARD(text, "*chest*")), "1:[che]3");
    assert_string_equal(ways_of(planned, WILDCARD(text, "ct*")), "1:[\\ct]1");
    assert_string_equal(ways_of(planned, WILDCARD(text, "*ct")), "1:[ct\\]1");
    assert_string_equal(ways_of(planned, WILDCARD(text, "*ct*")), "0:");
    assert_string_equal(ways_of(planned, WILDCARD(text, "*che?t*abd*")), "1:[che]2");
    assert_string_equal(ways_of(planned, VALUES(text, "ct", "mr")), "1:[\\ct]2[\\mr]2");
    assert_string_equal(ways_of(planned, WILDCARD(name, "*thieu*")), "1:[thi]3");
    assert_string_equal(ways_of(planned, WILDCARD(name, "*van an*")), "1:[van an]1");
    assert_string_equal(ways_of(planned, WILDCARD(name, "ly*")), "1:[\\ l]2");
    assert_string_equal(ways_of(planned, WILDCARD(name, "*山田*")), "0:");
    assert_string_equal(ways_of(planned, WILDCARD(name, "山田*")), "1:[\\ 山]2");
    assert_string_equal(ways_of(planned, fuzzy("nguyen lan x")), "2:[nguy]2[lan]1");
    assert_string_equal(ways_of(planned, fuzzy("an")), "1:[an]1");
    assert_string_equal(ways_of(planned, fuzzy("thieu 山田")), "2:[thie]4[山田]1");
}

static void of_letters_equally_rare_those_are_asked_for_that_stand_apart(void **state)
{
    Planned *planned = *state;
    plan_term(planned, WILDCARD(PACS_TAG_PATIENT_NAME, "phung anh van*"));
    IndexSearchGrams *grams = &planned->plan.grams;
    assert_int_equal(grams->count, 10);
    grams->sampled = 1000;
    for (size_t i = 0; i < grams->count; i++)
        grams->items[i].hits = i % 3;
    assert_int_equal(pacs_index_sqlite_search_choose(&planned->plan, 1000000, planned->arena, NULL), PACS_OK);
    for (size_t i = 0; i < 3; i++)
        for (size_t k = 0; k < i; k++)
            assert_true(labs(grams->items[i].text.text - grams->items[k].text.text) >= 4);
}

static void rare_letters_are_asked_for_and_common_ones_are_not(void **state)
{
    Planned *planned = *state;
    const PacsSearchTerm terms[] = {WILDCARD(PACS_TAG_PATIENT_NAME, "*tran*"),
                                    VALUES(PACS_TAG_MODALITIES_IN_STUDY, "MR")};
    for (uint64_t rare_hits = 3; rare_hits <= 300; rare_hits += 297) {
        plan_terms(planned, terms, 2);
        IndexSearchGrams *grams = &planned->plan.grams;
        grams->sampled = 1000;
        for (size_t i = 0; i < grams->count; i++)
            grams->items[i].hits = 400;
        grams->items[grams->ways[1].first + 1].hits = rare_hits;
        assert_int_equal(pacs_index_sqlite_search_choose(&planned->plan, 1000000, planned->arena, NULL),
                         PACS_OK);
        if (rare_hits > 100) {
            assert_int_equal(planned->plan.path, INDEX_SEARCH_NEWEST);
            continue;
        }
        char token[INDEX_SEARCH_TOKEN_SIZE];
        pacs_index_sqlite_gram_token(&(IndexSearchGram){.column = SEARCH_MODALITIES, .text = {"mr\\", 3}},
                                     token);
        assert_int_equal(planned->plan.path, INDEX_SEARCH_GRAM);
        assert_memory_equal(planned->plan.gram_query, "((", 2);
        assert_memory_equal(planned->plan.gram_query + 2, token, strlen(token));
        assert_null(strstr(planned->plan.gram_query, ") AND (")); /* nobody asks for "tran" */
    }
}

/** What names are looked for by, each with a star in front where it begins any word. */
static const char *starts_of(Planned *planned, PacsSearchTerm term)
{
    plan_term(planned, term);
    const IndexSearchNames *names = &planned->plan.names;
    const char *text = "";
    for (size_t i = 0; i < names->start_count; i++)
        text = pacs_arena_printf(planned->arena, "%s[%s%.*s]", text, names->begins_group ? "" : "*",
                                 (int)names->starts[i].text.size, names->starts[i].text.text);
    return text;
}

static void names_are_looked_for_by_what_they_begin_with(void **state)
{
    Planned *planned = *state;
    const PacsTag name = PACS_TAG_PATIENT_NAME;
    assert_string_equal(starts_of(planned, WILDCARD(name, "Nguyễn^Văn*")), "[nguyen van]");
    assert_string_equal(starts_of(planned, WILDCARD(name, "Nguyễn^*")), "[nguyen]");
    assert_string_equal(starts_of(planned, WILDCARD(name, "ng?yen*an")), "[ng]");
    assert_string_equal(starts_of(planned, WILDCARD(name, "*an")), "");
    assert_string_equal(starts_of(planned, VALUES(name, "Lê^An")), "[le an]");
    assert_string_equal(starts_of(planned, VALUES(name, "Lê^An", "Lê^Mai")), "");
    assert_string_equal(starts_of(planned, fuzzy("an Nguyễn x")), "[*an][*nguyen][*x]");
    assert_string_equal(starts_of(planned, WILDCARD(PACS_TAG_STUDY_DESCRIPTION, "ct*")), "");
    assert_string_equal(starts_of(planned, WILDCARD(name, "a=b*")), "");
    const PacsSearchTerm two[] = {WILDCARD(name, "tran*"), VALUES(PACS_TAG_MODALITIES_IN_STUDY, "MR")};
    plan_terms(planned, two, 2);
    assert_int_equal(planned->plan.names.start_count, 0);
}

static void few_names_are_looked_through_and_of_many_the_letters_are_asked_for(void **state)
{
    Planned *planned = *state;
    for (uint64_t hits = 0; hits <= 100; hits += 100) {
        plan_term(planned, fuzzy("nguyen thieu"));
        planned->plan.grams.sampled = 250;
        planned->plan.names.sampled = 1000;
        planned->plan.names.starts[0].hits = 380;
        planned->plan.names.starts[1].hits = hits;
        assert_int_equal(pacs_index_sqlite_search_choose(&planned->plan, 1000000, planned->arena, NULL),
                         PACS_OK);
        assert_int_equal(planned->plan.path, hits ? INDEX_SEARCH_GRAM : INDEX_SEARCH_NAME);
        assert_non_null(planned->plan.gram_query);
        if (hits == 0)
            assert_memory_equal(planned->plan.names.starts[0].text.text, "thieu", 5);
    }
}

/** All entries of a name, as study_search has its text, each in brackets. */
static const char *entries_of(Planned *planned, const char *text)
{
    const char *all = "";
    for (size_t i = 0;; i++) {
        PACS_AUTO_BUFFER PacsBuffer entry = PACS_BUFFER(4096);
        if (!pacs_index_sqlite_name_entry(pacs_slice(text), i, &entry))
            return all;
        all = pacs_arena_printf(planned->arena, "%s[%s]", all, pacs_buffer_text(&entry));
    }
}

static void a_name_stands_under_each_of_its_words(void **state)
{
    Planned *planned = *state;
    assert_string_equal(entries_of(planned, "\\ nguyen van an \\"),
                        "[nguyen van an\\][van an\\nguyen ][an\\nguyen van ]");
    assert_string_equal(entries_of(planned, "\\ yamada taro \\ 山田 \\"),
                        "[yamada taro\\][taro\\yamada ][山田\\]");
    assert_string_equal(entries_of(planned, "\\ 't hooft \\"), "['t hooft\\][t hooft\\'][hooft\\'t ]");
    assert_string_equal(entries_of(planned, "\\"), "");
}

static void a_name_of_unusual_length_has_one_entry_that_says_so(void **state)
{
    Planned *planned = *state;
    char words[200] = "\\ ";
    char letters[400] = "\\ ";
    for (int i = 0; i < 33; i++)
        (void)snprintf(words + strlen(words), 16, "%c%d ", 'a' + i % 26, i);
    memset(letters + 2, 'a', 300);
    (void)snprintf(letters + 302, 4, " \\");
    (void)snprintf(words + strlen(words), 4, "\\");
    assert_string_equal(entries_of(planned, words), "[]");
    assert_string_equal(entries_of(planned, letters), "[]");
}

static void tokens_of_columns_differ_and_are_plain(void **state)
{
    (void)state;
    char name[INDEX_SEARCH_TOKEN_SIZE];
    char id[INDEX_SEARCH_TOKEN_SIZE];
    char word[INDEX_SEARCH_TOKEN_SIZE];
    IndexSearchGram gram = {.column = SEARCH_PATIENT_NAME, .text = {"\" *", 3}};
    pacs_index_sqlite_gram_token(&gram, name);
    gram.is_word = true;
    pacs_index_sqlite_gram_token(&gram, word);
    gram = (IndexSearchGram){.column = SEARCH_PATIENT_ID, .text = gram.text};
    pacs_index_sqlite_gram_token(&gram, id);
    assert_string_not_equal(name, id);
    assert_string_not_equal(name, word);
    assert_string_not_equal(id, word);
    assert_int_equal(strspn(name, "abcdefghijklmnopqrstuvwxyz234567"), strlen(name));
}

static void keys_rise_with_date_time_and_row(void **state)
{
    (void)state;
    const int64_t keys[] = {pacs_search_key(NULL, NULL, 9),
                            pacs_search_key("no date", "10", 10),
                            pacs_search_key("09990101", NULL, 1),
                            pacs_search_key("20251231", "235959", 1),
                            pacs_search_key("20260101", "", 1),
                            pacs_search_key("20260101", "junk", 2),
                            pacs_search_key("20260101", "000001", 1),
                            pacs_search_key("2026.01.01", "10:00", 1),
                            pacs_search_key("20260101", "100000.9", 2),
                            pacs_search_key("99991231", "235959", 1)};
    for (size_t i = 1; i < sizeof keys / sizeof keys[0]; i++)
        assert_true(keys[i - 1] < keys[i]);
}

/* ---- Few of many ---- */

#define MANY 3000

static PacsIndex *archive; /* of the group */
static char *folder;
static char path[4096];

static PacsIndex *open_index(void)
{
    const PacsIndexSqliteOptions options = {.path = path, .reader_count = 2};
    PacsIndex *index = NULL;
    PacsError err = {0};
    if (pacs_index_sqlite_open(&options, NULL, &index, &err) != PACS_OK)
        fail_msg("%s", err.text);
    return index;
}

static const char requested_json[] =
    "{\"00400275\":{\"vr\":\"SQ\",\"Value\":[{\"00400009\":{\"vr\":\"SH\",\"Value\":[\"S1\"]}}]}}";

/** Study i of 1 to MANY comes i minutes after the first; every 500th is of somebody rare. */
static int fill(void **state)
{
    folder = temporary_folder_new();
    (void)snprintf(path, sizeof path, "%s/index.db", folder);
    (void)state;
    archive = open_index();
    for (unsigned i = 1; i <= MANY; i++) {
        char time[8];
        char accession[16];
        (void)snprintf(time, sizeof time, "%02u%02u", i / 60 % 24, i % 60);
        (void)snprintf(accession, sizeof accession, "B%04u", i);
        search_add(archive, &(SearchStudy){.study = i,
                                           .patient = i / 3,
                                           .name = i % 500 == 7 ? "Thiều^Thị An" : "Nguyễn^Văn An",
                                           .modality = i % 500 == 7 ? "MR" : "CT",
                                           .accession = accession,
                                           .json = i == 7 ? requested_json : NULL,
                                           .date = i < 1440   ? "20260101"
                                                   : i < 2880 ? "20260102"
                                                              : "20260103",
                                           .time = time});
    }
    return 0;
}

static int empty(void **state)
{
    (void)state;
    pacs_index_free(archive);
    temporary_folder_free(folder);
    return 0;
}

static PacsSearchPage find(PacsIndex *index, PacsSearchTerm term, uint32_t limit, PacsSearchCount count,
                           PacsArena *arena)
{
    PacsSearchPage page;
    const PacsSearch search = {
        .level = PACS_LEVEL_STUDY, .terms = &term, .term_count = 1, .limit = limit, .count = count};
    assert_int_equal(search_try(index, &search, arena, &page), PACS_OK);
    return page;
}

static void a_rare_name_is_found_behind_a_trial(void **state)
{
    (void)state;
    static const char *const patterns[] = {"*thieu*", "thieu^thi an", "thieu*", "*eu thi*"};
    for (size_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++) {
        PACS_AUTO(PacsArena) arena = pacs_arena_new(INDEX_CONTRACT_ARENA);
        const PacsSearchPage page = find(archive, WILDCARD(PACS_TAG_PATIENT_NAME, patterns[i]), 50,
                                         PACS_COUNT_QUICK, arena);
        assert_string_equal(search_list(&page, PACS_LEVEL_STUDY, arena), "2507 2007 1507 1007 507 7");
        assert_true(page.resources_examined < INDEX_SEARCH_TRIAL + 20);
        assert_int_equal(page.total, 6);
    }
}

static void a_common_name_fills_a_page_at_once(void **state)
{
    (void)state;
    PACS_AUTO(PacsArena) arena = pacs_arena_new(INDEX_CONTRACT_ARENA);
    const PacsSearchPage page = find(archive, WILDCARD(PACS_TAG_PATIENT_NAME, "*nguyen*"), 50,
                                     PACS_COUNT_QUICK, arena);
    assert_int_equal(page.count, 50);
    assert_true(page.resources_examined < 150);
    assert_int_equal(page.total, MANY - 6);
    assert_false(page.total_is_estimate);
}

static void a_quick_total_of_many_is_an_estimate_and_an_exact_one_is_not(void **state)
{
    (void)state;
    PACS_AUTO(PacsArena) arena = pacs_arena_new(INDEX_CONTRACT_ARENA);
    const PacsSearchTerm term = VALUES(PACS_TAG_MODALITY, "CT");
    PacsSearch search = {
        .level = PACS_LEVEL_SERIES, .terms = &term, .term_count = 1, .limit = 10, .count = PACS_COUNT_QUICK};
    PacsSearchPage page;
    for (int cursors = 0; cursors < 2;
         cursors++) { /* behind a cursor the whole search is meant all the same */
        assert_int_equal(search_try(archive, &search, arena, &page), PACS_OK);
        assert_true(page.total_is_estimate);
        assert_in_range(page.total, MANY / 2, MANY);
        search.cursor = page.next;
    }
    search.count = PACS_COUNT_EXACT;
    search.offset = 7;
    search.cursor = NULL;
    assert_int_equal(search_try(archive, &search, arena, &page), PACS_OK);
    assert_false(page.total_is_estimate);
    assert_int_equal(page.total, MANY - 6);
    search.offset = MANY;
    assert_int_equal(search_try(archive, &search, arena, &page), PACS_OK);
    assert_int_equal(page.total, MANY - 6);
}

static void all_ways_of_asking_agree(void **state)
{
    (void)state;
    const struct {
        PacsSearchTerm term;
        uint64_t total;
    } cases[] = {{fuzzy("an thieu"), 6},
                 {WILDCARD(PACS_TAG_PATIENT_NAME, "thieu^*"), 6},
                 {WILDCARD(PACS_TAG_PATIENT_NAME, "t?ieu*an"), 6},
                 {WILDCARD(PACS_TAG_PATIENT_NAME, "thi*"), 6}, /* not those where a word inside begins so */
                 {WILDCARD(PACS_TAG_PATIENT_NAME, "an*"), 0},
                 {VALUES(PACS_TAG_PATIENT_NAME, "THIEU^THI^AN"), 6},
                 {VALUES(PACS_TAG_PATIENT_NAME, "THIEU^THI"), 0},
                 {VALUES(PACS_TAG_MODALITIES_IN_STUDY, "MR"), 6},
                 {VALUES(PACS_TAG_MODALITIES_IN_STUDY, "MR", "CT"), MANY},
                 {WILDCARD(PACS_TAG_ACCESSION_NUMBER, "B000?"), 9},
                 {WILDCARD(PACS_TAG_ACCESSION_NUMBER, "*99*"), 57},
                 {WILDCARD(PACS_TAG_PATIENT_NAME, "*nobody*"), 0},
                 {WILDCARD(PACS_TAG_PATIENT_NAME, "*u*"), MANY},
                 {RANGE(PACS_TAG_STUDY_DATE, "20260102", "20260102"), 1440},
                 {VALUES(PACS_TAG_PATIENT_ID, "P7", "P900"), 6}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint64_t count = 0;
        PacsSearch search = {
            .level = PACS_LEVEL_STUDY, .terms = &cases[i].term, .term_count = 1, .limit = 999};
        do {
            PACS_AUTO(PacsArena) arena = pacs_arena_new(INDEX_CONTRACT_ARENA);
            static char cursor[64];
            PacsSearchPage page;
            search.count = search.cursor ? PACS_COUNT_NONE : PACS_COUNT_EXACT;
            assert_int_equal(search_try(archive, &search, arena, &page), PACS_OK);
            if (search.count && page.total != cases[i].total)
                fail_msg("case %zu has %d", i, (int)page.total);
            count += page.count;
            (void)snprintf(cursor, sizeof cursor, "%s", page.next ? page.next : "");
            search.cursor = page.next ? cursor : NULL;
        } while (search.cursor);
        assert_int_equal(count, cases[i].total);
    }
}

/* ---- Names that are looked through ---- */

/** Older than all others; names with `words` words that begin alike. */
static void add_long_named(unsigned studies, unsigned words)
{
    char name[512] = "";
    for (unsigned i = 0; i < words; i++)
        (void)snprintf(name + strlen(name), 16, "%sZ%02u", i ? "^" : "", i);
    for (unsigned i = 1; i <= studies; i++)
        search_add(archive, &(SearchStudy){.study = 2 * MANY + i, .name = name, .date = "20200101"});
}

static uint64_t count_of(PacsSearchTerm term)
{
    PACS_AUTO(PacsArena) arena = pacs_arena_new(INDEX_CONTRACT_ARENA);
    return find(archive, term, 1, PACS_COUNT_EXACT, arena).total;
}

static void delete_long_named(uint32_t studies)
{
    PACS_AUTO(PacsArena) arena = pacs_arena_new(INDEX_CONTRACT_ARENA);
    const PacsSearchPage page = find(archive, RANGE(PACS_TAG_STUDY_DATE, "20200101", "20200101"), studies,
                                     PACS_COUNT_NONE, arena);
    assert_int_equal(page.count, studies);
    for (size_t i = 0; i < page.count; i++)
        index_contract_delete(archive, PACS_LEVEL_STUDY, page.rows[i].ids[PACS_LEVEL_STUDY]);
}

/** Of few and of more than are looked through; of names that have an entry for each word, and of those that have none. */
static void names_are_all_found_however_many_begin_so(void **state)
{
    (void)state;
    static const struct {
        unsigned studies, words;
    } cases[] = {{20, 3}, {180, 31}, {20, 40}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const unsigned studies = cases[i].studies;
        add_long_named(studies, cases[i].words);
        assert_int_equal(count_of(WILDCARD(PACS_TAG_PATIENT_NAME, "z*")), studies);
        assert_int_equal(count_of(WILDCARD(PACS_TAG_PATIENT_NAME, "z00 z01*")), studies);
        assert_int_equal(count_of(WILDCARD(PACS_TAG_PATIENT_NAME, "z01*")), 0);
        assert_int_equal(count_of(fuzzy("z02 z0")), studies);
        assert_int_equal(count_of(fuzzy("z")), studies);
        delete_long_named(studies);
        assert_int_equal(count_of(WILDCARD(PACS_TAG_PATIENT_NAME, "z*")), 0);
    }
    PACS_AUTO(PacsSqlite) db = NULL;
    int64_t left = -1;
    assert_int_equal(pacs_sqlite_open(path, SQLITE_OPEN_READONLY, &db, NULL), PACS_OK);
    assert_int_equal(pacs_sqlite_number(db, "SELECT count(*) FROM study_name WHERE name < 'a' OR name >= 'z'",
                                        NULL, 0, &left, NULL),
                     PACS_OK);
    assert_int_equal(left, 0); /* a deleted study's name stands nowhere */
}

static void a_list_with_more_studies_than_are_read_at_once_has_all(void **state)
{
    (void)state;
    uint64_t count = 0;
    char cursor[64];
    PacsSearchTerm term = VALUES(PACS_TAG_PATIENT_BIRTH_DATE, "19700102", "19800102");
    PacsSearch search = {.level = PACS_LEVEL_STUDY, .terms = &term, .term_count = 1, .limit = 1000};
    do {
        PACS_AUTO(PacsArena) arena = pacs_arena_new(INDEX_CONTRACT_ARENA);
        PacsSearchPage page;
        assert_int_equal(search_try(archive, &search, arena, &page), PACS_OK);
        count += page.count;
        (void)snprintf(cursor, sizeof cursor, "%s", page.next ? page.next : "");
        search.cursor = page.next ? cursor : NULL;
    } while (search.cursor);
    assert_int_equal(count, MANY);
}

/* ---- An older schema ---- */

static void copy_table(PacsSqlite *db, const char *table)
{
    char sql[4096];
    PACS_AUTO_STATEMENT sqlite3_stmt *rows = NULL;
    bool has_row = false;
    PACS_AUTO_BUFFER PacsBuffer columns = PACS_BUFFER(1u << 16);
    assert_int_equal(
        PACS_SQL_QUERY(db, &rows, NULL, "SELECT name FROM pragma_table_info(?)", pacs_sql_text(table)),
        PACS_OK);
    while (pacs_sqlite_step(db, rows, &has_row, NULL) == PACS_OK && has_row)
        (void)pacs_buffer_add_format(&columns, "%s%s", columns.size > 0 ? ", " : "",
                                     (const char *)sqlite3_column_text(rows, 0));
    (void)snprintf(sql, sizeof sql, "INSERT OR REPLACE INTO main.%s (%s) SELECT %s FROM newer.%s", table,
                   pacs_buffer_text(&columns), pacs_buffer_text(&columns), table);
    assert_int_equal(pacs_sqlite_script(db, sql, NULL), PACS_OK);
}

/** Which its series did not keep then. */
static void expect_requests_of_series(const char *study_uid)
{
    PACS_AUTO(PacsArena) arena = pacs_arena_new(INDEX_CONTRACT_ARENA);
    const PacsSearchTerm term = VALUES(PACS_TAG_STUDY_INSTANCE_UID, study_uid);
    const PacsSearch search = {.level = PACS_LEVEL_SERIES, .terms = &term, .term_count = 1, .limit = 1};
    PacsSearchPage page;
    assert_int_equal(search_try(archive, &search, arena, &page), PACS_OK);
    assert_int_equal(page.count, 1);
    const char *kept = pacs_index_tags_get(page.rows[0].tags[PACS_LEVEL_SERIES],
                                           page.rows[0].tag_count[PACS_LEVEL_SERIES],
                                           PACS_TAG_REQUEST_ATTRIBUTES_SEQUENCE);
    assert_non_null(kept);
    assert_memory_equal(kept, requested_json + strlen("{\"00400275\":"), strlen(kept));
}

static void an_index_of_the_first_version_can_be_searched_after_its_migration(void **state)
{
    static const char *const tables[] = {"patient",  "study",         "study_uid", "series",
                                         "instance", "instance_blob", "total"};
    char sql[8192];
    char older[sizeof path];
    pacs_index_free(archive);
    archive = NULL;
    {
        PACS_AUTO(PacsSqlite) db = NULL;
        (void)snprintf(older, sizeof older, "%s/older.db", folder);
        (void)snprintf(sql, sizeof sql,
                       "ATTACH '%s' AS newer; PRAGMA application_id = %d; PRAGMA user_version = 1; BEGIN",
                       path, 0x4C425831);
        assert_int_equal(pacs_sqlite_open(older, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, &db, NULL),
                         PACS_OK);
        assert_int_equal(pacs_sqlite_script(db, pacs_index_migrations[0], NULL), PACS_OK);
        assert_int_equal(pacs_sqlite_script(db, sql, NULL), PACS_OK);
        for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++)
            copy_table(db, tables[i]);
        assert_int_equal(pacs_sqlite_script(db, "COMMIT", NULL), PACS_OK);
    }
    memcpy(path, older, sizeof path);
    archive = open_index();
    a_rare_name_is_found_behind_a_trial(state);
    all_ways_of_asking_agree(state);
    PACS_AUTO(PacsArena) arena = pacs_arena_new(INDEX_CONTRACT_ARENA);
    const PacsSearchPage page = find(archive, VALUES(PACS_TAG_STUDY_INSTANCE_UID, "1.2.840.7"), 1, false,
                                     arena);
    expect_requests_of_series(page.rows[0].study_instance_uid);
    index_contract_delete(archive, PACS_LEVEL_STUDY, page.rows[0].ids[PACS_LEVEL_STUDY]);
    const PacsSearchPage after = find(archive, WILDCARD(PACS_TAG_PATIENT_NAME, "*thieu*"), 50, false, arena);
    assert_string_equal(search_list(&after, PACS_LEVEL_STUDY, arena), "2507 2007 1507 1007 507");
}

#define PLAN_TEST(name) cmocka_unit_test_setup_teardown(name, new_planned, free_planned)

int main(void)
{
    const struct CMUnitTest plans[] = {
        PLAN_TEST(uids_go_before_values_and_values_before_words),
        PLAN_TEST(a_month_is_a_range_of_keys),
        PLAN_TEST(an_open_range_leaves_out_the_undated_alone),
        PLAN_TEST(what_keys_and_texts_cannot_tell_is_not_decided),
        PLAN_TEST(patterns_are_looked_for_by_their_letters),
        PLAN_TEST(of_letters_equally_rare_those_are_asked_for_that_stand_apart),
        PLAN_TEST(rare_letters_are_asked_for_and_common_ones_are_not),
        PLAN_TEST(names_are_looked_for_by_what_they_begin_with),
        PLAN_TEST(few_names_are_looked_through_and_of_many_the_letters_are_asked_for),
        PLAN_TEST(a_name_stands_under_each_of_its_words),
        PLAN_TEST(a_name_of_unusual_length_has_one_entry_that_says_so),
        cmocka_unit_test(tokens_of_columns_differ_and_are_plain),
        cmocka_unit_test(keys_rise_with_date_time_and_row),
    };
    const struct CMUnitTest many[] = {
        cmocka_unit_test(a_rare_name_is_found_behind_a_trial),
        cmocka_unit_test(a_common_name_fills_a_page_at_once),
        cmocka_unit_test(a_quick_total_of_many_is_an_estimate_and_an_exact_one_is_not),
        cmocka_unit_test(all_ways_of_asking_agree),
        cmocka_unit_test(names_are_all_found_however_many_begin_so),
        cmocka_unit_test(a_list_with_more_studies_than_are_read_at_once_has_all),
        cmocka_unit_test(an_index_of_the_first_version_can_be_searched_after_its_migration),
    };
    int failed = cmocka_run_group_tests_name("plans", plans, NULL, NULL);
    failed += cmocka_run_group_tests_name("few of many", many, fill, empty);
    return failed;
}
