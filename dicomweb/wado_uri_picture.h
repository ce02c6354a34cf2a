#pragma once

#include "dicomweb/dicomweb_private.h"

/**
 * Pictures by WADO-URI (PS3.18 9.4): what `contentType` (a list, best first), or else Accept, names of image/jpeg, image/png,
 * image/gif and image/webp; video and PDF as they are in the object.
 *
 *     frameNumber  rows, columns  region=xmin,ymin,xmax,ymax (0 to 1)  windowCenter, windowWidth  imageQuality
 *     annotation=patient,technique  presentationUID, presentationSeriesUID
 *
 * Errors:  PACS_INVALID (naming the parameter), PACS_UNSUPPORTED (no such picture), as pictures.h.
 */
PACS_CHECKED PacsStatus dicomweb_wado_picture(Dicomweb *dicomweb, const PacsUidPath *path,
                                              PacsHttpRequest *request, PacsHttpReply *reply, PacsError *err);
