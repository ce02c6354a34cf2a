pacs_test(${CMAKE_CURRENT_SOURCE_DIR}/unit rest/rest_test LINKS pacs_rest
    SOURCES support/object.c support/archive.c)
pacs_test(${CMAKE_CURRENT_SOURCE_DIR}/unit rest/pictures_test LINKS pacs_rest SOURCES support/image.c support/object.c support/archive.c)
foreach(name event_hub events)
    pacs_test(${CMAKE_CURRENT_SOURCE_DIR}/unit rest/${name}_test LINKS pacs_rest
        SOURCES support/object.c support/archive.c)
endforeach()
