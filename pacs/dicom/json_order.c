#include <stdlib.h>
#include <string.h>

#include "pacs/dicom/scan_internal.h"

/* Data sets whose elements stand out of order or twice are rare, and DICOM JSON wants rising tags (PS3.18
 * F.2.2). So nothing is kept for them while reading: such a data set's JSON, written as it came, is cut into
 * its members and put together again. */

typedef struct Member {
    size_t start; /* of the key's quote, from the start of the JSON */
    size_t size;
} Member;

/* Past a string, an object or an array: JSON that we wrote ourselves. */
static size_t skip_member(const uint8_t *json, size_t at, size_t end)
{
    int depth = 0;
    bool quoted = false;
    for (; at < end; at++) {
        uint8_t c = json[at];
        if (quoted) {
            if (c == '\\')
                at++;
            else if (c == '"')
                quoted = false;
        } else if (c == '"') {
            quoted = true;
        } else if (c == '{' || c == '[') {
            depth++;
        } else if (c == '}' || c == ']') {
            if (depth-- == 0)
                return at;
        } else if (c == ',' && depth == 0) {
            return at;
        }
    }
    return at;
}

typedef struct Order {
    const uint8_t *json;
} Order;

/* By key, which has the order of tags: eight digits, letters in upper case. Equal keys by place. */
static int compare(const void *first, const void *second, void *context)
{
    const Order *order = context;
    const Member *a = first;
    const Member *b = second;
    int difference = memcmp(order->json + a->start, order->json + b->start, PACS_TAG_HEX_SIZE);
    return difference != 0 ? difference : (a->start > b->start) - (a->start < b->start);
}

static bool cut(const PacsBuffer *json, size_t start, PacsBuffer *members)
{
    size_t end = json->size - 1; /* the closing brace */
    for (size_t at = start + 1; at < end;) {
        size_t after = skip_member(json->bytes, at, end);
        const Member member = {at, after - at};
        if (!pacs_buffer_add(members, &member, sizeof member))
            return false;
        at = after + 1;
    }
    return true;
}

static bool join(const PacsBuffer *json, const Member *members, size_t count, PacsBuffer *out)
{
    bool added = pacs_buffer_add_char(out, '{');
    const uint8_t *last = NULL;
    for (size_t i = 0; added && i < count; i++) {
        const uint8_t *member = json->bytes + members[i].start;
        if (last && memcmp(last, member, PACS_TAG_HEX_SIZE) == 0)
            continue;
        added = (!last || pacs_buffer_add_char(out, ',')) && pacs_buffer_add(out, member, members[i].size);
        last = member;
    }
    return added && pacs_buffer_add_char(out, '}');
}

PacsStatus json_order_members(PacsBuffer *json, size_t start, PacsBuffer *scratch, PacsError *err)
{
    PACS_AUTO_BUFFER PacsBuffer members = PACS_BUFFER(PACS_MAX_INSTANCE_JSON);
    if (!cut(json, start, &members))
        return pacs_buffer_check(&members, err);
    size_t count = members.size / sizeof(Member);
    if (count == 0) /* in order, and qsort_r wants no NULL */
        return PACS_OK;
    Member *sorted = (Member *)(void *)members.bytes; /* memory from malloc: aligned */
    qsort_r(sorted, count, sizeof *sorted, compare, &(Order){json->bytes});
    pacs_buffer_reset(scratch);
    if (!join(json, sorted, count, scratch))
        return pacs_buffer_check(scratch, err);
    json->size = start;
    (void)pacs_buffer_add(json, scratch->bytes, scratch->size); /* not longer than before: fits */
    pacs_buffer_reset(scratch);
    return PACS_OK;
}
