#pragma once

#include "pacs/dicom/dataset_writer.h"
#include "workers/imaging-report/report.h"

/**
 * Elements of a document, put one after the other. Inside the room.
 *
 * Errors: sticky: after a failure nothing more is written, `status` and `err` are the first one's.
 */
typedef struct Elements {
    PacsDatasetWriter *writer;
    PacsStatus status;
    PacsError *err;
} Elements;

void elements_put(Elements *elements, PacsTag tag, PacsVr vr,
                  const char *text); /* "" or NULL: without a value */
/** As elements_put(), where there is something to say; else the element is left out. */
void elements_put_known(Elements *elements, PacsTag tag, PacsVr vr, const char *text);
void elements_put_number(Elements *elements, PacsTag tag, PacsVr vr, uint64_t number);
void elements_put_bytes(Elements *elements, PacsTag tag, PacsVr vr, const void *bytes, size_t size);
/** Text of people in a VR of one line and at most `max` characters: backslashes become slashes, line ends spaces. */
void elements_put_line(Elements *elements, PacsTag tag, PacsVr vr, const char *text, size_t max);
/** A name; one without ^ is all family name. */
void elements_put_person(Elements *elements, PacsTag tag, const char *name);
/** Text of people in paragraphs, with DICOM's line ends. */
void elements_put_paragraphs(Elements *elements, PacsTag tag, PacsVr vr, const char *text);

void elements_begin(Elements *elements, PacsTag sequence); /* and its first item */
void elements_next(Elements *elements);                    /* item */
void elements_end(Elements *elements);
void elements_put_empty(Elements *elements, PacsTag sequence);
void elements_put_code(Elements *elements, PacsTag sequence, const ReportCode *code);
void elements_put_reference(Elements *elements, const char *sop_class_uid, const char *sop_instance_uid);
/** The attributes of one object of DICOM JSON. */
void elements_put_json(Elements *elements, PacsSlice object);
