pacs_test(${CMAKE_CURRENT_SOURCE_DIR}/unit workers/database_test LINKS workers_loop
    SOURCES support/postgres.c support/require.c support/temporary.c)
pacs_test(${CMAKE_CURRENT_SOURCE_DIR}/unit workers/http_client_test LINKS workers_http_client pacs_http)
pacs_test(${CMAKE_CURRENT_SOURCE_DIR}/unit workers/mapping_test LINKS workers_mapping)
pacs_test(${CMAKE_CURRENT_SOURCE_DIR}/unit workers/moment_test LINKS workers_report)
foreach(name report report_document)
    pacs_test(${CMAKE_CURRENT_SOURCE_DIR}/unit workers/${name}_test LINKS workers_report SOURCES support/report.c)
endforeach()
pacs_test(${CMAKE_CURRENT_SOURCE_DIR}/unit workers/loop_test LINKS workers_loop
    SOURCES support/postgres.c support/require.c support/temporary.c)
pacs_test(${CMAKE_CURRENT_SOURCE_DIR}/unit workers/sse_test LINKS workers_loop)
pacs_test(${CMAKE_CURRENT_SOURCE_DIR}/unit workers/key_images_test LINKS workers_report)
pacs_test(${CMAKE_CURRENT_SOURCE_DIR}/unit workers/pdf_source_test LINKS workers_imaging_report)
pacs_test(${CMAKE_CURRENT_SOURCE_DIR}/unit workers/worker_settings_test LINKS workers_loop
    SOURCES support/config_fixture.c support/temporary.c)
