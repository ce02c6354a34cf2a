#include <assert.h>

#include "pacs/index/index_match.h"
#include "pacs/util/json_read.h"
#include "pacs/util/limits.h"

/* All terms of a search over one DICOM JSON object (PS3.18 F.2), which is read once. */

typedef struct Walk {
    PacsJsonReader reader;
    const PacsJsonTest *tests;
    size_t count;
    PacsMatchContext contexts[PACS_MAX_SEARCH_TERMS];
    PacsBuffer value;
    PacsBuffer *copy; /* of the first value; NULL: values are tested */
} Walk;

/** Some of the tests, a bit each. */
typedef uint64_t Tests;
_Static_assert(PACS_MAX_SEARCH_TERMS <= 64, "a test has a bit");
#define TEST(i) ((Tests)1 << (i))

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

/* ---- Values ---- */

static PacsTag tag_at(const PacsSearchTerm *term, size_t depth)
{
    return depth < term->sequence_count ? term->sequences[depth] : term->tag;
}

/** Those of the tests that a member of the object at this depth is for, or leads to. */
static Tests tests_of(const Walk *walk, size_t depth, PacsSlice key, Tests of)
{
    PacsTag tag;
    Tests found = 0;
    if (pacs_tag_parse(key, &tag, NULL) != PACS_OK)
        return 0;
    for (size_t i = 0; i < walk->count; i++)
        if ((of & TEST(i)) && tag_at(walk->tests[i].term, depth) == tag)
            found |= TEST(i);
    return found;
}

static Tests tests_through(const Walk *walk, size_t depth, Tests of)
{
    Tests found = 0;
    for (size_t i = 0; i < walk->count; i++)
        if ((of & TEST(i)) && walk->tests[i].term->sequence_count > depth)
            found |= TEST(i);
    return found;
}

static Tests tests_of_emptiness(const Walk *walk, size_t depth, Tests of)
{
    Tests found = 0;
    for (size_t i = 0; i < walk->count; i++)
        if ((of & TEST(i)) && walk->tests[i].term->sequence_count == depth &&
            walk->tests[i].matcher->match == PACS_MATCH_EMPTY)
            found |= TEST(i);
    return found;
}

static PacsStatus read_value(Walk *walk, PacsJsonToken token, PacsSlice text, PacsError *err)
{
    pacs_buffer_reset(&walk->value);
    if (token == PACS_JSON_STRING)
        return pacs_json_unescape(text, &walk->value, err);
    if (token == PACS_JSON_OBJECT_BEGIN)
        return read_name(walk, err);
    if (token == PACS_JSON_NUMBER && !pacs_buffer_add(&walk->value, text.text, text.size))
        return pacs_buffer_check(&walk->value, err);
    return PACS_OK;
}

/** Of an attribute looked for; a test of emptiness that held until now holds no longer if there is something. */
static PacsStatus test_value(Walk *walk, PacsJsonToken token, PacsSlice text, Tests asked, Tests *held,
                             PacsError *err)
{
    const PacsStatus status = read_value(walk, token, text, err);
    if (status != PACS_OK)
        return status;
    const PacsSlice value = {pacs_buffer_text(&walk->value), walk->value.size};
    if (walk->copy) {
        *held = asked;
        return pacs_buffer_add(walk->copy, value.text, value.size) ? PACS_OK
                                                                   : pacs_buffer_check(walk->copy, err);
    }
    for (size_t i = 0; i < walk->count; i++) {
        const PacsMatcher *matcher = walk->tests[i].matcher;
        if (!(asked & TEST(i)))
            continue;
        const bool matches = pacs_matcher_test_value(matcher, value, &walk->contexts[i]);
        if (matcher->match == PACS_MATCH_EMPTY ? !matches : matches)
            *held ^= TEST(i);
    }
    return PACS_OK;
}

/* ---- Objects ---- */

static PacsStatus match_object(Walk *walk, size_t depth, Tests asked, Tests *ret_held, PacsError *err);

/** An open item of a sequence. What is asked of the sequence has to hold in one item (PS3.4 C.2.2.2.6). */
static PacsStatus match_item(Walk *walk, size_t depth, Tests asked, Tests *held, PacsError *err)
{
    Tests in_item = 0;
    const PacsStatus status = match_object(walk, depth, asked, &in_item, err);
    if (status == PACS_OK && in_item == asked)
        *held |= asked;
    return status;
}

/** Values and items still to be asked; a test of emptiness is until it fails. */
static Tests open_tests(const Walk *walk, size_t depth, Tests asked, Tests held)
{
    const Tests empty = tests_of_emptiness(walk, depth, asked);
    return (asked & ~empty & ~held) | (empty & held);
}

/** The array behind "Value". A sequence itself is only asked whether it is empty. */
static PacsStatus match_values(Walk *walk, size_t depth, bool is_sequence, Tests asked, Tests *held,
                               PacsError *err)
{
    const Tests through = is_sequence ? tests_through(walk, depth, asked) : 0;
    const Tests empty = tests_of_emptiness(walk, depth, asked);
    PacsStatus status = expect(walk, PACS_JSON_ARRAY_BEGIN, err);
    while (status == PACS_OK) {
        PacsJsonToken token;
        PacsSlice text;
        status = next(walk, &token, &text, err);
        if (status != PACS_OK || token == PACS_JSON_ARRAY_END)
            return status;
        if (is_sequence && token == PACS_JSON_OBJECT_BEGIN) {
            *held &= ~empty;
            status = match_item(walk, depth + 1, through & ~*held, held, err);
        } else {
            status = test_value(walk, token, text, open_tests(walk, depth, asked & ~through, *held), held,
                                err);
        }
    }
    return status;
}

static PacsStatus match_element(Walk *walk, size_t depth, Tests asked, Tests *held, PacsError *err)
{
    const Tests empty = tests_of_emptiness(walk, depth, asked);
    bool is_sequence = false; /* "vr" stands first */
    PacsStatus status = expect(walk, PACS_JSON_OBJECT_BEGIN, err);
    while (status == PACS_OK) {
        PacsJsonToken token;
        PacsSlice key;
        PacsSlice vr;
        status = next(walk, &token, &key, err);
        if (status != PACS_OK || token == PACS_JSON_OBJECT_END)
            return status;
        if (token != PACS_JSON_KEY)
            return damaged(err);
        if (pacs_slice_equal(key, "Value")) {
            status = match_values(walk, depth, is_sequence, asked, held, err);
        } else if (pacs_slice_equal(key, "vr")) {
            status = next(walk, &token, &vr, err);
            is_sequence = status == PACS_OK && token == PACS_JSON_STRING && pacs_slice_equal(vr, "SQ");
        } else {
            *held &= ~empty; /* bulk data */
            status = pacs_json_skip(&walk->reader, err);
        }
    }
    return status;
}

/** An open object of elements, to its end: which of the tests hold in it. As deep as the terms' paths, which have at
 *  most PACS_MAX_SEQUENCE_DEPTH sequences. */
static PacsStatus match_object(Walk *walk, size_t depth, Tests asked, Tests *ret_held, PacsError *err)
{
    Tests held = tests_of_emptiness(walk, depth, asked);
    PacsStatus status = PACS_OK;
    for (;;) {
        PacsJsonToken token;
        PacsSlice key;
        status = next(walk, &token, &key, err);
        if (status != PACS_OK)
            return status;
        if (token == PACS_JSON_OBJECT_END)
            break;
        if (token != PACS_JSON_KEY)
            return damaged(err);
        const Tests of_key = tests_of(walk, depth, key, open_tests(walk, depth, asked, held));
        status = of_key ? match_element(walk, depth, of_key, &held, err) : pacs_json_skip(&walk->reader, err);
        if (status != PACS_OK)
            return status;
        if (walk->copy && held == asked)
            break; /* all that is wanted */
    }
    *ret_held = held;
    return PACS_OK;
}

static PacsStatus match_json(Walk *walk, PacsSlice json, bool *ret_matches, PacsError *err)
{
    const Tests all = walk->count < 64 ? TEST(walk->count) - 1 : ~(Tests)0;
    Tests held = 0;
    walk->reader = pacs_json_reader(json.text, json.size);
    walk->value = PACS_BUFFER(PACS_MAX_INSTANCE_JSON);
    PacsStatus status = expect(walk, PACS_JSON_OBJECT_BEGIN, err);
    if (status == PACS_OK)
        status = match_object(walk, 0, all, &held, err);
    pacs_buffer_clear(&walk->value);
    *ret_matches = status == PACS_OK && held == all;
    return status;
}

PacsStatus pacs_match_json(const PacsJsonTest *tests, size_t count, PacsSlice json, PacsZone zone,
                           bool *ret_matches, PacsError *err)
{
    PACS_AUTO_BUFFER PacsBuffer partners = PACS_BUFFER((size_t)PACS_MAX_SEARCH_TERMS * PACS_MAX_TEXT_VALUE);
    Walk walk = {.tests = tests, .count = count};
    size_t starts[PACS_MAX_SEARCH_TERMS];
    PacsStatus status = PACS_OK;
    assert(count <= PACS_MAX_SEARCH_TERMS);
    for (size_t i = 0; status == PACS_OK && i < count; i++) {
        walk.contexts[i].zone = zone;
        starts[i] = partners.size;
        if (!tests[i].term->time_tag)
            continue;
        status = pacs_match_json_find(json, tests[i].term->time_tag, &partners, err);
        if (status == PACS_OK && !pacs_buffer_add(&partners, "", 1))
            status = pacs_buffer_check(&partners, err);
    }
    for (size_t i = 0; status == PACS_OK && i < count; i++) /* now that the buffer moves no more */
        if (tests[i].term->time_tag)
            walk.contexts[i].partner = pacs_buffer_text(&partners) + starts[i];
    return status == PACS_OK ? match_json(&walk, json, ret_matches, err) : status;
}

PacsStatus pacs_match_json_find(PacsSlice json, PacsTag tag, PacsBuffer *out, PacsError *err)
{
    static const PacsMatcher any = {.match = PACS_MATCH_ANY};
    const PacsSearchTerm term = {.tag = tag};
    const PacsJsonTest test = {&any, &term};
    Walk walk = {.tests = &test, .count = 1, .copy = out};
    bool found;
    return match_json(&walk, json, &found, err);
}
