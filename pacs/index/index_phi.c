#include "pacs/index/index_phi.h"

#include <string.h>

#include "pacs/util/auto.h"
#include "pacs/util/buffer.h"

const PacsPhiField pacs_phi_fields[PACS_PHI_FIELD_COUNT] = {
    {"patientName", PACS_LEVEL_PATIENT, PACS_TAG_PATIENT_NAME},
    {"patientId", PACS_LEVEL_PATIENT, PACS_TAG_PATIENT_ID},
    {"issuerOfPatientId", PACS_LEVEL_PATIENT, PACS_TAG_ISSUER_OF_PATIENT_ID}, /* if it is an extra main tag */
    {"birthDate", PACS_LEVEL_PATIENT, PACS_TAG_PATIENT_BIRTH_DATE},
    {"sex", PACS_LEVEL_PATIENT, PACS_TAG_PATIENT_SEX},
    {"studyId", PACS_LEVEL_STUDY, PACS_TAG_STUDY_ID},
    {"studyDescription", PACS_LEVEL_STUDY, PACS_TAG_STUDY_DESCRIPTION},
    {"requestedProcedureDescription", PACS_LEVEL_STUDY, PACS_TAG_REQUESTED_PROCEDURE_DESCRIPTION},
    {"referringPhysicianName", PACS_LEVEL_STUDY, PACS_TAG_REFERRING_PHYSICIAN_NAME},
    {"institutionName", PACS_LEVEL_STUDY, PACS_TAG_INSTITUTION_NAME},
};

static PacsStatus fail_unknown(const char *name, PacsError *err)
{
    PACS_AUTO_BUFFER PacsBuffer known = PACS_BUFFER(512);
    for (size_t i = 0; i < PACS_PHI_FIELD_COUNT; i++)
        (void)pacs_buffer_add_format(&known, "%s%s", i > 0 ? ", " : "", pacs_phi_fields[i].name);
    return pacs_fail(err, PACS_INVALID, "'Events.PhiFields' names '%.32s'; there are %s", name,
                     pacs_buffer_text(&known));
}

PacsStatus pacs_phi_fields_parse(const char *const *names, size_t count, PacsPhiFields *ret_fields,
                                 PacsError *err)
{
    PacsPhiFields fields = 0;
    for (size_t i = 0; i < count; i++) {
        size_t at = 0;
        while (at < PACS_PHI_FIELD_COUNT && strcmp(pacs_phi_fields[at].name, names[i]) != 0)
            at++;
        if (at == PACS_PHI_FIELD_COUNT)
            return fail_unknown(names[i], err);
        fields |= 1u << at;
    }
    *ret_fields = fields;
    return PACS_OK;
}
