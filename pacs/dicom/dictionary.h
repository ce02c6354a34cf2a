#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pacs/dicom/tag.h"
#include "pacs/dicom/vr.h"

/**
 * The data dictionary of PS3.6, with the command set (PS3.7 E) and the repeating groups, as
 * generate_dictionary.py wrote it into dictionary_table.inc.
 *
 * Owner:   static; entries live for ever.
 * Threads: any.
 * Source:  PS3.6 chapters 6 to 9, PS3.7 E, PS3.5 7.6 (repeating groups), 7.2, 7.8 (group lengths, private).
 */
typedef struct PacsDictionaryEntry {
    PacsTag tag;     /* of a repeating group the lowest: (6000,3000) */
    uint32_t mask;   /* bits of a tag that must equal `tag`'s; 0xFFFFFFFF unless repeating */
    PacsVr vr;       /* what an implicit VR data set means, see pacs_dictionary_vr() */
    PacsVr vrs[3];   /* all that PS3.6 allows, in its order ("US or SS or OW"); PACS_VR_NONE after the last */
    uint16_t vm_min; /* value multiplicity: "2-2n" is 2, 0, 2; "1-3" is 1, 3, 1 */
    uint16_t vm_max; /* 0: no upper bound */
    uint16_t vm_step; /* how many values are added at a time */
    bool retired;
    const char *keyword; /* "StudyDate"; "" where PS3.6 gives none */
    const char *name;    /* "Study Date" */
} PacsDictionaryEntry;

/** The entry of a tag, also inside repeating groups; NULL for private and unknown tags. */
const PacsDictionaryEntry *pacs_dictionary_find(PacsTag tag);

/** The entry of a keyword, case-sensitive; NULL if unknown. A repeating keyword gives the lowest group's. */
const PacsDictionaryEntry *pacs_dictionary_find_keyword(PacsSlice keyword);

/**
 * The VR a tag has where the data set does not say (implicit VR): UL for group lengths, LO for private
 * creators, UN for other private and for unknown tags, PACS_VR_NONE for items and delimiters. Of
 * alternatives: "US or SS" gives US (the reader, which knows Pixel Representation, decides), any with OW
 * gives OW, which PS3.5 A.1 asks for in implicit VR.
 */
PacsVr pacs_dictionary_vr(PacsTag tag);

/** True if PS3.6 lets the tag be US or SS, by Pixel Representation (0028,0103). */
bool pacs_dictionary_vr_depends_on_sign(PacsTag tag);

/** "StudyDate", "" if the dictionary has no keyword for the tag. */
const char *pacs_dictionary_keyword(PacsTag tag);

/** A keyword, or the digits pacs_tag_parse() takes. Errors: PACS_INVALID naming the text's length only. */
PACS_CHECKED PacsStatus pacs_dictionary_parse_tag(PacsSlice text, PacsTag *ret_tag, PacsError *err);

/** All entries, sorted by tag (repeating ones not included). For listings and tests. */
const PacsDictionaryEntry *pacs_dictionary_entries(size_t *ret_count);
