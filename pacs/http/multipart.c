#include "pacs/http/multipart.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "pacs/util/limits.h"

/* White space behind a boundary (RFC 2046 calls it transport padding) up to this much is no data. */
#define PADDING_MAX 32

/* What cannot be decided without the bytes that follow: CR, LF, two dashes, boundary, padding, CR. */
#define UNDECIDED_MAX (1 + 1 + 2 + PACS_MULTIPART_BOUNDARY_MAX + PADDING_MAX + 1)
/* With this many bytes in hand more is decided than was held. */
#define HELD_SIZE (2 * UNDECIDED_MAX + 2)

typedef enum State {
    STATE_PREAMBLE,
    STATE_HEADER,
    STATE_DATA,
    STATE_EPILOGUE,
} State;

struct PacsMultipart {
    const PacsMultipartHandler *handler;
    void *context;
    char delimiter[3 + PACS_MULTIPART_BOUNDARY_MAX + 1]; /* "\n--boundary" */
    size_t delimiter_size;

    State state;
    bool at_line_start; /* of the body or of a part's data: a boundary may stand here without a line break */
    bool crlf;          /* the first boundary's line ended so: a CR in front of a boundary belongs to it */
    uint64_t preamble_size;
    uint64_t part_number;

    PacsBuffer header; /* the part's header lines as they came */
    size_t line_start; /* of the last one, in `header` */
    PacsHttpPair pairs[PACS_MAX_MULTIPART_HEADERS];

    uint8_t held[HELD_SIZE]; /* the undecided end of what was fed */
    size_t held_size;
    PacsError failure; /* sticky; status PACS_OK while all is well */
};

const char *pacs_multipart_header(const PacsMultipartPart *part, const char *name)
{
    for (size_t i = 0; i < part->header_count; i++) {
        if (strcasecmp(part->headers[i].name, name) == 0)
            return part->headers[i].value;
    }
    return NULL;
}

static bool can_be_boundary(const char *boundary)
{
    size_t size = strlen(boundary);

    for (size_t i = 0; i < size; i++) {
        if (boundary[i] < ' ' || boundary[i] > '~')
            return false;
    }
    return size > 0 && size <= PACS_MULTIPART_BOUNDARY_MAX && boundary[size - 1] != ' ';
}

PacsStatus pacs_multipart_new(const char *boundary, const PacsMultipartHandler *handler, void *context,
                              PacsMultipart **ret_multipart, PacsError *err)
{
    if (!can_be_boundary(boundary))
        return pacs_fail(err, PACS_INVALID, "a multipart boundary has 1 to %d printable characters",
                         PACS_MULTIPART_BOUNDARY_MAX);
    PacsMultipart *multipart = calloc(1, sizeof *multipart);
    if (!multipart)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for a multipart body");

    multipart->handler = handler;
    multipart->context = context;
    multipart->at_line_start = true;
    multipart->delimiter_size = (size_t)snprintf(multipart->delimiter, sizeof multipart->delimiter, "\n--%s",
                                                 boundary); /* it fits: checked above */
    pacs_buffer_init(&multipart->header, PACS_MAX_MULTIPART_HEADER);
    *ret_multipart = multipart;
    return PACS_OK;
}

void pacs_multipart_free(PacsMultipart *multipart)
{
    if (!multipart)
        return;
    pacs_buffer_clear(&multipart->header);
    free(multipart);
}

/* ---- A part's header ---- */

/* A line that begins with white space goes on with the one before (RFC 5322 2.2.3). */
static void unfold(PacsBuffer *header)
{
    char *text = (char *)header->bytes;

    for (size_t i = 1; i + 1 < header->size; i++) {
        if (text[i] == '\n' && (text[i + 1] == ' ' || text[i + 1] == '\t')) {
            text[i] = ' ';
            if (text[i - 1] == '\r')
                text[i - 1] = ' ';
        }
    }
}

/* Makes two C strings of a line, in place. */
static PacsStatus parse_line(const PacsMultipart *multipart, char *line, size_t size, PacsHttpPair *ret_pair,
                             PacsError *err)
{
    char *colon = memchr(line, ':', size);
    if (!colon || colon == line || memchr(line, '\0', size))
        return pacs_fail(err, PACS_INVALID, "part %" PRIu64 " has a header line that is none",
                         multipart->part_number);

    PacsSlice name = pacs_slice_trim((PacsSlice){line, (size_t)(colon - line)});
    PacsSlice value = pacs_slice_trim((PacsSlice){colon + 1, size - (size_t)(colon + 1 - line)});
    *colon = '\0'; /* ends a name that nothing follows */
    line[name.text + name.size - line] = '\0';
    line[value.text + value.size - line] = '\0'; /* at most over the line feed */
    *ret_pair = (PacsHttpPair){name.text, value.text};
    return PACS_OK;
}

static PacsStatus parse_header(PacsMultipart *multipart, size_t *ret_count, PacsError *err)
{
    char *at = (char *)multipart->header.bytes;
    char *end = at + multipart->line_start; /* without the blank line */
    size_t count = 0;

    unfold(&multipart->header);
    while (at < end) {
        char *line_end = memchr(at, '\n', (size_t)(end - at));
        assert(line_end); /* only whole lines stand in front of the blank one */
        if (count == PACS_MAX_MULTIPART_HEADERS)
            return pacs_fail(err, PACS_TOO_LARGE, "part %" PRIu64 " has more than %d header lines",
                             multipart->part_number, PACS_MAX_MULTIPART_HEADERS);
        PacsStatus status = parse_line(multipart, at, (size_t)(line_end - at), &multipart->pairs[count++],
                                       err);
        if (status != PACS_OK)
            return status;
        at = line_end + 1;
    }
    *ret_count = count;
    return PACS_OK;
}

static PacsStatus begin_part(PacsMultipart *multipart, PacsError *err)
{
    PacsMultipartPart part = {.number = multipart->part_number, .headers = multipart->pairs};

    PacsStatus status = parse_header(multipart, &part.header_count, err);
    if (status != PACS_OK)
        return status;
    multipart->state = STATE_DATA;
    multipart->at_line_start = true;
    return multipart->handler->part_begin(multipart->context, &part, err);
}

static bool is_blank_line(const PacsMultipart *multipart)
{
    size_t size = multipart->header.size - multipart->line_start;
    const uint8_t *line = multipart->header.bytes + multipart->line_start;

    return size == 1 || (size == 2 && line[0] == '\r');
}

/* One line, or what there is of it. */
static PacsStatus step_header(PacsMultipart *multipart, const uint8_t *bytes, size_t size, size_t *ret_used,
                              PacsError *err)
{
    const uint8_t *line_feed = memchr(bytes, '\n', size);
    size_t used = line_feed ? (size_t)(line_feed - bytes) + 1 : size;

    *ret_used = used;
    if (!pacs_buffer_add(&multipart->header, bytes, used))
        return pacs_fail(err, multipart->header.failure, "the header of part %" PRIu64 " is over %u bytes",
                         multipart->part_number, PACS_MAX_MULTIPART_HEADER);
    if (!line_feed)
        return PACS_OK;
    if (is_blank_line(multipart))
        return begin_part(multipart, err);
    multipart->line_start = multipart->header.size;
    return PACS_OK;
}

/* ---- Boundaries ---- */

typedef enum Match {
    MATCH_NONE,
    MATCH_UNDECIDED, /* the bytes end too early to say */
    MATCH_BOUNDARY,
    MATCH_CLOSING,
} Match;

typedef struct Boundary {
    Match match;
    size_t size; /* with its line's end */
    bool crlf;
} Boundary;

/* What follows the boundary's own characters. */
static Boundary match_line_end(const uint8_t *bytes, size_t size, size_t at)
{
    size_t padding_end = at + PADDING_MAX;

    if (at < size && bytes[at] == '-') {
        if (at + 1 == size)
            return (Boundary){.match = MATCH_UNDECIDED};
        if (bytes[at + 1] == '-')
            return (Boundary){MATCH_CLOSING, at + 2, false};
        return (Boundary){.match = MATCH_NONE};
    }
    while (at < size && at < padding_end && (bytes[at] == ' ' || bytes[at] == '\t'))
        at++;
    bool crlf = at < size && bytes[at] == '\r';
    at += crlf;
    if (at == size)
        return (Boundary){.match = MATCH_UNDECIDED};
    if (bytes[at] == '\n')
        return (Boundary){MATCH_BOUNDARY, at + 1, crlf};
    return (Boundary){.match = MATCH_NONE};
}

/* `bytes` begin where the two dashes of a boundary should. */
static Boundary match_boundary(const PacsMultipart *multipart, const uint8_t *bytes, size_t size)
{
    const char *dashed = multipart->delimiter + 1;
    size_t dashed_size = multipart->delimiter_size - 1;
    size_t common = size < dashed_size ? size : dashed_size;

    if (memcmp(bytes, dashed, common) != 0)
        return (Boundary){.match = MATCH_NONE};
    if (common < dashed_size)
        return (Boundary){.match = MATCH_UNDECIDED};
    return match_line_end(bytes, size, dashed_size);
}

/* Where a boundary (its line feed) may begin that the bytes to come would complete; `size` if nowhere. */
static size_t find_unfinished(const PacsMultipart *multipart, const uint8_t *bytes, size_t size)
{
    size_t longest = multipart->delimiter_size - 1;
    const uint8_t *at = bytes + (size > longest ? size - longest : 0);
    const uint8_t *end = bytes + size;

    for (; at < end && (at = memchr(at, '\n', (size_t)(end - at))); at++) {
        if (memcmp(at, multipart->delimiter, (size_t)(end - at)) == 0)
            return (size_t)(at - bytes);
    }
    return size;
}

/* ---- Data ---- */

static PacsStatus deliver(PacsMultipart *multipart, const uint8_t *bytes, size_t size, PacsError *err)
{
    if (multipart->state == STATE_DATA)
        return size > 0 ? multipart->handler->part_data(multipart->context, bytes, size, err) : PACS_OK;
    multipart->preamble_size += size;
    if (multipart->preamble_size > PACS_MAX_MULTIPART_PREAMBLE)
        return pacs_fail(err, PACS_INVALID,
                         "the boundary of the Content-Type does not occur in the first %u bytes of the body",
                         PACS_MAX_MULTIPART_PREAMBLE);
    return PACS_OK;
}

static PacsStatus pass_boundary(PacsMultipart *multipart, const Boundary *boundary, PacsError *err)
{
    PacsStatus status = PACS_OK;

    if (multipart->state == STATE_DATA)
        status = multipart->handler->part_end(multipart->context, err);
    else
        multipart->crlf = boundary->crlf;
    multipart->state = boundary->match == MATCH_CLOSING ? STATE_EPILOGUE : STATE_HEADER;
    multipart->part_number++;
    multipart->line_start = 0;
    pacs_buffer_reset(&multipart->header);
    return status;
}

/* Data end at the line feed at `end`, or at the CR in front of it. */
static size_t without_cr(const PacsMultipart *multipart, const uint8_t *bytes, size_t end)
{
    bool may_have_cr = multipart->crlf || multipart->state == STATE_PREAMBLE;

    return may_have_cr && end > 0 && bytes[end - 1] == '\r' ? end - 1 : end;
}

/* The next boundary that stands at the start of a line: *ret_at is its line feed. */
static Boundary find_boundary(const PacsMultipart *multipart, const uint8_t *bytes, size_t size,
                              size_t *ret_at)
{
    Boundary boundary = {.match = MATCH_NONE};
    const uint8_t *from = bytes;

    while (boundary.match == MATCH_NONE) {
        const uint8_t *found = memmem(from, size - (size_t)(from - bytes), multipart->delimiter,
                                      multipart->delimiter_size);
        if (!found)
            break;
        *ret_at = (size_t)(found - bytes);
        boundary = match_boundary(multipart, found + 1, size - *ret_at - 1);
        from = found + 1;
    }
    return boundary;
}

/* All data up to the next boundary, or up to where one may have begun. */
static PacsStatus step_data(PacsMultipart *multipart, const uint8_t *bytes, size_t size, size_t *ret_used,
                            PacsError *err)
{
    size_t at = 0;
    Boundary boundary = find_boundary(multipart, bytes, size, &at);

    if (boundary.match == MATCH_NONE)
        at = find_unfinished(multipart, bytes, size);
    size_t data_size = without_cr(multipart, bytes, at);
    PacsStatus status = deliver(multipart, bytes, data_size, err);
    *ret_used = data_size;
    if (status != PACS_OK || boundary.match == MATCH_NONE || boundary.match == MATCH_UNDECIDED)
        return status;
    *ret_used = at + 1 + boundary.size;
    return pass_boundary(multipart, &boundary, err);
}

static PacsStatus step_line_start(PacsMultipart *multipart, const uint8_t *bytes, size_t size,
                                  size_t *ret_used, PacsError *err)
{
    Boundary boundary = match_boundary(multipart, bytes, size);

    *ret_used = 0;
    if (boundary.match == MATCH_UNDECIDED)
        return PACS_OK;
    multipart->at_line_start = false;
    if (boundary.match == MATCH_NONE)
        return step_data(multipart, bytes, size, ret_used, err);
    *ret_used = boundary.size;
    return pass_boundary(multipart, &boundary, err);
}

/* ---- Feeding ---- */

/* Read what can be decided; *ret_used 0: nothing can without more bytes. */
static PacsStatus step(PacsMultipart *multipart, const uint8_t *bytes, size_t size, size_t *ret_used,
                       PacsError *err)
{
    switch (multipart->state) {
    case STATE_HEADER:
        return step_header(multipart, bytes, size, ret_used, err);
    case STATE_EPILOGUE:
        *ret_used = size;
        return PACS_OK;
    default:
        return (multipart->at_line_start ? step_line_start : step_data)(multipart, bytes, size, ret_used,
                                                                        err);
    }
}

/* What was held, joined with the first of the new bytes; *ret_used counts new bytes. */
static PacsStatus step_held(PacsMultipart *multipart, const uint8_t *bytes, size_t size, size_t *ret_used,
                            PacsError *err)
{
    size_t old = multipart->held_size;
    size_t room = HELD_SIZE - old;
    size_t joined = old + (size < room ? size : room);
    size_t used = 0;

    memcpy(multipart->held + old, bytes, joined - old);
    PacsStatus status = step(multipart, multipart->held, joined, &used, err);
    if (used >= old) { /* the rest is taken from where it came, without a copy */
        multipart->held_size = 0;
        *ret_used = used - old;
    } else {
        memmove(multipart->held, multipart->held + used, joined - used);
        multipart->held_size = joined - used;
        *ret_used = joined - old;
    }
    return status;
}

static PacsStatus feed(PacsMultipart *multipart, const uint8_t *bytes, size_t size, PacsError *err)
{
    PacsStatus status = PACS_OK;

    while (status == PACS_OK && size > 0) {
        size_t used = 0;
        if (multipart->held_size > 0) {
            status = step_held(multipart, bytes, size, &used, err);
        } else {
            status = step(multipart, bytes, size, &used, err);
            if (status == PACS_OK && used == 0) {
                assert(size <= UNDECIDED_MAX);
                memcpy(multipart->held, bytes, size);
                multipart->held_size = used = size;
            }
        }
        bytes += used;
        size -= used;
    }
    return status;
}

static PacsStatus settle(PacsMultipart *multipart, PacsStatus status, PacsError *err)
{
    multipart->failure.status = status; /* a handler may fail without words */
    if (err && status != PACS_OK)
        *err = multipart->failure;
    return status;
}

PacsStatus pacs_multipart_feed(PacsMultipart *multipart, const uint8_t *bytes, size_t size, PacsError *err)
{
    PacsStatus status = multipart->failure.status;

    if (status == PACS_OK)
        status = feed(multipart, bytes, size, &multipart->failure);
    return settle(multipart, status, err);
}

static PacsStatus finish(const PacsMultipart *multipart, PacsError *err)
{
    switch (multipart->state) {
    case STATE_EPILOGUE:
        return PACS_OK;
    case STATE_PREAMBLE:
        return pacs_fail(err, PACS_INVALID, "the boundary of the Content-Type does not occur in the body");
    default:
        return pacs_fail(err, PACS_INVALID, "the body ends within part %" PRIu64 ", without closing boundary",
                         multipart->part_number);
    }
}

PacsStatus pacs_multipart_finish(PacsMultipart *multipart, PacsError *err)
{
    PacsStatus status = multipart->failure.status;

    if (status == PACS_OK)
        status = finish(multipart, &multipart->failure);
    return settle(multipart, status, err);
}
