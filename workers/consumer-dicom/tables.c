#include "workers/consumer-dicom/tables.h"

static PacsStatus remove_parts(WorkerTransaction *transaction, const char *study_uid, PacsError *err)
{
    PacsStatus status = WORKER_RUN(transaction, NULL, err,
                                   "DELETE FROM imaging_series WHERE study_instance_uid = $1",
                                   pacs_sql_text(study_uid));
    if (status == PACS_OK)
        status = WORKER_RUN(transaction, NULL, err,
                            "DELETE FROM imaging_order_link WHERE study_instance_uid = $1",
                            pacs_sql_text(study_uid));
    return status;
}

PacsStatus dicom_tables_remove(WorkerTransaction *transaction, const char *study_uid, PacsError *err)
{
    const PacsStatus status = remove_parts(transaction, study_uid, err);
    return status == PACS_OK
               ? WORKER_RUN(transaction, NULL, err, "DELETE FROM imaging_study WHERE study_instance_uid = $1",
                            pacs_sql_text(study_uid))
               : status;
}

/** When it arrived stays as it was first told. */
static PacsStatus write_study(WorkerTransaction *transaction, const DicomStudy *study, uint64_t revision,
                              PacsError *err)
{
    static const char sql[] =
        "INSERT INTO imaging_study (study_instance_uid, accession_number, accession_issuer, patient_id,"
        " patient_id_issuer, patient_ref, study_id, study_date, study_time, study_description, modalities,"
        " series_count, instance_count, size_bytes, lane, retrieve_url, viewer_url, manifest_sha256,"
        " revision, arrived_at, updated_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20,"
        " $20)"
        " ON CONFLICT (study_instance_uid) DO UPDATE SET accession_number = excluded.accession_number,"
        " accession_issuer = excluded.accession_issuer, patient_id = excluded.patient_id,"
        " patient_id_issuer = excluded.patient_id_issuer, patient_ref = excluded.patient_ref,"
        " study_id = excluded.study_id, study_date = excluded.study_date, study_time = excluded.study_time,"
        " study_description = excluded.study_description, modalities = excluded.modalities,"
        " series_count = excluded.series_count, instance_count = excluded.instance_count,"
        " size_bytes = coalesce(excluded.size_bytes, imaging_study.size_bytes), lane = excluded.lane,"
        " retrieve_url = excluded.retrieve_url, viewer_url = excluded.viewer_url,"
        " manifest_sha256 = coalesce(excluded.manifest_sha256, imaging_study.manifest_sha256),"
        " revision = excluded.revision, updated_at = excluded.updated_at";
    return WORKER_RUN(
        transaction, NULL, err, sql, pacs_sql_text(study->uid), pacs_sql_text(study->accession.number),
        pacs_sql_text(study->accession.issuer), pacs_sql_text(study->patient_id),
        pacs_sql_text(study->patient_id_issuer), pacs_sql_text(study->patient_ref),
        pacs_sql_text(study->study_id), pacs_sql_text(study->date), pacs_sql_text(study->time),
        pacs_sql_text(study->description), pacs_sql_text(study->modalities),
        pacs_sql_u64(study->series_count), pacs_sql_u64(study->instances),
        study->size_bytes < 0 ? pacs_sql_null() : pacs_sql_i64(study->size_bytes), pacs_sql_text(study->lane),
        pacs_sql_text(study->retrieve_url), pacs_sql_text(study->viewer_url),
        pacs_sql_text(study->manifest_sha256), pacs_sql_u64(revision), pacs_sql_text(study->event_time));
}

static PacsStatus write_series(WorkerTransaction *transaction, const DicomStudy *study,
                               const DicomSeries *series, PacsError *err)
{
    static const char sql[] = "INSERT INTO imaging_series (study_instance_uid, series_instance_uid,"
                              " series_number, modality, body_part, series_description, instance_count)"
                              " VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING";
    return WORKER_RUN(transaction, NULL, err, sql, pacs_sql_text(study->uid), pacs_sql_text(series->uid),
                      series->has_number ? pacs_sql_i64(series->number) : pacs_sql_null(),
                      pacs_sql_text(series->modality), pacs_sql_text(series->body_part),
                      pacs_sql_text(series->description), pacs_sql_u64(series->instances));
}

static PacsStatus write_link(WorkerTransaction *transaction, const DicomStudy *study,
                             const DicomAccession *accession, PacsError *err)
{
    static const char sql[] = "INSERT INTO imaging_order_link (accession_number, study_instance_uid,"
                              " accession_issuer) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
    return WORKER_RUN(transaction, NULL, err, sql, pacs_sql_text(accession->number),
                      pacs_sql_text(study->uid), pacs_sql_text(accession->issuer));
}

PacsStatus dicom_tables_write(WorkerTransaction *transaction, const DicomStudy *study, uint64_t revision,
                              PacsError *err)
{
    if (!study->exists)
        return dicom_tables_remove(transaction, study->uid, err);
    PacsStatus status = remove_parts(transaction, study->uid, err);
    if (status == PACS_OK)
        status = write_study(transaction, study, revision, err);
    for (size_t i = 0; status == PACS_OK && i < study->series_count; i++)
        status = write_series(transaction, study, &study->series[i], err);
    for (size_t i = 0; status == PACS_OK && i < study->accession_count; i++)
        status = write_link(transaction, study, &study->accessions[i], err);
    return status;
}
