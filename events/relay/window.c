#include "events/relay/window.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define STATES (RELAY_ARRIVED + 1)

/* Two tables over the same rows: by id, and by key, where the rows of a key form a chain in the order of their ids. */
typedef struct Key Key;
struct Key {
    char *text;
    RelayRow *first, *last; /* not yet arrived */
    Key *next;              /* of the bucket */
};

struct RelayWindow {
    size_t max_rows, max_bytes;
    size_t rows, bytes;
    size_t bucket_mask;
    RelayRow **by_id;
    Key **by_key;
    RelayList lists[STATES];
};

/* ---- Tables ---- */

static size_t bucket_of_id(const RelayWindow *window, int64_t id)
{
    return (size_t)id & window->bucket_mask; /* ids are given out one after the other */
}

/** FNV-1a: keys are UIDs, whose differences are in their last digits. */
static size_t bucket_of_key(const RelayWindow *window, const char *key)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);

    for (; *key; key++)
        hash = (hash ^ (uint8_t)*key) * UINT64_C(0x100000001b3);
    return (size_t)(hash ^ hash >> 32) & window->bucket_mask;
}

static Key *find_key(const RelayWindow *window, const char *text)
{
    for (Key *key = window->by_key[bucket_of_key(window, text)]; key; key = key->next) {
        if (strcmp(key->text, text) == 0)
            return key;
    }
    return NULL;
}

static Key *add_key(RelayWindow *window, const char *text)
{
    Key **bucket = &window->by_key[bucket_of_key(window, text)];
    Key *key = calloc(1, sizeof *key);

    if (!key)
        return NULL;
    key->text = strdup(text);
    if (!key->text) {
        free(key);
        return NULL;
    }
    key->next = *bucket;
    return *bucket = key;
}

static void remove_key(RelayWindow *window, const Key *key)
{
    Key **at = &window->by_key[bucket_of_key(window, key->text)];

    while (*at != key)
        at = &(*at)->next;
    Key *found = *at;
    *at = found->next;
    free(found->text);
    free(found);
}

/* ---- Lists ---- */

static void list_add(RelayList *list, RelayRow *row)
{
    row->previous = list->last;
    row->next = NULL;
    *(list->last ? &list->last->next : &list->first) = row;
    list->last = row;
    list->count++;
}

static void list_remove(RelayList *list, RelayRow *row)
{
    *(row->previous ? &row->previous->next : &list->first) = row->next;
    *(row->next ? &row->next->previous : &list->last) = row->previous;
    list->count--;
}

static void set_state(RelayWindow *window, RelayRow *row, RelayRowState state)
{
    if (row->state != RELAY_BEHIND)
        list_remove(&window->lists[row->state], row);
    row->state = state;
    if (state != RELAY_BEHIND)
        list_add(&window->lists[state], row);
}

/* ---- The window ---- */

static size_t buckets_for(size_t rows)
{
    size_t count = 64;

    while (count < rows)
        count *= 2;
    return count;
}

PacsStatus relay_window_new(size_t max_rows, size_t max_bytes, RelayWindow **ret_window, PacsError *err)
{
    const size_t buckets = buckets_for(max_rows);
    RelayWindow *window = calloc(1, sizeof *window);

    if (window) {
        *window = (RelayWindow){.max_rows = max_rows, .max_bytes = max_bytes, .bucket_mask = buckets - 1};
        window->by_id = calloc(buckets, sizeof(RelayRow *));
        window->by_key = calloc(buckets, sizeof(Key *));
    }
    if (!window || !window->by_id || !window->by_key) {
        relay_window_free(window);
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for the relay");
    }
    *ret_window = window;
    return PACS_OK;
}

void relay_window_free(RelayWindow *window)
{
    if (!window)
        return;
    if (window->by_id && window->by_key)
        relay_window_clear(window);
    free(window->by_id);
    free(window->by_key);
    free(window);
}

size_t relay_window_room(const RelayWindow *window)
{
    if (window->rows == 0)
        return window->max_rows;
    return window->rows < window->max_rows && window->bytes < window->max_bytes
               ? window->max_rows - window->rows
               : 0;
}

bool relay_window_has(const RelayWindow *window, int64_t id)
{
    const RelayRow *row = window->by_id[bucket_of_id(window, id)];

    while (row && row->event.id != id)
        row = row->next_id;
    return row != NULL;
}

size_t relay_window_rows(const RelayWindow *window)
{
    return window->rows;
}

size_t relay_window_bytes(const RelayWindow *window)
{
    return window->bytes;
}

const RelayList *relay_window_list(const RelayWindow *window, RelayRowState state)
{
    return &window->lists[state];
}

/* ---- Rows ---- */

static size_t text_size(const char *text)
{
    return text ? strlen(text) + 1 : 0;
}

/** Behind the row, in its own block. */
static const char *copy_text(char **at, const char *text)
{
    const size_t size = text_size(text);
    char *copy = *at;

    if (!text)
        return NULL;
    memcpy(copy, text, size);
    *at += size;
    return copy;
}

static RelayRow *new_row(const PacsOutboxEvent *event)
{
    const size_t bytes = sizeof(RelayRow) + text_size(event->ce_id) + text_size(event->type) +
                         text_size(event->key) + text_size(event->lane) + text_size(event->traceparent) +
                         text_size(event->data);
    RelayRow *row = malloc(bytes);

    if (!row)
        return NULL;
    char *text = (char *)(row + 1);
    *row = (RelayRow){.event = *event,
                      .bytes = bytes,
                      .type = events_type_find(event->type),
                      .slots = {{.row = row, .record = RELAY_EVENT}, {.row = row, .record = RELAY_STATE}}};
    row->event.ce_id = copy_text(&text, event->ce_id);
    row->event.type = copy_text(&text, event->type);
    row->event.key = copy_text(&text, event->key);
    row->event.lane = copy_text(&text, event->lane);
    row->event.traceparent = copy_text(&text, event->traceparent);
    row->event.data = copy_text(&text, event->data);
    row->event.dead_reason = NULL;
    row->to_send = RELAY_EVENT | (row->type && row->type->state != EVENTS_STATE_NONE ? RELAY_STATE : 0);
    return row;
}

PacsStatus relay_window_add(RelayWindow *window, const PacsOutboxEvent *event, PacsError *err)
{
    RelayRow *row = new_row(event);
    Key *key = row ? find_key(window, event->key) : NULL;

    if (row && !key)
        key = add_key(window, event->key);
    if (!key) {
        free(row);
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for an event");
    }
    RelayRow **bucket = &window->by_id[bucket_of_id(window, event->id)];
    row->next_id = *bucket;
    *bucket = row;
    window->rows++;
    window->bytes += row->bytes;
    if (key->last)
        key->last->next_of_key = row;
    else
        key->first = row;
    key->last = row;
    set_state(window, row, key->first == row ? RELAY_READY : RELAY_BEHIND);
    return PACS_OK;
}

/** Out of its key's chain, whose first it is; the next is ready. */
static void leave_key(RelayWindow *window, const RelayRow *row)
{
    Key *key = find_key(window, row->event.key);

    assert(key && key->first == row); /* the only one that is ever sent */
    key->first = row->next_of_key;
    if (key->first)
        set_state(window, key->first, RELAY_READY);
    else
        remove_key(window, key);
}

static void free_row(RelayWindow *window, RelayRow *row)
{
    RelayRow **at = &window->by_id[bucket_of_id(window, row->event.id)];

    while (*at != row)
        at = &(*at)->next_id;
    *at = row->next_id;
    if (row->state != RELAY_BEHIND)
        list_remove(&window->lists[row->state], row);
    window->rows--;
    window->bytes -= row->bytes;
    free(row);
}

void relay_window_move(RelayWindow *window, RelayRow *row, RelayRowState state)
{
    if (state == RELAY_ARRIVED)
        leave_key(window, row);
    set_state(window, row, state);
}

void relay_window_remove(RelayWindow *window, RelayRow *row)
{
    if (row->state != RELAY_ARRIVED)
        leave_key(window, row);
    free_row(window, row);
}

void relay_window_remove_key(RelayWindow *window, RelayRow *row)
{
    Key *key = find_key(window, row->event.key);

    assert(key && key->first == row);
    while (row) {
        RelayRow *next = row->next_of_key;
        free_row(window, row);
        row = next;
    }
    remove_key(window, key);
}

void relay_window_clear(RelayWindow *window)
{
    for (size_t i = 0; i <= window->bucket_mask; i++) {
        while (window->by_id[i])
            free_row(window, window->by_id[i]);
        while (window->by_key[i])
            remove_key(window, window->by_key[i]);
    }
}
