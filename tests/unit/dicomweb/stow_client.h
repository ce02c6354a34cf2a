#pragma once

#include <jansson.h>

#include "tests/support/dicomweb_fixture.h"

/** A client that stores by STOW-RS, over the server without sockets: bodies put together, answers taken apart. */

#define STOW_MULTIPART "multipart/related; type=\"application/dicom\"; boundary=b"

/** Instances in the index. */
uint64_t stow_instances(DicomwebFixture *fixture);

/* ---- Bodies, with the boundary "b" ---- */

/** `header`: the part's lines, each but the last ended by CRLF. */
void stow_add_raw_part(PacsBuffer *body, const char *header, const void *bytes, size_t size);
void stow_add_part(PacsBuffer *body, const char *content_type, const void *bytes, size_t size);
/** test_object() of these numbers. */
void stow_add_object(PacsBuffer *body, unsigned study, unsigned series, unsigned instance);
void stow_end_parts(PacsBuffer *body);

/* ---- Asking ---- */

typedef struct StowPost {
    const char *target;       /* NULL: /dicom-web/studies */
    const char *content_type; /* NULL: STOW_MULTIPART */
    const char *accept;
    size_t piece_size;
    bool leaves_midway;
} StowPost;

/** Clear the answer afterwards. */
void stow_post(DicomwebFixture *fixture, const StowPost *how, const PacsBuffer *body,
               PacsHttpAnswer *ret_answer);
/** Checks the code. The answer's data set; NULL if it is no JSON. */
json_t *stow_store(DicomwebFixture *fixture, const StowPost *how, const PacsBuffer *body,
                   uint32_t expected_code);

/* ---- Answers ---- */

/** The n-th item's value of a tag in a sequence; NULL if it is not there. */
const json_t *stow_value(const json_t *dataset, const char *sequence, size_t item, const char *tag);
/** Items of the Referenced, Failed and Other Failures sequences. */
void stow_check_counts(const json_t *dataset, size_t stored, size_t failed, size_t other);
/** RetrieveURL at the top; NULL if it has no value. */
const char *stow_root_url(const json_t *dataset);
