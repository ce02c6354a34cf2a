#pragma once

#include "pacs/http/http.h"
#include "pacs/index/index.h"
#include "pacs/util/json.h"

/** How tags are written: Orthanc's three formats. */
typedef enum RestTagFormat {
    REST_TAGS_SIMPLE, /* "PatientID": "X" */
    REST_TAGS_SHORT,  /* "0010,0020": "X" */
    REST_TAGS_FULL,   /* "0010,0020": {"Name": "PatientID", "Type": "String", "Value": "X"} */
} RestTagFormat;

/** By ?full, ?short, ?simplify; `standard` where none is given. */
RestTagFormat rest_tag_format(const PacsHttpRequest *request, RestTagFormat standard);

/** A resource as Orthanc's expanded answers have it; members in the order of their names. */
void rest_write_resource(PacsJson *json, const PacsResource *resource, RestTagFormat format);

/** {"Type", "ID", "Path"}: what DELETE and lookups answer with. */
void rest_write_reference(PacsJson *json, PacsLevel level, const char *id);
