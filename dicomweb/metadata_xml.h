#pragma once

#include "dicomweb/metadata_filter.h"

/**
 * Metadata as XML: a multipart body with one document of the Native DICOM Model for each instance (PS3.18 8.7.3), written
 * while it is read, of what passes the filter. `boundary` and filter are borrowed, as metadata and its arena are.
 */
PACS_CHECKED PacsStatus dicomweb_metadata_xml_open(PacsRetrieve *retrieve, const PacsMetadata *metadata,
                                                   const DicomwebMetadataFilter *filter, const char *boundary,
                                                   PacsSource **ret_source, PacsError *err);
