#pragma once

#include <stdbool.h>
#include <stdint.h>

/**
 * Value representations (PS3.5 6.2), in alphabetical order. PACS_VR_NONE is "no such VR", and the VR of items
 * and delimiters, which have none.
 */
typedef enum PacsVr {
    PACS_VR_NONE,
    PACS_VR_AE,
    PACS_VR_AS,
    PACS_VR_AT,
    PACS_VR_CS,
    PACS_VR_DA,
    PACS_VR_DS,
    PACS_VR_DT,
    PACS_VR_FD,
    PACS_VR_FL,
    PACS_VR_IS,
    PACS_VR_LO,
    PACS_VR_LT,
    PACS_VR_OB,
    PACS_VR_OD,
    PACS_VR_OF,
    PACS_VR_OL,
    PACS_VR_OV,
    PACS_VR_OW,
    PACS_VR_PN,
    PACS_VR_SH,
    PACS_VR_SL,
    PACS_VR_SQ,
    PACS_VR_SS,
    PACS_VR_ST,
    PACS_VR_SV,
    PACS_VR_TM,
    PACS_VR_UC,
    PACS_VR_UI,
    PACS_VR_UL,
    PACS_VR_UN,
    PACS_VR_UR,
    PACS_VR_US,
    PACS_VR_UT,
    PACS_VR_UV,
    PACS_VR_COUNT
} PacsVr;

/** What a VR means for reading and writing; sizes in bytes. */
typedef struct PacsVrInfo {
    char code[3];        /* "AE"; "" for PACS_VR_NONE */
    bool long_header;    /* explicit VR: two reserved bytes and a 32-bit length (PS3.5 7.1.2) */
    bool text;           /* the value is characters */
    bool charset;        /* ... in the characters of (0008,0005) (PS3.5 6.1.2.3) */
    bool multi_valued;   /* backslash separates values (text) or the value is a list of numbers */
    bool bulk;           /* a stream of OB, OD, OF, OL, OV, OW or UN: InlineBinary or BulkDataURI in JSON */
    uint8_t padding;     /* the byte that makes a value's length even */
    uint8_t value_size;  /* of one value of a binary VR, 1 for OB and UN; 0 for text and SQ */
    uint8_t swap_size;   /* unit of byte swapping: as value_size, but 2 for AT; 1 where nothing is swapped */
    uint32_t max_length; /* characters of one value as PS3.5 table 6.2-1 has it; 0: none given */
} PacsVrInfo;

/** The VR with these two letters (`code` needs no NUL); PACS_VR_NONE if there is none. */
PacsVr pacs_vr_from_code(const char *code);

/** Never NULL; of any value outside the enumeration the row of PACS_VR_NONE. Static. */
const PacsVrInfo *pacs_vr_info(PacsVr vr);

/** "AE" ...; "" for PACS_VR_NONE. Static. */
const char *pacs_vr_code(PacsVr vr);
