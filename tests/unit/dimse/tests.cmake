foreach(name pdu command associate association transport)
    pacs_test(${CMAKE_CURRENT_SOURCE_DIR}/unit dimse/${name}_test
        SOURCES unit/dimse/wire_build.c unit/dimse/script.c
        LINKS pacs_dimse)
endforeach()
pacs_test(${CMAKE_CURRENT_SOURCE_DIR}/unit dimse/server_test
    SOURCES unit/dimse/wire_build.c support/archive.c support/object.c
    LINKS pacs_dimse)
