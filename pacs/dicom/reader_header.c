#include "pacs/dicom/reader_internal.h"

#include <inttypes.h>
#include <string.h>

#include "pacs/dicom/dictionary.h"

/* Element headers (PS3.5 7.1): what a tag, a VR and a length mean where they stand. */

#define LENGTH32_UNDEFINED 0xFFFFFFFFu

/* Palette descriptors: their first value is a count, up to 65,535, whatever the pixels are. */
static bool is_palette_descriptor(PacsTag tag)
{
    return tag >= PACS_TAG(0x0028, 0x1101) && tag <= PACS_TAG(0x0028, 0x1104);
}

static PacsVr implicit_vr(const ReaderLevel *level, PacsTag tag)
{
    PacsVr vr = pacs_dictionary_vr(tag);
    if (vr == PACS_VR_US && level->signed_pixels && pacs_dictionary_vr_depends_on_sign(tag) &&
        !is_palette_descriptor(tag))
        return PACS_VR_SS;
    return vr == PACS_VR_NONE ? PACS_VR_UN : vr;
}

static bool is_letter(uint8_t c)
{
    return c >= 'A' && c <= 'Z';
}

typedef struct Header {
    PacsTag tag;
    PacsVr vr;
    uint32_t length;
    uint32_t size; /* of the header itself */
} Header;

/* Letters that PS3.5 does not know yet will have a long header (PS3.5 6.2, note on new VRs); what are no
 * letters at all ("??", zeros) was written by programs that knew no VR and wrote short ones. */
static bool has_long_header(const uint8_t *bytes, PacsVr vr)
{
    if (vr != PACS_VR_NONE)
        return pacs_vr_info(vr)->long_header;
    return is_letter(bytes[4]) && is_letter(bytes[5]);
}

/* False (and starved) if the header has not come completely. */
static bool read_header(PacsReader *reader, const ReaderLevel *level, Header *ret_header)
{
    const uint8_t *bytes = reader_peek(reader, 8);
    if (!bytes)
        return false;
    ret_header->tag = reader_tag(bytes, level->big_endian);
    ret_header->size = 8;
    if (pacs_tag_group(ret_header->tag) == 0xFFFE || !level->explicit_vr) {
        ret_header->length = reader_u32(bytes + 4, level->big_endian);
        ret_header->vr = implicit_vr(level, ret_header->tag);
        return true;
    }
    char code[3] = {(char)bytes[4], (char)bytes[5], 0};
    PacsVr vr = pacs_vr_from_code(code);
    ret_header->vr = vr == PACS_VR_NONE ? PACS_VR_UN : vr;
    if (!has_long_header(bytes, vr)) {
        ret_header->length = reader_u16(bytes + 6, level->big_endian);
        return true;
    }
    bytes = reader_peek(reader, 12);
    if (!bytes)
        return false;
    ret_header->size = 12;
    ret_header->length = reader_u32(bytes + 8, level->big_endian);
    return true;
}

/* Two mixtures are common. A sequence that was written as UN is in implicit VR by rule (CP-246), but some
 * writers left it explicit; and some copy implicit items into explicit files. The first element of an item
 * tells. */
static void settle_item_syntax(ReaderLevel *level, const uint8_t *header)
{
    level->fresh = false;
    PacsTag tag = reader_tag(header, level->big_endian);
    if (pacs_tag_group(tag) == 0xFFFE)
        return;
    bool explicit_vr = reader_looks_explicit(header);
    if (!level->explicit_vr) {
        char code[3] = {(char)header[4], (char)header[5], 0};
        PacsVr known = pacs_dictionary_vr(tag);
        level->explicit_vr = level->unknown && explicit_vr &&
                             (known == PACS_VR_UN || known == pacs_vr_from_code(code));
        return;
    }
    if (explicit_vr || (is_letter(header[4]) && is_letter(header[5])))
        return;
    uint32_t length = reader_u32(header + 4, level->big_endian);
    bool plausible = pacs_dictionary_find(tag) && length <= 0xFFFF;
    level->explicit_vr = !plausible;
}

static PacsStatus fail_at(const PacsReader *reader, const Header *header, const char *what, PacsError *err)
{
    return pacs_fail(err, PACS_INVALID, "(%04X,%04X) at offset %" PRIu64 " %s", pacs_tag_group(header->tag),
                     pacs_tag_element(header->tag), reader->position, what);
}

static PacsStatus check_length(const PacsReader *reader, const ReaderLevel *level, const Header *header,
                               PacsError *err)
{
    if (level->limit == UNBOUNDED)
        return PACS_OK;
    uint64_t room = level->limit - reader->position;
    if (room < header->size)
        return fail_at(reader, header, "has a header that runs over the end of its item", err);
    if (header->length != LENGTH32_UNDEFINED && room - header->size < header->length)
        return fail_at(reader, header, "has a value that runs over the end of its item", err);
    return PACS_OK;
}

/* (FFFE,xxxx) where an element could stand. */
static PacsStatus read_delimiter(PacsReader *reader, const Header *header, PacsError *err)
{
    if (header->tag != PACS_TAG_ITEM_DELIMITATION_ITEM || reader->level_count == 1)
        return fail_at(reader, header, "where an element should begin", err);
    bool undefined = reader_top(reader)->end == UNBOUNDED;
    reader_consume(reader, 8);
    return undefined ? reader_close_level(reader, err)
                     : PACS_OK; /* superfluous where the item gave its length */
}

static bool is_pixel_data(PacsTag tag)
{
    return tag == PACS_TAG_PIXEL_DATA || tag == PACS_TAG_FLOAT_PIXEL_DATA ||
           tag == PACS_TAG_DOUBLE_FLOAT_PIXEL_DATA;
}

static PacsStatus begin_fragments(PacsReader *reader, PacsError *err)
{
    reader->element.encapsulated = true;
    reader->fragments = 0;
    reader->state = STATE_FRAGMENT;
    const PacsReaderHandler *handler = reader->handler;
    return handler->pixels_begin ? handler->pixels_begin(reader->context, &reader->element, err) : PACS_OK;
}

static PacsStatus begin_sequence(PacsReader *reader, bool was_unknown, PacsError *err)
{
    reader->element.vr = PACS_VR_SQ;
    PacsStatus status = reader_open_sequence(reader, err);
    if (status != PACS_OK || !was_unknown)
        return status;
    ReaderLevel *level = reader_top(reader); /* CP-246 */
    level->unknown = true;
    level->explicit_vr = false;
    level->big_endian = false;
    return PACS_OK;
}

static PacsStatus begin_element(PacsReader *reader, const ReaderLevel *level, const Header *header,
                                PacsError *err)
{
    bool undefined = header->length == LENGTH32_UNDEFINED && (header->size == 12 || !level->explicit_vr);
    bool pixels = is_pixel_data(header->tag);
    reader->element = (PacsElement){.tag = header->tag,
                                    .vr = header->vr,
                                    .length = undefined ? PACS_LENGTH_UNDEFINED : header->length,
                                    .header_offset = reader->position,
                                    .value_offset = reader->position + header->size,
                                    .depth = (uint32_t)(reader->level_count - 1) / 2,
                                    .big_endian = level->big_endian || (pixels && reader->big_endian_pixels)};
    bool unknown = header->vr == PACS_VR_UN;
    bool sequence = header->vr == PACS_VR_SQ || (unknown && undefined && !pixels);
    bool fragments = undefined && !sequence && (pixels || pacs_vr_info(header->vr)->bulk);
    if (undefined && !sequence && !fragments)
        return fail_at(reader, header, "has no length, which its VR does not allow", err);
    if ((sequence || fragments) && !reader->dataset_begun)
        return fail_at(reader, header, "does not belong into file meta information", err);
    reader_consume(reader, header->size);
    if (sequence)
        return begin_sequence(reader, unknown, err);
    return fragments ? begin_fragments(reader, err) : reader_begin_value(reader, err);
}

/* The last bytes of a file, too few for a header: padding, or something is missing. */
static void settle_rest(PacsReader *reader)
{
    size_t size = reader_available(reader);
    static const uint8_t zeros[HEADER_SIZE];
    if (reader->level_count == 1 && size > 0 && size < HEADER_SIZE &&
        memcmp(reader_peek(reader, size), zeros, size) == 0)
        reader->state = STATE_PADDING;
    reader->starved = reader->state != STATE_PADDING;
}

PacsStatus reader_step_element(PacsReader *reader, PacsError *err)
{
    ReaderLevel *level = reader_top(reader);
    if (level->fresh) {
        const uint8_t *bytes = reader_peek(reader, 8);
        if (!bytes)
            return PACS_OK;
        settle_item_syntax(level, bytes);
    }
    Header header = {0};
    if (!read_header(reader, level, &header)) {
        if (reader->ended && reader->dataset_begun)
            settle_rest(reader);
        return PACS_OK;
    }
    if (pacs_tag_group(header.tag) == 0xFFFE)
        return read_delimiter(reader, &header, err);
    if (header.tag == 0 && header.length == 0 && reader->level_count == 1 && reader->dataset_begun) {
        reader->state = STATE_PADDING;
        return PACS_OK;
    }
    PacsStatus status = check_length(reader, level, &header, err);
    return status == PACS_OK ? begin_element(reader, level, &header, err) : status;
}
