#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/report.h"

static const char study_json[] =
    "[{\"00080020\":{\"vr\":\"DA\",\"Value\":[\"20261121\"]},\"00080050\":{\"vr\":\"SH\",\"Value\":[\"A1\"]},"
    "\"00080060\":{\"vr\":\"CS\",\"Value\":[\"CT\"]},\"00080201\":{\"vr\":\"SH\",\"Value\":[\"+0700\"]},"
    "\"00100010\":{\"vr\":\"PN\",\"Value\":[{\"Alphabetic\":\"Nguyễn^Ánh^Thị\"}]},"
    "\"00100020\":{\"vr\":\"LO\",\"Value\":[\"P1\"]},\"00101030\":{\"vr\":\"DS\",\"Value\":[70.1]},"
    "\"00180050\":{\"vr\":\"DS\",\"Value\":[5]},\"0020000D\":{\"vr\":\"UI\",\"Value\":[\"2.25.1\"]}}]";

PacsStatus sample_report_parse(ReportKind kind, const char *more, PacsArena *arena, Report *ret_report,
                               PacsError *err)
{
    const ReportDefaults defaults = {.language = REPORT_VIETNAMESE};
    const char *json = pacs_arena_printf(
        arena,
        "{\"studyInstanceUid\":\"2.25.1\",\"reportId\":\"R1\",\"issuedAt\":\"2026-11-21T10:05:09+07:00\"%s}",
        more);

    return report_parse(pacs_slice(json), kind, &defaults, arena, ret_report, err);
}

void sample_report_init(SampleReport *sample, PacsArena *arena)
{
    static const uint8_t jpeg[] = {0xFF, 0xD8, 0xFF, 0xC0, 0, 11, 8, 0, 8, 0, 8, 1, 1, 0x11, 0, 0xFF, 0xD9};
    PacsError err = {0};

    *sample = (SampleReport){.layout = {.organization = "Bệnh viện", .address = "", .font = "DejaVu Sans"},
                             .picture = {.sop_class_uid = "1.2.840.10008.5.1.4.1.1.2",
                                         .sop_instance_uid = "2.25.3",
                                         .series_instance_uid = "2.25.2",
                                         .frame_number = 1,
                                         .caption = "",
                                         .jpeg = jpeg,
                                         .jpeg_size = sizeof jpeg,
                                         .width = 8,
                                         .height = 8}};
    if (sample_report_parse(
            REPORT_FINALISED,
            ",\"findings\":\"Không thấy bất thường.\",\"impression\":\"Bình thường.\",\"version\":1,"
            "\"author\":{\"name\":\"Lê Gấm\"}",
            arena, &sample->report, &err) != PACS_OK ||
        report_study_parse(pacs_slice(study_json), "2.25.1", arena, &sample->study, &err) != PACS_OK ||
        report_uids_derive("/platform", "e1", "2.25.1", "R1", &sample->uids, &err) != PACS_OK)
        fail_msg("%s", err.text);
}
