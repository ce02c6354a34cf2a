#pragma once

#include "dicomweb/qido_fields.h"
#include "pacs/util/buffer.h"
#include "pacs/util/json.h"

/**
 * One match as a DICOM JSON object: the attributes of a QidoFields, tags rising, text in UTF-8.
 *
 *     QidoRowWriter writer;
 *     qido_row_writer_init(&writer, &fields, "http://host/dicom-web");
 *     status = qido_row_write(&writer, &page.rows[0], &json, err);   // once a row
 *     qido_row_writer_clear(&writer);
 *
 * What comes from the stored JSON is copied as it stands; BulkDataURIs in it become those of the instance, and are left
 * out of answers about studies and series, of which they are no attributes.
 *
 * Memory:  the unpacked JSON of one instance at a time.
 * Errors:  PACS_CORRUPT (the stored JSON is damaged), PACS_NO_MEMORY; the JSON's buffer remembers its own.
 */
typedef struct QidoRowWriter {
    const QidoFields *fields;
    const char *root;   /* of URLs, no slash at the end */
    PacsBuffer text;    /* the row's JSON, unpacked */
    PacsBuffer scratch; /* one value */
} QidoRowWriter;

/** Both are borrowed. */
void qido_row_writer_init(QidoRowWriter *writer, const QidoFields *fields, const char *root);
void qido_row_writer_clear(QidoRowWriter *writer);

PACS_CHECKED PacsStatus qido_row_write(QidoRowWriter *writer, const PacsSearchRow *row, PacsJson *json,
                                       PacsError *err);
