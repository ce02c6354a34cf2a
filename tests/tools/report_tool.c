#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pacs/util/config_file.h"
#include "pacs/util/limits.h"
#include "workers/imaging-report/document.h"
#include "workers/imaging-report/jpeg.h"

/*
 * report_tool KIND STUDY.json EVENT.json FOLDER [PICTURE.jpg]...   (KIND: draft, finalised, amended)
 * Writes FOLDER/report.pdf, FOLDER/pdf.dcm and FOLDER/sr.dcm, as the worker makes them.
 */

#define PICTURES_MAX 16

typedef struct Tool {
    PacsArena *arena;
    PacsBuffer files[PICTURES_MAX + 2];
    ReportPicture pictures[PICTURES_MAX];
    size_t picture_count;
} Tool;

static PacsSlice slice_of(const PacsBuffer *buffer)
{
    return (PacsSlice){pacs_buffer_text(buffer), buffer->size};
}

static PacsStatus read_pictures(Tool *tool, char **paths, int count, PacsError *err)
{
    for (int i = 0; i < count && i < PICTURES_MAX; i++) {
        PacsBuffer *file = &tool->files[2 + i];
        ReportJpeg jpeg;
        pacs_buffer_init(file, PACS_MAX_REPORT_PDF);
        PacsStatus status = pacs_config_read_file(paths[i], file, err);
        if (status == PACS_OK)
            status = report_jpeg_read(file->bytes, file->size, &jpeg, err);
        if (status != PACS_OK)
            return status;
        tool->pictures[tool->picture_count++] = (ReportPicture){
            .sop_class_uid = "1.2.840.10008.5.1.4.1.1.2",
            .sop_instance_uid = pacs_arena_printf(tool->arena, "2.25.1%d", i),
            .series_instance_uid = i % 2 == 0 ? "2.25.20" : "2.25.21",
            .frame_number = 1,
            .has_many_frames = i == 2,
            .caption = i == 0 ? "Ngực cắt ngang, cửa sổ phổi" : "",
            .jpeg = file->bytes,
            .jpeg_size = file->size,
            .width = jpeg.width,
            .height = jpeg.height};
    }
    return PACS_OK;
}

static PacsStatus keep(const char *folder, const char *name, const PacsBuffer *bytes, PacsError *err)
{
    char path[4096];

    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "wb");
    const bool is_written = file && fwrite(bytes->bytes, 1, bytes->size, file) == bytes->size;
    if (file && fclose(file) == 0 && is_written)
        return PACS_OK;
    return pacs_fail(err, PACS_UNAVAILABLE, "cannot write '%s'", path);
}

static PacsStatus make(Tool *tool, const char *kind, const char *folder, PacsError *err)
{
    const ReportDefaults defaults = {.language = REPORT_VIETNAMESE};
    const ReportLayout layout = {.organization = "Bệnh viện Thử Nghiệm",
                                 .address = "1 Đường Mẫu, Quận 1\nĐT 028 0000 0000",
                                 .font = "DejaVu Sans"};
    const ReportPredecessor predecessors[] = {{REPORT_SOP_PDF, "2.25.30", "2.25.31"},
                                              {REPORT_SOP_BASIC_TEXT_SR, "2.25.32", "2.25.33"}};
    const bool is_amended = strcmp(kind, "amended") == 0;
    PACS_AUTO_BUFFER PacsBuffer pdf = PACS_BUFFER(PACS_MAX_REPORT_PDF);
    PACS_AUTO_BUFFER PacsBuffer object = PACS_BUFFER(2 * PACS_MAX_REPORT_PDF);
    Report report;
    ReportStudy study;
    ReportUids uids;

    PacsStatus status = report_parse(slice_of(&tool->files[1]),
                                     is_amended ? REPORT_AMENDED : REPORT_FINALISED, &defaults, tool->arena,
                                     &report, err);
    if (status == PACS_OK)
        status = report_study_parse(slice_of(&tool->files[0]), report.study_instance_uid, tool->arena, &study,
                                    err);
    if (status == PACS_OK)
        status = report_uids_derive("/platform", "event-1", report.study_instance_uid, report.report_id,
                                    &uids, err);
    if (status != PACS_OK)
        return status;
    const ReportPdf print = {.layout = &layout,
                             .report = &report,
                             .study = &study,
                             .pictures = tool->pictures,
                             .picture_count = tool->picture_count,
                             .is_draft = strcmp(kind, "draft") == 0};
    const ReportDocument document = {.report = &report,
                                     .study = &study,
                                     .uids = &uids,
                                     .pictures = tool->pictures,
                                     .picture_count = tool->picture_count,
                                     .predecessors = predecessors,
                                     .predecessor_count = is_amended ? 2 : 0,
                                     .instance_number = 1,
                                     .organization = layout.organization,
                                     .person_scheme = "99PLATFORM"};
    status = report_pdf_write(&print, &pdf, err);
    if (status == PACS_OK)
        status = keep(folder, "report.pdf", &pdf, err);
    if (status == PACS_OK)
        status = report_document_write_pdf(&document, slice_of(&pdf), &object, err);
    if (status == PACS_OK)
        status = keep(folder, "pdf.dcm", &object, err);
    pacs_buffer_reset(&object);
    if (status == PACS_OK)
        status = report_document_write_sr(&document, &object, err);
    return status == PACS_OK ? keep(folder, "sr.dcm", &object, err) : status;
}

int main(int argc, char **argv)
{
    PacsError err = {0};
    PACS_AUTO(PacsArena) arena = pacs_arena_new(PACS_MAX_REPORT_PRINT);
    Tool tool = {.arena = arena};

    if (argc < 5 || !arena) {
        (void)fputs("usage: report_tool KIND STUDY.json EVENT.json FOLDER [PICTURE.jpg]...\n", stderr);
        return 2;
    }
    pacs_buffer_init(&tool.files[0], PACS_MAX_REPORT_EVENT);
    pacs_buffer_init(&tool.files[1], 2 * PACS_MAX_REPORT_EVENT);
    PacsStatus status = pacs_config_read_file(argv[2], &tool.files[0], &err);
    if (status == PACS_OK)
        status = pacs_config_read_file(argv[3], &tool.files[1], &err);
    if (status == PACS_OK)
        status = read_pictures(&tool, argv + 5, argc - 5, &err);
    if (status == PACS_OK)
        status = make(&tool, argv[1], argv[4], &err);
    for (size_t i = 0; i < sizeof tool.files / sizeof tool.files[0]; i++)
        pacs_buffer_clear(&tool.files[i]);
    if (status != PACS_OK)
        (void)fprintf(stderr, "%s: %s\n", pacs_status_name(status), err.text);
    return status == PACS_OK ? 0 : 1;
}
