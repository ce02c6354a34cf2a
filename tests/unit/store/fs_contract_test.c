#include <stddef.h>

#include "tests/contract/store_contract.h"
#include "tests/support/temporary.h"

static char *root;

static PacsStore *open_with(bool write_cached)
{
    if (!root)
        root = temporary_folder_new();
    if (!root)
        return NULL;
    /* So few per folder that the suite's puts walk through several. */
    const PacsStoreFsOptions options = {.root = root, .objects_per_folder = 7, .write_cached = write_cached};
    PacsStore *store = NULL;
    return pacs_store_fs_open(&options, NULL, &store, NULL) == PACS_OK ? store : NULL;
}

static PacsStore *open_fs(void)
{
    return open_with(false);
}

static PacsStore *open_cached(void)
{
    return open_with(true);
}

static void clear_fs(void)
{
    temporary_folder_free(root);
    root = NULL;
}

int main(void)
{
    static const StoreContract fs = {.name = "fs", .open = open_fs, .clear = clear_fs, .lasts = true};
    static const StoreContract cached = {.name = "fs", .open = open_cached, .clear = clear_fs, .lasts = true};
    return store_contract_run(&fs) + store_contract_run(&cached);
}
