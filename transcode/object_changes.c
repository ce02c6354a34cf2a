#include "transcode/object_changes.h"

#include <stdio.h>
#include <string.h>

#include "pacs/dicom/uid.h"
#include "pacs/util/text.h"

const char *transcode_lossy_method(const char *transfer_syntax_uid)
{
    static const struct {
        const char *uid, *method;
    } methods[] = {
        {PACS_UID_JPEG_BASELINE, "ISO_10918_1"},         {PACS_UID_JPEG_EXTENDED, "ISO_10918_1"},
        {PACS_UID_JPEG_LS_NEAR_LOSSLESS, "ISO_14495_1"}, {PACS_UID_JPEG_2000, "ISO_15444_1"},
        {"1.2.840.10008.1.2.4.93", "ISO_15444_2"},       {PACS_UID_HTJ2K, "ISO_15444_15"},
        {"1.2.840.10008.1.2.4.111", "ISO_18181_1"},      {"1.2.840.10008.1.2.4.112", "ISO_18181_1"},
    };

    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
        if (strcmp(methods[i].uid, transfer_syntax_uid) == 0)
            return methods[i].method;
    return NULL;
}

typedef struct List {
    TranscodeChange *changes;
    size_t count;
} List;

static void add(List *list, PacsTag tag, TranscodeHow how, const char *text)
{
    TranscodeChange *change = &list->changes[list->count++];

    *change = (TranscodeChange){.tag = tag, .vr = PACS_VR_CS, .how = how};
    (void)pacs_text_copy(change->text, sizeof change->text, text);
}

static void add_pixels(List *list, const TranscodeLayout *layout)
{
    if (layout->photometric != TRANSCODE_OTHER)
        add(list, PACS_TAG_PHOTOMETRIC_INTERPRETATION, TRANSCODE_CHANGE_SET,
            transcode_photometric_name(layout->photometric));
    if (layout->samples_per_pixel > 1)
        list->changes[list->count++] = (TranscodeChange){
            .tag = PACS_TAG_PLANAR_CONFIGURATION, .vr = PACS_VR_US, .number = layout->is_planar};
}

static void add_loss(List *list, const TranscodeObjectForm *form, double ratio)
{
    char text[32];

    add(list, PACS_TAG_LOSSY_IMAGE_COMPRESSION, TRANSCODE_CHANGE_SET, "01");
    (void)snprintf(text, sizeof text, "%.6g", ratio);
    if (ratio > 0) {
        add(list, PACS_TAG_LOSSY_IMAGE_COMPRESSION_RATIO, TRANSCODE_CHANGE_APPEND, text);
        list->changes[list->count - 1].vr = PACS_VR_DS;
    }
    if (form->lossy_method)
        add(list, PACS_TAG_LOSSY_IMAGE_COMPRESSION_METHOD, TRANSCODE_CHANGE_APPEND, form->lossy_method);
}

size_t transcode_object_changes(const TranscodeObjectForm *form, bool has_frames, double ratio,
                                TranscodeChange changes[TRANSCODE_CHANGES_MAX])
{
    List list = {.changes = changes};

    if (form->is_lossy)
        add(&list, PACS_TAG_IMAGE_TYPE, TRANSCODE_CHANGE_FIRST, "DERIVED");
    if (form->new_sop_instance_uid) {
        add(&list, PACS_TAG_SOP_INSTANCE_UID, TRANSCODE_CHANGE_SET, form->new_sop_instance_uid);
        list.changes[list.count - 1].vr = PACS_VR_UI;
    }
    if (has_frames)
        add_pixels(&list, &form->layout);
    if (has_frames && form->is_lossy)
        add_loss(&list, form, ratio);
    return list.count;
}
