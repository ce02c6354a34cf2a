pacs_test(${CMAKE_CURRENT_SOURCE_DIR}/unit ingest/ingest_test LINKS pacs_ingest pacs_retrieve
    SOURCES support/object.c support/archive.c support/store_failing.c support/index_failing.c)
pacs_test(${CMAKE_CURRENT_SOURCE_DIR}/unit ingest/sweep_test LINKS pacs_ingest SOURCES support/object.c support/archive.c)
pacs_test(${CMAKE_CURRENT_SOURCE_DIR}/unit ingest/conversion_test LINKS pacs_ingest PkgConfig::deflate
    SOURCES support/archive.c support/object.c support/image.c)
pacs_test(${CMAKE_CURRENT_SOURCE_DIR}/unit ingest/digest_test LINKS pacs_ingest SOURCES support/object.c support/temporary.c)
pacs_test(${CMAKE_CURRENT_SOURCE_DIR}/unit ingest/lane_test LINKS pacs_ingest SOURCES support/object.c support/archive.c support/indexed_object.c)
pacs_test(${CMAKE_CURRENT_SOURCE_DIR}/unit ingest/report_test LINKS pacs_ingest SOURCES support/object.c support/archive.c)
