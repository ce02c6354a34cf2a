#include "pacs/dicom/scan.h"

#include <stdlib.h>
#include <string.h>

#include "pacs/dicom/scan_internal.h"

/* What the reader calls while an object goes by, and what is made of it. */

static bool is_pixel_data(PacsTag tag)
{
    return tag == PACS_TAG_PIXEL_DATA || tag == PACS_TAG_FLOAT_PIXEL_DATA ||
           tag == PACS_TAG_DOUBLE_FLOAT_PIXEL_DATA;
}

static void begin_level(PacsScan *scan, const ScanLevel *outer)
{
    ScanLevel *level = scan_top(scan);
    *level = (ScanLevel){0};
    if (outer)
        level->charset = outer->charset; /* an item without its own has its parent's (PS3.5 7.5.3) */
    scan_json_dataset_begin(scan);
}

static PacsStatus on_dataset_begin(void *context, const PacsDatasetStart *start, PacsError *err)
{
    (void)err;
    PacsScan *scan = context;
    scan->dataset = *start;
    begin_level(scan, NULL);
    return PACS_OK;
}

static void note_pixel_data(PacsScan *scan, const PacsElement *element)
{
    if (element->depth == 0 && is_pixel_data(element->tag) && scan->pixel_data.tag == 0)
        scan->pixel_data = *element;
}

static bool is_offset_table(const PacsElement *element)
{
    return element->depth == 0 && (element->tag == PACS_TAG_EXTENDED_OFFSET_TABLE ||
                                   element->tag == PACS_TAG_EXTENDED_OFFSET_TABLE_LENGTHS);
}

static void take_offsets(PacsScan *scan, const PacsElement *element, const uint8_t *bytes, size_t size)
{
    if (element->tag == PACS_TAG_EXTENDED_OFFSET_TABLE)
        frame_collector_add_extended_offsets(&scan->frames, bytes, size);
    else
        frame_collector_add_lengths(&scan->frames, bytes, size);
}

static PacsStatus on_element_begin(void *context, const PacsElement *element, PacsError *err)
{
    PacsScan *scan = context;
    scan->take = TAKE_NOTHING;
    scan->taken = false;
    pacs_buffer_reset(&scan->value);
    if (pacs_tag_group(element->tag) == 0x0002) {
        if (element->tag == PACS_TAG_MEDIA_STORAGE_SOP_CLASS_UID && element->length <= PACS_UID_SIZE)
            scan->take = TAKE_VALUE;
        return PACS_OK;
    }
    if (pacs_tag_is_group_length(element->tag))
        return PACS_OK;
    note_pixel_data(scan, element);
    if (scan_json_wants_value(scan, element)) {
        scan->take = TAKE_VALUE;
        return PACS_OK;
    }
    if (is_offset_table(element))
        scan->take = TAKE_OFFSETS;
    return scan_json_bulk(scan, element, (PacsRange){element->value_offset, element->length}, err);
}

static void take_meta(PacsScan *scan, const uint8_t *bytes, size_t size)
{
    PacsSlice uid = pacs_uid_trim((PacsSlice){(const char *)bytes, size});
    if (uid.size > PACS_UID_MAX || memchr(uid.text, 0, uid.size))
        return;
    memcpy(scan->meta_sop_class_uid, uid.text, uid.size);
    scan->meta_sop_class_uid[uid.size] = 0;
}

static PacsStatus take_value(PacsScan *scan, const PacsElement *element, const uint8_t *bytes, size_t size,
                             PacsError *err)
{
    scan->taken = true;
    if (pacs_tag_group(element->tag) == 0x0002) {
        take_meta(scan, bytes, size);
        return PACS_OK;
    }
    if (element->tag == PACS_TAG_SPECIFIC_CHARACTER_SET)
        scan_top(scan)->charset = pacs_charset_parse((PacsSlice){(const char *)bytes, size});
    PacsStatus status = scan_json_value(scan, element, bytes, size, err);
    if (status != PACS_OK || element->depth > 0)
        return status;
    if (is_offset_table(element))
        take_offsets(scan, element, bytes, size);
    scan_pixels_value(scan, element, bytes, size);
    return scan_tags_value(scan, element, bytes, size, err);
}

static PacsStatus on_value(void *context, const PacsElement *element, const uint8_t *bytes, size_t size,
                           PacsError *err)
{
    PacsScan *scan = context;
    switch (scan->take) {
    case TAKE_NOTHING:
        return PACS_OK;
    case TAKE_OFFSETS:
        take_offsets(scan, element, bytes, size);
        return PACS_OK;
    case TAKE_VALUE:
        break;
    }
    if (size == element->length) /* all of it, as nearly always: not copied */
        return take_value(scan, element, bytes, size, err);
    (void)pacs_buffer_add(&scan->value, bytes, size);
    return pacs_buffer_check(&scan->value, err);
}

static PacsStatus on_element_end(void *context, const PacsElement *element, PacsError *err)
{
    PacsScan *scan = context;
    if (scan->take != TAKE_VALUE || scan->taken)
        return PACS_OK;
    static const uint8_t nothing[1];
    const uint8_t *bytes = scan->value.size > 0 ? scan->value.bytes : nothing;
    return take_value(scan, element, bytes, scan->value.size, err);
}

static PacsStatus on_sequence_begin(void *context, const PacsElement *element, PacsError *err)
{
    PacsScan *scan = context;
    ScanLevel *level = scan_top(scan);
    level->sequence = element->tag;
    level->item_count = 0;
    if (element->depth == 0 && element->tag == PACS_TAG_DIRECTORY_RECORD_SEQUENCE)
        scan->media_directory = true;
    return scan_json_sequence_begin(scan, element, err);
}

static PacsStatus on_item_begin(void *context, PacsTag sequence, uint32_t item_number, PacsError *err)
{
    (void)sequence;
    PacsScan *scan = context;
    ScanLevel *outer = scan_top(scan);
    outer->item_count = item_number;
    scan->depth++; /* the reader counts too: at most PACS_MAX_SEQUENCE_DEPTH */
    begin_level(scan, outer);
    return pacs_buffer_check(&scan->json_text, err);
}

static PacsStatus on_item_end(void *context, PacsTag sequence, uint32_t item_number, PacsError *err)
{
    (void)sequence;
    (void)item_number;
    PacsScan *scan = context;
    PacsStatus status = scan_json_dataset_end(scan, err);
    scan->depth--;
    return status;
}

static PacsStatus on_sequence_end(void *context, PacsTag sequence, PacsError *err)
{
    (void)sequence;
    return scan_json_sequence_end(context, err);
}

static PacsStatus on_pixels_begin(void *context, const PacsElement *element, PacsError *err)
{
    (void)err;
    PacsScan *scan = context;
    bool first = scan->pixel_data.tag == 0;
    note_pixel_data(scan, element);
    scan->in_pixel_data = first && scan->pixel_data.tag != 0;
    scan->fragment_index = 0;
    scan->fragments_start = 0;
    return PACS_OK;
}

static PacsStatus on_fragment_begin(void *context, const PacsElement *element, uint64_t fragment_index,
                                    uint64_t offset, uint64_t size, PacsError *err)
{
    (void)element;
    PacsScan *scan = context;
    scan->fragment_index = fragment_index;
    if (fragment_index == 1)
        scan->fragments_start = offset - 8;
    if (!scan->in_pixel_data || fragment_index == 0)
        return PACS_OK;
    return frame_collector_begin(&scan->frames, offset, size, err);
}

static PacsStatus on_fragment(void *context, const PacsElement *element, const uint8_t *bytes, size_t size,
                              PacsError *err)
{
    (void)element;
    (void)err;
    PacsScan *scan = context;
    if (!scan->in_pixel_data)
        return PACS_OK;
    if (scan->fragment_index == 0)
        frame_collector_add_basic_offsets(&scan->frames, bytes, size);
    else
        frame_collector_add(&scan->frames, bytes, size);
    return PACS_OK;
}

static PacsStatus on_fragment_end(void *context, const PacsElement *element, PacsError *err)
{
    (void)element;
    PacsScan *scan = context;
    if (!scan->in_pixel_data || scan->fragment_index == 0)
        return PACS_OK;
    return frame_collector_end(&scan->frames, err);
}

static PacsStatus on_pixels_end(void *context, const PacsElement *element, uint64_t end_offset,
                                PacsError *err)
{
    PacsScan *scan = context;
    scan->in_pixel_data = false;
    uint64_t start = scan->fragments_start ? scan->fragments_start : end_offset;
    return scan_json_bulk(scan, element, (PacsRange){start, end_offset - start}, err);
}

static PacsStatus on_inflated(void *context, const uint8_t *bytes, size_t size, PacsError *err)
{
    PacsScan *scan = context;
    return scan->options.on_inflated ? scan->options.on_inflated(scan->options.context, bytes, size, err)
                                     : PACS_OK;
}

static const PacsReaderHandler handler = {
    .dataset_begin = on_dataset_begin,
    .element_begin = on_element_begin,
    .value = on_value,
    .element_end = on_element_end,
    .sequence_begin = on_sequence_begin,
    .item_begin = on_item_begin,
    .item_end = on_item_end,
    .sequence_end = on_sequence_end,
    .pixels_begin = on_pixels_begin,
    .fragment_begin = on_fragment_begin,
    .fragment = on_fragment,
    .fragment_end = on_fragment_end,
    .pixels_end = on_pixels_end,
    .inflated = on_inflated,
};

static PacsStatus init_options(PacsScan *scan, const PacsScanOptions *options, PacsError *err)
{
    if (options)
        scan->options = *options;
    PacsScanOptions *own = &scan->options;
    if (own->inline_max_bytes == 0)
        own->inline_max_bytes = PACS_SCAN_INLINE_MAX_DEFAULT;
    if (own->inline_max_bytes > PACS_MAX_TEXT_VALUE)
        own->inline_max_bytes = PACS_MAX_TEXT_VALUE;
    PacsStatus status = scan_tags_init(scan, err);
    for (int level = 0; level < PACS_LEVEL_COUNT; level++)
        own->extra_tags[level] = NULL; /* copied by now */
    return status;
}

static void init_buffers(PacsScan *scan)
{
    pacs_buffer_init(&scan->value, PACS_MAX_TEXT_VALUE);
    pacs_buffer_init(&scan->text, PACS_MAX_TEXT_VALUE * (size_t)4);
    pacs_buffer_init(&scan->scratch, PACS_MAX_INSTANCE_JSON);
    pacs_buffer_init(&scan->json_text, PACS_MAX_INSTANCE_JSON);
    pacs_buffer_init(&scan->bulk, PACS_MAX_BULK_TABLE);
    pacs_buffer_init(&scan->frame_table, PACS_MAX_FRAME_TABLE);
    frame_collector_init(&scan->frames);
    pacs_json_init(&scan->json, &scan->json_text, false);
}

PacsStatus pacs_scan_new(const PacsScanOptions *options, PacsScan **ret_scan, PacsError *err)
{
    PACS_AUTO(PacsScan) scan = calloc(1, sizeof *scan);
    if (!scan)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for a scan");
    init_buffers(scan);
    scan->arena = pacs_arena_new(SCAN_ARENA_MAX);
    if (!scan->arena)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for a scan");
    PacsStatus status = init_options(scan, options, err);
    if (status == PACS_OK)
        status = pacs_reader_new(&handler, scan, &scan->reader, err);
    if (status == PACS_OK)
        *ret_scan = PACS_STEAL(scan);
    return status;
}

void pacs_scan_free(PacsScan *scan)
{
    if (!scan)
        return;
    pacs_reader_free(scan->reader);
    pacs_arena_free(scan->arena);
    pacs_buffer_clear(&scan->value);
    pacs_buffer_clear(&scan->text);
    pacs_buffer_clear(&scan->scratch);
    pacs_buffer_clear(&scan->json_text);
    pacs_buffer_clear(&scan->bulk);
    pacs_buffer_clear(&scan->frame_table);
    frame_collector_clear(&scan->frames);
    for (int level = 0; level < PACS_LEVEL_COUNT; level++)
        free(scan->tags[level]);
    free(scan->wanted);
    free(scan);
}

void pacs_scan_reset(PacsScan *scan)
{
    pacs_reader_reset(scan->reader);
    pacs_arena_reset(scan->arena);
    pacs_buffer_reset(&scan->value);
    pacs_buffer_reset(&scan->json_text);
    pacs_buffer_reset(&scan->bulk);
    pacs_buffer_reset(&scan->frame_table);
    frame_collector_reset(&scan->frames);
    pacs_json_init(&scan->json, &scan->json_text, false);
    memset(&scan->failure, 0, sizeof scan->failure);
    memset(scan->tag_count, 0, sizeof scan->tag_count);
    memset(scan->fields, 0, sizeof scan->fields);
    memset(&scan->pixels, 0, sizeof scan->pixels);
    memset(&scan->pixel_data, 0, sizeof scan->pixel_data);
    memset(&scan->instance, 0, sizeof scan->instance);
    scan->fed = scan->bulk_count = scan->depth = scan->charset_count = 0;
    scan->meta_sop_class_uid[0] = 0;
    scan->media_directory = scan->has_number_of_frames = scan->in_pixel_data = false;
}

static PacsStatus repeat(const PacsScan *scan, PacsError *err)
{
    if (err)
        *err = scan->failure;
    return scan->failure.status;
}

PacsStatus pacs_scan_feed(PacsScan *scan, const void *bytes, size_t size, PacsError *err)
{
    if (scan->failure.status != PACS_OK)
        return repeat(scan, err);
    scan->fed += size;
    if (pacs_reader_feed(scan->reader, bytes, size, &scan->failure) == PACS_OK)
        return PACS_OK;
    return repeat(scan, err);
}

static const char *field(const PacsScan *scan, ScanField field)
{
    return scan->fields[field] ? scan->fields[field] : "";
}

static void fill_instance(PacsScan *scan)
{
    PacsInstance *instance = &scan->instance;
    const PacsElement *pixel_data = &scan->pixel_data;
    *instance = (PacsInstance){.patient_id = field(scan, FIELD_PATIENT_ID),
                               .study_instance_uid = field(scan, FIELD_STUDY_UID),
                               .series_instance_uid = field(scan, FIELD_SERIES_UID),
                               .sop_instance_uid = field(scan, FIELD_SOP_INSTANCE_UID),
                               .sop_class_uid = field(scan, FIELD_SOP_CLASS_UID),
                               .transfer_syntax_uid = scan->dataset.transfer_syntax_uid,
                               .pixels = scan->pixels,
                               .has_pixel_data = pixel_data->tag != 0,
                               .pixel_data_tag = pixel_data->tag,
                               .pixel_data_vr = pixel_data->vr,
                               .pixel_data_offset = pixel_data->header_offset,
                               .dataset_offset = scan->dataset.offset,
                               .size_bytes = scan->fed,
                               .deflated = scan->dataset.deflated,
                               .json = &scan->json_text,
                               .frame_table = &scan->frame_table,
                               .bulk_table = &scan->bulk};
    if (instance->sop_class_uid[0] == 0)
        instance->sop_class_uid = scan->meta_sop_class_uid;
    for (int level = 0; level < PACS_LEVEL_COUNT; level++) {
        instance->tags[level] = scan->tags[level];
        instance->tag_count[level] = scan->tag_count[level];
    }
}

static PacsStatus finish(PacsScan *scan, PacsError *err)
{
    PacsStatus status = pacs_reader_finish(scan->reader, err);
    if (status == PACS_OK)
        status = scan_json_dataset_end(scan, err);
    if (status == PACS_OK)
        status = scan_tags_sequences(scan, err);
    if (status == PACS_OK && !scan->options.any_dataset)
        status = scan_tags_check(scan, err);
    if (status == PACS_OK)
        status = scan_pixels_write_frames(scan, err);
    if (status == PACS_OK)
        fill_instance(scan);
    return status;
}

PacsStatus pacs_scan_finish(PacsScan *scan, PacsError *err)
{
    if (scan->failure.status != PACS_OK)
        return repeat(scan, err);
    if (finish(scan, &scan->failure) == PACS_OK)
        return PACS_OK;
    return repeat(scan, err);
}

const PacsInstance *pacs_scan_instance(const PacsScan *scan)
{
    return &scan->instance;
}

static const char *uid_or_nothing(const char *uid)
{
    return pacs_uid_acceptable(pacs_slice(uid)) ? uid : "";
}

PacsScanNames pacs_scan_names(const PacsScan *scan)
{
    const char *sop_class_uid = field(scan, FIELD_SOP_CLASS_UID);

    return (PacsScanNames){
        .sop_class_uid = uid_or_nothing(sop_class_uid[0] ? sop_class_uid : scan->meta_sop_class_uid),
        .sop_instance_uid = uid_or_nothing(field(scan, FIELD_SOP_INSTANCE_UID))};
}
