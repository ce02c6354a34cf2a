#include "transcode/profile.h"

#include <lcms2.h>
#include <lcms2_plugin.h>
#include <stdlib.h>
#include <string.h>

#include "pacs/util/limits.h"
#include "transcode/picture_format.h"

/* ---- Little CMS, kept apart: each conversion has its own context, with its own errors and a bound on its memory ---- */

static void *bounded_malloc(cmsContext context, cmsUInt32Number size)
{
    (void)context;
    return size <= PACS_MAX_ICC_TABLE ? malloc(size) : NULL;
}

static void *bounded_realloc(cmsContext context, void *old, cmsUInt32Number size)
{
    (void)context;
    return size <= PACS_MAX_ICC_TABLE ? realloc(old, size) : NULL;
}

static void give_back(cmsContext context, void *memory)
{
    (void)context;
    free(memory);
}

/** The first one says what is wrong, the rest what follows from it. */
static void hear_error(cmsContext context, cmsUInt32Number code, const char *text)
{
    PacsError *said = cmsGetContextUserData(context);

    (void)code;
    if (said->status == PACS_OK)
        pacs_ignore(pacs_fail(said, PACS_INVALID, "%s", text));
}

static cmsContext open_context(PacsError *said)
{
    cmsPluginMemHandler memory = {
        .base = {.Magic = cmsPluginMagicNumber, .ExpectedVersion = 2060, .Type = cmsPluginMemHandlerSig},
        .MallocPtr = bounded_malloc,
        .FreePtr = give_back,
        .ReallocPtr = bounded_realloc}; /* copied by the library, which makes the rest of these three */
    cmsContext context = cmsCreateContext(&memory, said);

    if (context)
        cmsSetLogErrorHandlerTHR(context, hear_error);
    return context;
}

static void close_context(cmsContext *context)
{
    if (*context)
        cmsDeleteContext(*context);
}
#define AUTO_CONTEXT __attribute__((cleanup(close_context)))

static void close_profile(cmsHPROFILE *profile)
{
    if (*profile)
        (void)cmsCloseProfile(*profile); /* read from memory, or made: there is nothing to write */
}
#define AUTO_PROFILE __attribute__((cleanup(close_profile)))

static PacsStatus no_memory(PacsError *err)
{
    return pacs_fail(err, PACS_NO_MEMORY, "no memory for an ICC profile");
}

/* ---- The spaces with a name ---- */

typedef struct NamedSpace {
    const char *description;
    cmsCIExyYTRIPLE primaries;
    const cmsCIExyY *white;
    cmsInt32Number
        curve; /* Little CMS's number of a parametric curve: 1 a power, 4 a power with a straight foot */
    double parameters[5];
} NamedSpace;

static const cmsCIExyY d65 = {0.3127, 0.3290, 1};
static const cmsCIExyY d50 = {0.3457, 0.3585, 1};

static const NamedSpace spaces[TRANSCODE_SPACE_COUNT] = {
    [TRANSCODE_SPACE_SRGB] = {.description = "sRGB IEC61966-2.1",
                              .primaries = {{0.64, 0.33, 1}, {0.30, 0.60, 1}, {0.15, 0.06, 1}},
                              .white = &d65,
                              .curve = 4,
                              .parameters = {2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045}},
    [TRANSCODE_SPACE_ADOBE_RGB] = {.description = "Compatible with Adobe RGB (1998)",
                                   .primaries = {{0.64, 0.33, 1}, {0.21, 0.71, 1}, {0.15, 0.06, 1}},
                                   .white = &d65,
                                   .curve = 1,
                                   .parameters = {2.19921875}},
    [TRANSCODE_SPACE_ROMM_RGB] = {.description = "ROMM RGB ISO 22028-2",
                                  .primaries = {{0.7347, 0.2653, 1},
                                                {0.1596, 0.8404, 1},
                                                {0.0366, 0.0001, 1}},
                                  .white = &d50,
                                  .curve = 4,
                                  .parameters = {1.8, 1, 0, 1 / 16.0, 1 / 32.0}},
};

static bool describe(cmsContext context, cmsHPROFILE profile, const char *description)
{
    cmsMLU *text = cmsMLUalloc(context, 1);
    const bool is_done = text && cmsMLUsetASCII(text, "en", "US", description) &&
                         cmsWriteTag(profile, cmsSigProfileDescriptionTag, text);

    cmsMLUfree(text);
    return is_done;
}

static cmsHPROFILE make_space(cmsContext context, const NamedSpace *space)
{
    cmsToneCurve *curve = cmsBuildParametricToneCurve(context, space->curve, space->parameters);
    cmsToneCurve *const curves[3] = {curve, curve, curve};
    AUTO_PROFILE cmsHPROFILE profile = NULL;

    if (!curve)
        return NULL;
    profile = cmsCreateRGBProfileTHR(context, space->white, &space->primaries, curves);
    cmsFreeToneCurve(curve);
    return profile && describe(context, profile, space->description) ? PACS_STEAL(profile) : NULL;
}

#define DATE_OFFSET 24 /* ICC.1 7.2.8: six numbers of 16 bits, big endian */
static const uint8_t fixed_date[12] = {0x07, 0xD0, 0,
                                       1,    0,    1}; /* 2000-01-01: when it is made is nobody's business */

/** The profile as a file: the same bytes each time, so that what a picture's ETag names stays what it is. */
static PacsStatus save_space(cmsHPROFILE profile, PacsArena *arena, const uint8_t **ret_bytes,
                             size_t *ret_size, PacsError *err)
{
    cmsUInt32Number size = 0;

    if (!cmsSaveProfileToMem(profile, NULL, &size) || size < DATE_OFFSET + sizeof fixed_date)
        return no_memory(err);
    uint8_t *bytes = pacs_arena_alloc(arena, size);
    if (!bytes || !cmsSaveProfileToMem(profile, bytes, &size))
        return no_memory(err);
    memcpy(bytes + DATE_OFFSET, fixed_date, sizeof fixed_date);
    *ret_bytes = bytes;
    *ret_size = size;
    return PACS_OK;
}

/* ---- The picture's own ---- */

static PacsStatus refuse(const PacsError *said, PacsError *err)
{
    return pacs_fail(err, PACS_INVALID, "the image's ICC profile cannot be used%s%s",
                     said->status == PACS_OK ? "" : ": ", said->text);
}

/* Elements of arbitrary number that are worked out for each colour: 8 MB of them take minutes. They stand beside tables
 * that every profile has (ICC.1 8.2 to 8.4), and no microscope or camera writes them. */
static void forget_elements(cmsHPROFILE profile)
{
    static const cmsTagSignature tags[] = {cmsSigDToB0Tag, cmsSigDToB1Tag, cmsSigDToB2Tag, cmsSigDToB3Tag};

    for (size_t i = 0; i < sizeof tags / sizeof *tags; i++)
        (void)cmsWriteTag(profile, tags[i], NULL); /* removes it; false where there is none */
}

/** PS3.3 C.11.15.1.1 has input devices alone; profiles of displays and colour spaces are in use and mean the same. */
static bool is_of_device(cmsHPROFILE profile)
{
    switch (cmsGetDeviceClass(profile)) {
    case cmsSigInputClass:
    case cmsSigDisplayClass:
    case cmsSigOutputClass:
    case cmsSigColorSpaceClass:
        return cmsGetColorSpace(profile) == cmsSigRgbData &&
               (cmsGetPCS(profile) == cmsSigXYZData || cmsGetPCS(profile) == cmsSigLabData);
    default:
        return false;
    }
}

static PacsStatus open_source(cmsContext context, const TranscodePicture *picture, const PacsError *said,
                              cmsHPROFILE *ret_profile, PacsError *err)
{
    AUTO_PROFILE cmsHPROFILE profile = NULL;

    if (!picture->icc_profile) {
        *ret_profile = make_space(context, &spaces[TRANSCODE_SPACE_SRGB]);
        return *ret_profile ? PACS_OK : no_memory(err);
    }
    if (picture->icc_profile_size > PACS_MAX_ICC_PROFILE)
        return pacs_fail(err, PACS_TOO_LARGE, "an ICC profile of %zu bytes: they end at %u",
                         picture->icc_profile_size, PACS_MAX_ICC_PROFILE);
    if (!transcode_picture_has_profile(picture))
        return refuse(said, err);
    profile = cmsOpenProfileFromMemTHR(context, picture->icc_profile,
                                       (cmsUInt32Number)picture->icc_profile_size);
    if (!profile || !is_of_device(profile))
        return refuse(said, err);
    forget_elements(profile);
    *ret_profile = PACS_STEAL(profile);
    return PACS_OK;
}

/* ---- Converting ---- */

static cmsUInt32Number intent_of(cmsHPROFILE profile)
{
    const cmsUInt32Number intent = cmsGetHeaderRenderingIntent(profile);

    return intent <= INTENT_ABSOLUTE_COLORIMETRIC ? intent : INTENT_PERCEPTUAL;
}

/** In place; what lies behind a pixel's colours is left alone. */
static void transform_rows(cmsHTRANSFORM transform, TranscodePicture *picture)
{
    const size_t row_size = transcode_picture_row_size(picture);

    for (uint32_t row = 0; row < picture->height; row++) {
        uint8_t *pixels = picture->pixels + row * row_size;
        cmsDoTransform(transform, pixels, pixels, picture->width);
    }
}

static PacsStatus transform(cmsContext context, const PacsError *said, cmsHPROFILE source, cmsHPROFILE target,
                            TranscodePicture *picture, PacsError *err)
{
    const cmsUInt32Number format = picture->channels == 4 ? TYPE_RGBA_8 : TYPE_RGB_8;
    cmsHTRANSFORM colours = cmsCreateTransformTHR(context, source, format, target, format, intent_of(source),
                                                  0);

    if (!colours)
        return refuse(said, err);
    transform_rows(colours, picture);
    cmsDeleteTransform(colours);
    return PACS_OK;
}

PacsStatus transcode_profile_convert(TranscodePicture *picture, TranscodeSpace space, PacsArena *arena,
                                     PacsError *err)
{
    PacsError said = {0};
    AUTO_CONTEXT cmsContext context = NULL; /* closed last: profiles are in it */
    AUTO_PROFILE cmsHPROFILE source = NULL;
    AUTO_PROFILE cmsHPROFILE target = NULL;
    const uint8_t *bytes = NULL;
    size_t size = 0;

    if (picture->channels < 3)
        return PACS_OK;
    context = open_context(&said);
    target = context ? make_space(context, &spaces[space]) : NULL;
    if (!target)
        return no_memory(err);
    PacsStatus status = open_source(context, picture, &said, &source, err);
    if (status == PACS_OK)
        status = save_space(target, arena, &bytes, &size, err);
    if (status == PACS_OK && (picture->icc_profile || space != TRANSCODE_SPACE_SRGB))
        status = transform(context, &said, source, target, picture, err);
    if (status == PACS_OK) {
        picture->icc_profile = bytes;
        picture->icc_profile_size = size;
    }
    return status;
}

PacsStatus transcode_profile_settle(TranscodePicture *picture, PacsArena *arena, PacsError *err)
{
    return picture->icc_profile ? PACS_OK
                                : transcode_profile_convert(picture, TRANSCODE_SPACE_SRGB, arena, err);
}
