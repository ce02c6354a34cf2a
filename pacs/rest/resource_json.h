#pragma once

#include "pacs/dicom/orthanc_tags.h"
#include "pacs/http/http.h"
#include "pacs/index/index.h"
#include "pacs/util/json.h"

/** By ?full, ?short, ?simplify; `standard` where none is given. */
PacsOrthancTagFormat rest_tag_format(const PacsHttpRequest *request, PacsOrthancTagFormat standard);

/** A resource as Orthanc's expanded answers have it; members in the order of their names. */
void rest_write_resource(PacsJson *json, const PacsResource *resource, PacsOrthancTagFormat format);

/** {"Type", "ID", "Path"}: what DELETE and lookups answer with. */
void rest_write_reference(PacsJson *json, PacsLevel level, const char *id);
