foreach(name layout)
    pacs_test(${CMAKE_CURRENT_SOURCE_DIR}/unit transcode/${name}_test LINKS transcode)
endforeach()
