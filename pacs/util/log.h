#pragma once

#include <stdbool.h>
#include <stdint.h>

/**
 * One record a line on standard error: JSON (for machines) or text (for people).
 *
 * A record is a level, the component (the room that ends the request), an event name that stays the same
 * over the years, and key=value fields. Values are escaped, so that no outside byte can start a new line.
 * No names, birth dates or patient ids, at any level: pacs_log takes what it is given, so the rule is the
 * caller's, and a test scans the logs of a whole run for them.
 *
 *     PACS_LOG(PACS_LOG_INFO, "dimse", "store", PACS_F_TEXT("sop_instance", uid), PACS_F_U64("bytes", size));
 *
 * JSON:    {"ts":"2026-11-21T06:47:00.123Z","level":"info","component":"dimse","event":"store", fields}
 * Text:    2026-11-21T06:47:00.123Z INFO dimse store key=value ... (values quoted, as in JSON, where needed)
 * Size:    at most PACS_LOG_RECORD_MAX bytes: long values are cut, fields that no longer fit left out and
 *          "cut" set to true.
 * Threads: any. Each record is one write(2); one that cannot be written is dropped.
 */
#define PACS_LOG_RECORD_MAX 4096 /* PIPE_BUF: up to here a pipe takes a write whole, so records never mix */

typedef enum PacsLogLevel {
    PACS_LOG_TRACE,
    PACS_LOG_DEBUG,
    PACS_LOG_INFO,
    PACS_LOG_WARNING,
    PACS_LOG_ERROR
} PacsLogLevel;
typedef enum PacsLogFormat { PACS_LOG_AS_TEXT, PACS_LOG_AS_JSON } PacsLogFormat;

typedef struct PacsLogField {
    const char *key;
    enum { PACS_LOG_TEXT, PACS_LOG_I64, PACS_LOG_U64, PACS_LOG_DOUBLE, PACS_LOG_BOOL } kind;
    union {
        const char *text; /* NULL is left out */
        int64_t i64;
        uint64_t u64;
        double number;
        bool flag;
    } value;
} PacsLogField;

#define PACS_F_TEXT(name, v) ((PacsLogField){.key = (name), .kind = PACS_LOG_TEXT, .value.text = (v)})
#define PACS_F_I64(name, v) ((PacsLogField){.key = (name), .kind = PACS_LOG_I64, .value.i64 = (v)})
#define PACS_F_U64(name, v) ((PacsLogField){.key = (name), .kind = PACS_LOG_U64, .value.u64 = (v)})
#define PACS_F_DOUBLE(name, v) ((PacsLogField){.key = (name), .kind = PACS_LOG_DOUBLE, .value.number = (v)})
#define PACS_F_BOOL(name, v) ((PacsLogField){.key = (name), .kind = PACS_LOG_BOOL, .value.flag = (v)})

/** The process's log is the one global of the house. fd is borrowed. Default: info and above, text, to 2. */
void pacs_log_setup(PacsLogLevel level, PacsLogFormat format, int fd);
bool pacs_log_enabled(PacsLogLevel level);
void pacs_log(PacsLogLevel level, const char *component, const char *event, const PacsLogField *fields,
              int count);

/* With at least one field; without any: pacs_log(level, component, event, NULL, 0). */
#define PACS_LOG(level, component, event, ...)                                                               \
    do {                                                                                                     \
        if (pacs_log_enabled(level)) {                                                                       \
            const PacsLogField pacs_log_fields[] = {__VA_ARGS__};                                            \
            pacs_log((level), (component), (event), pacs_log_fields,                                         \
                     (int)(sizeof pacs_log_fields / sizeof pacs_log_fields[0]));                             \
        }                                                                                                    \
    } while (0)
