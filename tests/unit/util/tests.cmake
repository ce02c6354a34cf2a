foreach(name status auto buffer json_read)
    pacs_test(${CMAKE_CURRENT_SOURCE_DIR}/unit util/${name}_test LINKS pacs_util)
endforeach()
