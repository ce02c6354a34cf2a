#pragma once

/** The scan's parts among themselves: scan.c (what the reader calls), scan_json.c and scan_values.c (DICOM
 *  JSON), scan_tags.c (main tags), scan_pixels.c (pixel description and frames), json_order.c. */

#include "pacs/dicom/charset.h"
#include "pacs/dicom/frame_collector.h"
#include "pacs/dicom/reader.h"
#include "pacs/dicom/scan.h"
#include "pacs/util/arena.h"
#include "pacs/util/json.h"
#include "pacs/util/limits.h"

/* Each main tag once: 4 levels of some 30 tags, and ExtraMainDicomTags. */
#define SCAN_ARENA_MAX (4u << 20)

/** One data set: the object's (level 0) or an item's. */
typedef struct ScanLevel {
    PacsCharset charset;
    PacsTag last_tag;    /* the highest so far: elements should come in rising order */
    bool disordered;     /* they did not, or one came twice */
    size_t json_start;   /* where the object's `{` stands */
    PacsTag sequence;    /* the sequence open in this data set, if any */
    uint32_t item_count; /* its items so far */
} ScanLevel;

typedef enum ScanTake {
    TAKE_NOTHING,
    TAKE_VALUE,   /* the whole value, for JSON and tags */
    TAKE_OFFSETS, /* the extended offset table, or its lengths */
} ScanTake;

/** A tag that an index wants, and the levels it stands at (bit per PacsLevel; 0: only one of `fields`). */
typedef struct ScanWanted {
    PacsTag tag;
    uint32_t levels;
} ScanWanted;

typedef enum ScanField {
    FIELD_PATIENT_ID,
    FIELD_STUDY_UID,
    FIELD_SERIES_UID,
    FIELD_SOP_INSTANCE_UID,
    FIELD_SOP_CLASS_UID,
    FIELD_COUNT
} ScanField;

struct PacsScan {
    PacsReader *reader;
    PacsScanOptions options;
    PacsError failure;
    uint64_t fed;

    ScanWanted *wanted; /* sorted by tag */
    size_t wanted_count;

    ScanLevel levels[PACS_MAX_SEQUENCE_DEPTH + 1];
    uint32_t depth; /* of the innermost data set */
    PacsDatasetStart dataset;

    ScanTake take;
    bool taken;         /* the current value has been dealt with */
    PacsBuffer value;   /* the current value, where it came in pieces */
    PacsBuffer text;    /* a value in UTF-8 */
    PacsBuffer scratch; /* a component group, or a data set's JSON being put in order */

    PacsJson json;
    PacsBuffer json_text;
    PacsBuffer bulk;
    uint64_t bulk_count;
    uint32_t charset_count; /* told in `bulk` */

    PacsArena *arena; /* the strings of `tags` and `fields` */
    PacsTagValue *tags[PACS_LEVEL_COUNT];
    size_t tag_count[PACS_LEVEL_COUNT];
    size_t tag_room[PACS_LEVEL_COUNT];
    const char *fields[FIELD_COUNT]; /* NULL: not seen */
    char meta_sop_class_uid[PACS_UID_SIZE];
    bool media_directory; /* it has a Directory Record Sequence */

    PacsPixelDescription pixels;
    bool has_number_of_frames;
    PacsElement pixel_data; /* tag 0: none */
    bool in_pixel_data;     /* the fragments now coming are the object's own, not an icon's */
    uint64_t fragment_index;
    uint64_t fragments_start; /* of the element with fragments now open */
    FrameCollector frames;
    PacsBuffer frame_table;

    PacsInstance instance;
};

static inline ScanLevel *scan_top(PacsScan *scan)
{
    return &scan->levels[scan->depth];
}

/* scan_json.c */

/** True if the element's value is to be held to be written: the others are skimmed. */
bool scan_json_wants_value(const PacsScan *scan, const PacsElement *element);
PACS_CHECKED PacsStatus scan_json_value(PacsScan *scan, const PacsElement *element, const uint8_t *bytes,
                                        size_t size, PacsError *err);
/** A value that stays in the object: a BulkDataURI, and a record of where it is. */
PACS_CHECKED PacsStatus scan_json_bulk(PacsScan *scan, const PacsElement *element, PacsRange range,
                                       PacsError *err);
PACS_CHECKED PacsStatus scan_json_sequence_begin(PacsScan *scan, const PacsElement *element, PacsError *err);
PACS_CHECKED PacsStatus scan_json_sequence_end(PacsScan *scan, PacsError *err);
/** The braces of a data set; `end` puts its members in order if they were not. */
void scan_json_dataset_begin(PacsScan *scan);
PACS_CHECKED PacsStatus scan_json_dataset_end(PacsScan *scan, PacsError *err);

/* scan_values.c */

/** True if the value holds nothing but padding and separators. */
bool scan_value_is_blank(PacsVr vr, const uint8_t *bytes, size_t size);
/** The members of "Value" of a text VR; of a binary VR of numbers or tags. */
PACS_CHECKED PacsStatus scan_write_text(PacsScan *scan, PacsVr vr, const uint8_t *bytes, size_t size,
                                        PacsError *err);
void scan_write_numbers(PacsJson *json, PacsVr vr, bool big_endian, const uint8_t *bytes, size_t size);

#define SCAN_NUMBER_SIZE 40
/** One binary number as text; the second says it is a JSON number (not a string: NaN, 2^63). */
bool scan_format_number(PacsVr vr, bool big_endian, const uint8_t *bytes, char ret_text[SCAN_NUMBER_SIZE]);

/** The value as UTF-8 without the padding its VR may have. Borrowed from scan->text or from the value. */
PACS_CHECKED PacsStatus scan_value_text(PacsScan *scan, PacsVr vr, PacsSlice value, PacsSlice *ret_text,
                                        PacsError *err);

/* json_order.c */

/** Put the members of one JSON object of data elements in tag order; of equal tags the first stays.
 *  `scratch` is used and left empty. */
PACS_CHECKED PacsStatus json_order_members(PacsBuffer *json, size_t start, PacsBuffer *scratch,
                                           PacsError *err);

/* scan_tags.c */

PACS_CHECKED PacsStatus scan_tags_init(PacsScan *scan, PacsError *err);
bool scan_tags_want(const PacsScan *scan, PacsTag tag);
/** When the JSON is complete: the wanted sequences in it. */
PACS_CHECKED PacsStatus scan_tags_sequences(PacsScan *scan, PacsError *err);
PACS_CHECKED PacsStatus scan_tags_value(PacsScan *scan, const PacsElement *element, const uint8_t *bytes,
                                        size_t size, PacsError *err);
/** What an index cannot do without is there and possible. */
PACS_CHECKED PacsStatus scan_tags_check(const PacsScan *scan, PacsError *err);

/* scan_pixels.c */

/** A value of the Image Pixel module. */
void scan_pixels_value(PacsScan *scan, const PacsElement *element, const uint8_t *bytes, size_t size);
PACS_CHECKED PacsStatus scan_pixels_write_frames(PacsScan *scan, PacsError *err);
