#include <string.h>

#include "pacs/index/index_sqlite_search.h"

/*
 * Names by what they and their words begin with (study_name). An entry stands for a word of one component group: what
 * begins there, a backslash, and what stands in front of it. "nguyen van an" has three:
 *
 *     nguyen van an\          van an\nguyen           an\nguyen van
 *
 * So the names in which some word begins in a certain way stand together, each whole: none has to be looked up to be
 * tested, and those that begin so themselves are the ones with nothing behind the backslash.
 */

#define ENTRY_MAX 256  /* bytes of a group: 64 letters and some (PS3.5 6.2) of up to four bytes each */
#define ENTRIES_MAX 32 /* of a study; what has more or longer ones has a single empty one, and is looked up */

/* As many as are looked through in the time that grams take: they tell well how a name begins, and have to put two lists
 * together for two words. */
#define NAMES_BEGIN 5000
#define NAMES_HAVE 12000
#define CONFIDENCE 0.6 /* a sample may be wrong, and what is looked through for nothing is lost */

/* ---- The entries of a name ---- */

typedef struct Entries {
    char text[ENTRIES_MAX][ENTRY_MAX];
    size_t size[ENTRIES_MAX];
    size_t count;
    bool is_unusual;
} Entries;

static void add_entry(Entries *entries, PacsSlice group, size_t at)
{
    entries->is_unusual = entries->is_unusual || entries->count == ENTRIES_MAX || group.size >= ENTRY_MAX;
    if (entries->is_unusual)
        return;
    char *text = entries->text[entries->count];
    memcpy(text, group.text + at, group.size - at);
    text[group.size - at] = '\\';
    memcpy(text + group.size - at + 1, group.text, at);
    entries->size[entries->count++] = group.size + 1;
}

static void add_group(Entries *entries, PacsSlice group)
{
    PacsSlice rest = group;
    PacsSlice word;
    add_entry(entries, group, 0); /* also where it begins with no word: "'t hooft" */
    while (pacs_match_next_word(&rest, &word))
        if (word.text > group.text)
            add_entry(entries, group, (size_t)(word.text - group.text));
}

/** Of a text of study_search.patient_name. */
static void list_entries(PacsSlice text, Entries *entries)
{
    PacsSlice group;
    entries->count = 0;
    entries->is_unusual = false;
    while (text.text && pacs_slice_split(&text, '\\', &group))
        if (group.size > 2) /* its padding */
            add_group(entries, (PacsSlice){group.text + 1, group.size - 2});
    if (entries->is_unusual) {
        entries->count = 1;
        entries->size[0] = 0;
    }
}

bool pacs_index_sqlite_name_entry(PacsSlice text, size_t number, PacsBuffer *out)
{
    Entries entries;
    list_entries(text, &entries);
    return number < entries.count && pacs_buffer_add(out, entries.text[number], entries.size[number]);
}

/* ---- Which names are looked for, and by which of their words ---- */

static PacsSlice head_of(const PacsPattern *pattern, bool wildcards)
{
    PacsSlice head = pattern->text;
    for (size_t i = 0; wildcards && i < head.size; i++)
        if (head.text[i] == '*' || head.text[i] == '?')
            head.size = i;
    while (head.size > 0 && head.text[head.size - 1] == ' ') /* which a name's end need not have */
        head.size--;
    return head;
}

static void add_start(IndexSearchNames *names, PacsSlice text)
{
    if (text.size > 0 && text.size < ENTRY_MAX && names->start_count < INDEX_SEARCH_STARTS)
        names->starts[names->start_count++].text = text;
}

void pacs_index_sqlite_names_plan(IndexSearchNames *names, const PacsMatcher *matcher)
{
    const bool wildcards = matcher->match == PACS_MATCH_WILDCARD;
    *names = (IndexSearchNames){.matcher = matcher, .begins_group = matcher->match != PACS_MATCH_FUZZY};
    if (!names->begins_group)
        for (size_t i = 0; i < matcher->pattern_count; i++)
            add_start(names, matcher->patterns[i].text);
    else if ((wildcards || matcher->match == PACS_MATCH_VALUES) && matcher->pattern_count == 1)
        add_start(names, head_of(matcher->patterns, wildcards));
}

static bool has_start(const IndexSearchNames *names, PacsSlice start, PacsSlice text)
{
    PacsSlice group;
    PacsSlice word;
    while (text.text && pacs_slice_split(&text, '\\', &group))
        for (bool is_first = true; pacs_match_next_word(&group, &word) && (is_first || !names->begins_group);
             is_first = false)
            if (word.size + group.size >= start.size && memcmp(word.text, start.text, start.size) == 0)
                return true;
    return false;
}

void pacs_index_sqlite_names_sample(IndexSearchNames *names, PacsSlice text)
{
    names->sampled++;
    for (size_t i = 0; i < names->start_count; i++)
        names->starts[i].hits += has_start(names, names->starts[i].text, text) ? 1 : 0;
}

void pacs_index_sqlite_names_choose(IndexSearchNames *names, uint64_t studies)
{
    for (size_t i = 1; i < names->start_count; i++)
        if (names->starts[i].hits < names->starts[0].hits ||
            (names->starts[i].hits == names->starts[0].hits &&
             names->starts[i].text.size > names->starts[0].text.size))
            names->starts[0] = names->starts[i];
    names->most = names->begins_group ? NAMES_BEGIN : NAMES_HAVE;
    const double expected = names->sampled
                                ? (double)names->starts[0].hits * (double)studies / (double)names->sampled
                                : 0;
    const bool are_few = names->start_count > 0 && expected <= CONFIDENCE * (double)names->most;
    names->start_count = are_few ? 1 : 0;
}

/* ---- Collecting ---- */

/** Words are words on either side of the backslash. */
static bool holds(const IndexSearchNames *names, PacsSlice entry)
{
    if (!names->begins_group)
        return pacs_matcher_test_normal(names->matcher, entry);
    return entry.text[entry.size - 1] == '\\' &&
           pacs_matcher_test_normal(names->matcher, (PacsSlice){entry.text, entry.size - 1});
}

static bool is_between(const IndexSearchPlan *plan, int64_t key, int64_t below)
{
    return key >= plan->oldest && key < below;
}

static PacsSqlValue text_value(PacsSlice text)
{
    return (PacsSqlValue){.kind = PACS_SQL_TEXT, .bytes = text.text, .size = text.size};
}

static PacsSlice text_column(sqlite3_stmt *rows, int column)
{
    const char *text = sqlite3_column_blob(rows, column); /* no NUL is needed: spares SQLite a copy */
    return (PacsSlice){text, (size_t)sqlite3_column_bytes(rows, column)};
}

/** The entries that `sql` gives, as many as `max`; *max is less by those. */
static PacsStatus collect(IndexSearchSource *source, sqlite3_stmt *rows, bool is_entry, int64_t below,
                          uint64_t *max, PacsError *err)
{
    const IndexSearchPlan *plan = source->plan;
    PacsStatus status = PACS_OK;
    for (; *max > 0 && pacs_sqlite_next(source->db, rows, &status, err); --*max) {
        const int64_t key = sqlite3_column_int64(rows, 0);
        const PacsSlice text = text_column(rows, 1);
        if (is_between(plan, key, below) &&
            (is_entry ? holds(&plan->names, text) : pacs_search_text_matches(plan->names.matcher, text)))
            status = pacs_index_sqlite_source_add(source, (PacsSearchPosition){.key = key}, err);
    }
    return status;
}

PacsStatus pacs_index_sqlite_names_collect(IndexSearchSource *source, int64_t below, bool *ret_all,
                                           PacsError *err)
{
    static const char unusual_sql[] =
        "SELECT q.key, q.patient_name FROM study_name n CROSS JOIN study_search q"
        " ON q.key = n.key WHERE n.name = ''";
    /* Behind the greatest character there is, nothing begins so. */
    static const char sql[] =
        "SELECT key, name FROM study_name WHERE name >= ?1 AND name < ?1 || char(0x10FFFF)";
    PACS_AUTO_STATEMENT sqlite3_stmt *unusual = NULL;
    PACS_AUTO_STATEMENT sqlite3_stmt *rows = NULL;
    uint64_t max = source->plan->names.most;
    PacsStatus status = pacs_sqlite_query(source->db, &unusual, unusual_sql, NULL, 0, err);
    if (status == PACS_OK)
        status = collect(source, unusual, false, below, &max, err);
    if (status == PACS_OK)
        status = PACS_SQL_QUERY(source->db, &rows, err, sql, text_value(source->plan->names.starts[0].text));
    if (status == PACS_OK)
        status = collect(source, rows, true, below, &max, err);
    source->plan->filter.examined += source->plan->names.most - max;
    *ret_all = max > 0;
    return status;
}

/* ---- Writing ---- */

static PacsStatus write_entries(IndexSqlite *index, int64_t key, PacsSlice text, const char *sql,
                                PacsError *err)
{
    Entries entries;
    PacsStatus status = PACS_OK;
    list_entries(text, &entries);
    for (size_t i = 0; status == PACS_OK && i < entries.count; i++)
        status = PACS_SQL_RUN(index->writer, err, sql,
                              text_value((PacsSlice){entries.text[i], entries.size[i]}), pacs_sql_i64(key));
    return status;
}

static PacsStatus write_names(IndexSqlite *index, int64_t study, const char *sql, PacsError *err)
{
    static const char names[] = "SELECT key, patient_name FROM study_search WHERE key ="
                                " (SELECT search_key(study_date, study_time, id) FROM study WHERE id = ?)";
    PACS_AUTO_STATEMENT sqlite3_stmt *rows = NULL;
    bool has_row = false;
    PacsStatus status = PACS_SQL_QUERY(index->writer, &rows, err, names, pacs_sql_i64(study));
    if (status == PACS_OK)
        status = pacs_sqlite_step(index->writer, rows, &has_row, err);
    if (status != PACS_OK || !has_row)
        return status;
    return write_entries(index, sqlite3_column_int64(rows, 0), text_column(rows, 1), sql, err);
}

PacsStatus pacs_index_sqlite_names_add(IndexSqlite *index, int64_t study, PacsError *err)
{
    /* A name may have the same word twice, followed and preceded by the same. */
    return write_names(index, study, "INSERT OR IGNORE INTO study_name (name, key) VALUES (?, ?)", err);
}

PacsStatus pacs_index_sqlite_names_remove(IndexSqlite *index, int64_t study, PacsError *err)
{
    return write_names(index, study, "DELETE FROM study_name WHERE name = ? AND key = ?", err);
}
