#include "transcode/profile.h"

#include <lcms2.h>
#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "pacs/util/limits.h"

#define ARENA_MAX (1u << 20)
#define STEPS 9u /* values of each channel in the picture of many colours */

/* ---- The formulas, written down a second time ---- */

typedef double (*Curve)(double value);
typedef const double (*Matrix)[3];

static double srgb_light(double value)
{
    return value <= 0.04045 ? value / 12.92 : pow((value + 0.055) / 1.055, 2.4);
}

static double srgb_value(double light)
{
    return light <= 0.0031308 ? light * 12.92 : 1.055 * pow(light, 1 / 2.4) - 0.055;
}

static double adobe_light(double value)
{
    return pow(value, 563 / 256.0);
}

static double adobe_value(double light)
{
    return pow(light, 256 / 563.0);
}

static double romm_value(double light)
{
    return light < 1 / 512.0 ? 16 * light : pow(light, 1 / 1.8);
}

/* Red and blue are the same primaries, and so is the white: only green differs. */
static const double srgb_to_adobe[3][3] = {{0.71513, 0.28487, 0}, {0, 1, 0}, {0, 0.04116, 0.95884}};
static const double adobe_to_srgb[3][3] = {{1.39836, -0.39836, 0}, {0, 1, 0}, {0, -0.04293, 1.04293}};
/* By way of XYZ, D65 adapted to D50 by Bradford's method. */
static const double srgb_to_romm[3][3] = {
    {0.52928, 0.33015, 0.14057}, {0.09837, 0.87346, 0.02817}, {0.01688, 0.11766, 0.86547}};

/** The level expected of one channel, and whether the colour is one that the space can show. */
static bool expect_level(const uint8_t *from, Curve light, Matrix matrix, Curve value, size_t channel,
                         double *ret_level)
{
    bool is_inside = true;

    for (size_t row = 0; row < 3; row++) {
        double sum = 0;
        for (size_t i = 0; i < 3; i++)
            sum += matrix[row][i] * light(from[i] / 255.0);
        is_inside = is_inside && sum > -0.0005 && sum < 1.0005;
        if (row == channel)
            *ret_level = 255 * value(fmin(fmax(sum, 0), 1));
    }
    return is_inside;
}

static void assert_converted(const TranscodePicture *before, const TranscodePicture *after, Curve light,
                             Matrix matrix, Curve value, double tolerance)
{
    size_t compared = 0;

    for (size_t i = 0; i < (size_t)before->width * before->height; i++)
        for (size_t c = 0; c < 3; c++) {
            const uint8_t *from = before->pixels + i * before->channels;
            const int level = after->pixels[i * after->channels + c];
            double expected = 0;
            if (!expect_level(from, light, matrix, value, c, &expected))
                continue;
            compared++;
            if (fabs(level - expected) > tolerance)
                fail_msg("%u,%u,%u: channel %zu is %d, not %.2f", from[0], from[1], from[2], c, level,
                         expected);
        }
    assert_true(compared > (size_t)STEPS * STEPS * STEPS); /* of three times as many */
}

/* ---- Pictures and profiles ---- */

/** Every combination of STEPS levels; a fourth channel counts on. */
static TranscodePicture many_colours(uint8_t channels)
{
    TranscodePicture picture;

    assert_int_equal(transcode_picture_init(&picture, STEPS * STEPS, STEPS, channels, 8, NULL), PACS_OK);
    for (size_t i = 0; i < (size_t)STEPS * STEPS * STEPS; i++) {
        uint8_t *pixel = picture.pixels + i * channels;
        const size_t steps[] = {i % STEPS, i / STEPS % STEPS, i / STEPS / STEPS};
        for (size_t c = 0; c < channels && c < 3; c++)
            pixel[c] = (uint8_t)(steps[c] * 255 / (STEPS - 1));
        if (channels == 4)
            pixel[3] = (uint8_t)i;
    }
    return picture;
}

static TranscodePicture copy_of(const TranscodePicture *picture)
{
    TranscodePicture copy;
    assert_int_equal(
        transcode_picture_init(&copy, picture->width, picture->height, picture->channels, 8, NULL), PACS_OK);
    memcpy(copy.pixels, picture->pixels, (size_t)copy.width * copy.height * copy.channels);
    copy.icc_profile = picture->icc_profile;
    copy.icc_profile_size = picture->icc_profile_size;
    return copy;
}

static void convert(TranscodePicture *picture, TranscodeSpace space, PacsArena *arena)
{
    PacsError err = {0};
    if (transcode_profile_convert(picture, space, arena, &err) != PACS_OK)
        fail_msg("%s", err.text);
}

/** Says that its picture is in that profile, as bytes of its own. */
static void set_profile(TranscodePicture *picture, cmsHPROFILE profile, PacsArena *arena)
{
    cmsUInt32Number size = 0;

    assert_true(cmsSaveProfileToMem(profile, NULL, &size));
    uint8_t *bytes = pacs_arena_alloc(arena, size);
    assert_non_null(bytes);
    assert_true(cmsSaveProfileToMem(profile, bytes, &size));
    (void)cmsCloseProfile(profile);
    picture->icc_profile = bytes;
    picture->icc_profile_size = size;
}

static int new_arena(void **state)
{
    *state = pacs_arena_new(ARENA_MAX);
    return *state ? 0 : -1;
}

static int free_arena(void **state)
{
    pacs_arena_free(*state);
    return 0;
}

/* ---- Colours ---- */

static void colours_without_a_profile_are_srgb(void **state)
{
    TRANSCODE_AUTO_PICTURE TranscodePicture before = many_colours(3);
    TRANSCODE_AUTO_PICTURE TranscodePicture adobe = copy_of(&before);
    TRANSCODE_AUTO_PICTURE TranscodePicture romm = copy_of(&before);
    TRANSCODE_AUTO_PICTURE TranscodePicture srgb = copy_of(&before);

    convert(&adobe, TRANSCODE_SPACE_ADOBE_RGB, *state);
    assert_converted(&before, &adobe, srgb_light, srgb_to_adobe, adobe_value, 1);
    convert(&romm, TRANSCODE_SPACE_ROMM_RGB, *state);
    assert_converted(&before, &romm, srgb_light, srgb_to_romm, romm_value, 1);
    convert(&srgb, TRANSCODE_SPACE_SRGB, *state);
    assert_memory_equal(srgb.pixels, before.pixels, (size_t)STEPS * STEPS * STEPS * 3);
}

static void adobe_rgb_becomes_srgb(void **state)
{
    static const cmsCIExyY d65 = {0.3127, 0.3290, 1};
    static const cmsCIExyYTRIPLE primaries = {{0.64, 0.33, 1}, {0.21, 0.71, 1}, {0.15, 0.06, 1}};
    cmsToneCurve *curve = cmsBuildGamma(NULL, 563 / 256.0);
    cmsToneCurve *const curves[3] = {curve, curve, curve};

    for (double version = 2.1; version < 5; version += 2.2) {
        TRANSCODE_AUTO_PICTURE TranscodePicture before = many_colours(3);
        cmsHPROFILE profile = cmsCreateRGBProfile(&d65, &primaries, curves);
        cmsSetProfileVersion(profile, version);
        cmsSetDeviceClass(profile, cmsSigInputClass);
        set_profile(&before, profile, *state);
        TRANSCODE_AUTO_PICTURE TranscodePicture after = copy_of(&before);
        convert(&after, TRANSCODE_SPACE_SRGB, *state);
        assert_converted(&before, &after, adobe_light, adobe_to_srgb, srgb_value, 1.5);
    }
    cmsFreeToneCurve(curve);
}

static void a_converted_picture_carries_the_profile_of_its_colours(void **state)
{
    for (TranscodeSpace space = 0; space < TRANSCODE_SPACE_COUNT; space++) {
        TRANSCODE_AUTO_PICTURE TranscodePicture before = many_colours(3);
        TRANSCODE_AUTO_PICTURE TranscodePicture picture = copy_of(&before);
        convert(&picture, space, *state);
        assert_non_null(picture.icc_profile);
        convert(&picture, TRANSCODE_SPACE_SRGB, *state); /* and can be taken at its word */
        long off =
            0; /* dark levels of saturated colours are lost in 8 bits of a wide space: the mean counts */
        for (size_t i = 0; i < (size_t)STEPS * STEPS * STEPS * 3; i++)
            off += abs(picture.pixels[i] - before.pixels[i]);
        assert_true(off < (long)(STEPS * STEPS * STEPS * 3));
    }
}

/** sRGB by a table, with red and green exchanged: a matrix could say so, but a table does. */
static cmsInt32Number exchanged_lab(const cmsUInt16Number in[], cmsUInt16Number out[], void *context)
{
    const cmsUInt16Number exchanged[] = {in[1], in[0], in[2]};
    cmsDoTransform(context, exchanged, out, 1);
    return TRUE;
}

static cmsHPROFILE table_profile(void)
{
    cmsHPROFILE profile = cmsCreateProfilePlaceholder(NULL);
    cmsHPROFILE srgb = cmsCreate_sRGBProfile(), lab = cmsCreateLab4Profile(NULL);
    cmsHTRANSFORM to_lab = cmsCreateTransform(srgb, TYPE_RGB_16, lab, TYPE_Lab_16, 0, cmsFLAGS_NOOPTIMIZE);
    cmsPipeline *table = cmsPipelineAlloc(NULL, 3, 3);
    cmsStage *grid = cmsStageAllocCLut16bit(NULL, 17, 3, 3, NULL);

    assert_true(cmsStageSampleCLut16bit(grid, exchanged_lab, to_lab, 0));
    assert_true(cmsPipelineInsertStage(table, cmsAT_BEGIN, cmsStageAllocToneCurves(NULL, 3, NULL)));
    assert_true(cmsPipelineInsertStage(table, cmsAT_END, grid));
    assert_true(cmsPipelineInsertStage(table, cmsAT_END, cmsStageAllocToneCurves(NULL, 3, NULL)));
    cmsSetProfileVersion(profile, 4.3);
    cmsSetDeviceClass(profile, cmsSigInputClass);
    cmsSetColorSpace(profile, cmsSigRgbData);
    cmsSetPCS(profile, cmsSigLabData);
    assert_true(cmsWriteTag(profile, cmsSigAToB0Tag, table));
    assert_true(cmsWriteTag(profile, cmsSigMediaWhitePointTag, cmsD50_XYZ()));
    cmsPipelineFree(table);
    cmsDeleteTransform(to_lab);
    (void)cmsCloseProfile(srgb);
    (void)cmsCloseProfile(lab);
    return profile;
}

static void a_slide_scanners_table_is_followed(void **state)
{
    TRANSCODE_AUTO_PICTURE TranscodePicture before = many_colours(3);
    set_profile(&before, table_profile(), *state);
    TRANSCODE_AUTO_PICTURE TranscodePicture after = copy_of(&before);
    long off = 0;

    convert(&after, TRANSCODE_SPACE_SRGB, *state);
    for (size_t i = 0; i < (size_t)STEPS * STEPS * STEPS; i++) {
        off += abs(after.pixels[3 * i] - before.pixels[3 * i + 1]);
        off += abs(after.pixels[3 * i + 1] - before.pixels[3 * i]);
    }
    assert_true(off < (long)(4 * 2 * STEPS * STEPS * STEPS)); /* a coarse table: 4 levels on average */
}

static void opacity_is_no_colour(void **state)
{
    TRANSCODE_AUTO_PICTURE TranscodePicture before = many_colours(4);
    TRANSCODE_AUTO_PICTURE TranscodePicture after = copy_of(&before);

    convert(&after, TRANSCODE_SPACE_ADOBE_RGB, *state);
    assert_converted(&before, &after, srgb_light, srgb_to_adobe, adobe_value, 1);
    for (size_t i = 0; i < (size_t)STEPS * STEPS * STEPS; i++)
        assert_int_equal(after.pixels[4 * i + 3], before.pixels[4 * i + 3]);
}

static void greys_are_left_alone(void **state)
{
    TRANSCODE_AUTO_PICTURE TranscodePicture before = many_colours(1);
    TRANSCODE_AUTO_PICTURE TranscodePicture after = copy_of(&before);

    convert(&after, TRANSCODE_SPACE_ROMM_RGB, *state);
    assert_memory_equal(after.pixels, before.pixels, (size_t)STEPS * STEPS * STEPS);
    assert_int_equal(transcode_profile_settle(&after, *state, NULL), PACS_OK);
    assert_null(after.icc_profile);
}

/* ---- Profiles ---- */

static void the_same_bytes_come_each_time_without_the_hour(void **state)
{
    for (TranscodeSpace space = 0; space < TRANSCODE_SPACE_COUNT; space++) {
        TRANSCODE_AUTO_PICTURE TranscodePicture one = many_colours(3);
        TRANSCODE_AUTO_PICTURE TranscodePicture other = many_colours(3);
        convert(&one, space, *state);
        convert(&other, space, *state);
        assert_int_equal(one.icc_profile_size, other.icc_profile_size);
        assert_memory_equal(one.icc_profile, other.icc_profile, one.icc_profile_size);
        assert_memory_equal(one.icc_profile + 24, "\x07\xD0\0\1\0\1\0\0\0\0\0\0", 12);
    }
}

static void colours_that_have_a_profile_keep_it_unless_converted(void **state)
{
    TRANSCODE_AUTO_PICTURE TranscodePicture own = many_colours(3);
    TRANSCODE_AUTO_PICTURE TranscodePicture none = many_colours(3);
    TRANSCODE_AUTO_PICTURE TranscodePicture srgb = many_colours(3);

    set_profile(&own, table_profile(), *state);
    const uint8_t *profile = own.icc_profile;
    assert_int_equal(transcode_profile_settle(&own, *state, NULL), PACS_OK);
    assert_ptr_equal(own.icc_profile, profile);
    assert_int_equal(transcode_profile_settle(&none, *state, NULL), PACS_OK);
    convert(&srgb, TRANSCODE_SPACE_SRGB, *state);
    assert_int_equal(none.icc_profile_size, srgb.icc_profile_size);
    assert_memory_equal(none.icc_profile, srgb.icc_profile, srgb.icc_profile_size);
}

static void assert_refused(TranscodePicture *picture, PacsStatus status, PacsArena *arena)
{
    TRANSCODE_AUTO_PICTURE TranscodePicture before = copy_of(picture);
    PacsError err = {0};

    assert_int_equal(transcode_profile_convert(picture, TRANSCODE_SPACE_SRGB, arena, &err), status);
    assert_non_null(strstr(err.text, "ICC profile"));
    assert_ptr_equal(picture->icc_profile, before.icc_profile);
    assert_memory_equal(picture->pixels, before.pixels, (size_t)STEPS * STEPS * STEPS * 3);
}

static void a_profile_that_cannot_be_used_changes_nothing(void **state)
{
    TRANSCODE_AUTO_PICTURE TranscodePicture picture = many_colours(3);

    set_profile(&picture, table_profile(), *state);
    const size_t whole = picture.icc_profile_size;
    static const size_t sizes[] = {0, 1, 127, 128, 140, 400};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        picture.icc_profile_size = sizes[i];
        assert_refused(&picture, PACS_INVALID, *state);
    }
    picture.icc_profile_size = whole / 2; /* in the middle of the table */
    assert_refused(&picture, PACS_INVALID, *state);
    picture.icc_profile_size = PACS_MAX_ICC_PROFILE + 1; /* said, and not read */
    assert_refused(&picture, PACS_TOO_LARGE, *state);
}

static void profiles_of_other_things_are_refused(void **state)
{
    TRANSCODE_AUTO_PICTURE TranscodePicture picture = many_colours(3);
    cmsToneCurve *curve = cmsBuildGamma(NULL, 2.2);

    set_profile(&picture, cmsCreateGrayProfile(cmsD50_xyY(), curve), *state);
    assert_refused(&picture, PACS_INVALID, *state);
    set_profile(&picture, cmsCreateLab4Profile(NULL), *state);
    assert_refused(&picture, PACS_INVALID, *state);
    cmsToneCurve *const curves[3] = {curve, curve, curve};
    set_profile(&picture, cmsCreateLinearizationDeviceLink(cmsSigRgbData, curves), *state);
    assert_refused(&picture, PACS_INVALID, *state);
    cmsFreeToneCurve(curve);
}

/* ---- Threads ---- */

#define THREADS 4

static void *convert_often(void *argument)
{
    (void)argument;
    for (int round = 0; round < 8; round++) {
        PACS_AUTO(PacsArena) arena = pacs_arena_new(ARENA_MAX);
        TRANSCODE_AUTO_PICTURE TranscodePicture picture = many_colours(3);
        if (!arena || transcode_profile_convert(&picture, TRANSCODE_SPACE_ROMM_RGB, arena, NULL) != PACS_OK ||
            transcode_profile_convert(&picture, TRANSCODE_SPACE_SRGB, arena, NULL) != PACS_OK)
            return "failed";
    }
    return NULL;
}

static void several_threads_convert_at_once(void **state)
{
    (void)state;
    pthread_t threads[THREADS];

    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, convert_often, NULL), 0);
    for (size_t i = 0; i < THREADS; i++) {
        void *failure = NULL;
        assert_int_equal(pthread_join(threads[i], &failure), 0);
        assert_null(failure);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, new_arena, free_arena)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(colours_without_a_profile_are_srgb),
        TEST(adobe_rgb_becomes_srgb),
        TEST(a_converted_picture_carries_the_profile_of_its_colours),
        TEST(a_slide_scanners_table_is_followed),
        TEST(opacity_is_no_colour),
        TEST(greys_are_left_alone),
        TEST(the_same_bytes_come_each_time_without_the_hour),
        TEST(colours_that_have_a_profile_keep_it_unless_converted),
        TEST(a_profile_that_cannot_be_used_changes_nothing),
        TEST(profiles_of_other_things_are_refused),
        TEST(several_threads_convert_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
