pacs_test(${CMAKE_CURRENT_SOURCE_DIR}/unit events/events_settings_test LINKS events_settings
    SOURCES support/config_fixture.c support/temporary.c)
foreach(name event_types topics cloudevent cloudevent_parse compose)
    pacs_test(${CMAKE_CURRENT_SOURCE_DIR}/unit events/${name}_test LINKS events_contract)
endforeach()
pacs_test(${CMAKE_CURRENT_SOURCE_DIR}/unit events/producer_test LINKS events_kafka SOURCES support/kafka_mock.c)
pacs_test(${CMAKE_CURRENT_SOURCE_DIR}/unit events/consumer_test LINKS events_kafka SOURCES support/kafka_mock.c)
pacs_test(${CMAKE_CURRENT_SOURCE_DIR}/unit events/relay_test LINKS events_relay
    SOURCES support/kafka_mock.c support/indexed_object.c support/temporary.c)
pacs_test(${CMAKE_CURRENT_SOURCE_DIR}/unit events/admin_test LINKS events_kafka)
pacs_test(${CMAKE_CURRENT_SOURCE_DIR}/unit events/log_sink_test LINKS events_relay SOURCES support/temporary.c)
