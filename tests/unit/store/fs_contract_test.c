#include <stddef.h>

#include "tests/contract/store_contract.h"
#include "tests/support/temporary.h"

static char *root;

static PacsStore *open_fs(void)
{
    if (!root)
        root = temporary_folder_new();
    if (!root)
        return NULL;
    /* So few per folder that the suite's puts walk through several. */
    const PacsStoreFsOptions options = {.root = root, .objects_per_folder = 7};
    PacsStore *store = NULL;
    return pacs_store_fs_open(&options, NULL, &store, NULL) == PACS_OK ? store : NULL;
}

static void clear_fs(void)
{
    temporary_folder_free(root);
    root = NULL;
}

int main(void)
{
    static const StoreContract fs = {.name = "fs", .open = open_fs, .clear = clear_fs, .lasts = true};
    return store_contract_run(&fs);
}
