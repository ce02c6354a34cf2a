#include "pacs/dicom/dataset_writer.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "pacs/dicom/dataset_value.h"
#include "pacs/dicom/reader.h"
#include "pacs/util/limits.h"

#define SHORT_VALUE_MAX 0xFFFEu
#define KEPT_MAX (256u << 10)  /* of each buffer, from one data set to the next */
#define MEMBERS_MAX (1u << 20) /* elements of a data set and of those around it */

/** One element of an open data set: what it takes to put it elsewhere. */
typedef struct Member {
    PacsTag tag;
    size_t offset; /* in writer->out */
    size_t size;
    size_t first_hole;
    size_t hole_count;
} Member;

typedef struct Level {
    size_t start;        /* of the data set in writer->out */
    size_t first_member; /* in writer->members */
    size_t first_hole;
    PacsTag last_tag;
    bool disordered;
    Member sequence; /* the open one of this data set */
} Level;

struct PacsDatasetWriter {
    PacsBuffer out;
    PacsBuffer members; /* Member, of all open data sets */
    PacsBuffer holes;   /* PacsDatasetHole */
    PacsBuffer uris;
    PacsBuffer scratch, hole_scratch;
    Level levels[PACS_MAX_SEQUENCE_DEPTH + 1];
    uint32_t depth;

    /* The element at hand. */
    PacsTag tag;
    PacsVr vr;
    uint32_t value_count;
    PacsBuffer value;
    bool is_bulk;
    size_t element_first_hole;

    bool beyond_ascii; /* some text is */
    bool has_charset;  /* (0008,0005) came at the top */
    bool charset_has_value;
    char sop_class_uid[PACS_UID_SIZE];
    char sop_instance_uid[PACS_UID_SIZE];
    char transfer_syntax_uid[PACS_UID_SIZE];
};

PacsStatus pacs_dataset_writer_new(size_t max_bytes, PacsDatasetWriter **ret_writer, PacsError *err)
{
    PacsDatasetWriter *writer = calloc(1, sizeof *writer);
    if (!writer)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for a data set");

    pacs_buffer_init(&writer->out, max_bytes);
    pacs_buffer_init(&writer->scratch, max_bytes);
    pacs_buffer_init(&writer->value, max_bytes);
    pacs_buffer_init(&writer->members, MEMBERS_MAX * sizeof(Member));
    pacs_buffer_init(&writer->holes, PACS_MAX_BULK_VALUES * sizeof(PacsDatasetHole));
    pacs_buffer_init(&writer->hole_scratch, PACS_MAX_BULK_VALUES * sizeof(PacsDatasetHole));
    pacs_buffer_init(&writer->uris, PACS_MAX_BULK_TABLE);
    *ret_writer = writer;
    return PACS_OK;
}

void pacs_dataset_writer_free(PacsDatasetWriter *writer)
{
    if (!writer)
        return;
    pacs_buffer_clear(&writer->out);
    pacs_buffer_clear(&writer->scratch);
    pacs_buffer_clear(&writer->value);
    pacs_buffer_clear(&writer->members);
    pacs_buffer_clear(&writer->holes);
    pacs_buffer_clear(&writer->hole_scratch);
    pacs_buffer_clear(&writer->uris);
    free(writer);
}

/** What an unusual data set took is given back. */
static void empty(PacsBuffer *buffer)
{
    if (buffer->capacity > KEPT_MAX)
        pacs_buffer_clear(buffer);
    pacs_buffer_reset(buffer);
}

void pacs_dataset_writer_reset(PacsDatasetWriter *writer)
{
    empty(&writer->out);
    empty(&writer->scratch);
    empty(&writer->value);
    empty(&writer->members);
    empty(&writer->holes);
    empty(&writer->hole_scratch);
    empty(&writer->uris);
    writer->depth = 0;
    writer->levels[0] = (Level){0};
    writer->beyond_ascii = writer->has_charset = writer->charset_has_value = false;
    writer->sop_class_uid[0] = writer->sop_instance_uid[0] = writer->transfer_syntax_uid[0] = '\0';
}

static Level *top(PacsDatasetWriter *writer)
{
    return &writer->levels[writer->depth];
}

static size_t hole_count(const PacsDatasetWriter *writer)
{
    return writer->holes.size / sizeof(PacsDatasetHole);
}

static PacsStatus fail(const PacsDatasetWriter *writer, const char *what, PacsError *err)
{
    return pacs_fail(err, PACS_INVALID, "(%04X,%04X) %s", pacs_tag_group(writer->tag),
                     pacs_tag_element(writer->tag), what);
}

/* ---- Headers ---- */

static void put_u16(uint8_t *out, uint16_t value)
{
    out[0] = (uint8_t)value;
    out[1] = (uint8_t)(value >> 8);
}

static void put_u32(uint8_t *out, uint32_t value)
{
    put_u16(out, (uint16_t)value);
    put_u16(out + 2, (uint16_t)(value >> 16));
}

size_t pacs_element_header_format(PacsTag tag, PacsVr vr, uint64_t size, uint8_t out[PACS_ELEMENT_HEADER_MAX])
{
    assert(size == PACS_LENGTH_UNDEFINED || (size <= PACS_ELEMENT_VALUE_MAX && size % 2 == 0));
    if (!pacs_vr_info(vr)->long_header && size > SHORT_VALUE_MAX)
        vr = PACS_VR_UN;
    put_u16(out, pacs_tag_group(tag));
    put_u16(out + 2, pacs_tag_element(tag));
    memcpy(out + 4, pacs_vr_code(vr), 2);
    if (!pacs_vr_info(vr)->long_header) {
        put_u16(out + 6, (uint16_t)size);
        return 8;
    }
    put_u16(out + 6, 0);
    put_u32(out + 8, (uint32_t)size);
    return 12;
}

static void add_header(PacsDatasetWriter *writer, PacsTag tag, PacsVr vr, uint64_t size)
{
    uint8_t header[PACS_ELEMENT_HEADER_MAX];

    (void)pacs_buffer_add(&writer->out, header, pacs_element_header_format(tag, vr, size, header));
}

/** (FFFE,xxxx), which has no VR. */
static void add_delimiter(PacsDatasetWriter *writer, PacsTag tag, uint32_t length)
{
    uint8_t bytes[8];

    put_u16(bytes, pacs_tag_group(tag));
    put_u16(bytes + 2, pacs_tag_element(tag));
    put_u32(bytes + 4, length);
    (void)pacs_buffer_add(&writer->out, bytes, sizeof bytes);
}

/* ---- Members ---- */

static PacsStatus add_member(PacsDatasetWriter *writer, const Member *begun, PacsError *err)
{
    Level *level = top(writer);
    Member member = *begun;

    member.size = writer->out.size - member.offset;
    member.hole_count = hole_count(writer) - member.first_hole;
    level->disordered = level->disordered || (member.tag <= level->last_tag && level->last_tag != 0);
    level->last_tag = member.tag;
    (void)pacs_buffer_add(&writer->members, &member, sizeof member);
    PacsStatus status = pacs_buffer_check(&writer->out, err);
    return status == PACS_OK ? pacs_buffer_check(&writer->members, err) : status;
}

static Member begin_member(const PacsDatasetWriter *writer)
{
    return (Member){.tag = writer->tag, .offset = writer->out.size, .first_hole = hole_count(writer)};
}

static int compare(const void *first, const void *second)
{
    const Member *a = first;
    const Member *b = second;

    return (a->tag > b->tag) - (a->tag < b->tag);
}

static PacsStatus check_unique(const Member *sorted, size_t count, PacsError *err)
{
    for (size_t i = 1; i < count; i++) {
        if (sorted[i].tag == sorted[i - 1].tag)
            return pacs_fail(err, PACS_INVALID, "(%04X,%04X) comes twice", pacs_tag_group(sorted[i].tag),
                             pacs_tag_element(sorted[i].tag));
    }
    return PACS_OK;
}

/** A member's bytes and holes, behind what is in the scratch already, which will stand at `start`. */
static void move(PacsDatasetWriter *writer, const Member *member, size_t start)
{
    const PacsDatasetHole *holes = (const PacsDatasetHole *)(const void *)writer->holes.bytes;
    uint64_t offset = start + writer->scratch.size;

    for (size_t i = 0; i < member->hole_count; i++) {
        PacsDatasetHole hole = holes[member->first_hole + i];
        hole.offset = hole.offset - member->offset + offset;
        (void)pacs_buffer_add(&writer->hole_scratch, &hole, sizeof hole);
    }
    if (member->size > 0)
        (void)pacs_buffer_add(&writer->scratch, writer->out.bytes + member->offset, member->size);
}

/** Put the members of the level that ends in the order of their tags. */
static PacsStatus order(PacsDatasetWriter *writer, const Level *level, PacsError *err)
{
    Member *members = (Member *)(void *)writer->members.bytes + level->first_member;
    size_t count = writer->members.size / sizeof(Member) - level->first_member;

    qsort(members, count, sizeof *members, compare);
    PacsStatus status = check_unique(members, count, err);
    if (status != PACS_OK)
        return status;
    pacs_buffer_reset(&writer->scratch);
    pacs_buffer_reset(&writer->hole_scratch);
    for (size_t i = 0; i < count; i++)
        move(writer, &members[i], level->start);
    status = pacs_buffer_check(&writer->scratch, err);
    if (status == PACS_OK)
        status = pacs_buffer_check(&writer->hole_scratch, err);
    if (status != PACS_OK)
        return status;
    if (writer->scratch.size > 0)
        memcpy(writer->out.bytes + level->start, writer->scratch.bytes, writer->scratch.size);
    if (writer->hole_scratch.size > 0)
        memcpy(writer->holes.bytes + level->first_hole * sizeof(PacsDatasetHole), writer->hole_scratch.bytes,
               writer->hole_scratch.size);
    return PACS_OK;
}

static void begin_level(PacsDatasetWriter *writer)
{
    *top(writer) = (Level){.start = writer->out.size,
                           .first_member = writer->members.size / sizeof(Member),
                           .first_hole = hole_count(writer)};
}

static PacsStatus end_level(PacsDatasetWriter *writer, PacsError *err)
{
    const Level *level = top(writer);
    PacsStatus status = level->disordered ? order(writer, level, err) : PACS_OK;

    writer->members.size = level->first_member * sizeof(Member);
    return status;
}

/* ---- Elements ---- */

/** Left out of what is written: they describe how a data set was sent. */
static bool is_left_out(PacsTag tag)
{
    return pacs_tag_group(tag) == 0x0000 || pacs_tag_group(tag) == 0x0002 || pacs_tag_is_group_length(tag);
}

static PacsStatus check_tag(const PacsDatasetWriter *writer, PacsError *err)
{
    uint16_t group = pacs_tag_group(writer->tag);

    if (group == 0xFFFE || group == 0xFFFF || group == 0x0001 || group == 0x0003 || group == 0x0005 ||
        group == 0x0007)
        return fail(writer, "is no element of a data set", err);
    return PACS_OK;
}

PacsStatus pacs_dataset_writer_begin(PacsDatasetWriter *writer, PacsTag tag, PacsVr vr, PacsError *err)
{
    writer->tag = tag;
    writer->vr = tag == PACS_TAG_SPECIFIC_CHARACTER_SET ? PACS_VR_CS : vr; /* written anew, and some say UN */
    writer->value_count = 0;
    writer->is_bulk = false;
    writer->element_first_hole = hole_count(writer);
    pacs_buffer_reset(&writer->value);
    assert(vr != PACS_VR_SQ && vr != PACS_VR_NONE);
    return check_tag(writer, err);
}

PacsStatus pacs_dataset_writer_value(PacsDatasetWriter *writer, PacsSlice text, PacsError *err)
{
    const PacsVrInfo *info = pacs_vr_info(writer->vr);
    const char *problem = NULL;

    if (writer->is_bulk)
        return fail(writer, "has a value here and one elsewhere", err);
    if (info->bulk)
        return fail(writer, "has a VR whose value is InlineBinary or BulkDataURI", err);
    if (writer->value_count > 0 && !info->multi_valued)
        return fail(writer, "has several values, which its VR does not allow", err);
    if (info->text) {
        if (writer->value_count > 0)
            (void)pacs_buffer_add_char(&writer->value, '\\');
        problem = dataset_value_text(writer->vr, text, &writer->value, &writer->beyond_ascii);
    } else {
        problem = dataset_value_number(writer->vr, text, &writer->value);
    }
    writer->value_count++;
    return problem ? fail(writer, problem, err) : pacs_buffer_check(&writer->value, err);
}

PacsStatus pacs_dataset_writer_bytes(PacsDatasetWriter *writer, const void *bytes, size_t size,
                                     PacsError *err)
{
    if (writer->is_bulk)
        return fail(writer, "has a value here and one elsewhere", err);
    if (!pacs_vr_info(writer->vr)->bulk)
        return fail(writer, "has a VR that is not written as InlineBinary", err);
    (void)pacs_buffer_add(&writer->value, bytes, size);
    return pacs_buffer_check(&writer->value, err);
}

PacsStatus pacs_dataset_writer_base64(PacsDatasetWriter *writer, PacsSlice text, PacsError *err)
{
    PacsStatus status = pacs_dataset_writer_bytes(writer, "", 0, err);
    if (status != PACS_OK)
        return status;
    status = pacs_base64_parse(text, &writer->value, NULL);
    return status == PACS_INVALID ? fail(writer, "has an InlineBinary that is no base64", err)
           : status == PACS_OK    ? PACS_OK
                                  : pacs_fail(err, status, "a value is too large");
}

PacsStatus pacs_dataset_writer_bulk(PacsDatasetWriter *writer, PacsSlice uri, PacsError *err)
{
    PacsDatasetHole hole = {.offset = writer->out.size,
                            .tag = writer->tag,
                            .vr = writer->vr,
                            .depth = writer->depth,
                            .uri = (uint32_t)writer->uris.size,
                            .uri_size = (uint32_t)uri.size};

    if (uri.size == 0 || uri.size > PACS_MAX_MULTIPART_HEADER || memchr(uri.text, '\0', uri.size))
        return fail(writer, "has a BulkDataURI that is none", err);
    if (writer->is_bulk || writer->value_count > 0 || writer->value.size > 0)
        return fail(writer, "has a value here and one elsewhere", err);
    if (is_left_out(writer->tag) || writer->tag == PACS_TAG_SPECIFIC_CHARACTER_SET)
        return fail(writer, "cannot be bulk data", err);
    writer->is_bulk = true;
    (void)pacs_buffer_add(&writer->uris, uri.text, uri.size);
    (void)pacs_buffer_add_char(&writer->uris, '\0');
    (void)pacs_buffer_add(&writer->holes, &hole, sizeof hole);
    PacsStatus status = pacs_buffer_check(&writer->holes, err);
    return status == PACS_OK ? pacs_buffer_check(&writer->uris, err) : status;
}

static void remember_uid(const PacsDatasetWriter *writer, char out[PACS_UID_SIZE])
{
    PacsSlice uid = pacs_uid_trim((PacsSlice){pacs_buffer_text(&writer->value), writer->value.size});

    if (!pacs_uid_acceptable(uid))
        return;
    memcpy(out, uid.text, uid.size);
    out[uid.size] = '\0';
}

/** What the top level says of itself. True: that is all, the element is not written here. */
static bool note(PacsDatasetWriter *writer)
{
    if (writer->depth > 0)
        return is_left_out(writer->tag);
    switch (writer->tag) {
    case PACS_TAG_SOP_CLASS_UID:
        remember_uid(writer, writer->sop_class_uid);
        return false;
    case PACS_TAG_SOP_INSTANCE_UID:
        remember_uid(writer, writer->sop_instance_uid);
        return false;
    case PACS_TAG_TRANSFER_SYNTAX_UID:
        remember_uid(writer, writer->transfer_syntax_uid);
        return true;
    case PACS_TAG_SPECIFIC_CHARACTER_SET: /* written at the end, when it is known what it has to be */
        writer->has_charset = true;
        writer->charset_has_value = writer->value.size > 0;
        return true;
    default:
        return is_left_out(writer->tag);
    }
}

static PacsStatus write_element(PacsDatasetWriter *writer, PacsError *err)
{
    Member member = begin_member(writer);

    member.first_hole = writer->element_first_hole;
    if (!writer->is_bulk) {
        if (writer->value.size % 2)
            (void)pacs_buffer_add_char(&writer->value, (char)pacs_vr_info(writer->vr)->padding);
        add_header(writer, writer->tag, writer->vr, writer->value.size);
        (void)pacs_buffer_add(&writer->out, writer->value.bytes, writer->value.size);
    }
    PacsStatus status = pacs_buffer_check(&writer->value, err);
    return status == PACS_OK ? add_member(writer, &member, err) : status;
}

PacsStatus pacs_dataset_writer_end(PacsDatasetWriter *writer, PacsError *err)
{
    if (note(writer))
        return PACS_OK;
    if (writer->tag == PACS_TAG_SPECIFIC_CHARACTER_SET && writer->value.size > 0) { /* of an item */
        pacs_buffer_reset(&writer->value);
        (void)pacs_buffer_add_text(&writer->value, "ISO_IR 192");
    }
    return write_element(writer, err);
}

/* ---- Sequences ---- */

PacsStatus pacs_dataset_writer_sequence_begin(PacsDatasetWriter *writer, PacsTag tag, PacsError *err)
{
    writer->tag = tag;
    PacsStatus status = check_tag(writer, err);
    if (status == PACS_OK && is_left_out(tag))
        status = fail(writer, "cannot be a sequence", err);
    if (status != PACS_OK)
        return status;
    top(writer)->sequence = begin_member(writer);
    add_header(writer, tag, PACS_VR_SQ, PACS_LENGTH_UNDEFINED);
    return pacs_buffer_check(&writer->out, err);
}

PacsStatus pacs_dataset_writer_item_begin(PacsDatasetWriter *writer, PacsError *err)
{
    if (writer->depth == PACS_MAX_SEQUENCE_DEPTH)
        return pacs_fail(err, PACS_TOO_LARGE, "more than %d sequences inside each other",
                         PACS_MAX_SEQUENCE_DEPTH);
    add_delimiter(writer, PACS_TAG_ITEM, UINT32_MAX);
    writer->depth++;
    begin_level(writer);
    return pacs_buffer_check(&writer->out, err);
}

PacsStatus pacs_dataset_writer_item_end(PacsDatasetWriter *writer, PacsError *err)
{
    assert(writer->depth > 0);
    PacsStatus status = end_level(writer, err);

    writer->depth--;
    add_delimiter(writer, PACS_TAG_ITEM_DELIMITATION_ITEM, 0);
    return status == PACS_OK ? pacs_buffer_check(&writer->out, err) : status;
}

PacsStatus pacs_dataset_writer_sequence_end(PacsDatasetWriter *writer, PacsError *err)
{
    add_delimiter(writer, PACS_TAG_SEQUENCE_DELIMITATION_ITEM, 0);
    return add_member(writer, &top(writer)->sequence, err);
}

/* ---- The end ---- */

/** Text is UTF-8 here, whatever the sender's data set was in. */
static PacsStatus write_charset(PacsDatasetWriter *writer, PacsError *err)
{
    PacsStatus status = pacs_dataset_writer_begin(writer, PACS_TAG_SPECIFIC_CHARACTER_SET, PACS_VR_CS, err);
    if (status != PACS_OK || (!writer->has_charset && !writer->beyond_ascii))
        return status;
    if (writer->beyond_ascii || writer->charset_has_value)
        status = pacs_dataset_writer_value(writer, PACS_SLICE("ISO_IR 192"), err);
    return status == PACS_OK ? write_element(writer, err) : status;
}

PacsStatus pacs_dataset_writer_finish(PacsDatasetWriter *writer, PacsDataset *ret_dataset, PacsError *err)
{
    assert(writer->depth == 0);
    PacsStatus status = write_charset(writer, err);
    if (status == PACS_OK)
        status = end_level(writer, err);
    if (status != PACS_OK)
        return status;

    *ret_dataset = (PacsDataset){.bytes = writer->out.bytes,
                                 .size = writer->out.size,
                                 .holes = (const PacsDatasetHole *)(const void *)writer->holes.bytes,
                                 .hole_count = hole_count(writer),
                                 .uris = pacs_buffer_text(&writer->uris)};
    memcpy(ret_dataset->sop_class_uid, writer->sop_class_uid, PACS_UID_SIZE);
    memcpy(ret_dataset->sop_instance_uid, writer->sop_instance_uid, PACS_UID_SIZE);
    memcpy(ret_dataset->transfer_syntax_uid, writer->transfer_syntax_uid, PACS_UID_SIZE);
    return PACS_OK;
}

PacsScanNames pacs_dataset_writer_names(const PacsDatasetWriter *writer)
{
    return (PacsScanNames){.sop_class_uid = writer->sop_class_uid,
                           .sop_instance_uid = writer->sop_instance_uid};
}

size_t pacs_dataset_writer_held(const PacsDatasetWriter *writer)
{
    return writer->out.capacity + writer->scratch.capacity + writer->value.capacity +
           writer->members.capacity + writer->holes.capacity + writer->hole_scratch.capacity +
           writer->uris.capacity;
}
