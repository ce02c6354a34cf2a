#pragma once

#include "pacs/dicom/tag.h"
#include "pacs/dicom/vr.h"
#include "transcode/object.h"

/**
 * What becomes of an object's attributes in another transfer syntax: for who writes the object, and for who tells what
 * would be written.
 */
typedef enum TranscodeHow {
    TRANSCODE_CHANGE_SET,
    TRANSCODE_CHANGE_APPEND, /* behind the values there are */
    TRANSCODE_CHANGE_FIRST,  /* the first value alone */
} TranscodeHow;

/** A top-level attribute that gets another value. */
typedef struct TranscodeChange {
    PacsTag tag;
    PacsVr vr;
    TranscodeHow how;
    char text[80];
    uint16_t number; /* of US */
} TranscodeChange;

#define TRANSCODE_CHANGES_MAX 8

/** By rising tag; how many. has_frames: pixel data are made anew. ratio: native bytes to compressed ones; 0: not known,
 *  as before the frames are made. */
size_t transcode_object_changes(const TranscodeObjectForm *form, bool has_frames, double ratio,
                                TranscodeChange changes[TRANSCODE_CHANGES_MAX]);
