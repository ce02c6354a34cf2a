#include <string.h>

#include "pacs/dicom/uid.h"
#include "pacs/util/text.h"
#include "transcode/object_private.h"

#define OUT_MAX ((size_t)8 << 20)    /* one run of input in the new form, and an icon that may be left out */
#define HELD_MAX ((size_t)1 << 20)   /* of a sequence that may be left out: icons have 64 by 64 pixels */
#define VALUE_MAX ((size_t)64 << 10) /* of an attribute that changes */
#define PADDED(size) ((size) + ((size)&1u))

/* ---- Bytes of the new form ---- */

static void put_u16(const ObjectWriter *writer, uint8_t *out, uint16_t value)
{
    out[writer->is_big_endian ? 1 : 0] = (uint8_t)value;
    out[writer->is_big_endian ? 0 : 1] = (uint8_t)(value >> 8);
}

static void put_u32(const ObjectWriter *writer, uint8_t *out, uint32_t value)
{
    put_u16(writer, out + (writer->is_big_endian ? 2 : 0), (uint16_t)value);
    put_u16(writer, out + (writer->is_big_endian ? 0 : 2), (uint16_t)(value >> 16));
}

static void put_tag(const ObjectWriter *writer, uint8_t *out, PacsTag tag)
{
    put_u16(writer, out, pacs_tag_group(tag));
    put_u16(writer, out + 2, pacs_tag_element(tag));
}

size_t object_writer_header(const ObjectWriter *writer, PacsTag tag, PacsVr vr, uint64_t length,
                            uint8_t out[12])
{
    const uint32_t size = length == PACS_LENGTH_UNDEFINED ? UINT32_MAX : (uint32_t)length;

    put_tag(writer, out, tag);
    if (writer->is_implicit) {
        put_u32(writer, out + 4, size);
        return 8;
    }
    if (!pacs_vr_info(vr)->long_header && size > UINT16_MAX)
        vr = PACS_VR_UN; /* PS3.5 6.2.2 */
    memcpy(out + 4, pacs_vr_code(vr), 2);
    if (!pacs_vr_info(vr)->long_header) {
        put_u16(writer, out + 6, (uint16_t)size);
        return 8;
    }
    put_u16(writer, out + 6, 0);
    put_u32(writer, out + 8, size);
    return 12;
}

void object_writer_delimiter(const ObjectWriter *writer, PacsTag tag, uint32_t length, uint8_t out[8])
{
    put_tag(writer, out, tag);
    put_u32(writer, out + 4, length);
}

static void add_header(ObjectWriter *writer, PacsTag tag, PacsVr vr, uint64_t length)
{
    uint8_t header[12];

    pacs_buffer_add(&writer->out, header, object_writer_header(writer, tag, vr, length, header));
}

static void add_delimiter(ObjectWriter *writer, PacsTag tag, uint32_t length)
{
    uint8_t bytes[8];

    object_writer_delimiter(writer, tag, length, bytes);
    pacs_buffer_add(&writer->out, bytes, sizeof bytes);
}

/* ---- Values ---- */

static void add_swapped(ObjectWriter *writer, const uint8_t *bytes, size_t size, size_t unit)
{
    for (size_t i = 0; i < size; i++) {
        writer->word[writer->word_size++] = bytes[i];
        if (writer->word_size < unit)
            continue;
        for (size_t k = unit; k-- > 0;)
            pacs_buffer_add(&writer->out, &writer->word[k], 1);
        writer->word_size = 0;
    }
}

static size_t swap_unit(const ObjectWriter *writer, const PacsElement *element)
{
    return element->big_endian != writer->is_big_endian ? pacs_vr_info(element->vr)->swap_size : 1;
}

static void end_value(ObjectWriter *writer, const PacsElement *element)
{
    pacs_buffer_add(&writer->out, writer->word, writer->word_size); /* what is no whole word stays as it is */
    writer->word_size = 0;
    if (element->length & 1)
        pacs_buffer_add(&writer->out, &pacs_vr_info(element->vr)->padding, 1);
}

/* ---- Attributes that change ---- */

static void add_text(ObjectWriter *writer, const TranscodeChange *change, PacsSlice front,
                     const char *separator, PacsSlice behind)
{
    const size_t size = front.size + strlen(separator) + behind.size;

    add_header(writer, change->tag, change->vr, PADDED(size));
    pacs_buffer_add(&writer->out, front.text, front.size);
    pacs_buffer_add_text(&writer->out, separator);
    pacs_buffer_add(&writer->out, behind.text, behind.size);
    if (size & 1)
        pacs_buffer_add(&writer->out, &pacs_vr_info(change->vr)->padding, 1);
}

/* `old` is the value that the object has, "" if it has none. */
static void add_change(ObjectWriter *writer, const TranscodeChange *change, PacsSlice old)
{
    const PacsSlice text = pacs_slice(change->text);
    const PacsSlice none = pacs_slice("");

    if (change->vr == PACS_VR_US) {
        uint8_t number[2];
        put_u16(writer, number, change->number);
        add_header(writer, change->tag, change->vr, sizeof number);
        pacs_buffer_add(&writer->out, number, sizeof number);
        return;
    }
    while (old.size > 0 && (old.text[old.size - 1] == ' ' || old.text[old.size - 1] == '\0'))
        old.size--;
    if (change->how == TRANSCODE_CHANGE_SET || old.size == 0) {
        add_text(writer, change, text, "", none);
    } else if (change->how == TRANSCODE_CHANGE_APPEND) {
        add_text(writer, change, old, "\\", text);
    } else { /* TRANSCODE_CHANGE_FIRST */
        const char *rest = memchr(old.text, '\\', old.size);
        const PacsSlice behind = rest ? (PacsSlice){rest, old.size - (size_t)(rest - old.text)} : none;
        add_text(writer, change, text, "", behind);
    }
}

/* What the object does not have itself, in front of the attribute that comes. */
static void add_changes_before(ObjectWriter *writer, PacsTag tag)
{
    while (writer->next_change < writer->change_count && writer->changes[writer->next_change].tag < tag)
        add_change(writer, &writer->changes[writer->next_change++], pacs_slice(""));
}

static const TranscodeChange *take_change(ObjectWriter *writer, PacsTag tag)
{
    if (writer->next_change == writer->change_count || writer->changes[writer->next_change].tag != tag)
        return NULL;
    pacs_buffer_reset(&writer->value);
    return &writer->changes[writer->next_change++];
}

PacsStatus object_writer_finish(ObjectWriter *writer, PacsError *err)
{
    add_changes_before(writer, UINT32_MAX);
    return pacs_buffer_check(&writer->out, err);
}

/* ---- What the reader tells ---- */

static bool is_left_out(const ObjectWriter *writer, PacsTag tag)
{
    if (writer->drops_sequence || pacs_tag_group(tag) == 0x0002 || pacs_tag_is_group_length(tag))
        return true;
    return writer->replaces_pixels &&
           (tag == PACS_TAG_EXTENDED_OFFSET_TABLE || tag == PACS_TAG_EXTENDED_OFFSET_TABLE_LENGTHS);
}

static bool takes_frames(ObjectWriter *writer, const PacsElement *element)
{
    if (!writer->replaces_pixels || element->depth > 0 || element->tag != PACS_TAG_PIXEL_DATA)
        return false;
    if (writer->pixels_at == OBJECT_NOWHERE)
        writer->pixels_at = writer->out.size;
    return true;
}

static PacsStatus dataset_begin(void *context, const PacsDatasetStart *start, PacsError *err)
{
    ObjectWriter *writer = context;

    (void)err;
    memcpy(writer->stored_uid, start->transfer_syntax_uid, sizeof writer->stored_uid);
    writer->is_from_deflated = start->deflated;
    writer->holds = start->flags & PACS_UID_ENCAPSULATED &&
                    strcmp(writer->stored_uid, writer->form.transfer_syntax_uid) != 0;
    return PACS_OK;
}

static PacsStatus element_begin(void *context, const PacsElement *element, PacsError *err)
{
    ObjectWriter *writer = context;

    writer->changing = NULL;
    writer->word_size = 0;
    writer->drops_value = is_left_out(writer, element->tag);
    if (writer->drops_value)
        return PACS_OK;
    if (element->depth == 0) {
        add_changes_before(writer, element->tag);
        writer->changing = take_change(writer, element->tag);
        writer->drops_value = takes_frames(writer, element);
        if (writer->changing || writer->drops_value)
            return pacs_buffer_check(&writer->out, err);
    }
    add_header(writer, element->tag, element->vr, PADDED(element->length));
    return pacs_buffer_check(&writer->out, err);
}

static PacsStatus value(void *context, const PacsElement *element, const uint8_t *bytes, size_t size,
                        PacsError *err)
{
    ObjectWriter *writer = context;
    const size_t unit = swap_unit(writer, element);

    if (writer->drops_value)
        return PACS_OK;
    if (writer->changing) {
        pacs_buffer_add(&writer->value, bytes, size);
        return pacs_buffer_check(&writer->value, err);
    }
    if (unit > 1)
        add_swapped(writer, bytes, size, unit);
    else
        pacs_buffer_add(&writer->out, bytes, size);
    return pacs_buffer_check(&writer->out, err);
}

static PacsStatus element_end(void *context, const PacsElement *element, PacsError *err)
{
    ObjectWriter *writer = context;

    if (writer->drops_value)
        return PACS_OK;
    if (writer->changing)
        add_change(writer, writer->changing,
                   (PacsSlice){pacs_buffer_text(&writer->value), writer->value.size});
    else
        end_value(writer, element);
    return pacs_buffer_check(&writer->out, err);
}

/* ---- Sequences: a compressed picture in one takes the whole sequence at the top with it ---- */

static PacsStatus check(ObjectWriter *writer, PacsError *err)
{
    if (writer->hold_at != OBJECT_NOWHERE && writer->out.size - writer->hold_at > HELD_MAX)
        writer->hold_at = OBJECT_NOWHERE; /* too much to take back: no icon */
    return pacs_buffer_check(&writer->out, err);
}

static PacsStatus sequence_begin(void *context, const PacsElement *element, PacsError *err)
{
    ObjectWriter *writer = context;

    writer->depth = element->depth + 1;
    if (writer->drops_sequence)
        return PACS_OK;
    if (element->depth == 0) {
        add_changes_before(writer, element->tag);
        writer->hold_at = writer->holds ? writer->out.size : OBJECT_NOWHERE;
    }
    add_header(writer, element->tag, PACS_VR_SQ, PACS_LENGTH_UNDEFINED);
    return check(writer, err);
}

static PacsStatus item_begin(void *context, PacsTag sequence, uint32_t item_number, PacsError *err)
{
    ObjectWriter *writer = context;

    (void)sequence;
    (void)item_number;
    if (writer->drops_sequence)
        return PACS_OK;
    add_delimiter(writer, PACS_TAG_ITEM, UINT32_MAX);
    return check(writer, err);
}

static PacsStatus item_end(void *context, PacsTag sequence, uint32_t item_number, PacsError *err)
{
    ObjectWriter *writer = context;

    (void)sequence;
    (void)item_number;
    if (writer->drops_sequence)
        return PACS_OK;
    add_delimiter(writer, PACS_TAG_ITEM_DELIMITATION_ITEM, 0);
    return check(writer, err);
}

static PacsStatus sequence_end(void *context, PacsTag sequence, PacsError *err)
{
    ObjectWriter *writer = context;

    (void)sequence;
    if (!writer->drops_sequence)
        add_delimiter(writer, PACS_TAG_SEQUENCE_DELIMITATION_ITEM, 0);
    if (--writer->depth == 0) {
        writer->drops_sequence = false;
        writer->hold_at = OBJECT_NOWHERE;
    }
    return pacs_buffer_check(&writer->out, err);
}

/* ---- Encapsulated pixel data ---- */

static void leave_sequence_out(ObjectWriter *writer)
{
    if (writer->hold_at == OBJECT_NOWHERE)
        return;
    writer->out.size = writer->hold_at;
    writer->hold_at = OBJECT_NOWHERE;
    writer->drops_sequence = true;
}

static PacsStatus pixels_begin(void *context, const PacsElement *element, PacsError *err)
{
    ObjectWriter *writer = context;

    if (element->depth == 0)
        add_changes_before(writer, element->tag);
    writer->drops_value = is_left_out(writer, element->tag) || takes_frames(writer, element);
    if (writer->drops_value)
        return pacs_buffer_check(&writer->out, err);
    if (strcmp(writer->stored_uid, writer->form.transfer_syntax_uid) != 0) {
        writer->drops_value = true;
        leave_sequence_out(writer);
        return PACS_OK;
    }
    add_header(writer, element->tag, element->vr, PACS_LENGTH_UNDEFINED);
    return pacs_buffer_check(&writer->out, err);
}

static PacsStatus fragment_begin(void *context, const PacsElement *element, uint64_t fragment_index,
                                 uint64_t offset, uint64_t size, PacsError *err)
{
    ObjectWriter *writer = context;

    (void)element;
    (void)fragment_index;
    (void)offset;
    writer->is_odd = size & 1;
    if (!writer->drops_value)
        add_delimiter(writer, PACS_TAG_ITEM, (uint32_t)PADDED(size));
    return pacs_buffer_check(&writer->out, err);
}

static PacsStatus fragment(void *context, const PacsElement *element, const uint8_t *bytes, size_t size,
                           PacsError *err)
{
    ObjectWriter *writer = context;

    (void)element;
    if (!writer->drops_value)
        pacs_buffer_add(&writer->out, bytes, size);
    return pacs_buffer_check(&writer->out, err);
}

static PacsStatus fragment_end(void *context, const PacsElement *element, PacsError *err)
{
    ObjectWriter *writer = context;

    (void)element;
    if (!writer->drops_value && writer->is_odd)
        pacs_buffer_add(&writer->out, "", 1);
    return pacs_buffer_check(&writer->out, err);
}

static PacsStatus pixels_end(void *context, const PacsElement *element, uint64_t end_offset, PacsError *err)
{
    ObjectWriter *writer = context;

    (void)element;
    (void)end_offset;
    if (!writer->drops_value)
        add_delimiter(writer, PACS_TAG_SEQUENCE_DELIMITATION_ITEM, 0);
    return pacs_buffer_check(&writer->out, err);
}

const PacsReaderHandler object_writer_handler = {
    .dataset_begin = dataset_begin,
    .element_begin = element_begin,
    .value = value,
    .element_end = element_end,
    .sequence_begin = sequence_begin,
    .item_begin = item_begin,
    .item_end = item_end,
    .sequence_end = sequence_end,
    .pixels_begin = pixels_begin,
    .fragment_begin = fragment_begin,
    .fragment = fragment,
    .fragment_end = fragment_end,
    .pixels_end = pixels_end,
};

void object_writer_init(ObjectWriter *writer, const TranscodeObjectForm *form, bool replaces_pixels)
{
    const PacsUidEntry *syntax = pacs_uid_find_transfer_syntax(pacs_slice(form->transfer_syntax_uid));

    *writer = (ObjectWriter){
        .form = *form,
        .is_implicit = strcmp(form->transfer_syntax_uid, PACS_UID_IMPLICIT_LITTLE) == 0,
        .is_big_endian = syntax && syntax->flags & PACS_UID_BIG_ENDIAN,
        .is_encapsulated = syntax && syntax->flags & PACS_UID_ENCAPSULATED,
        .is_from_deflated = true,
        .replaces_pixels = replaces_pixels,
        .pixels_at = OBJECT_NOWHERE,
        .hold_at = OBJECT_NOWHERE,
    };
    pacs_buffer_init(&writer->out, OUT_MAX);
    pacs_buffer_init(&writer->value, VALUE_MAX);
}

void object_writer_clear(ObjectWriter *writer)
{
    pacs_buffer_clear(&writer->out);
    pacs_buffer_clear(&writer->value);
}
