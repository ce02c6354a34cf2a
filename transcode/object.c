#include "transcode/object.h"

#include <stdlib.h>
#include <string.h>

#include "pacs/dicom/part10.h"
#include "pacs/dicom/uid.h"
#include "pacs/util/limits.h"
#include "transcode/object_private.h"

#define READ_SIZE ((size_t)64 << 10)
#define DEFLATED_READ_SIZE ((size_t)4 << 10) /* inflates to 4 MiB at most */
#define COLLECTED_BYTES_MAX ((size_t)32 << 20)
#define COLLECTED_FRAMES_MAX 65536u
#define PIECE_MAX ((size_t)PACS_MAX_FRAME_BYTES + 4096)
#define LENGTH_MAX 0xFFFFFFFEu

typedef enum Stage { BEFORE_PIXELS, PIXELS_HEADER, FRAMES, PIXELS_END, BEHIND_PIXELS } Stage;

typedef struct ObjectSource {
    PacsSource base;
    PacsSource *stored;
    PacsReader *reader;
    ObjectWriter writer;
    bool has_ended; /* the stored bytes */
    size_t taken;   /* of writer.out */
    uint8_t input[READ_SIZE];

    bool has_frames;
    TranscodeObjectFrames frames;
    size_t native_size;              /* bytes of one native frame of the layout */
    TranscodeObjectFrame *collected; /* the first ones, where the new form is encapsulated */
    uint32_t collected_count;
    Stage stage;
    uint32_t next_frame; /* from 1 */
    TranscodeObjectFrame frame;
    PacsBuffer piece; /* headers, delimiters, swapped or shifted pixels */
    size_t piece_taken;
    const uint8_t *left; /* of the frame */
    size_t left_size;
    bool is_odd;  /* a byte of padding follows */
    uint8_t bits; /* single bits: what is left of the frame before, below a byte */
    unsigned bit_count;
} ObjectSource;

/* ---- Frames that are known beforehand: their sizes make the offset table and the ratio ---- */

static PacsStatus collect(ObjectSource *source, PacsError *err)
{
    /* Of native pixels the first one alone: what cannot be decoded fails before anything has left. */
    const uint32_t limit = source->writer.is_encapsulated ? COLLECTED_FRAMES_MAX : 1;
    const uint32_t most = source->frames.count < limit ? source->frames.count : limit;
    size_t bytes = 0;

    source->collected = calloc(most > 0 ? most : 1, sizeof *source->collected);
    if (!source->collected)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for the frames of an object");
    while (source->collected_count < most && bytes < COLLECTED_BYTES_MAX) {
        TranscodeObjectFrame *frame = &source->collected[source->collected_count];
        PacsStatus status = source->frames.read(source->frames.context, source->collected_count + 1, frame,
                                                err);
        if (status != PACS_OK)
            return status;
        source->collected_count++;
        bytes += frame->size;
    }
    return PACS_OK;
}

static double ratio_of(const ObjectSource *source)
{
    uint64_t size = 0;

    for (uint32_t i = 0; i < source->collected_count; i++)
        size += source->collected[i].size;
    return size > 0 ? (double)source->native_size * source->collected_count / (double)size : 1;
}

static PacsStatus begin(ObjectSource *source, PacsError *err)
{
    const TranscodeObjectForm *form = &source->writer.form;
    const PacsFileMeta meta = {
        .sop_class_uid = form->sop_class_uid,
        .sop_instance_uid = form->new_sop_instance_uid ? form->new_sop_instance_uid : form->sop_instance_uid,
        .transfer_syntax_uid = form->transfer_syntax_uid,
    };
    PacsStatus status = PACS_OK;

    if (source->has_frames)
        status = collect(source, err);
    if (status != PACS_OK)
        return status;
    source->writer.change_count = transcode_object_changes(
        form, source->has_frames, source->has_frames ? ratio_of(source) : 0, source->writer.changes);
    return pacs_part10_format_header(&meta, &source->writer.out, err);
}

/* ---- Pixel Data ---- */

static bool is_bits(const ObjectSource *source)
{
    return source->writer.form.layout.bits_allocated == 1;
}

static uint64_t native_length(const ObjectSource *source)
{
    const TranscodeLayout *layout = &source->writer.form.layout;

    if (is_bits(source)) /* frames follow each other without gaps, PS3.5 8.1.1 */
        return ((uint64_t)layout->rows * layout->columns * source->frames.count + 7) / 8;
    return (uint64_t)source->native_size * source->frames.count;
}

static void add_offset_table(ObjectSource *source)
{
    const bool is_known = source->collected_count == source->frames.count;
    uint64_t offset = 0;
    uint8_t item[8];

    for (uint32_t i = 0; is_known && i < source->collected_count; i++)
        offset += 8 + source->collected[i].size + (source->collected[i].size & 1);
    const uint32_t entries = is_known && offset <= UINT32_MAX ? source->collected_count : 0;
    object_writer_delimiter(&source->writer, PACS_TAG_ITEM, entries * 4, item);
    pacs_buffer_add(&source->piece, item, sizeof item);
    offset = 0;
    for (uint32_t i = 0; i < entries; i++) {
        const uint8_t entry[4] = {(uint8_t)offset, (uint8_t)(offset >> 8), (uint8_t)(offset >> 16),
                                  (uint8_t)(offset >> 24)};
        pacs_buffer_add(&source->piece, entry, sizeof entry);
        offset += 8 + source->collected[i].size + (source->collected[i].size & 1);
    }
}

static PacsStatus add_pixels_header(ObjectSource *source, PacsError *err)
{
    const ObjectWriter *writer = &source->writer;
    const uint64_t length = native_length(source);
    uint8_t header[12];

    if (!writer->is_encapsulated && length > LENGTH_MAX)
        return pacs_fail(err, PACS_TOO_LARGE, "native pixels of %llu bytes have no length in a data set",
                         (unsigned long long)length);
    const PacsVr vr = !writer->is_encapsulated && writer->form.layout.bits_allocated > 8 ? PACS_VR_OW
                                                                                         : PACS_VR_OB;
    const size_t size = object_writer_header(
        writer, PACS_TAG_PIXEL_DATA, vr,
        writer->is_encapsulated ? PACS_LENGTH_UNDEFINED : length + (length & 1), header);
    pacs_buffer_add(&source->piece, header, size);
    if (writer->is_encapsulated)
        add_offset_table(source);
    return pacs_buffer_check(&source->piece, err);
}

static void release(ObjectSource *source, TranscodeObjectFrame *frame)
{
    if (frame->bytes)
        source->frames.release(source->frames.context, frame);
    *frame = (TranscodeObjectFrame){0};
}

static PacsStatus take_frame(ObjectSource *source, PacsError *err)
{
    const uint32_t index = source->next_frame - 1;

    release(source, &source->frame);
    if (index < source->collected_count) {
        source->frame = source->collected[index];
        source->collected[index] = (TranscodeObjectFrame){0};
    } else {
        PacsStatus status = source->frames.read(source->frames.context, source->next_frame, &source->frame,
                                                err);
        if (status != PACS_OK)
            return status;
    }
    source->next_frame++;
    source->left = source->frame.bytes;
    source->left_size = source->frame.size;
    return PACS_OK;
}

/* Words of a native frame are little endian. */
static PacsStatus add_swapped(ObjectSource *source, PacsError *err)
{
    for (size_t i = 0; i + 1 < source->left_size; i += 2) {
        const uint8_t word[2] = {source->left[i + 1], source->left[i]};
        pacs_buffer_add(&source->piece, word, sizeof word);
    }
    source->left_size = 0;
    return pacs_buffer_check(&source->piece, err);
}

/* A frame of single bits begins where the one before ended. */
static PacsStatus add_bits(ObjectSource *source, PacsError *err)
{
    const TranscodeLayout *layout = &source->writer.form.layout;
    uint64_t bits = (uint64_t)layout->rows * layout->columns;

    for (size_t i = 0; bits > 0 && i < source->left_size; i++) {
        const unsigned count = bits < 8 ? (unsigned)bits : 8;
        const unsigned all = source->bits | (unsigned)(source->left[i] & ((1u << count) - 1))
                                                << source->bit_count;
        bits -= count;
        source->bits = (uint8_t)all;
        source->bit_count += count;
        if (source->bit_count < 8)
            continue;
        pacs_buffer_add(&source->piece, &source->bits, 1);
        source->bits = (uint8_t)(all >> 8);
        source->bit_count -= 8;
    }
    source->left_size = 0;
    return pacs_buffer_check(&source->piece, err);
}

static PacsStatus begin_native_frame(ObjectSource *source, PacsError *err)
{
    if (source->frame.size != source->native_size)
        return pacs_fail(err, PACS_INTERNAL, "frame %u has %zu bytes, its attributes say %zu",
                         source->next_frame - 1, source->frame.size, source->native_size);
    if (is_bits(source))
        return add_bits(source, err);
    if (source->writer.is_big_endian && source->writer.form.layout.bits_allocated > 8)
        return add_swapped(source, err);
    return PACS_OK;
}

static PacsStatus begin_frame(ObjectSource *source, PacsError *err)
{
    uint8_t item[8];

    PacsStatus status = take_frame(source, err);
    if (status != PACS_OK)
        return status;
    if (!source->writer.is_encapsulated)
        return begin_native_frame(source, err);
    if (source->frame.size > LENGTH_MAX)
        return pacs_fail(err, PACS_TOO_LARGE, "frame %u has %zu bytes", source->next_frame - 1,
                         source->frame.size);
    source->is_odd = source->frame.size & 1;
    object_writer_delimiter(&source->writer, PACS_TAG_ITEM, (uint32_t)(source->frame.size + source->is_odd),
                            item);
    pacs_buffer_add(&source->piece, item, sizeof item);
    return pacs_buffer_check(&source->piece, err);
}

static PacsStatus add_pixels_end(ObjectSource *source, PacsError *err)
{
    uint8_t delimiter[8];

    if (source->writer.is_encapsulated) {
        object_writer_delimiter(&source->writer, PACS_TAG_SEQUENCE_DELIMITATION_ITEM, 0, delimiter);
        pacs_buffer_add(&source->piece, delimiter, sizeof delimiter);
    } else {
        if (source->bit_count > 0)
            pacs_buffer_add(&source->piece, &source->bits, 1);
        if (native_length(source) & 1)
            pacs_buffer_add(&source->piece, "", 1);
    }
    return pacs_buffer_check(&source->piece, err);
}

static PacsStatus next_piece(ObjectSource *source, PacsError *err)
{
    pacs_buffer_reset(&source->piece);
    source->piece_taken = 0;
    switch (source->stage) {
    case PIXELS_HEADER:
        source->stage = FRAMES;
        source->next_frame = 1;
        return add_pixels_header(source, err);
    case FRAMES:
        if (source->is_odd) {
            source->is_odd = false;
            pacs_buffer_add(&source->piece, "", 1);
            return pacs_buffer_check(&source->piece, err);
        }
        if (source->next_frame <= source->frames.count)
            return begin_frame(source, err);
        source->stage = PIXELS_END;
        return add_pixels_end(source, err);
    case PIXELS_END:
        source->stage = BEHIND_PIXELS;
        return PACS_OK;
    case BEFORE_PIXELS:
    case BEHIND_PIXELS:
        break;
    }
    return PACS_OK;
}

/* ---- Reading ---- */

/* Bytes of writer.out that may leave now. */
static size_t ready(const ObjectSource *source)
{
    const ObjectWriter *writer = &source->writer;
    size_t end = writer->out.size;

    if (writer->hold_at < end)
        end = writer->hold_at;
    if (source->stage == BEFORE_PIXELS && writer->pixels_at < end)
        end = writer->pixels_at;
    return end - source->taken;
}

/* What has left makes room for what comes. */
static void compact(ObjectSource *source)
{
    ObjectWriter *writer = &source->writer;

    if (writer->pixels_at != OBJECT_NOWHERE && source->stage == BEFORE_PIXELS)
        writer->pixels_at -= source->taken;
    if (writer->hold_at != OBJECT_NOWHERE)
        writer->hold_at -= source->taken;
    pacs_buffer_drop_front(&writer->out, source->taken);
    source->taken = 0;
}

static PacsStatus feed(ObjectSource *source, PacsError *err)
{
    size_t size = 0;

    compact(source);
    const size_t room = source->writer.is_from_deflated ? DEFLATED_READ_SIZE : READ_SIZE;
    PacsStatus status = pacs_source_read(source->stored, source->input, room, &size, err);
    if (status != PACS_OK)
        return status;
    source->has_ended = size == 0;
    status = size > 0 ? pacs_reader_feed(source->reader, source->input, size, err)
                      : pacs_reader_finish(source->reader, err);
    if (status == PACS_INVALID && err)
        err->status = PACS_CORRUPT; /* the bytes are ours */
    if (status == PACS_INVALID)
        return PACS_CORRUPT;
    return status == PACS_OK && source->has_ended ? object_writer_finish(&source->writer, err) : status;
}

static size_t give(const uint8_t *bytes, size_t have, void *out, size_t size)
{
    if (size > have)
        size = have;
    memcpy(out, bytes, size);
    return size;
}

static size_t give_pixels(ObjectSource *source, void *bytes, size_t size)
{
    if (source->piece_taken < source->piece.size) {
        size = give(source->piece.bytes + source->piece_taken, source->piece.size - source->piece_taken,
                    bytes, size);
        source->piece_taken += size;
        return size;
    }
    if (source->left_size == 0)
        return 0;
    size = give(source->left, source->left_size, bytes, size);
    source->left += size;
    source->left_size -= size;
    return size;
}

static bool is_in_pixels(const ObjectSource *source)
{
    return source->stage == PIXELS_HEADER || source->stage == FRAMES || source->stage == PIXELS_END;
}

static PacsStatus object_read(PacsSource *self, void *bytes, size_t size, size_t *ret_size, PacsError *err)
{
    ObjectSource *source = (ObjectSource *)self;
    PacsStatus status = PACS_OK;

    *ret_size = 0;
    while (status == PACS_OK && *ret_size == 0) {
        if (is_in_pixels(source)) {
            *ret_size = give_pixels(source, bytes, size);
            if (*ret_size == 0)
                status = next_piece(source, err);
        } else if (ready(source) > 0) {
            *ret_size = give(source->writer.out.bytes + source->taken, ready(source), bytes, size);
            source->taken += *ret_size;
        } else if (source->stage == BEFORE_PIXELS && source->writer.pixels_at == source->taken) {
            source->stage = PIXELS_HEADER;
        } else if (source->has_ended) {
            return PACS_OK;
        } else {
            status = feed(source, err);
        }
    }
    return status;
}

static void object_free(PacsSource *self)
{
    ObjectSource *source = (ObjectSource *)self;

    for (uint32_t i = 0; i < source->collected_count; i++)
        release(source, &source->collected[i]);
    release(source, &source->frame);
    if (source->frames.free)
        source->frames.free(source->frames.context);
    free(source->collected);
    pacs_buffer_clear(&source->piece);
    object_writer_clear(&source->writer);
    pacs_reader_free(source->reader);
    pacs_source_free(source->stored);
    free(source);
}

PacsStatus transcode_object(const TranscodeObjectForm *form, const TranscodeObjectFrames *frames,
                            PacsSource *stored, PacsSource **ret_source, PacsError *err)
{
    static const PacsSourceOps ops = {.read = object_read, .free = object_free};
    const PacsUidEntry *syntax = pacs_uid_find_transfer_syntax(pacs_slice(form->transfer_syntax_uid));
    ObjectSource *source = calloc(1, sizeof *source);

    if (!source) {
        pacs_source_free(stored);
        if (frames && frames->free)
            frames->free(frames->context);
        return pacs_fail(err, PACS_NO_MEMORY, "no memory to write an object anew");
    }
    *source = (ObjectSource){.base.ops = &ops, .stored = stored, .has_frames = frames && frames->read};
    if (frames)
        source->frames = *frames;
    pacs_buffer_init(&source->piece, PIECE_MAX);
    object_writer_init(&source->writer, form, source->has_frames);
    PACS_AUTO(PacsSource) owned = &source->base;
    if (!syntax || syntax->flags & PACS_UID_NO_DATA_SET)
        return pacs_fail(err, PACS_UNSUPPORTED, "%s is no transfer syntax of objects",
                         form->transfer_syntax_uid);
    PacsStatus status = pacs_reader_new(&object_writer_handler, &source->writer, &source->reader, err);
    if (status == PACS_OK && source->has_frames)
        status = transcode_layout_size(&form->layout, &source->native_size, err);
    if (status == PACS_OK)
        status = begin(source, err);
    if (status != PACS_OK)
        return status;
    if (!(syntax->flags & PACS_UID_DEFLATED)) {
        *ret_source = PACS_STEAL(owned);
        return PACS_OK;
    }
    return object_deflated(PACS_STEAL(owned), source->writer.out.size, ret_source, err);
}
