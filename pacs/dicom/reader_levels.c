#include "pacs/dicom/reader_internal.h"

#include <assert.h>
#include <inttypes.h>

/* Sequences and items: a stack of fixed height instead of recursion. */

void reader_begin_levels(PacsReader *reader, bool explicit_vr, bool big_endian)
{
    reader->level_count = 1;
    reader->levels[0] = (ReaderLevel){.end = UNBOUNDED,
                                      .limit = UNBOUNDED,
                                      .is_item = true,
                                      .explicit_vr = explicit_vr,
                                      .big_endian = big_endian};
}

/* Everything but its kind and its end is as in the level around it. */
static ReaderLevel *push(PacsReader *reader, uint64_t length)
{
    assert(reader->level_count < LEVEL_MAX);
    const ReaderLevel *outer = reader_top(reader);
    ReaderLevel *level = &reader->levels[reader->level_count++];
    *level = *outer;
    level->end = length == PACS_LENGTH_UNDEFINED ? UNBOUNDED : reader->position + length;
    level->limit = level->end < outer->limit ? level->end : outer->limit;
    return level;
}

PacsStatus reader_open_sequence(PacsReader *reader, PacsError *err)
{
    const PacsElement *element = &reader->element;
    if (element->depth >= PACS_MAX_SEQUENCE_DEPTH)
        return pacs_fail(err, PACS_TOO_LARGE,
                         "sequence (%04X,%04X) at offset %" PRIu64 " is nested deeper than %u",
                         pacs_tag_group(element->tag), pacs_tag_element(element->tag), element->header_offset,
                         PACS_MAX_SEQUENCE_DEPTH);
    ReaderLevel *level = push(reader, element->length);
    level->sequence = element->tag;
    level->is_item = false;
    level->fresh = false;
    level->items = 0;
    reader->state = STATE_NEXT;
    const PacsReaderHandler *handler = reader->handler;
    return handler->sequence_begin ? handler->sequence_begin(reader->context, element, err) : PACS_OK;
}

PacsStatus reader_close_level(PacsReader *reader, PacsError *err)
{
    assert(reader->level_count > 1);
    const ReaderLevel *level = &reader->levels[--reader->level_count];
    const PacsReaderHandler *handler = reader->handler;
    if (level->is_item)
        return handler->item_end ? handler->item_end(reader->context, level->sequence, level->items, err)
                                 : PACS_OK;
    return handler->sequence_end ? handler->sequence_end(reader->context, level->sequence, err) : PACS_OK;
}

static PacsStatus open_item(PacsReader *reader, uint32_t length, PacsError *err)
{
    ReaderLevel *sequence = reader_top(reader);
    if (sequence->items == UINT32_MAX)
        return pacs_fail(err, PACS_TOO_LARGE, "a sequence has more items than can be counted");
    uint32_t number = ++sequence->items;
    reader_consume(reader, 8);
    bool undefined = length == UINT32_MAX;
    if (!undefined && sequence->limit != UNBOUNDED && sequence->limit - reader->position < length)
        return pacs_fail(
            err, PACS_INVALID,
            "item %" PRIu32 " of (%04X,%04X) at offset %" PRIu64 " runs over the end of its sequence", number,
            pacs_tag_group(sequence->sequence), pacs_tag_element(sequence->sequence), reader->position - 8);
    ReaderLevel *item = push(reader, undefined ? PACS_LENGTH_UNDEFINED : length);
    item->is_item = true;
    item->fresh = true;
    item->items = number;
    const PacsReaderHandler *handler = reader->handler;
    return handler->item_begin ? handler->item_begin(reader->context, item->sequence, number, err) : PACS_OK;
}

/* At an item header, or at what stands in its place. */
static PacsStatus step_item(PacsReader *reader, PacsError *err)
{
    const uint8_t *header = reader_peek(reader, 8);
    if (!header)
        return PACS_OK;
    const ReaderLevel *sequence = reader_top(reader);
    PacsTag tag = reader_tag(header, sequence->big_endian);
    if (sequence->limit != UNBOUNDED && sequence->limit - reader->position < 8)
        return pacs_fail(
            err, PACS_INVALID, "an item header at offset %" PRIu64 " runs over the end of (%04X,%04X)",
            reader->position, pacs_tag_group(sequence->sequence), pacs_tag_element(sequence->sequence));
    switch (tag) {
    case PACS_TAG_ITEM:
        return open_item(reader, reader_u32(header + 4, sequence->big_endian), err);
    case PACS_TAG_SEQUENCE_DELIMITATION_ITEM:
        reader_consume(reader, 8);
        /* Superfluous at the end of a sequence that gave its length. */
        return sequence->end == UNBOUNDED ? reader_close_level(reader, err) : PACS_OK;
    case PACS_TAG_ITEM_DELIMITATION_ITEM: /* behind an item that gave its length */
        reader_consume(reader, 8);
        return PACS_OK;
    default:
        return pacs_fail(err, PACS_INVALID,
                         "(%04X,%04X) at offset %" PRIu64 " where an item of (%04X,%04X) should begin",
                         pacs_tag_group(tag), pacs_tag_element(tag), reader->position,
                         pacs_tag_group(sequence->sequence), pacs_tag_element(sequence->sequence));
    }
}

PacsStatus reader_step_next(PacsReader *reader, PacsError *err)
{
    ReaderLevel *top = reader_top(reader);
    if (top->end != UNBOUNDED && reader->position == top->end)
        return reader_close_level(reader, err);
    return top->is_item ? reader_step_element(reader, err) : step_item(reader, err);
}

/* Fragments of encapsulated pixel data (PS3.5 A.4) */

static PacsStatus open_fragment(PacsReader *reader, uint32_t length, PacsError *err)
{
    uint64_t limit = reader_top(reader)->limit;
    reader_consume(reader, 8);
    if (length == UINT32_MAX || (limit != UNBOUNDED && limit - reader->position < length))
        return pacs_fail(err, PACS_INVALID, "a fragment at offset %" PRIu64 " has an impossible length",
                         reader->position - 8);
    reader->state = STATE_FRAGMENT_VALUE;
    reader->value_left = length;
    const PacsReaderHandler *handler = reader->handler;
    uint64_t index = reader->fragments++;
    return handler->fragment_begin ? handler->fragment_begin(reader->context, &reader->element, index,
                                                             reader->position, length, err)
                                   : PACS_OK;
}

PacsStatus reader_step_fragment(PacsReader *reader, PacsError *err)
{
    const uint8_t *header = reader_peek(reader, 8);
    if (!header)
        return PACS_OK;
    const ReaderLevel *top = reader_top(reader);
    PacsTag tag = reader_tag(header, top->big_endian);
    if (top->limit != UNBOUNDED && top->limit - reader->position < 8)
        return pacs_fail(err, PACS_INVALID, "fragments at offset %" PRIu64 " run over the end of their item",
                         reader->position);
    if (tag == PACS_TAG_ITEM)
        return open_fragment(reader, reader_u32(header + 4, top->big_endian), err);
    if (tag != PACS_TAG_SEQUENCE_DELIMITATION_ITEM)
        return pacs_fail(err, PACS_INVALID,
                         "(%04X,%04X) at offset %" PRIu64 " where a fragment of pixel data should begin",
                         pacs_tag_group(tag), pacs_tag_element(tag), reader->position);
    uint64_t end_offset = reader->position;
    reader_consume(reader, 8);
    reader->state = STATE_NEXT;
    const PacsReaderHandler *handler = reader->handler;
    return handler->pixels_end ? handler->pixels_end(reader->context, &reader->element, end_offset, err)
                               : PACS_OK;
}
