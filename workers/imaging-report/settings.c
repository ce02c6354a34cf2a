#include "workers/imaging-report/settings.h"

#include <stddef.h>
#include <string.h>

#include "pacs/util/limits.h"

typedef struct Fields {
    const char *language, *paper, *organization, *address, *font, *person_scheme;
    uint64_t key_images, key_image_size, pdf_timeout_s;
    bool drafts, structured_report;
    const json_t *pdf_sources;
} Fields;

static const char *const languages[] = {"vi", "en", NULL};
static const char *const papers[] = {"A4", "Letter", NULL};

#define AT(field) .offset = offsetof(Fields, field)

static const PacsConfigMember members[] = {
    {.key = "Language", .kind = PACS_MEMBER_CHOICE, AT(language), .choices = languages},
    {.key = "Paper", .kind = PACS_MEMBER_CHOICE, AT(paper), .choices = papers},
    {.key = "Organization", .kind = PACS_MEMBER_TEXT, AT(organization)},
    {.key = "Address", .kind = PACS_MEMBER_TEXT, AT(address)},
    {.key = "Font", .kind = PACS_MEMBER_TEXT, AT(font)},
    {.key = "PersonIdScheme", .kind = PACS_MEMBER_TEXT, AT(person_scheme)},
    {.key = "KeyImages", .kind = PACS_MEMBER_NUMBER, AT(key_images), .max = PACS_MAX_REPORT_IMAGES},
    {.key = "KeyImageSize", .kind = PACS_MEMBER_NUMBER, AT(key_image_size), .min = 64, .max = 4096},
    {.key = "Drafts", .kind = PACS_MEMBER_BOOL, AT(drafts)},
    {.key = "StructuredReport", .kind = PACS_MEMBER_BOOL, AT(structured_report)},
    {.key = "PdfSources", .kind = PACS_MEMBER_JSON, AT(pdf_sources)},
    {.key = "PdfTimeout", .kind = PACS_MEMBER_NUMBER, AT(pdf_timeout_s), .min = 1, .max = 600},
};

PacsStatus report_settings_read(const PacsConfig *config, ReportSettings *ret_settings,
                                PacsConfigWarning *warn, PacsError *err)
{
    Fields fields = {.language = "vi",
                     .paper = "A4",
                     .organization = "",
                     .address = "",
                     .font = "DejaVu Sans",
                     .person_scheme = "99PLATFORM",
                     .key_images = 4,
                     .key_image_size = 1024,
                     .pdf_timeout_s = 60,
                     .drafts = true,
                     .structured_report = true};

    const PacsStatus status = pacs_config_read_section(
        config, "ImagingReport", members, sizeof members / sizeof members[0], &fields, warn, err);
    if (status != PACS_OK)
        return status;
    *ret_settings = (ReportSettings){
        .layout = {.organization = fields.organization,
                   .address = fields.address,
                   .font = fields.font,
                   .paper = strcmp(fields.paper, "A4") == 0 ? REPORT_A4 : REPORT_LETTER},
        .pictures = {.max = (uint32_t)fields.key_images, .side = (uint32_t)fields.key_image_size},
        .person_scheme = fields.person_scheme,
        .has_drafts = fields.drafts,
        .has_structured_report = fields.structured_report,
        .mapping = pacs_config_value(config, "Worker.Mapping"),
        .pdf_sources = fields.pdf_sources,
        .pdf_timeout_ms = (uint32_t)fields.pdf_timeout_s * 1000,
    };
    (void)report_language_parse(fields.language, &ret_settings->defaults.language); /* one of `languages` */
    return PACS_OK;
}
