set(index_contract contract/index_contract.c contract/index_contract_add.c contract/index_contract_read.c
    contract/index_contract_delete.c contract/index_contract_event.c contract/index_contract_outbox.c contract/index_contract_report.c contract/index_contract_metadata.c
    contract/index_contract_search.c contract/index_contract_search_page.c support/indexed_object.c support/temporary.c)
foreach(name index_sqlite index_sqlite_own index_sqlite_crash index_sqlite_search)
    pacs_test(${CMAKE_CURRENT_SOURCE_DIR}/unit index/${name}_test LINKS pacs_index SOURCES ${index_contract})
endforeach()
pacs_test(${CMAKE_CURRENT_SOURCE_DIR}/unit index/index_values_test LINKS pacs_index SOURCES support/indexed_object.c)
pacs_test(${CMAKE_CURRENT_SOURCE_DIR}/unit index/index_match_test LINKS pacs_index)
