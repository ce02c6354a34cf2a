#include <stdint.h>
#include <stdlib.h>

#include "workers/imaging-report/jpeg.h"
#include "workers/imaging-report/report.h"
#include "workers/imaging-report/study.h"
#include "workers/loop/mapping.h"

/* What a worker for reports reads of others: messages through a mapping, reports, an archive's answers, pictures. The first byte says
 * which. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char rows[] =
    "[{\"Topic\":\"t\",\"When\":{\"Pointer\":\"/type\",\"Equals\":[\"a\",1]},\"Type\":\"report.finalised\",\"Id\":\"/id\","
    "\"Revision\":\"/n\",\"Fields\":{\"/studyInstanceUid\":\"/uid\",\"/version\":{\"Pointer\":\"/v\",\"As\":\"integer\"},"
    "\"/reportId\":{\"Pointer\":\"/r\",\"As\":\"text\"},\"/issuedAt\":{\"Pointer\":\"/t\",\"As\":\"time\",\"Zone\":\"+07:00\"},"
    "\"/findings\":\"/f\",\"/keyImages\":{\"Pointer\":\"/k\",\"Items\":{\"/sopInstanceUid\":\"/u\"}}}}]";

static WorkerMapping *mapping_of_rows(void)
{
    static WorkerMapping *mapping; /* one for all inputs */

    if (!mapping) {
        json_t *table = json_loads(rows, 0, NULL);
        if (worker_mapping_new(table, &mapping, NULL) != PACS_OK)
            abort();
        json_decref(table);
    }
    return mapping;
}

static void read_report(PacsSlice json, PacsArena *arena)
{
    const ReportDefaults defaults = {.language = REPORT_ENGLISH};
    Report report;

    if (report_parse(json, REPORT_AMENDED, &defaults, arena, &report, NULL) == PACS_OK &&
        !*report.study_instance_uid)
        abort();
}

static void decode(PacsSlice value, PacsArena *arena)
{
    const WorkerRecord record = {.topic = "t", .value = value};
    EventsCloudEvent event;

    if (worker_mapping_decode(mapping_of_rows(), &record, arena, &event, NULL) == PACS_OK)
        read_report(event.data, arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const PacsSlice rest = {(const char *)data + 1, size > 0 ? size - 1 : 0};
    PacsArena *arena = pacs_arena_new(64u << 20);
    ReportStudy study;
    ReportJpeg jpeg;

    if (!arena || size == 0) {
        pacs_arena_free(arena);
        return 0;
    }
    switch (data[0]) {
    case 'm':
        decode(rest, arena);
        break;
    case 'r':
        read_report(rest, arena);
        break;
    case 's':
        pacs_ignore(report_study_parse(rest, "2.25.1", arena, &study, NULL)); /* not to crash is all */
        break;
    default:
        if (report_jpeg_read(rest.text, rest.size, &jpeg, NULL) == PACS_OK &&
            (jpeg.width == 0 || jpeg.height == 0))
            abort();
    }
    pacs_arena_free(arena);
    return 0;
}
