#include "tests/contract/store_contract.h"

static PacsStore *open_memory(void)
{
    PacsStore *store = NULL;
    return pacs_store_memory_open(UINT64_MAX, &store, NULL) == PACS_OK ? store : NULL;
}

static void clear_memory(void)
{
}

int main(void)
{
    static const StoreContract memory = {.name = "memory", .open = open_memory, .clear = clear_memory};
    return store_contract_run(&memory);
}
