#include "pacs/util/buffer.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_CAPACITY 64

void pacs_buffer_init(PacsBuffer *buffer, size_t max)
{
    *buffer = (PacsBuffer){.max = max < SIZE_MAX ? max : SIZE_MAX - 1}; /* one is for the NUL */
}

void pacs_buffer_clear(PacsBuffer *buffer)
{
    free(buffer->bytes);
    pacs_buffer_init(buffer, buffer->max);
}

void pacs_buffer_reset(PacsBuffer *buffer)
{
    buffer->size = 0;
    buffer->failed = false;
    buffer->failure = PACS_OK;
    if (buffer->bytes)
        buffer->bytes[0] = '\0';
}

static size_t grown_capacity(const PacsBuffer *buffer, size_t needed)
{
    size_t capacity = buffer->capacity < FIRST_CAPACITY ? FIRST_CAPACITY : buffer->capacity;
    while (capacity < needed)
        capacity = capacity > buffer->max / 2 ? buffer->max : capacity * 2;
    return capacity < buffer->max ? capacity : buffer->max;
}

static PacsStatus make_room(PacsBuffer *buffer, size_t extra)
{
    if (extra > buffer->max - buffer->size)
        return PACS_TOO_LARGE;
    if (buffer->bytes && extra <= buffer->capacity - buffer->size)
        return PACS_OK;

    size_t capacity = grown_capacity(buffer, buffer->size + extra);
    uint8_t *bytes = realloc(buffer->bytes, capacity + 1);
    if (!bytes)
        return PACS_NO_MEMORY;
    bytes[buffer->size] = '\0';
    buffer->bytes = bytes;
    buffer->capacity = capacity;
    return PACS_OK;
}

static PacsStatus explain(PacsStatus status, size_t max, PacsError *err)
{
    if (status == PACS_OK)
        return PACS_OK;
    if (status == PACS_TOO_LARGE)
        return pacs_fail(err, status, "more than %zu bytes, which is the limit here", max);
    return pacs_fail(err, status, "no memory for a buffer");
}

PacsStatus pacs_buffer_reserve(PacsBuffer *buffer, size_t extra, PacsError *err)
{
    return explain(make_room(buffer, extra), buffer->max, err);
}

static bool ready_to_add(PacsBuffer *buffer, size_t extra)
{
    if (buffer->failed)
        return false;
    buffer->failure = make_room(buffer, extra);
    buffer->failed = buffer->failure != PACS_OK;
    return !buffer->failed;
}

bool pacs_buffer_add(PacsBuffer *buffer, const void *bytes, size_t size)
{
    if (!ready_to_add(buffer, size))
        return false;
    if (size > 0)
        memcpy(buffer->bytes + buffer->size, bytes, size);
    buffer->size += size;
    buffer->bytes[buffer->size] = '\0';
    return true;
}

bool pacs_buffer_add_text(PacsBuffer *buffer, const char *text)
{
    return pacs_buffer_add(buffer, text, strlen(text));
}

bool pacs_buffer_add_char(PacsBuffer *buffer, char c)
{
    return pacs_buffer_add(buffer, &c, 1);
}

static int format_at_end(PacsBuffer *buffer, const char *fmt, va_list arguments) PACS_PRINTF(2, 0);

static int format_at_end(PacsBuffer *buffer, const char *fmt, va_list arguments)
{
    size_t room = buffer->capacity - buffer->size + 1;
    return vsnprintf((char *)buffer->bytes + buffer->size, room, fmt, arguments);
}

bool pacs_buffer_add_format(PacsBuffer *buffer, const char *fmt, ...)
{
    if (!ready_to_add(buffer, 0))
        return false;

    va_list arguments;
    va_start(arguments, fmt);
    int length = format_at_end(buffer, fmt, arguments);
    va_end(arguments);
    assert(length >= 0); /* a wrong format is our own mistake */

    size_t size = (size_t)length;
    if (size > buffer->capacity - buffer->size) {
        buffer->bytes[buffer->size] = '\0'; /* it was cut: take it back */
        if (!ready_to_add(buffer, size))
            return false;
        va_start(arguments, fmt);
        (void)format_at_end(buffer, fmt, arguments); /* the length is known */
        va_end(arguments);
    }
    buffer->size += size;
    return true;
}

void pacs_buffer_drop_front(PacsBuffer *buffer, size_t size)
{
    assert(size <= buffer->size);
    if (size == 0)
        return;
    buffer->size -= size;
    memmove(buffer->bytes, buffer->bytes + size, buffer->size);
    buffer->bytes[buffer->size] = '\0';
}

PacsStatus pacs_buffer_check(const PacsBuffer *buffer, PacsError *err)
{
    return explain(buffer->failure, buffer->max, err);
}

const char *pacs_buffer_text(const PacsBuffer *buffer)
{
    if (!buffer->bytes)
        return "";
    if (buffer->bytes[buffer->size] != '\0') /* the caller raised size himself, see reserve */
        buffer->bytes[buffer->size] = '\0';
    return (const char *)buffer->bytes;
}
