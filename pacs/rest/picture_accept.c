#include "pacs/rest/picture_accept.h"

#include <stdlib.h>
#include <string.h>

#include "pacs/util/text.h"

static const TranscodeFormat formats[] = {TRANSCODE_PNG, TRANSCODE_JPEG, TRANSCODE_PAM, TRANSCODE_WEBP};

/** q of a media range: "image/png;q=0.8". What is no number is 1. */
static double read_quality(PacsSlice parameters)
{
    PacsSlice parameter;

    while (pacs_slice_split(&parameters, ';', &parameter)) {
        parameter = pacs_slice_trim(parameter);
        if (parameter.size > 2 && parameter.size < 8 &&
            (parameter.text[0] == 'q' || parameter.text[0] == 'Q') && parameter.text[1] == '=') {
            char number[8] = "";
            memcpy(number, parameter.text + 2, parameter.size - 2);
            char *end = NULL;
            const double quality = strtod(number, &end);
            return *end || !(quality >= 0 && quality <= 1) ? 1 : quality;
        }
    }
    return 1;
}

/** How closely a range means a type: 0 not at all, 1 by its family or any, 2 by name. */
static int fit(PacsSlice type, const char *media_type)
{
    if (pacs_slice_equal_case(type, media_type))
        return 2;
    return pacs_slice_equal(type, "*/*") || pacs_slice_equal(type, "*") ||
           pacs_slice_equal_case(type, "image/*");
}

/** 0: not taken. */
static double rank(const char *accept, const char *media_type)
{
    PacsSlice rest = pacs_slice(accept), range, type;
    double quality = 0;
    int best = 0;

    while (pacs_slice_split(&rest, ',', &range)) {
        (void)pacs_slice_split(&range, ';', &type);
        const int found = fit(pacs_slice_trim(type), media_type);
        if (found > best) {
            best = found;
            quality = read_quality(range.text ? range : (PacsSlice){"", 0});
        }
    }
    return quality * (best == 2 ? 1.001 : 1); /* named beats meant by a star */
}

bool rest_choose_format(const char *accept, TranscodeFormat *ret_format)
{
    double highest = 0;

    if (!accept || !accept[0])
        accept = "*/*";
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        /* browsers name WebP in front of everything; who takes a PNG gets one, as Orthanc's clients expect */
        if (formats[i] == TRANSCODE_WEBP && highest > 0)
            break;
        const double found = rank(accept, transcode_format_media_type(formats[i]));
        if (found > highest) {
            highest = found;
            *ret_format = formats[i];
        }
    }
    return highest > 0;
}
