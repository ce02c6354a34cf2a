#pragma once

#include "pacs/util/text.h"

/**
 * The media types of DICOM's web services and the transfer syntaxes they carry.
 *
 * Owner:   static text.
 * Source:  PS3.18 (2024) tables 8.7.3-2 to 8.7.3-5.
 */
#define DICOMWEB_TYPE_DICOM "application/dicom"
#define DICOMWEB_TYPE_JSON "application/dicom+json"
#define DICOMWEB_TYPE_XML "application/dicom+xml"
#define DICOMWEB_TYPE_BYTES "application/octet-stream"
#define DICOMWEB_TYPE_ZIP "application/zip"

/**
 * What encapsulated pixel data of a transfer syntax are called on the web: "image/jp2" for 1.2.840.10008.1.2.4.90,
 * "application/octet-stream" for native pixels and for what has no type of its own. Never NULL.
 */
const char *dicomweb_pixel_media_type(const char *transfer_syntax_uid);

/** The transfer syntax that is meant where a request names none: "image/jpeg" gives JPEG lossless, first order. NULL
 *  for types that carry none (JSON, XML, PDF). */
const char *dicomweb_default_transfer_syntax(PacsSlice media_type);

/** Whether what a client wrote means media_type: letters of either case, names of earlier editions ("image/dicom+jp2",
 *  "image/x-jls", "application/json"), and a space where a query's '+' became one. */
bool dicomweb_media_type_means(PacsSlice written, const char *media_type);
