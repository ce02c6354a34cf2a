/* dcmtk_json FILE: DCMTK's DICOM JSON of a file on stdout, encapsulated pixel data left out. A program of its
 * own, because DCMTK may crash on what it is given. */

#include <stdio.h>

#include "pacs/bridge/dcmtk_json.h"

int main(int argc, char **argv)
{
    if (argc != 2) {
        (void)fprintf(stderr, "usage: dcmtk_json FILE\n");
        return 2;
    }
    PacsError err = {0};
    PACS_AUTO_BUFFER PacsBuffer json = PACS_BUFFER(SIZE_MAX / 2);
    if (pacs_bridge_dcmtk_json(argv[1], &json, &err) != PACS_OK) {
        (void)fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    (void)fwrite(json.bytes, 1, json.size, stdout);
    return 0;
}
