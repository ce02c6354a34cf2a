#pragma once

#include <stddef.h>
#include <stdint.h>

/** A value to bind to a parameter of a statement, or one read from a row. Text and bytes are borrowed until the statement
 *  has ended; a text's size leaves out the NUL behind it. */
typedef struct PacsSqlValue {
    enum { PACS_SQL_NULL, PACS_SQL_I64, PACS_SQL_TEXT, PACS_SQL_BYTES } kind;
    int64_t number;
    const void *bytes;
    size_t size;
} PacsSqlValue;

PacsSqlValue pacs_sql_i64(int64_t number);
PacsSqlValue pacs_sql_u64(uint64_t number);   /* asserted below 2^63: checked where it came in */
PacsSqlValue pacs_sql_text(const char *text); /* NULL is NULL */
PacsSqlValue pacs_sql_bytes(const void *bytes, size_t size);
PacsSqlValue pacs_sql_null(void);

/** `PACS_SQL_VALUES(pacs_sql_i64(id), pacs_sql_text(name))`: the two arguments "values, count" of a call. */
#define PACS_SQL_VALUES(...)                                                                                 \
    (const PacsSqlValue[]){__VA_ARGS__}, sizeof((const PacsSqlValue[]){__VA_ARGS__}) / sizeof(PacsSqlValue)
