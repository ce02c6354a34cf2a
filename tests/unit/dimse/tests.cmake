foreach(name pdu command associate transport)
    pacs_test(${CMAKE_CURRENT_SOURCE_DIR}/unit dimse/${name}_test
        SOURCES unit/dimse/wire_build.c unit/dimse/script.c
        LINKS pacs_dimse)
endforeach()
pacs_test(${CMAKE_CURRENT_SOURCE_DIR}/unit dimse/server_test
    SOURCES unit/dimse/wire_build.c support/archive.c support/object.c
    LINKS pacs_dimse)
foreach(name association association_states)
    pacs_test(${CMAKE_CURRENT_SOURCE_DIR}/unit dimse/${name}_test
        SOURCES unit/dimse/wire_build.c unit/dimse/script.c unit/dimse/association_case.c
        LINKS pacs_dimse)
endforeach()
