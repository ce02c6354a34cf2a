/* make_profile_corpus FOLDER: seeds for profile_fuzz, of each way in which a profile says what its colours are. */

#include <lcms2.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GRID 3
#define PROFILE_MAX (1u << 16)

static void write_seed(const char *folder, const char *name, uint8_t space, const void *bytes, size_t size)
{
    char path[4096];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "wb");

    if (!file) {
        perror(path);
        exit(1);
    }
    (void)fwrite(&space, 1, 1, file);
    (void)fwrite(bytes, 1, size, file);
    (void)fclose(file);
}

/** Whole, and cut off in the middle; the profile is closed. */
static void save(const char *folder, const char *name, uint8_t space, cmsHPROFILE profile)
{
    static uint8_t bytes[PROFILE_MAX];
    cmsUInt32Number size = 0;
    char cut[256];

    if (!cmsSaveProfileToMem(profile, NULL, &size) || size > sizeof bytes ||
        !cmsSaveProfileToMem(profile, bytes, &size)) {
        (void)fprintf(stderr, "%s is not made\n", name);
        exit(1);
    }
    memset(bytes + 24, 0, 12); /* the date: the same bytes on every run */
    (void)cmsCloseProfile(profile);
    (void)snprintf(cut, sizeof cut, "%s-cut", name);
    write_seed(folder, name, space, bytes, size);
    write_seed(folder, cut, space, bytes, size / 2);
}

static cmsHPROFILE of_curves(cmsToneCurve *curve, double version)
{
    static const cmsCIExyY white = {0.3127, 0.3290, 1};
    static const cmsCIExyYTRIPLE primaries = {{0.64, 0.33, 1}, {0.21, 0.71, 1}, {0.15, 0.06, 1}};
    cmsToneCurve *const curves[3] = {curve, curve, curve};
    cmsHPROFILE profile = cmsCreateRGBProfile(&white, &primaries, curves);

    cmsSetProfileVersion(profile, version);
    cmsFreeToneCurve(curve);
    return profile;
}

static cmsToneCurve *table_curve(void)
{
    static const cmsUInt16Number values[] = {0, 1000, 9000, 30000, 65535};
    return cmsBuildTabulatedToneCurve16(NULL, sizeof values / sizeof *values, values);
}

static cmsInt32Number some_lab(const cmsUInt16Number in[], cmsUInt16Number out[], void *context)
{
    (void)context;
    out[0] = (cmsUInt16Number)((in[0] + in[1] + in[2]) / 3);
    out[1] = (cmsUInt16Number)(0x8080 + (in[0] - in[1]) / 3);
    out[2] = (cmsUInt16Number)(0x8080 + (in[1] - in[2]) / 3);
    return TRUE;
}

static cmsPipeline *lab_table(void)
{
    cmsPipeline *table = cmsPipelineAlloc(NULL, 3, 3);
    cmsStage *grid = cmsStageAllocCLut16bit(NULL, GRID, 3, 3, NULL);

    if (!table || !grid || !cmsStageSampleCLut16bit(grid, some_lab, NULL, 0) ||
        !cmsPipelineInsertStage(table, cmsAT_BEGIN, cmsStageAllocToneCurves(NULL, 3, NULL)) ||
        !cmsPipelineInsertStage(table, cmsAT_END, grid) ||
        !cmsPipelineInsertStage(table, cmsAT_END, cmsStageAllocToneCurves(NULL, 3, NULL)))
        exit(1);
    return table;
}

static cmsHPROFILE of_pipeline(cmsTagSignature tag, double version, cmsProfileClassSignature class,
                               cmsPipeline *table)
{
    cmsHPROFILE profile = cmsCreateProfilePlaceholder(NULL);

    cmsSetProfileVersion(profile, version);
    cmsSetDeviceClass(profile, class);
    cmsSetColorSpace(profile, cmsSigRgbData);
    cmsSetPCS(profile, cmsSigLabData);
    if (!cmsWriteTag(profile, tag, table) || !cmsWriteTag(profile, cmsSigMediaWhitePointTag, cmsD50_XYZ()))
        exit(1);
    cmsPipelineFree(table);
    return profile;
}

/** What scanners of slides have: a table from RGB to L*a*b*; before ICC version 4 of 16 bits, then with curves around. */
static cmsHPROFILE of_table(cmsTagSignature tag, double version, cmsProfileClassSignature class)
{
    return of_pipeline(tag, version, class, lab_table());
}

/** Of floats, as many as there may be: what transcode/profile.c does not look at. */
static cmsHPROFILE of_elements(void)
{
    static const double matrix[9] = {0.4, 0.4, 0.2, 0.2, 0.7, 0.1, 0, 0.1, 0.7};
    cmsPipeline *elements = cmsPipelineAlloc(NULL, 3, 3);

    for (int i = 0; i < 4; i++)
        if (!elements ||
            !cmsPipelineInsertStage(elements, cmsAT_END, cmsStageAllocMatrix(NULL, 3, 3, matrix, NULL)))
            exit(1);
    return of_pipeline(cmsSigDToB0Tag, 4.3, cmsSigInputClass, elements);
}

int main(int argc, char **argv)
{
    static const double straight_foot[] = {2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045};

    if (argc != 2) {
        (void)fprintf(stderr, "usage: make_profile_corpus FOLDER\n");
        return 2;
    }
    save(argv[1], "gamma-v2", 0, of_curves(cmsBuildGamma(NULL, 2.2), 2.1));
    save(argv[1], "gamma-v4", 1, of_curves(cmsBuildGamma(NULL, 2.2), 4.3));
    save(argv[1], "parametric-v4", 2, of_curves(cmsBuildParametricToneCurve(NULL, 4, straight_foot), 4.3));
    save(argv[1], "curve-v2", 0x80, of_curves(table_curve(), 2.1));
    save(argv[1], "table-v2", 0, of_table(cmsSigAToB0Tag, 2.1, cmsSigInputClass));
    save(argv[1], "table-v4", 1, of_table(cmsSigAToB0Tag, 4.3, cmsSigInputClass));
    save(argv[1], "table-second-intent", 0x81, of_table(cmsSigAToB1Tag, 4.3, cmsSigOutputClass));
    save(argv[1], "elements", 2, of_elements());
    save(argv[1], "abstract", 0, of_table(cmsSigAToB0Tag, 4.3, cmsSigAbstractClass));
    save(argv[1], "grey", 0, cmsCreateGrayProfile(cmsD50_xyY(), cmsBuildGamma(NULL, 2.2)));
    save(argv[1], "lab", 0, cmsCreateLab4Profile(NULL));
    return 0;
}
