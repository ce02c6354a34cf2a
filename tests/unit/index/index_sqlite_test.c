#include <stdio.h>
#include <stdlib.h>

#include "tests/contract/index_contract.h"
#include "tests/support/temporary.h"

/* The suite of every index, on SQLite. */

static char *folder;

static PacsIndex *open_index(PacsPhiFields phi_fields)
{
    if (!folder)
        folder = temporary_folder_new();
    char path[4096];
    (void)snprintf(path, sizeof path, "%s/index.db", folder ? folder : "");
    const PacsIndexSqliteOptions options = {.path = path, .phi_fields = phi_fields};
    PacsIndex *index = NULL;
    PacsError err = {0};
    if (pacs_index_sqlite_open(&options, NULL, &index, &err) != PACS_OK)
        (void)fprintf(stderr, "%s\n", err.text);
    return index;
}

static void clear(void)
{
    temporary_folder_free(folder);
    folder = NULL;
}

int main(void)
{
    static const IndexContract sqlite = {.name = "sqlite", .open = open_index, .clear = clear};
    return index_contract_run(&sqlite);
}
