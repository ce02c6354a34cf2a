foreach(name status auto blocks buffer text text_fold base64 hash uid trace clock json json_read json_items spool xml source gzip arena cache pool log metrics)
    pacs_test(${CMAKE_CURRENT_SOURCE_DIR}/unit util/${name}_test LINKS pacs_util)
endforeach()
pacs_test(${CMAKE_CURRENT_SOURCE_DIR}/unit util/socket_test LINKS pacs_util SOURCES support/require.c)
foreach(name config config_environment no_memory)
    pacs_test(${CMAKE_CURRENT_SOURCE_DIR}/unit util/${name}_test LINKS pacs_util
        SOURCES support/config_fixture.c support/temporary.c)
endforeach()
target_link_options(test_util_no_memory_test PRIVATE
    -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=strdup,--wrap=strndup)
