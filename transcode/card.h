#pragma once

#include "transcode/picture.h"

/**
 * A card in place of a picture, for what cannot be seen: a shape that says what kind of thing it is, a short word and a
 * title, light on dark, readable from 128 pixels on.
 *
 * Threads: any, at once.
 * Errors:  PACS_NO_MEMORY.
 */
typedef enum TranscodeCardShape {
    TRANSCODE_CARD_BOX,      /* data: a closed box */
    TRANSCODE_CARD_PAGE,     /* something to read */
    TRANSCODE_CARD_MARK,     /* pictures that somebody chose: a star */
    TRANSCODE_CARD_LAYERS,   /* how pictures are shown: sheets */
    TRANSCODE_CARD_CONTOURS, /* outlines in pictures */
    TRANSCODE_CARD_TARGET,   /* beams on a point */
    TRANSCODE_CARD_SURFACE,  /* a body in space */
    TRANSCODE_CARD_PAIR,     /* two frames of reference that lie over each other */
    TRANSCODE_CARD_WAVE,     /* curves over time */
    TRANSCODE_CARD_PICTURE,  /* an image that nobody here can show */
    TRANSCODE_CARD_SHAPES,
} TranscodeCardShape;

typedef struct TranscodeCard {
    TranscodeCardShape shape;
    const char *word;  /* "SR"; UTF-8 */
    const char *title; /* UTF-8; what does not fit into two lines ends in an ellipsis */
} TranscodeCard;

/** A square of `side` pixels, grey. */
PACS_CHECKED PacsStatus transcode_card_draw(const TranscodeCard *card, uint32_t side,
                                            TranscodePicture *ret_picture, PacsError *err);
