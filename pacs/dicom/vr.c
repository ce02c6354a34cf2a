#include "pacs/dicom/vr.h"

/* Lengths and characters from PS3.5 table 6.2-1, long headers from 7.1.2, (0008,0005) from 6.1.2.3. */

/* ASCII, several values. */
#define WORDS(name, pad, length)                                                                             \
    {                                                                                                        \
        .code = #name, .text = true, .multi_valued = true, .padding = (pad), .swap_size = 1,                 \
        .max_length = (length)                                                                               \
    }

/* In the characters of (0008,0005). */
#define PROSE(name, many, wide, length)                                                                      \
    {                                                                                                        \
        .code = #name, .text = true, .charset = true, .multi_valued = (many), .long_header = (wide),         \
        .padding = ' ', .swap_size = 1, .max_length = (length)                                               \
    }

/* Numbers; `swap` is the part of one that changes its bytes' order. */
#define NUMBERS(name, size, swap, wide)                                                                      \
    {                                                                                                        \
        .code = #name, .multi_valued = true, .long_header = (wide), .value_size = (size),                    \
        .swap_size = (swap)                                                                                  \
    }

/* Streams of bytes or words. */
#define STREAM(name, size)                                                                                   \
    {                                                                                                        \
        .code = #name, .bulk = true, .long_header = true, .value_size = (size), .swap_size = (size)          \
    }

static const PacsVrInfo infos[PACS_VR_COUNT] = {
    [PACS_VR_NONE] = {.code = "", .swap_size = 1},
    [PACS_VR_AE] = WORDS(AE, ' ', 16),
    [PACS_VR_AS] = WORDS(AS, ' ', 4),
    [PACS_VR_AT] = NUMBERS(AT, 4, 2, false), /* a group and an element */
    [PACS_VR_CS] = WORDS(CS, ' ', 16),
    [PACS_VR_DA] = WORDS(DA, ' ', 8),
    [PACS_VR_DS] = WORDS(DS, ' ', 16),
    [PACS_VR_DT] = WORDS(DT, ' ', 26),
    [PACS_VR_FD] = NUMBERS(FD, 8, 8, false),
    [PACS_VR_FL] = NUMBERS(FL, 4, 4, false),
    [PACS_VR_IS] = WORDS(IS, ' ', 12),
    [PACS_VR_LO] = PROSE(LO, true, false, 64),
    [PACS_VR_LT] = PROSE(LT, false, false, 10240),
    [PACS_VR_OB] = STREAM(OB, 1),
    [PACS_VR_OD] = STREAM(OD, 8),
    [PACS_VR_OF] = STREAM(OF, 4),
    [PACS_VR_OL] = STREAM(OL, 4),
    [PACS_VR_OV] = STREAM(OV, 8),
    [PACS_VR_OW] = STREAM(OW, 2),
    [PACS_VR_PN] = PROSE(PN, true, false, 64), /* of each component group */
    [PACS_VR_SH] = PROSE(SH, true, false, 16),
    [PACS_VR_SL] = NUMBERS(SL, 4, 4, false),
    [PACS_VR_SQ] = {.code = "SQ", .long_header = true, .swap_size = 1},
    [PACS_VR_SS] = NUMBERS(SS, 2, 2, false),
    [PACS_VR_ST] = PROSE(ST, false, false, 1024),
    [PACS_VR_SV] = NUMBERS(SV, 8, 8, true),
    [PACS_VR_TM] = WORDS(TM, ' ', 14),
    [PACS_VR_UC] = PROSE(UC, true, true, 0),
    [PACS_VR_UI] = WORDS(UI, '\0', 64),
    [PACS_VR_UL] = NUMBERS(UL, 4, 4, false),
    [PACS_VR_UN] = STREAM(UN, 1),
    [PACS_VR_UR] = {.code = "UR", .text = true, .long_header = true, .padding = ' ', .swap_size = 1},
    [PACS_VR_US] = NUMBERS(US, 2, 2, false),
    [PACS_VR_UT] = PROSE(UT, false, true, 0),
    [PACS_VR_UV] = NUMBERS(UV, 8, 8, true),
};

/* One look-up an element: every explicit VR header comes through here. */
#define CODE(first, second) [((first) - 'A') * 26 + (second) - 'A']

static const uint8_t by_code[26 * 26] = {
    CODE('A', 'E') = PACS_VR_AE, CODE('A', 'S') = PACS_VR_AS, CODE('A', 'T') = PACS_VR_AT,
    CODE('C', 'S') = PACS_VR_CS, CODE('D', 'A') = PACS_VR_DA, CODE('D', 'S') = PACS_VR_DS,
    CODE('D', 'T') = PACS_VR_DT, CODE('F', 'D') = PACS_VR_FD, CODE('F', 'L') = PACS_VR_FL,
    CODE('I', 'S') = PACS_VR_IS, CODE('L', 'O') = PACS_VR_LO, CODE('L', 'T') = PACS_VR_LT,
    CODE('O', 'B') = PACS_VR_OB, CODE('O', 'D') = PACS_VR_OD, CODE('O', 'F') = PACS_VR_OF,
    CODE('O', 'L') = PACS_VR_OL, CODE('O', 'V') = PACS_VR_OV, CODE('O', 'W') = PACS_VR_OW,
    CODE('P', 'N') = PACS_VR_PN, CODE('S', 'H') = PACS_VR_SH, CODE('S', 'L') = PACS_VR_SL,
    CODE('S', 'Q') = PACS_VR_SQ, CODE('S', 'S') = PACS_VR_SS, CODE('S', 'T') = PACS_VR_ST,
    CODE('S', 'V') = PACS_VR_SV, CODE('T', 'M') = PACS_VR_TM, CODE('U', 'C') = PACS_VR_UC,
    CODE('U', 'I') = PACS_VR_UI, CODE('U', 'L') = PACS_VR_UL, CODE('U', 'N') = PACS_VR_UN,
    CODE('U', 'R') = PACS_VR_UR, CODE('U', 'S') = PACS_VR_US, CODE('U', 'T') = PACS_VR_UT,
    CODE('U', 'V') = PACS_VR_UV,
};

PacsVr pacs_vr_from_code(const char *code)
{
    if (code[0] < 'A' || code[0] > 'Z' || code[1] < 'A' || code[1] > 'Z')
        return PACS_VR_NONE;
    return (PacsVr)by_code[(code[0] - 'A') * 26 + code[1] - 'A'];
}

const PacsVrInfo *pacs_vr_info(PacsVr vr)
{
    return &infos[(unsigned)vr < PACS_VR_COUNT ? vr : PACS_VR_NONE];
}

const char *pacs_vr_code(PacsVr vr)
{
    return pacs_vr_info(vr)->code;
}
