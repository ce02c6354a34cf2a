foreach(name fs_contract memory_contract)
    pacs_test(${CMAKE_CURRENT_SOURCE_DIR}/unit store/${name}_test LINKS pacs_store
        SOURCES contract/store_contract.c support/temporary.c)
endforeach()
foreach(name fs fs_sync memory front)
    pacs_test(${CMAKE_CURRENT_SOURCE_DIR}/unit store/${name}_test LINKS pacs_store
        SOURCES contract/store_contract.c support/store_failing.c support/temporary.c)
endforeach()
pacs_test(${CMAKE_CURRENT_SOURCE_DIR}/unit store/fs_limits_test LINKS pacs_store
    SOURCES contract/store_contract.c support/require.c support/store_failing.c support/temporary.c)
target_link_options(test_store_fs_sync_test PRIVATE -Wl,--wrap=fsync,--wrap=sync_file_range)
