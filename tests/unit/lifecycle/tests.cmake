pacs_test(${CMAKE_CURRENT_SOURCE_DIR}/unit lifecycle/lifecycle_test LINKS pacs_ingest pacs_lifecycle PkgConfig::sqlite3
    SOURCES support/object.c support/archive.c)
pacs_test(${CMAKE_CURRENT_SOURCE_DIR}/unit lifecycle/prepare_test LINKS pacs_ingest pacs_lifecycle
    SOURCES support/object.c support/archive.c support/index_failing.c)
