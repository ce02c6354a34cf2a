#pragma once

#include "pacs/retrieve/frames.h"
#include "pacs/retrieve/instance_values.h"
#include "transcode/rendering.h"
#include "transcode/service.h"

/**
 * Pictures of instances, for people and for programs: made once for all who ask the same, and kept (transcode/service.h).
 *
 *     status = pacs_picture_find(retrieve, &name, &wish, arena, &picture, err);  // one statement of the index
 *     // picture->key names the bytes: an ETag
 *     result = pacs_picture_recall(retrieve, picture);                           // kept from before?
 *     status = pacs_picture_make(retrieve, picture, &waiting, &result, err);     // may block; reads, decodes, renders
 *
 * Which frame, where none is named: (0028,6010) Representative Frame Number, else the middle one; the first and last
 * pictures of a scan show least. Which instance of a study or series: pacs_picture_representative().
 *
 * Errors:  PACS_NOT_FOUND (no such instance, not that many frames), PACS_UNSUPPORTED (there is nothing to see in it, or
 *          nobody can decode it), PACS_INVALID (a region outside of the image), and what transcode/service.h says.
 * Threads: any, at once; pacs_picture_make() wants 1 MiB of stack.
 * Source:  PS3.18 8.3.5, 10.4.1.1.3 to 10.4.1.1.5; Orthanc's REST API for the looks that are its.
 */
typedef enum PacsPictureLook {
    PACS_LOOK_RENDERED, /* as a viewer shows it: window, palettes, overlays, presentation state */
    PACS_LOOK_WINDOWED, /* Orthanc's /rendered: a window, or else all that the bits stored can say; no overlays */
    PACS_LOOK_STRETCHED, /* Orthanc's /preview: smallest to largest value stored */
    PACS_LOOK_UINT8,     /* Orthanc's /image-uint8 and so on: values as stored, for programs */
    PACS_LOOK_UINT16,
    PACS_LOOK_INT16,
    PACS_LOOK_SAMPLES, /* no picture: numbers as pacs/retrieve/array.h has them, as stored */
    PACS_LOOK_FLOATS,  /* the same rescaled */
} PacsPictureLook;

typedef enum PacsPictureProfile {
    PACS_PROFILE_NONE,  /* colours as they are, and no word about them */
    PACS_PROFILE_IMAGE, /* with the image's own profile, or that of the colours they are in */
    PACS_PROFILE_SRGB, /* colours converted into these (transcode/profile.h), with their profile; greys as for IMAGE */
    PACS_PROFILE_ADOBE_RGB,
    PACS_PROFILE_ROMM_RGB,
} PacsPictureProfile;

#define PACS_ANNOTATE_PATIENT 1u
#define PACS_ANNOTATE_TECHNIQUE 2u

typedef struct PacsPictureWish {
    PacsPictureLook look;
    TranscodeFormat format;
    uint32_t quality;      /* 1 to 100; 0: the format's default */
    uint32_t frame_number; /* from 1; 0: the one that represents the instance */
    bool is_animation;     /* all frames one after the other: TRANSCODE_GIF */
    bool is_thumbnail;     /* what has no image is drawn as a card that says what it is */
    TranscodeView view;    /* its window is borrowed */
    /** A region in parts of the image from 0 to 1, as WADO-URI has it, in place of the view's: left, top, right, bottom;
     *  all 0: none. */
    double relative_region[4];
    uint32_t annotations; /* PACS_ANNOTATE_ bits */
    PacsPictureProfile profile;
    const PacsUidPath *presentation_state; /* one that speaks of this instance; NULL: none. Borrowed */
} PacsPictureWish;

/** The thumbnail that pages get who ask for nothing in particular: a JPEG within 256 by 256, made when a series or study is
 *  stable (pacs/lifecycle/prepare.h). */
#define PACS_THUMBNAIL_SIDE 256u
#define PACS_PICTURE_THUMBNAIL                                                                               \
    ((PacsPictureWish){                                                                                      \
        .is_thumbnail = true,                                                                                \
        .format = TRANSCODE_JPEG,                                                                            \
        .view = {.viewport_width = PACS_THUMBNAIL_SIDE, .viewport_height = PACS_THUMBNAIL_SIDE}})

typedef struct PacsPicture {
    PacsInstanceName name;
    PacsPictureWish wish;
    const PacsStoredObject *object;
    uint32_t frame_count;                       /* 0: it has no image */
    const PacsRetrievedImage *image;            /* NULL likewise */
    const PacsStoredObject *presentation_state; /* NULL: none */
    const char *key;
} PacsPicture;

/** Names and texts of wish are borrowed for the picture's life; the rest lives in the arena. */
PACS_CHECKED PacsStatus pacs_picture_find(PacsRetrieve *retrieve, const PacsInstanceName *name,
                                          const PacsPictureWish *wish, PacsArena *arena,
                                          PacsPicture **ret_picture, PacsError *err);

/** Who waits for it; as TranscodeTask. */
typedef struct PacsPictureWaiting {
    TranscodePriority priority;
    bool (*is_cancelled)(void *context);
    void *context;
} PacsPictureWaiting;

/** What is kept of it: some microseconds, for HTTP threads. NULL: it has to be made. The caller's to unref. */
TranscodeResult *pacs_picture_recall(PacsRetrieve *retrieve, const PacsPicture *picture);

PACS_CHECKED PacsStatus pacs_picture_make(PacsRetrieve *retrieve, const PacsPicture *picture,
                                          const PacsPictureWaiting *waiting, TranscodeResult **ret_result,
                                          PacsError *err);

/**
 * The instance that stands for a study or series: of the first series (in order of arrival) that has images the middle one,
 * also by arrival; where nothing has an image, the first instance. What a path of an instance names is that.
 */
PACS_CHECKED PacsStatus pacs_picture_representative(PacsRetrieve *retrieve, const PacsUidPath *path,
                                                    PacsArena *arena, PacsUidPath *ret_path, PacsError *err);
