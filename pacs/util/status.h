#pragma once

/**
 * The one status and the one error of the house.
 *
 * A status is what a caller can act on; the text is for people. Neither allocates, so that even
 * "no memory" can be reported. Callers start from `PacsError err = {0}`; every err parameter may be NULL.
 */

#define PACS_CHECKED __attribute__((warn_unused_result))
#define PACS_PRINTF(format_index, first_argument)                                                            \
    __attribute__((format(printf, format_index, first_argument)))

typedef enum PacsStatus {
    PACS_OK,
    PACS_NOT_FOUND,   /* the thing asked for is not here */
    PACS_EXISTS,      /* it is here already and may not be replaced */
    PACS_INVALID,     /* the sender's bytes or arguments are wrong: do not retry */
    PACS_MISMATCH,    /* the bytes contradict what was announced with them */
    PACS_UNSUPPORTED, /* well-formed, but nothing we do */
    PACS_REFUSED,     /* well-formed, but configuration or rights forbid it */
    PACS_TOO_LARGE,   /* over one of our limits */
    PACS_NO_SPACE,    /* the disk or the quota is full */
    PACS_CORRUPT,     /* our own stored bytes are wrong */
    PACS_UNAVAILABLE, /* a part we need does not answer: worth a retry */
    PACS_CANCELLED,   /* the peer left or the server is stopping */
    PACS_NO_MEMORY,
    PACS_INTERNAL,
} PacsStatus;

#define PACS_ERROR_TEXT_MAX 256

typedef struct PacsError {
    PacsStatus status;
    char text[PACS_ERROR_TEXT_MAX];
} PacsError;

/** Fill err (may be NULL) and return status, so that a failure is one line: `return pacs_fail(err, ...)`. */
PacsStatus pacs_fail(PacsError *err, PacsStatus status, const char *fmt, ...) PACS_PRINTF(3, 4);
#ifdef __clang_analyzer__ /* it sees one file at a time: let it know that a failure is never PACS_OK */
#define pacs_fail(err, status, ...) (pacs_fail(err, status, __VA_ARGS__), (status))
#endif

/**
 * Put words in front of err's text (cut if too long) and return status, which is what the failed call
 * returned: `return pacs_fail_context(err, status, "while indexing: ");`. The status is an argument because
 * err may be NULL.
 */
PacsStatus pacs_fail_context(PacsError *err, PacsStatus status, const char *fmt, ...) PACS_PRINTF(3, 4);

/** Name of a status for logs and metrics: "ok", "not-found", ... Never NULL. */
const char *pacs_status_name(PacsStatus status);

/** A status nobody can act on here: `pacs_ignore(pacs_store_remove(...)); // why`. (gcc minds a (void).) */
static inline void pacs_ignore(PacsStatus status)
{
    (void)status;
}
