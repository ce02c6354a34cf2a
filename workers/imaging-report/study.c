#include "workers/imaging-report/study.h"

#include <jansson.h>
#include <string.h>

#include "workers/imaging-report/attributes.h"
#include "workers/imaging-report/moment.h"

#define SIGNIFICANT_DIGITS 12 /* of a DS value: it has 16 characters at most */

typedef struct Member {
    const char *tag;
    const char *
        vr; /* of an attribute that is there even without a value (type 2); NULL: only where the study has it */
} Member;

/* Patient, Clinical Trial Subject left out (PS3.3 C.7.1.1); General Study (C.7.2.1); Patient Study (C.7.2.2). */
static const Member modules[] = {
    {"00080020", "DA"}, {"00080030", "TM"}, {"00080050", "SH"}, {"00080051", NULL}, {"00080090", "PN"},
    {"00080096", NULL}, {"0008009C", NULL}, {"0008009D", NULL}, {"00080201", NULL}, {"00081030", NULL},
    {"00081032", NULL}, {"00081048", NULL}, {"00081049", NULL}, {"00081060", NULL}, {"00081062", NULL},
    {"00081080", NULL}, {"00081084", NULL}, {"00081110", NULL}, {"00081120", NULL}, {"00100010", "PN"},
    {"00100020", "LO"}, {"00100021", NULL}, {"00100022", NULL}, {"00100024", NULL}, {"00100030", "DA"},
    {"00100032", NULL}, {"00100040", "CS"}, {"00101001", NULL}, {"00101002", NULL}, {"00101010", NULL},
    {"00101020", NULL}, {"00101021", NULL}, {"00101030", NULL}, {"00102000", NULL}, {"00102110", NULL},
    {"00102160", NULL}, {"00102180", NULL}, {"001021A0", NULL}, {"001021B0", NULL}, {"001021C0", NULL},
    {"001021D0", NULL}, {"00102201", NULL}, {"00102202", NULL}, {"00102203", NULL}, {"00102292", NULL},
    {"00102293", NULL}, {"00102294", NULL}, {"00102295", NULL}, {"00102296", NULL}, {"00102297", NULL},
    {"00102298", NULL}, {"00102299", NULL}, {"00104000", NULL}, {"00120062", NULL}, {"00120063", NULL},
    {"00120064", NULL}, {"0020000D", "UI"}, {"00200010", "SH"}, {"00380010", NULL}, {"00380014", NULL},
    {"00380060", NULL}, {"00380064", NULL},
};

/* Of the Request Attributes (C.7.3.1, item macro), into a Referenced Request (C.17.2). */
static const Member request_members[] = {
    {"00080050", "SH"}, {"00080051", NULL}, {"0020000D", "UI"}, {"00081110", "SQ"},
    {"00321060", "LO"}, {"00321064", "SQ"}, {"00400026", NULL}, {"00400027", NULL},
    {"00401001", "SH"}, {"00402016", "LO"}, {"00402017", "LO"},
};

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* ---- Parts that go into the documents ---- */

static json_t *pick(const json_t *data_set, const Member *members, size_t count)
{
    json_t *picked = json_object();

    for (size_t i = 0; picked && i < count; i++) {
        json_t *attribute = json_object_get(data_set, members[i].tag);
        if (json_is_object(attribute) && !json_object_get(attribute, "BulkDataURI"))
            (void)json_object_set(picked, members[i].tag, attribute); /* no memory shows when it is written */
        else if (members[i].vr)
            (void)json_object_set_new(picked, members[i].tag, json_pack("{s:s}", "vr", members[i].vr));
    }
    return picked;
}

/* *Takes* the object. */
static PacsStatus keep(json_t *object, PacsArena *arena, PacsSlice *ret_text, PacsError *err)
{
    char *text = json_dumps(object, JSON_COMPACT | JSON_SORT_KEYS | JSON_REAL_PRECISION(SIGNIFICANT_DIGITS));
    char *kept = pacs_arena_strdup(arena, text);

    free(text);
    json_decref(object);
    if (!kept)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for a study's attributes");
    *ret_text = pacs_slice(kept);
    return PACS_OK;
}

/* The order the study was made for: of the request of the instance, or at least its accession number. */
static PacsStatus keep_request(const json_t *data_set, PacsArena *arena, PacsSlice *ret_text, PacsError *err)
{
    const json_t *told = attribute_first(data_set, "00400275");

    if (!json_is_object(told) && !attribute_first(data_set, "00080050"))
        return PACS_OK;
    json_t *request = pick(json_is_object(told) ? told : data_set, request_members, COUNT(request_members));
    static const char *const of_study[] = {"0020000D", "00080050",
                                           "00080051"}; /* the study has them, the item may not */
    for (size_t i = 0; i < COUNT(of_study); i++) {
        json_t *attribute = json_object_get(data_set, of_study[i]);
        if (request && attribute && !attribute_first(request, of_study[i]))
            (void)json_object_set(request, of_study[i], attribute);
    }
    return keep(request, arena, ret_text, err);
}

static PacsStatus read_data_set(const json_t *data_set, PacsArena *arena, ReportStudy *study, PacsError *err)
{
    *study = (ReportStudy){
        .study_instance_uid = attribute_text(data_set, "0020000D", arena),
        .patient_name = attribute_text(data_set, "00100010", arena),
        .patient_id = attribute_text(data_set, "00100020", arena),
        .birth_date = attribute_text(data_set, "00100030", arena),
        .sex = attribute_text(data_set, "00100040", arena),
        .study_date = attribute_text(data_set, "00080020", arena),
        .study_time = attribute_text(data_set, "00080030", arena),
        .study_description = attribute_text(data_set, "00081030", arena),
        .accession_number = attribute_text(data_set, "00080050", arena),
        .referring_physician = attribute_text(data_set, "00080090", arena),
        .modality = attribute_text(data_set, "00080060", arena),
        .body_part = attribute_text(data_set, "00180015", arena),
    };
    study->has_zone = report_zone_parse(attribute_text(data_set, "00080201", arena), &study->zone_minutes);
    PacsStatus status = keep(pick(data_set, modules, COUNT(modules)), arena, &study->modules, err);
    return status == PACS_OK ? keep_request(data_set, arena, &study->request, err) : status;
}

PacsStatus report_study_parse(PacsSlice json, const char *study_instance_uid, PacsArena *arena,
                              ReportStudy *ret_study, PacsError *err)
{
    ReportStudy study;
    json_t *root = json_loadb(json.text, json.size, 0, NULL);
    const json_t *data_set = json_array_get(root, 0);
    PacsStatus status = PACS_OK;

    if (!json_is_object(data_set))
        status = pacs_fail(err, PACS_UNSUPPORTED, "the archive's answer about study %s is no DICOM JSON",
                           study_instance_uid);
    else
        status = read_data_set(data_set, arena, &study, err);
    json_decref(root);
    if (status == PACS_OK && strcmp(study.study_instance_uid, study_instance_uid) != 0)
        status = pacs_fail(err, PACS_UNSUPPORTED, "asked for study %s, the archive answers about another",
                           study_instance_uid);
    if (status == PACS_OK)
        *ret_study = study;
    return status;
}
