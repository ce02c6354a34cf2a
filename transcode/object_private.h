#pragma once

#include "pacs/dicom/reader.h"
#include "pacs/util/buffer.h"
#include "transcode/object.h"
#include "transcode/object_changes.h"

/** object_elements.c: the reader's events written in another form. object.c: frames, and who asks for the bytes. */

#define OBJECT_NOWHERE SIZE_MAX

typedef struct ObjectWriter {
    TranscodeObjectForm form;
    bool is_implicit, is_big_endian, is_encapsulated; /* of what is written */
    bool is_from_deflated;                            /* the stored form; true until its data set begins */
    bool replaces_pixels;
    char stored_uid[PACS_UID_SIZE];

    PacsBuffer out;
    size_t pixels_at;    /* in out: where Pixel Data belong; OBJECT_NOWHERE before they came */
    size_t hold_at;      /* in out: what stands behind may still be left out */
    bool holds;          /* sequences may hold pictures that cannot be kept */
    uint32_t depth;      /* sequences around */
    bool drops_sequence; /* until the one at the top ends */
    bool drops_value;

    TranscodeChange changes[TRANSCODE_CHANGES_MAX];
    size_t change_count, next_change;
    const TranscodeChange *changing; /* the element that goes by is this one's */
    PacsBuffer value;                /* its value so far */

    uint8_t word[8]; /* of a value that is turned round, begun in an earlier run */
    size_t word_size;
    bool is_odd; /* the fragment's size */
} ObjectWriter;

extern const PacsReaderHandler object_writer_handler; /* its context is an ObjectWriter */

void object_writer_init(ObjectWriter *writer, const TranscodeObjectForm *form, bool replaces_pixels);
void object_writer_clear(ObjectWriter *writer);
/** Changes of attributes that the object does not have, behind its last element. */
PacsStatus object_writer_finish(ObjectWriter *writer, PacsError *err);

/** The header of an element in the new form; PACS_LENGTH_UNDEFINED. At most 12 bytes. */
size_t object_writer_header(const ObjectWriter *writer, PacsTag tag, PacsVr vr, uint64_t length,
                            uint8_t out[12]);
/** (FFFE,xxxx). 8 bytes. */
void object_writer_delimiter(const ObjectWriter *writer, PacsTag tag, uint32_t length, uint8_t out[8]);

/** object_deflate.c: the first plain_size bytes as they are, then raw deflate. *Takes* plain. */
PACS_CHECKED PacsStatus object_deflated(PacsSource *plain, uint64_t plain_size, PacsSource **ret_source,
                                        PacsError *err);
