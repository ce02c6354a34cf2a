set(DICOMWEB_FIXTURE support/object.c support/archive.c support/dicomweb_fixture.c)

pacs_test(${CMAKE_CURRENT_SOURCE_DIR}/unit dicomweb/delete_test LINKS dicomweb SOURCES ${DICOMWEB_FIXTURE})
pacs_test(${CMAKE_CURRENT_SOURCE_DIR}/unit dicomweb/accept_test LINKS dicomweb)
pacs_test(${CMAKE_CURRENT_SOURCE_DIR}/unit dicomweb/url_test LINKS dicomweb)
pacs_test(${CMAKE_CURRENT_SOURCE_DIR}/unit dicomweb/objects_test LINKS dicomweb SOURCES ${DICOMWEB_FIXTURE} support/image.c)
pacs_test(${CMAKE_CURRENT_SOURCE_DIR}/unit dicomweb/qido_query_test LINKS dicomweb)
pacs_test(${CMAKE_CURRENT_SOURCE_DIR}/unit dicomweb/frames_test LINKS dicomweb SOURCES ${DICOMWEB_FIXTURE} support/image.c)
pacs_test(${CMAKE_CURRENT_SOURCE_DIR}/unit dicomweb/qido_row_test LINKS dicomweb PkgConfig::deflate)
pacs_test(${CMAKE_CURRENT_SOURCE_DIR}/unit dicomweb/stow_test LINKS dicomweb PkgConfig::jansson
    SOURCES ${DICOMWEB_FIXTURE} unit/dicomweb/stow_client.c)
pacs_test(${CMAKE_CURRENT_SOURCE_DIR}/unit dicomweb/stow_metadata_test LINKS dicomweb PkgConfig::jansson
    SOURCES ${DICOMWEB_FIXTURE} unit/dicomweb/stow_client.c)
pacs_test(${CMAKE_CURRENT_SOURCE_DIR}/unit dicomweb/metadata_test LINKS dicomweb pacs_lifecycle PkgConfig::jansson
    SOURCES ${DICOMWEB_FIXTURE})
pacs_test(${CMAKE_CURRENT_SOURCE_DIR}/unit dicomweb/bulk_test LINKS dicomweb SOURCES ${DICOMWEB_FIXTURE} support/image.c)
pacs_test(${CMAKE_CURRENT_SOURCE_DIR}/unit dicomweb/qido_test LINKS dicomweb PkgConfig::jansson
    SOURCES ${DICOMWEB_FIXTURE} support/index_failing.c)
pacs_test(${CMAKE_CURRENT_SOURCE_DIR}/unit dicomweb/wado_uri_test LINKS dicomweb SOURCES ${DICOMWEB_FIXTURE} support/image.c)
pacs_test(${CMAKE_CURRENT_SOURCE_DIR}/unit dicomweb/capabilities_test LINKS dicomweb PkgConfig::jansson SOURCES ${DICOMWEB_FIXTURE})
pacs_test(${CMAKE_CURRENT_SOURCE_DIR}/unit dicomweb/frames_converted_test LINKS dicomweb
    SOURCES ${DICOMWEB_FIXTURE} support/image.c unit/transcode/asker.c)
pacs_test(${CMAKE_CURRENT_SOURCE_DIR}/unit dicomweb/rendered_test LINKS dicomweb SOURCES ${DICOMWEB_FIXTURE} support/image.c)
