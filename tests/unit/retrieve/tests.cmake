pacs_test(${CMAKE_CURRENT_SOURCE_DIR}/unit retrieve/retrieve_test LINKS pacs_ingest pacs_retrieve
    SOURCES support/object.c support/archive.c)
pacs_test(${CMAKE_CURRENT_SOURCE_DIR}/unit retrieve/frames_test LINKS pacs_ingest pacs_retrieve PkgConfig::deflate
    SOURCES support/image.c support/archive.c support/object.c)
pacs_test(${CMAKE_CURRENT_SOURCE_DIR}/unit retrieve/metadata_cache_test LINKS pacs_retrieve)
pacs_test(${CMAKE_CURRENT_SOURCE_DIR}/unit retrieve/metadata_test LINKS pacs_ingest pacs_retrieve pacs_lifecycle
    PkgConfig::jansson SOURCES support/object.c support/archive.c)
pacs_test(${CMAKE_CURRENT_SOURCE_DIR}/unit retrieve/image_attributes_test LINKS pacs_retrieve)
pacs_test(${CMAKE_CURRENT_SOURCE_DIR}/unit retrieve/native_frame_test LINKS pacs_ingest pacs_retrieve PkgConfig::deflate
    SOURCES support/image.c support/archive.c support/object.c)
pacs_test(${CMAKE_CURRENT_SOURCE_DIR}/unit retrieve/presentation_state_test LINKS pacs_retrieve)
pacs_test(${CMAKE_CURRENT_SOURCE_DIR}/unit retrieve/waveform_test LINKS pacs_retrieve)
