pacs_test(${CMAKE_CURRENT_SOURCE_DIR}/unit events/events_settings_test LINKS events_settings
    SOURCES support/config_fixture.c support/temporary.c)
