#include "pacs/util/status.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

static const char *const status_names[] = {
    [PACS_OK] = "ok",
    [PACS_NOT_FOUND] = "not-found",
    [PACS_EXISTS] = "exists",
    [PACS_INVALID] = "invalid",
    [PACS_UNSUPPORTED] = "unsupported",
    [PACS_REFUSED] = "refused",
    [PACS_TOO_LARGE] = "too-large",
    [PACS_NO_SPACE] = "no-space",
    [PACS_CORRUPT] = "corrupt",
    [PACS_UNAVAILABLE] = "unavailable",
    [PACS_CANCELLED] = "cancelled",
    [PACS_NO_MEMORY] = "no-memory",
    [PACS_INTERNAL] = "internal",
};

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

const char *pacs_status_name(PacsStatus status)
{
    size_t index = (size_t)status;
    return index < sizeof status_names / sizeof status_names[0] ? status_names[index] : "unknown";
}
