#include "pacs/util/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#undef pacs_fail /* the analyzer's */
PacsStatus pacs_fail(PacsError *err, PacsStatus status, const char *fmt, ...)
{
    if (!err)
        return status;

    /* Formatted aside, because an argument may be err's present text. */
    char text[PACS_ERROR_TEXT_MAX];
    va_list arguments;
    va_start(arguments, fmt);
    int length = vsnprintf(text, sizeof text, fmt, arguments);
    va_end(arguments);
    if (length < 0)
        text[0] = '\0';

    err->status = status;
    memcpy(err->text, text, sizeof text);
    return status;
}

PacsStatus pacs_fail_context(PacsError *err, PacsStatus status, const char *fmt, ...)
{
    if (!err)
        return status;

    char text[PACS_ERROR_TEXT_MAX];
    va_list arguments;
    va_start(arguments, fmt);
    int length = vsnprintf(text, sizeof text, fmt, arguments);
    va_end(arguments);

    size_t used = length < 0 ? 0 : (size_t)length;
    if (used < sizeof text)
        (void)snprintf(text + used, sizeof text - used, "%s", err->text); /* cut if too long */

    err->status = status;
    memcpy(err->text, text, sizeof text);
    return status;
}

/* A switch and no table, so that the compiler asks for the name of a new status. */
const char *pacs_status_name(PacsStatus status)
{
    switch (status) {
    case PACS_OK:
        return "ok";
    case PACS_NOT_FOUND:
        return "not-found";
    case PACS_EXISTS:
        return "exists";
    case PACS_INVALID:
        return "invalid";
    case PACS_MISMATCH:
        return "mismatch";
    case PACS_UNSUPPORTED:
        return "unsupported";
    case PACS_REFUSED:
        return "refused";
    case PACS_TOO_LARGE:
        return "too-large";
    case PACS_NO_SPACE:
        return "no-space";
    case PACS_CORRUPT:
        return "corrupt";
    case PACS_UNAVAILABLE:
        return "unavailable";
    case PACS_CANCELLED:
        return "cancelled";
    case PACS_NO_MEMORY:
        return "no-memory";
    case PACS_INTERNAL:
        return "internal";
    }
    return "unknown";
}
