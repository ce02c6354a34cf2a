#include "pacs/dicom/reader_internal.h"

#include <inttypes.h>
#include <string.h>

#include "pacs/dicom/dictionary.h"

/* What stands in front of the data set, and what the data set is really in. Files lie about both: prefixes
 * are missing, meta headers are cut out or written in implicit VR, group lengths are wrong (so they are not
 * looked at), and the declared transfer syntax is not always the one that the bytes are in. */

/* GE's implicit little endian with big endian pixel data, in the archives of the late nineties. */
#define UID_GE_IMPLICIT "1.2.840.113619.5.2"

/* Of a first element in implicit VR: a UID, a character set, a length. */
#define PLAUSIBLE_FIRST_LENGTH 0xFFFFu
#define PLAUSIBLE_FIRST_GROUP 0x0028u

bool reader_looks_explicit(const uint8_t *header)
{
    char code[3] = {(char)header[4], (char)header[5], 0};
    return pacs_vr_from_code(code) != PACS_VR_NONE;
}

static bool looks_implicit(const uint8_t *header)
{
    PacsTag tag = reader_tag(header, false);
    uint32_t length = reader_u32(header + 4, false);
    if (pacs_tag_is_group_length(tag))
        return length == 4;
    return pacs_dictionary_find(tag) && length <= PLAUSIBLE_FIRST_LENGTH;
}

/* Groups of a data set's start are small numbers, so their upper byte is 0: first if big endian. The few that
 * look so in little endian (5400: waveforms) are told by whether the dictionary knows the tag. */
static bool looks_big_endian(const uint8_t *header)
{
    if (header[0] != 0 || header[1] == 0)
        return false;
    return pacs_dictionary_find(reader_tag(header, true)) || !pacs_dictionary_find(reader_tag(header, false));
}

static bool looks_like_element(const uint8_t *header)
{
    bool big_endian = looks_big_endian(header);
    uint16_t group = reader_u16(header, big_endian);
    if (group < 0x0002 || group > PLAUSIBLE_FIRST_GROUP)
        return false;
    return reader_looks_explicit(header) || (!big_endian && looks_implicit(header));
}

PacsStatus reader_step_start(PacsReader *reader, PacsError *err)
{
    size_t available = reader_available(reader);
    if (available < START_SIZE && !reader->ended) {
        (void)reader_peek(reader, START_SIZE); /* starves */
        return PACS_OK;
    }
    size_t size = available < START_SIZE ? available : START_SIZE;
    const uint8_t *bytes = reader_peek(reader, size);
    bool prefix = size >= PREAMBLE_SIZE + 4 && memcmp(bytes + PREAMBLE_SIZE, "DICM", 4) == 0;
    bool meta = prefix && size >= PREAMBLE_SIZE + 6 && reader_u16(bytes + PREAMBLE_SIZE + 4, false) == 0x0002;
    bool bare = !meta && size >= 8 && looks_like_element(bytes);

    if (!prefix && !bare)
        return pacs_fail(err, PACS_INVALID,
                         size == 0 ? "empty: no bytes at all"
                                   : "not DICOM: neither the prefix DICM at offset 128 nor a data "
                                     "element at the start");
    if (!bare)
        reader_consume(reader, PREAMBLE_SIZE + 4);
    reader->state = STATE_META;
    return PACS_OK;
}

PacsStatus reader_step_meta(PacsReader *reader, PacsError *err)
{
    const uint8_t *header = reader_peek(reader, 8);
    if (!header) {
        if (!reader->ended)
            return PACS_OK;
        return pacs_fail(err, PACS_INVALID, "cut off in front of the data set, at offset %" PRIu64,
                         reader->position);
    }
    if (reader_u16(header, false) != 0x0002) {
        reader->state = STATE_DATASET;
        return PACS_OK;
    }
    reader_top(reader)->explicit_vr = reader_looks_explicit(header);
    return reader_step_element(reader, err);
}

typedef struct Syntax {
    char uid[PACS_UID_SIZE];
    uint32_t flags;
} Syntax;

static void set_syntax(Syntax *syntax, PacsSlice uid, uint32_t flags)
{
    size_t size = uid.size < PACS_UID_MAX ? uid.size : PACS_UID_MAX; /* registered ones fit */
    if (size > 0)
        memcpy(syntax->uid, uid.text, size);
    syntax->uid[size] = 0;
    syntax->flags = flags;
}

static PacsStatus find_declared(const PacsReader *reader, Syntax *ret_syntax, PacsError *err)
{
    PacsSlice uid = pacs_uid_trim((PacsSlice){reader->declared, reader->declared_size});
    const PacsUidEntry *entry = pacs_uid_find_transfer_syntax(uid);
    if (entry) {
        set_syntax(ret_syntax, uid, entry->flags);
        return PACS_OK;
    }
    if (uid.size == 0 || pacs_slice_equal(uid, UID_GE_IMPLICIT)) {
        set_syntax(ret_syntax, uid, 0);
        return PACS_OK;
    }
    if (!pacs_uid_acceptable(uid))
        return pacs_fail(err, PACS_INVALID, "the transfer syntax (0002,0010) is no UID");
    return pacs_fail(err, PACS_UNSUPPORTED, "transfer syntax %.*s is not one that DICOM defines",
                     (int)uid.size, uid.text);
}

/* Explicit VR needs a VR where one belongs; without one, only an element that makes sense in implicit VR
 * overrules what was declared. */
static bool is_explicit(const uint8_t *header, const Syntax *declared)
{
    if (reader_looks_explicit(header))
        return true;
    bool says_explicit = declared->uid[0] != 0 && (declared->flags & PACS_UID_EXPLICIT);
    return says_explicit && !looks_implicit(header);
}

static PacsStatus decide_syntax(const uint8_t *header, Syntax *syntax, bool *ret_explicit, bool *ret_big,
                                PacsError *err)
{
    bool big_endian = looks_big_endian(header);
    bool explicit_vr = is_explicit(header, syntax);
    if (big_endian && !explicit_vr)
        return pacs_fail(err, PACS_UNSUPPORTED, "the data set is in implicit VR big endian, or is none");
    uint32_t order_flags = PACS_UID_EXPLICIT | PACS_UID_BIG_ENDIAN;
    uint32_t found = (explicit_vr ? PACS_UID_EXPLICIT : 0) | (big_endian ? PACS_UID_BIG_ENDIAN : 0);
    *ret_explicit = explicit_vr;
    *ret_big = big_endian;
    /* The name of a compression says more than whether VRs are written: it stays. */
    bool keep = (syntax->flags & (PACS_UID_ENCAPSULATED | PACS_UID_DEFLATED)) && !big_endian;
    if (syntax->uid[0] != 0 && ((syntax->flags & order_flags) == found || keep))
        return PACS_OK;
    const char *uid = big_endian    ? PACS_UID_EXPLICIT_BIG
                      : explicit_vr ? PACS_UID_EXPLICIT_LITTLE
                                    : PACS_UID_IMPLICIT_LITTLE;
    set_syntax(syntax, pacs_slice(uid), found);
    return PACS_OK;
}

static PacsStatus begin_dataset(PacsReader *reader, const uint8_t *header, Syntax *syntax, PacsError *err)
{
    bool explicit_vr = false;
    bool big_endian = false;
    Syntax declared = *syntax;
    PacsStatus status = decide_syntax(header, syntax, &explicit_vr, &big_endian, err);
    if (status != PACS_OK)
        return status;
    reader_begin_levels(reader, explicit_vr, big_endian);
    reader->big_endian_pixels = strcmp(syntax->uid, UID_GE_IMPLICIT) == 0;
    reader->state = STATE_NEXT;
    reader->dataset.guessed = strcmp(declared.uid, syntax->uid) != 0;
    memcpy(reader->dataset.transfer_syntax_uid, syntax->uid, sizeof syntax->uid);
    reader->dataset.flags = syntax->flags;
    const PacsReaderHandler *handler = reader->handler;
    return handler->dataset_begin ? handler->dataset_begin(reader->context, &reader->dataset, err) : PACS_OK;
}

PacsStatus reader_step_dataset(PacsReader *reader, PacsError *err)
{
    const uint8_t *header = reader_peek(reader, 8);
    bool deflated = reader->dataset.deflated;
    /* A deflated data set may be shorter than an element header. */
    if (!header && !reader->ended)
        return PACS_OK;
    Syntax syntax = {0};
    PacsStatus status = find_declared(reader, &syntax, err);
    if (status != PACS_OK)
        return status;
    if (!deflated)
        reader->dataset.offset = reader->position;
    reader->dataset_begun = true;
    if (!deflated && (syntax.flags & PACS_UID_DEFLATED)) {
        reader->dataset.deflated = true;
        reader->inflate_next = true;
        reader->starved = true;
        return PACS_OK;
    }
    if (!header)
        return pacs_fail(err, PACS_INVALID, "cut off: no data set at offset %" PRIu64, reader->position);
    return begin_dataset(reader, header, &syntax, err);
}
