#include "pacs/database/sql_value.h"

#include <assert.h>
#include <string.h>

PacsSqlValue pacs_sql_i64(int64_t number)
{
    return (PacsSqlValue){.kind = PACS_SQL_I64, .number = number};
}

PacsSqlValue pacs_sql_u64(uint64_t number)
{
    assert(number <= INT64_MAX);
    return pacs_sql_i64((int64_t)number);
}

PacsSqlValue pacs_sql_text(const char *text)
{
    if (!text)
        return pacs_sql_null();
    return (PacsSqlValue){.kind = PACS_SQL_TEXT, .bytes = text, .size = strlen(text)};
}

PacsSqlValue pacs_sql_bytes(const void *bytes, size_t size)
{
    /* A NULL pointer would be bound as NULL: an empty value is not an absent one. */
    return (PacsSqlValue){.kind = PACS_SQL_BYTES, .bytes = bytes ? bytes : "", .size = size};
}

PacsSqlValue pacs_sql_null(void)
{
    return (PacsSqlValue){.kind = PACS_SQL_NULL};
}
