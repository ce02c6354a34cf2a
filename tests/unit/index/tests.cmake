set(index_contract contract/index_contract.c contract/index_contract_add.c contract/index_contract_read.c
    contract/index_contract_delete.c contract/index_contract_event.c support/indexed_object.c support/temporary.c)
pacs_test(${CMAKE_CURRENT_SOURCE_DIR}/unit index/index_sqlite_test LINKS pacs_index SOURCES ${index_contract})
