pacs_test(${CMAKE_CURRENT_SOURCE_DIR}/unit database/sqlite_log_test LINKS pacs_database SOURCES support/temporary.c)
