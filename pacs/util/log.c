#include "pacs/util/log.h"

#include <ctype.h>
#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "pacs/util/clock.h"
#include "pacs/util/json.h"
#include "pacs/util/text.h"

#define VALUE_MAX 512 /* bytes of a text value; even if each is escaped into six it is below a record */
#define TAIL_ROOM 16  /* for `,"cut":true}` or ` cut=true`, and the line end */

static struct {
    atomic_int level;
    atomic_int format;
    atomic_int fd;
} settings = {PACS_LOG_INFO, PACS_LOG_AS_TEXT, STDERR_FILENO};

static const char *const level_names[] = {
    [PACS_LOG_TRACE] = "trace",     [PACS_LOG_DEBUG] = "debug", [PACS_LOG_INFO] = "info",
    [PACS_LOG_WARNING] = "warning", [PACS_LOG_ERROR] = "error",
};
static const char *const level_words[] = {
    [PACS_LOG_TRACE] = "TRACE",     [PACS_LOG_DEBUG] = "DEBUG", [PACS_LOG_INFO] = "INFO",
    [PACS_LOG_WARNING] = "WARNING", [PACS_LOG_ERROR] = "ERROR",
};

void pacs_log_setup(PacsLogLevel level, PacsLogFormat format, int fd)
{
    atomic_store(&settings.level, (int)level);
    atomic_store(&settings.format, (int)format);
    atomic_store(&settings.fd, fd);
}

bool pacs_log_enabled(PacsLogLevel level)
{
    return (int)level >= atomic_load_explicit(&settings.level, memory_order_relaxed);
}

/* A record under way. It lives on the stack, so that logging needs no memory: `out` never grows, since its
 * capacity is its maximum. */
typedef struct Record {
    uint8_t room[PACS_LOG_RECORD_MAX + 1];
    PacsBuffer out;
    bool cut;
} Record;

static void begin_record(Record *record)
{
    size_t max = PACS_LOG_RECORD_MAX - TAIL_ROOM;
    record->out = (PacsBuffer){.bytes = record->room, .capacity = max, .max = max};
    record->cut = false;
}

static void open_tail(Record *record)
{
    record->out.capacity = record->out.max = PACS_LOG_RECORD_MAX;
}

/* Forget what was added since `size`, if not all of it fitted. */
static bool keep_or_take_back(Record *record, size_t size)
{
    if (!record->out.failed)
        return true;
    record->out.size = size;
    record->out.failed = false;
    record->out.failure = PACS_OK;
    record->cut = true;
    return false;
}

static void add_text_value(Record *record, PacsJson *json, const char *text)
{
    size_t size = strnlen(text, VALUE_MAX + 1);
    record->cut |= size > VALUE_MAX;
    pacs_json_string_n(json, text, pacs_utf8_cut(text, size, VALUE_MAX));
}

static void add_value(Record *record, PacsJson *json, const PacsLogField *field)
{
    switch (field->kind) {
    case PACS_LOG_TEXT:
        add_text_value(record, json, field->value.text);
        break;
    case PACS_LOG_I64:
        pacs_json_i64(json, field->value.i64);
        break;
    case PACS_LOG_U64:
        pacs_json_u64(json, field->value.u64);
        break;
    case PACS_LOG_DOUBLE:
        pacs_json_double(json, field->value.number);
        break;
    case PACS_LOG_BOOL:
        pacs_json_bool(json, field->value.flag);
        break;
    }
}

static bool is_absent(const PacsLogField *field)
{
    return field->kind == PACS_LOG_TEXT && !field->value.text;
}

typedef struct Heading {
    char time[32];
    PacsLogLevel level;
    const char *component;
    const char *event;
} Heading;

static void add_field_json(Record *record, PacsJson *json, const PacsLogField *field)
{
    PacsJson before = *json;
    size_t size = record->out.size;
    pacs_json_key(json, field->key);
    add_value(record, json, field);
    if (!keep_or_take_back(record, size))
        *json = before;
}

static void format_json(Record *record, const Heading *heading, const PacsLogField *fields, int count)
{
    PacsJson json;
    pacs_json_init(&json, &record->out, false);
    pacs_json_object_begin(&json);
    pacs_json_member_string(&json, "ts", heading->time);
    pacs_json_member_string(&json, "level", level_names[heading->level]);
    pacs_json_member_string(&json, "component", heading->component);
    pacs_json_member_string(&json, "event", heading->event);
    for (int i = 0; i < count; i++)
        if (!is_absent(&fields[i]))
            add_field_json(record, &json, &fields[i]);

    open_tail(record);
    if (record->cut)
        pacs_json_member_bool(&json, "cut", true);
    pacs_json_object_end(&json);
}

/* Whether people can read it without quotes. */
static bool is_bare(const char *text)
{
    size_t i = 0;
    while (isgraph((unsigned char)text[i]) && !strchr("\"=\\", text[i]))
        i++;
    return i > 0 && text[i] == '\0';
}

static void add_field_text(Record *record, const PacsLogField *field)
{
    size_t size = record->out.size;
    (void)pacs_buffer_add_format(&record->out, " %s=", field->key); /* `failed` is looked at below */
    if (field->kind == PACS_LOG_TEXT && strnlen(field->value.text, VALUE_MAX + 1) <= VALUE_MAX &&
        is_bare(field->value.text)) {
        (void)pacs_buffer_add_text(&record->out, field->value.text);
    } else {
        PacsJson value;
        pacs_json_init(&value, &record->out, false);
        add_value(record, &value, field);
    }
    (void)keep_or_take_back(record, size);
}

static void format_text(Record *record, const Heading *heading, const PacsLogField *fields, int count)
{
    (void)pacs_buffer_add_format(&record->out, "%s %s %s %s", heading->time, level_words[heading->level],
                                 heading->component, heading->event); /* literals of ours: they fit */
    for (int i = 0; i < count; i++)
        if (!is_absent(&fields[i]))
            add_field_text(record, &fields[i]);

    open_tail(record);
    if (record->cut)
        (void)pacs_buffer_add_text(&record->out, " cut=true");
}

/* One write, whole or not at all: a log that cannot be written is nobody's to tell. */
static void write_record(const Record *record)
{
    int fd = atomic_load(&settings.fd);
    ssize_t written;
    do
        written = write(fd, record->out.bytes, record->out.size);
    while (written < 0 && errno == EINTR);
}

void pacs_log(PacsLogLevel level, const char *component, const char *event, const PacsLogField *fields,
              int count)
{
    if (!pacs_log_enabled(level))
        return;
    int saved = errno; /* a log line changes nothing for its caller */
    Heading heading = {.level = level, .component = component, .event = event};
    pacs_time_format_rfc3339(pacs_now_ms(), heading.time);

    Record record;
    begin_record(&record);
    if (atomic_load(&settings.format) == PACS_LOG_AS_JSON)
        format_json(&record, &heading, fields, count);
    else
        format_text(&record, &heading, fields, count);
    (void)pacs_buffer_add_char(&record.out, '\n'); /* the tail has room for it */
    write_record(&record);
    errno = saved;
}
