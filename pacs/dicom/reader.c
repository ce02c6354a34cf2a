#include "pacs/dicom/reader_internal.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

PacsStatus pacs_reader_new(const PacsReaderHandler *handler, void *context, PacsReader **ret_reader,
                           PacsError *err)
{
    PacsReader *reader = calloc(1, sizeof *reader);
    if (!reader)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for a DICOM reader");
    reader->handler = handler;
    reader->context = context;
    pacs_buffer_init(&reader->head, PACS_MAX_META_HEADER);
    reader_begin_levels(reader, true, false);
    *ret_reader = reader;
    return PACS_OK;
}

void pacs_reader_free(PacsReader *reader)
{
    if (!reader)
        return;
    pacs_inflate_free(reader->inflate);
    pacs_buffer_clear(&reader->head);
    free(reader);
}

void pacs_reader_reset(PacsReader *reader)
{
    const PacsReaderHandler *handler = reader->handler;
    void *context = reader->context;
    PacsBuffer head = reader->head;
    pacs_inflate_free(reader->inflate);
    memset(reader, 0, sizeof *reader);
    reader->handler = handler;
    reader->context = context;
    reader->head = head;
    pacs_buffer_reset(&reader->head);
    reader_begin_levels(reader, true, false);
}

/* Bytes: what is left of earlier pieces stands in `carry`, in front of the piece being fed. */

size_t reader_available(const PacsReader *reader)
{
    size_t room = CARRY_SIZE - reader->carry_size;
    return reader->carry_size + (reader->left < room ? reader->left : room);
}

static void fill_carry(PacsReader *reader, size_t size)
{
    if (reader->carry_start > 0) {
        memmove(reader->carry, reader->carry + reader->carry_start, reader->carry_size);
        reader->carry_start = 0;
    }
    size_t wanted = size - reader->carry_size;
    size_t taken = wanted < reader->left ? wanted : reader->left;
    if (taken == 0)
        return;
    memcpy(reader->carry + reader->carry_size, reader->next, taken);
    reader->carry_size += taken;
    reader->next += taken;
    reader->left -= taken;
}

const uint8_t *reader_peek(PacsReader *reader, size_t size)
{
    assert(size <= CARRY_SIZE);
    if (reader->carry_size == 0 && reader->left >= size)
        return reader->next;
    if (reader->carry_size < size)
        fill_carry(reader, size);
    if (reader->carry_size < size) {
        reader->starved = true;
        return NULL;
    }
    return reader->carry + reader->carry_start;
}

void reader_consume(PacsReader *reader, size_t size)
{
    reader->position += size;
    size_t carried = size < reader->carry_size ? size : reader->carry_size;
    reader->carry_start += carried;
    reader->carry_size -= carried;
    if (reader->carry_size == 0)
        reader->carry_start = 0;
    if (size > carried) {
        reader->next += size - carried;
        reader->left -= size - carried;
    }
}

/* The longest run at hand, at most `max` bytes. Does not consume. */
static const uint8_t *peek_run(const PacsReader *reader, uint64_t max, size_t *ret_size)
{
    bool carried = reader->carry_size > 0;
    size_t size = carried ? reader->carry_size : reader->left;
    *ret_size = size < max ? size : (size_t)max;
    return carried ? reader->carry + reader->carry_start : reader->next;
}

/* Values. The reader looks into two of them itself: the transfer syntax, and Pixel Representation. */

static void note_value(PacsReader *reader, const uint8_t *bytes, size_t size)
{
    if (reader->element.tag == PACS_TAG_TRANSFER_SYNTAX_UID && !reader->dataset_begun) {
        size_t room = sizeof reader->declared - 1 - reader->declared_size;
        size_t taken = size < room ? size : room;
        memcpy(reader->declared + reader->declared_size, bytes, taken);
        reader->declared_size += taken;
    } else if (reader->element.tag == PACS_TAG_PIXEL_REPRESENTATION) {
        for (size_t i = 0; i < size && reader->small_size < sizeof reader->small; i++)
            reader->small[reader->small_size++] = bytes[i];
    }
}

PacsStatus reader_begin_value(PacsReader *reader, PacsError *err)
{
    reader->state = STATE_VALUE;
    reader->value_left = reader->element.length;
    reader->small_size = 0;
    if (reader->element.tag == PACS_TAG_TRANSFER_SYNTAX_UID && !reader->dataset_begun)
        reader->declared_size = 0;
    const PacsReaderHandler *handler = reader->handler;
    return handler->element_begin ? handler->element_begin(reader->context, &reader->element, err) : PACS_OK;
}

static PacsStatus end_value(PacsReader *reader, PacsError *err)
{
    if (reader->element.tag == PACS_TAG_PIXEL_REPRESENTATION && reader->small_size == 2)
        reader_top(reader)->signed_pixels = reader_u16(reader->small, reader->element.big_endian) == 1;
    reader->state = reader->dataset_begun ? STATE_NEXT : STATE_META;
    const PacsReaderHandler *handler = reader->handler;
    return handler->element_end ? handler->element_end(reader->context, &reader->element, err) : PACS_OK;
}

static PacsStatus step_value(PacsReader *reader, PacsError *err)
{
    if (reader->value_left == 0)
        return end_value(reader, err);
    size_t size = 0;
    const uint8_t *bytes = peek_run(reader, reader->value_left, &size);
    if (size == 0) {
        reader->starved = true;
        return PACS_OK;
    }
    note_value(reader, bytes, size);
    const PacsReaderHandler *handler = reader->handler;
    PacsStatus status = handler->value ? handler->value(reader->context, &reader->element, bytes, size, err)
                                       : PACS_OK;
    reader_consume(reader, size);
    reader->value_left -= size;
    return status;
}

static PacsStatus step_fragment_value(PacsReader *reader, PacsError *err)
{
    const PacsReaderHandler *handler = reader->handler;
    if (reader->value_left == 0) {
        reader->state = STATE_FRAGMENT;
        return handler->fragment_end ? handler->fragment_end(reader->context, &reader->element, err)
                                     : PACS_OK;
    }
    size_t size = 0;
    const uint8_t *bytes = peek_run(reader, reader->value_left, &size);
    if (size == 0) {
        reader->starved = true;
        return PACS_OK;
    }
    PacsStatus status = handler->fragment
                            ? handler->fragment(reader->context, &reader->element, bytes, size, err)
                            : PACS_OK;
    reader_consume(reader, size);
    reader->value_left -= size;
    return status;
}

/* Modalities fill up files to a block's end with zeros; anything else behind a data set is not ours
 * to guess. */
static PacsStatus step_padding(PacsReader *reader, PacsError *err)
{
    size_t size = 0;
    const uint8_t *bytes = peek_run(reader, UINT64_MAX, &size);
    if (size == 0) {
        reader->starved = true;
        return PACS_OK;
    }
    size_t zeros = 0;
    while (zeros < size && bytes[zeros] == 0)
        zeros++;
    reader_consume(reader, zeros);
    if (zeros < size)
        return pacs_fail(
            err, PACS_INVALID,
            "the data set is followed by bytes that are neither elements nor padding, at offset %" PRIu64,
            reader->position);
    return PACS_OK;
}

static PacsStatus step(PacsReader *reader, PacsError *err)
{
    switch (reader->state) {
    case STATE_START:
        return reader_step_start(reader, err);
    case STATE_META:
        return reader_step_meta(reader, err);
    case STATE_DATASET:
        return reader_step_dataset(reader, err);
    case STATE_NEXT:
        return reader_step_next(reader, err);
    case STATE_VALUE:
        return step_value(reader, err);
    case STATE_FRAGMENT:
        return reader_step_fragment(reader, err);
    case STATE_FRAGMENT_VALUE:
        return step_fragment_value(reader, err);
    case STATE_PADDING:
        return step_padding(reader, err);
    }
    return pacs_fail(err, PACS_INTERNAL, "the DICOM reader is in no state");
}

static PacsStatus run(PacsReader *reader, PacsError *err)
{
    reader->starved = false;
    while (!reader->starved) {
        PacsStatus status = step(reader, err);
        if (status != PACS_OK)
            return status;
    }
    return PACS_OK;
}

static PacsStatus read_plain(PacsReader *reader, const uint8_t *bytes, size_t size, PacsError *err)
{
    reader->next = bytes;
    reader->left = size;
    PacsStatus status = run(reader, err);
    assert(status != PACS_OK || reader->left == 0 || reader->inflate_next);
    return status;
}

static PacsStatus read_inflated(void *context, const uint8_t *bytes, size_t size, PacsError *err)
{
    PacsReader *reader = context;
    PacsStatus status = PACS_OK;
    if (reader->handler->inflated)
        status = reader->handler->inflated(reader->context, bytes, size, err);
    return status == PACS_OK ? read_plain(reader, bytes, size, err) : status;
}

/* The data set turned out to be deflated: what is left of the bytes goes through the inflater, and comes
 * back into the same steps. */
static PacsStatus switch_to_inflate(PacsReader *reader, PacsError *err)
{
    uint8_t carried[CARRY_SIZE];
    size_t carried_size = reader->carry_size;
    memcpy(carried, reader->carry + reader->carry_start, carried_size);
    const uint8_t *next = reader->next;
    size_t left = reader->left;
    reader->carry_start = reader->carry_size = reader->left = 0;
    reader->inflate_next = false;
    if (reader->head.size > reader->dataset.offset)
        reader->head.size = (size_t)reader->dataset.offset;

    PacsStatus status = pacs_inflate_new(read_inflated, reader, &reader->inflate, err);
    if (status == PACS_OK && reader->head.failed)
        status = pacs_fail(err, PACS_TOO_LARGE, "the file meta information is longer than %u bytes",
                           PACS_MAX_META_HEADER);
    if (status == PACS_OK && reader->handler->inflated)
        status = reader->handler->inflated(reader->context, reader->head.bytes, reader->head.size, err);
    if (status == PACS_OK)
        status = pacs_inflate_feed(reader->inflate, carried, carried_size, err);
    return status == PACS_OK ? pacs_inflate_feed(reader->inflate, next, left, err) : status;
}

/* Whether the data set is deflated shows only behind the meta header, so what came before is kept until then.
 * The buffer remembers a failure, which matters only if the data set is deflated. */
static void keep_head(PacsReader *reader, const uint8_t *bytes, size_t size)
{
    if (!reader->handler->inflated || (reader->dataset_begun && !reader->inflate_next))
        return;
    uint64_t wanted = size;
    if (reader->inflate_next)
        wanted = reader->dataset.offset > reader->fed ? reader->dataset.offset - reader->fed : 0;
    (void)pacs_buffer_add(&reader->head, bytes, (size_t)(wanted < size ? wanted : size));
}

static PacsStatus feed(PacsReader *reader, const uint8_t *bytes, size_t size, PacsError *err)
{
    if (reader->inflate)
        return pacs_inflate_feed(reader->inflate, bytes, size, err);
    PacsStatus status = read_plain(reader, bytes, size, err);
    keep_head(reader, bytes, size);
    reader->fed += size;
    return status == PACS_OK && reader->inflate_next ? switch_to_inflate(reader, err) : status;
}

/* Everything begun has to be complete; says what is not. */
static PacsStatus check_complete(const PacsReader *reader, PacsError *err)
{
    const PacsElement *element = &reader->element;
    const ReaderLevel *top = &reader->levels[reader->level_count - 1];
    if (reader->state == STATE_VALUE || reader->state == STATE_FRAGMENT_VALUE)
        return pacs_fail(err, PACS_INVALID,
                         "cut off: %" PRIu64
                         " bytes are missing from the value of (%04X,%04X) at offset %" PRIu64,
                         reader->value_left, pacs_tag_group(element->tag), pacs_tag_element(element->tag),
                         element->header_offset);
    if (reader->state == STATE_FRAGMENT)
        return pacs_fail(
            err, PACS_INVALID, "cut off: the fragments of (%04X,%04X) at offset %" PRIu64 " have no end",
            pacs_tag_group(element->tag), pacs_tag_element(element->tag), element->header_offset);
    if (reader->carry_size > 0)
        return pacs_fail(err, PACS_INVALID, "cut off in an element header at offset %" PRIu64,
                         reader->position);
    if (reader->level_count > 1)
        return pacs_fail(err, PACS_INVALID, "cut off: the sequence (%04X,%04X) has no end",
                         pacs_tag_group(top->sequence), pacs_tag_element(top->sequence));
    return PACS_OK;
}

static PacsStatus finish_inflate(PacsReader *reader, PacsError *err)
{
    PacsStatus status = PACS_OK;
    if (reader->inflate_next) { /* so short that its syntax showed only now */
        reader->ended = false;
        status = switch_to_inflate(reader, err);
    }
    if (status == PACS_OK)
        status = pacs_inflate_finish(reader->inflate, err);
    reader->ended = true;
    return status == PACS_OK ? read_plain(reader, NULL, 0, err) : status;
}

static PacsStatus finish(PacsReader *reader, PacsError *err)
{
    PacsStatus status = PACS_OK;
    if (!reader->inflate) {
        reader->ended = true;
        status = read_plain(reader, NULL, 0, err);
    }
    if (status == PACS_OK && (reader->inflate || reader->inflate_next))
        status = finish_inflate(reader, err);
    return status == PACS_OK ? check_complete(reader, err) : status;
}

static PacsStatus repeat(const PacsReader *reader, PacsError *err)
{
    if (err)
        *err = reader->failure;
    return reader->failure.status;
}

static PacsStatus remember(PacsReader *reader, PacsStatus status, const PacsError *failure, PacsError *err)
{
    if (status == PACS_OK)
        return PACS_OK;
    reader->failure = *failure;
    reader->failure.status = status;
    return repeat(reader, err);
}

PacsStatus pacs_reader_feed(PacsReader *reader, const void *bytes, size_t size, PacsError *err)
{
    PacsError failure = {0};
    if (reader->failure.status != PACS_OK)
        return repeat(reader, err);
    return remember(reader, feed(reader, bytes, size, &failure), &failure, err);
}

PacsStatus pacs_reader_finish(PacsReader *reader, PacsError *err)
{
    PacsError failure = {0};
    if (reader->failure.status != PACS_OK)
        return repeat(reader, err);
    return remember(reader, finish(reader, &failure), &failure, err);
}
