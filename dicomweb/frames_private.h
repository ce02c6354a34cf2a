#pragma once

#include "dicomweb/accept.h"
#include "dicomweb/conversions.h"
#include "dicomweb/dicomweb_private.h"
#include "dicomweb/fingerprint.h"
#include "pacs/retrieve/converted_frame.h"

/* What the files of frames share. */

/** A request for frames, and what is known of it so far. */
typedef struct FramesRequest {
    Dicomweb *dicomweb;
    PacsHttpRequest *request;
    PacsArena *arena;
    PacsUidPath path;
    const char *root; /* of Content-Location */
    const PacsRetrievedImage *image;
    PacsRetrievedFrame *frames;
    size_t count;
    DicomwebOffer offer;
    char fingerprint[DICOMWEB_FINGERPRINT_SIZE];
    int fd; /* -1: the store has no descriptors */

    const char
        *impossible[DICOMWEB_MAX_TARGETS]; /* transfer syntaxes that turned out not to be for this image */
    size_t impossible_count;
    TranscodeResult **results; /* of converted frames, as far as they were found; in the arena */
} FramesRequest;

/** frames.c: of one frame's part. In the arena; NULL: no memory. */
const char *dicomweb_frame_type(const FramesRequest *asked);
const char *dicomweb_frame_location(const FramesRequest *asked, size_t index);

/** frames_choice.c: decide on the offer. *ret_chosen false: the reply is complete (406). */
PACS_CHECKED PacsStatus dicomweb_choose_frames(FramesRequest *asked, PacsHttpReply *reply, bool *ret_chosen,
                                               PacsError *err);

/** frames_converted.c: the body of frames that are converted, or the handler is to be called again on a worker thread.
 *  *ret_impossible: there is no such form of this image, which asked->impossible tells from now on. */
PACS_CHECKED PacsStatus dicomweb_reply_converted_frames(FramesRequest *asked, PacsHttpReply *reply,
                                                        bool *ret_impossible, PacsError *err);
/** What was found and is not needed. */
void dicomweb_drop_converted_frames(FramesRequest *asked);
