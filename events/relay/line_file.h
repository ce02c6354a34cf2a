#pragma once

#include <stdbool.h>

#include "pacs/util/auto.h"
#include "pacs/util/buffer.h"

/* Private to the log sink: a file of lines that others may rename under us. */

typedef struct LineFile LineFile;

/** Opens for appending, made if missing (0640); a last line without its end is cut off. "-": standard output. */
PACS_CHECKED PacsStatus line_file_open(const char *path, LineFile **ret_file, PacsError *err);

/** Whole lines, on the disk when it returns; none of them if it fails. Errors: PACS_NO_SPACE, PACS_UNAVAILABLE. */
PACS_CHECKED PacsStatus line_file_append(LineFile *file, const PacsBuffer *lines, PacsError *err);

void line_file_close(LineFile *file);
PACS_DEFINE_AUTO(LineFile, line_file_close);
