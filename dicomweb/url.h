#pragma once

#include "dicomweb/dicomweb.h"
#include "pacs/http/http.h"

/**
 * Where clients reach us, for the URLs in answers (RetrieveURL, BulkDataURI, Content-Location, Link).
 *
 * DicomWeb.PublicRoot decides where it is set: a whole URL alone, a path together with the host that was asked. Else
 * it is the path we are mounted at, behind the X-Forwarded-Prefix of a proxy. The host asked is taken from Forwarded
 * (RFC 7239), else from X-Forwarded-Host, -Proto and -Port, else from Host; of lists the first, which the outermost
 * proxy wrote. Only what looks like a host, a port, http(s) or a path is believed: nothing else of a header ever
 * gets into an answer.
 *
 * Both in the request's arena, no slash at the end, NULL: no memory. Ids and UIDs put behind are URL-safe as they
 * are.
 */

/** "https://pacs.example.org/dicom-web" */
const char *dicomweb_public_root(const DicomwebOptions *options, const PacsHttpRequest *request);

/** "/dicom-web": the path of the above alone, for ready-made metadata. */
const char *dicomweb_public_path(const DicomwebOptions *options, const PacsHttpRequest *request);
