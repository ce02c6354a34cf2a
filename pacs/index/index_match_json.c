#include <string.h>

#include "pacs/index/index_match.h"
#include "pacs/util/json_read.h"
#include "pacs/util/limits.h"

/* Attributes in a DICOM JSON object (PS3.18 F.2), found by a path of tags. */

/** What to do with each value at the end of the path; true ends the walk. */
typedef bool ValueVisitor(void *context, PacsSlice value);

typedef struct Walk {
    PacsJsonReader reader;
    const PacsTag *sequences;
    size_t sequence_count;
    PacsTag tag;
    ValueVisitor *visit;
    void *context;
    PacsBuffer value;
    bool done;
} Walk;

static PacsStatus damaged(PacsError *err)
{
    return pacs_fail(err, PACS_CORRUPT, "stored DICOM JSON is damaged");
}

/** The walk ends with the object it began with, so the text never ends before it. */
static PacsStatus next(Walk *walk, PacsJsonToken *ret_token, PacsSlice *ret_text, PacsError *err)
{
    const PacsStatus status = pacs_json_next(&walk->reader, ret_token, ret_text, err);
    return status == PACS_OK && *ret_token == PACS_JSON_END ? damaged(err) : status;
}

static PacsStatus expect(Walk *walk, PacsJsonToken token, PacsError *err)
{
    PacsJsonToken found;
    PacsSlice text;
    const PacsStatus status = next(walk, &found, &text, err);
    return status == PACS_OK && found != token ? damaged(err) : status;
}

/** A person name's groups, joined as DICOM has them; the object is open. */
static PacsStatus read_name(Walk *walk, PacsError *err)
{
    static const char *const groups[] = {"Alphabetic", "Ideographic", "Phonetic"};
    PacsSlice texts[3] = {{0}};
    for (;;) {
        PacsJsonToken token;
        PacsSlice key;
        PacsStatus status = next(walk, &token, &key, err);
        if (status != PACS_OK)
            return status;
        if (token != PACS_JSON_KEY)
            break;
        PacsSlice text;
        status = next(walk, &token, &text, err);
        if (status != PACS_OK)
            return status;
        for (size_t i = 0; i < 3; i++)
            if (token == PACS_JSON_STRING && pacs_slice_equal(key, groups[i]))
                texts[i] = text;
    }
    for (size_t i = 0; i < 3; i++) {
        if (i > 0)
            (void)pacs_buffer_add_char(&walk->value, '='); /* checked once, at the end */
        const PacsStatus status = texts[i].text ? pacs_json_unescape(texts[i], &walk->value, err) : PACS_OK;
        if (status != PACS_OK)
            return status;
    }
    return pacs_buffer_check(&walk->value, err);
}

static PacsStatus read_value(Walk *walk, PacsJsonToken token, PacsSlice text, PacsError *err)
{
    PacsStatus status = PACS_OK;
    pacs_buffer_reset(&walk->value);
    if (token == PACS_JSON_STRING)
        status = pacs_json_unescape(text, &walk->value, err);
    else if (token == PACS_JSON_OBJECT_BEGIN)
        status = read_name(walk, err);
    else if (token == PACS_JSON_NUMBER && !pacs_buffer_add(&walk->value, text.text, text.size))
        status = pacs_buffer_check(&walk->value, err);
    if (status == PACS_OK)
        walk->done = walk->visit(walk->context,
                                 (PacsSlice){pacs_buffer_text(&walk->value), walk->value.size});
    return status;
}

static PacsStatus walk_object(Walk *walk, size_t depth, PacsError *err);

/** The array behind "Value": values, or items of a sequence that the path goes on in. */
static PacsStatus walk_values(Walk *walk, size_t depth, PacsError *err)
{
    PacsStatus status = expect(walk, PACS_JSON_ARRAY_BEGIN, err);
    while (status == PACS_OK && !walk->done) {
        PacsJsonToken token;
        PacsSlice text;
        status = next(walk, &token, &text, err);
        if (status != PACS_OK || token == PACS_JSON_ARRAY_END)
            return status;
        if (depth == walk->sequence_count)
            status = read_value(walk, token, text, err);
        else if (token == PACS_JSON_OBJECT_BEGIN)
            status = walk_object(walk, depth + 1, err);
    }
    return status;
}

static PacsStatus walk_element(Walk *walk, size_t depth, PacsError *err)
{
    PacsStatus status = expect(walk, PACS_JSON_OBJECT_BEGIN, err);
    while (status == PACS_OK && !walk->done) {
        PacsJsonToken token;
        PacsSlice key;
        status = next(walk, &token, &key, err);
        if (status != PACS_OK || token == PACS_JSON_OBJECT_END)
            return status;
        if (token != PACS_JSON_KEY)
            return damaged(err);
        status = pacs_slice_equal(key, "Value") ? walk_values(walk, depth, err)
                                                : pacs_json_skip(&walk->reader, err);
    }
    return status;
}

/** An open object of elements. As deep as the path, which has at most PACS_MAX_SEQUENCE_DEPTH sequences. */
static PacsStatus walk_object(Walk *walk, size_t depth, PacsError *err)
{
    char wanted[PACS_TAG_HEX_SIZE];
    pacs_tag_format(depth < walk->sequence_count ? walk->sequences[depth] : walk->tag, wanted);
    PacsStatus status = PACS_OK;
    while (status == PACS_OK && !walk->done) {
        PacsJsonToken token;
        PacsSlice key;
        status = next(walk, &token, &key, err);
        if (status != PACS_OK || token == PACS_JSON_OBJECT_END)
            return status;
        if (token != PACS_JSON_KEY)
            return damaged(err);
        status = pacs_slice_equal(key, wanted) ? walk_element(walk, depth, err)
                                               : pacs_json_skip(&walk->reader, err);
    }
    return status;
}

static PacsStatus walk_json(Walk *walk, PacsSlice json, PacsError *err)
{
    walk->reader = pacs_json_reader(json.text, json.size);
    walk->value = PACS_BUFFER(PACS_MAX_INSTANCE_JSON);
    PacsStatus status = expect(walk, PACS_JSON_OBJECT_BEGIN, err);
    if (status == PACS_OK)
        status = walk_object(walk, 0, err);
    pacs_buffer_clear(&walk->value);
    return status;
}

/* ---- Matching ---- */

typedef struct ValueTest {
    const PacsMatcher *matcher;
    PacsMatchContext context;
    bool matches;
} ValueTest;

static bool test_value(void *context, PacsSlice value)
{
    ValueTest *test = context;
    test->matches = pacs_matcher_test_value(test->matcher, value, &test->context);
    return test->matches;
}

PacsStatus pacs_match_json(const PacsMatcher *matcher, const PacsSearchTerm *term, PacsSlice json,
                           PacsZone zone, bool *ret_matches, PacsError *err)
{
    PACS_AUTO_BUFFER PacsBuffer partner = PACS_BUFFER(PACS_MAX_TEXT_VALUE);
    ValueTest test = {.matcher = matcher, .context.zone = zone};
    Walk walk = {.sequences = term->sequences,
                 .sequence_count = term->sequence_count,
                 .tag = term->tag,
                 .visit = test_value,
                 .context = &test};
    PacsStatus status = PACS_OK;
    if (term->time_tag) {
        status = pacs_match_json_find(json, term->time_tag, &partner, err);
        test.context.partner = pacs_buffer_text(&partner);
    }
    if (status == PACS_OK && matcher->match != PACS_MATCH_ANY)
        status = walk_json(&walk, json, err);
    if (status == PACS_OK)
        *ret_matches = test.matches || matcher->match == PACS_MATCH_ANY;
    return status;
}

typedef struct ValueCopy {
    PacsBuffer *out;
    bool failed;
} ValueCopy;

static bool copy_value(void *context, PacsSlice value)
{
    ValueCopy *copy = context;
    copy->failed = !pacs_buffer_add(copy->out, value.text, value.size);
    return true;
}

PacsStatus pacs_match_json_find(PacsSlice json, PacsTag tag, PacsBuffer *out, PacsError *err)
{
    ValueCopy copy = {.out = out};
    Walk walk = {.tag = tag, .visit = copy_value, .context = &copy};
    const PacsStatus status = walk_json(&walk, json, err);
    return status == PACS_OK && copy.failed ? pacs_buffer_check(out, err) : status;
}
