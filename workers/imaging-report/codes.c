#include "workers/imaging-report/codes.h"

#include <string.h>

const ReportCode report_code_key_images = {"55113-5", "LN", "Key Images"};
const ReportCode report_code_best_illustration = {"121080", "DCM", "Best illustration of finding"};
const ReportCode report_code_language_of_content = {"121049", "DCM",
                                                    "Language of Content Item and Descendants"};
const ReportCode report_code_observer_type = {"121005", "DCM", "Observer Type"};
const ReportCode report_code_person = {"121006", "DCM", "Person"};
const ReportCode report_code_person_observer_name = {"121008", "DCM", "Person Observer Name"};

static const struct {
    const char *modality;
    ReportCode title;
} titles[] = {
    {"CR", {"43468-8", "LN", "X-Ray Report"}},      {"CT", {"25045-6", "LN", "CT Report"}},
    {"DX", {"43468-8", "LN", "X-Ray Report"}},      {"ECG", {"11524-0", "LN", "ECG Report"}},
    {"MR", {"25056-3", "LN", "MRI Report"}},        {"NM", {"49118-3", "LN", "Nuclear Medicine Report"}},
    {"PT", {"44136-0", "LN", "PET Scan Report"}},   {"RF", {"49512-7", "LN", "Fluoroscopy Study Report"}},
    {"US", {"25061-3", "LN", "Ultrasound Report"}},
};

ReportCode report_code_title(const Report *report, const char *modality)
{
    if (*report->document_title.value)
        return report->document_title;
    for (size_t i = 0; i < sizeof titles / sizeof titles[0]; i++)
        if (strcmp(titles[i].modality, modality) == 0)
            return titles[i].title;
    return (ReportCode){"18748-4", "LN", "Diagnostic Imaging Report"};
}

static const struct {
    ReportCode heading, text;
} sections[REPORT_SECTION_COUNT] = {
    [REPORT_CLINICAL_INFORMATION] = {{"55752-0", "LN", "Clinical Information"}, {"11329-0", "LN", "History"}},
    [REPORT_TECHNIQUE] = {{"55111-9", "LN", "Current Procedure Descriptions"},
                          {"121065", "DCM", "Procedure Description"}},
    [REPORT_COMPARISON] = {{"18834-2", "LN", "Previous Findings"}, {"121069", "DCM", "Previous Finding"}},
    [REPORT_FINDINGS] = {{"59776-5", "LN", "Findings"}, {"121071", "DCM", "Finding"}},
    [REPORT_IMPRESSION] = {{"19005-8", "LN", "Impressions"}, {"121073", "DCM", "Impression"}},
    [REPORT_RECOMMENDATION] = {{"18783-1", "LN", "Recommendations"}, {"121075", "DCM", "Recommendation"}},
    [REPORT_ADDENDUM] = {{"55107-7", "LN", "Addendum"}, {"55112-7", "LN", "Summary"}},
};

const ReportCode *report_code_heading(ReportSection section)
{
    return &sections[section].heading;
}

const ReportCode *report_code_text(ReportSection section)
{
    return &sections[section].text;
}

const ReportCode *report_code_language(ReportLanguage language)
{
    static const ReportCode languages[] = {[REPORT_VIETNAMESE] = {"vi", "RFC5646", "Vietnamese"},
                                           [REPORT_ENGLISH] = {"en", "RFC5646", "English"}};
    return &languages[language];
}
