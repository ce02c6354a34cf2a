#include <string.h>

#include "pacs/index/index_sqlite_search.h"
#include "pacs/index/index_tags.h"
#include "pacs/util/limits.h"

/* Our functions in SQL: the forms that are stored and compared are worked out in one place, for rows that come and for
 * rows of an older schema. */

static void search_key(sqlite3_context *context, int count, sqlite3_value **values)
{
    (void)count;
    const char *date = (const char *)sqlite3_value_text(values[0]);
    const char *time = (const char *)sqlite3_value_text(values[1]);
    sqlite3_result_int64(context, pacs_search_key(date, time, sqlite3_value_int64(values[2])));
}

static void search_tag(sqlite3_context *context, int count, sqlite3_value **values)
{
    (void)count;
    const void *bytes = sqlite3_value_blob(values[0]);
    const char *value = pacs_index_tags_find(bytes, (size_t)sqlite3_value_bytes(values[0]),
                                             (PacsTag)sqlite3_value_int64(values[1]));
    if (value)
        sqlite3_result_text(context, value, -1, SQLITE_TRANSIENT);
}

/** The kind of value is the function's user data. */
static void search_text(sqlite3_context *context, int count, sqlite3_value **values)
{
    (void)count;
    const PacsValueKind *kind = sqlite3_user_data(context);
    PACS_AUTO_BUFFER PacsBuffer text = PACS_BUFFER(PACS_MAX_INDEXED_TAGS);
    if (pacs_search_text(*kind, (const char *)sqlite3_value_text(values[0]), &text))
        sqlite3_result_text64(context, pacs_buffer_text(&text), text.size, SQLITE_TRANSIENT, SQLITE_UTF8);
    else
        sqlite3_result_error_nomem(context);
}

static PacsSlice text_of(sqlite3_value *value)
{
    const char *text = sqlite3_value_blob(value); /* no NUL is needed: spares SQLite a copy */
    return (PacsSlice){text, text ? (size_t)sqlite3_value_bytes(value) : 0};
}

static void search_grams(sqlite3_context *context, int count, sqlite3_value **values)
{
    PACS_AUTO_BUFFER PacsBuffer tokens = PACS_BUFFER((size_t)16 * PACS_MAX_INDEXED_TAGS);
    for (int column = 0; column < count; column++)
        pacs_index_sqlite_add_tokens((IndexSearchColumn)column, text_of(values[column]), &tokens);
    if (tokens.failed)
        sqlite3_result_error_nomem(context);
    else
        sqlite3_result_text64(context, pacs_buffer_text(&tokens), tokens.size, SQLITE_TRANSIENT, SQLITE_UTF8);
}

/** NULL where the name has fewer. */
static void search_name_entry(sqlite3_context *context, int count, sqlite3_value **values)
{
    (void)count;
    PACS_AUTO_BUFFER PacsBuffer entry = PACS_BUFFER(PACS_MAX_INDEXED_TAGS);
    if (pacs_index_sqlite_name_entry(text_of(values[0]), (size_t)sqlite3_value_int64(values[1]), &entry))
        sqlite3_result_text64(context, pacs_buffer_text(&entry), entry.size, SQLITE_TRANSIENT, SQLITE_UTF8);
    else if (entry.failed)
        sqlite3_result_error_nomem(context);
}

#define SAMPLE 8       /* one row of so many */
#define SAMPLE_NAMES 2 /* what is looked through costs by the name: to be known better */

static void sample(IndexSearchGrams *grams, int count, sqlite3_value **values)
{
    PacsSlice texts[SEARCH_COLUMN_COUNT] = {{0}};
    for (int i = 0; i < count; i++)
        texts[i] = text_of(values[i]);
    pacs_index_sqlite_sample_grams(grams, texts);
}

static bool passes(const IndexSearchFilter *filter, sqlite3_value **texts)
{
    for (size_t i = 0; i < filter->count; i++)
        if (!pacs_search_text_matches(filter->tests[i].matcher, text_of(texts[filter->tests[i].column])))
            return false;
    return true;
}

/** The filter and the columns from the first on, as many as its tests ask about. */
static void search_test(sqlite3_context *context, int count, sqlite3_value **values)
{
    IndexSearchFilter *filter = sqlite3_value_pointer(values[0], INDEX_SEARCH_FILTER_TYPE);
    if (!filter)
        return; /* SQL typed by somebody: NULL */
    if (filter->names && filter->examined % SAMPLE_NAMES == 0)
        pacs_index_sqlite_names_sample(filter->names, text_of(values[1]));
    if (filter->examined++ % SAMPLE == 0 && filter->grams)
        sample(filter->grams, count - 1, values + 1);
    sqlite3_result_int(context, filter->examined > filter->stop_after || passes(filter, values + 1));
}

PacsStatus pacs_index_sqlite_search_functions(PacsSqlite *connection, PacsError *err)
{
    static PacsValueKind text = PACS_VALUE_TEXT;
    static PacsValueKind name = PACS_VALUE_NAME;
    static PacsValueKind date = PACS_VALUE_DATE;
    const int pure = SQLITE_UTF8 | SQLITE_DETERMINISTIC;
    const struct {
        const char *name;
        int arguments;
        int flags;
        PacsValueKind *kind;
        void (*run)(sqlite3_context *context, int count, sqlite3_value **values);
    } functions[] = {
        {"search_key", 3, pure, NULL, search_key},
        {"search_tag", 2, pure, NULL, search_tag},
        {"search_text", 1, pure, &text, search_text},
        {"search_name", 1, pure, &name, search_text},
        {"search_date", 1, pure, &date, search_text},
        {"search_grams", SEARCH_COLUMN_COUNT, pure, NULL, search_grams},
        {"search_name_entry", 2, pure, NULL, search_name_entry},
        {"with_sequences", 4, pure, NULL, pacs_index_sqlite_with_sequences},
        {"search_test", 2, SQLITE_UTF8, NULL, search_test},
        {"search_test", 1 + SEARCH_COLUMN_COUNT, SQLITE_UTF8, NULL, search_test},
    };
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
        const int code = sqlite3_create_function_v2(pacs_sqlite_handle(connection), functions[i].name,
                                                    functions[i].arguments, functions[i].flags,
                                                    functions[i].kind, functions[i].run, NULL, NULL, NULL);
        if (code != SQLITE_OK)
            return pacs_fail(err, PACS_NO_MEMORY, "cannot give the database the function %s",
                             functions[i].name);
    }
    return PACS_OK;
}

PacsStatus pacs_index_sqlite_bind_filter(sqlite3_stmt *rows, int index, IndexSearchFilter *filter,
                                         PacsError *err)
{
    return sqlite3_bind_pointer(rows, index, filter, INDEX_SEARCH_FILTER_TYPE, NULL) == SQLITE_OK
               ? PACS_OK
               : pacs_fail(err, PACS_NO_MEMORY, "no memory for a search");
}
