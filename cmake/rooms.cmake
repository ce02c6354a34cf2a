# One static library per room, which links only what it may call (the order of the rooms: docs/ARCHITECTURE.md).

find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
foreach(package jansson sqlite3 libmicrohttpd zlib expat cmocka charls libopenjp2 libjxl)
    pkg_check_modules(${package} REQUIRED IMPORTED_TARGET ${package})
endforeach()
pkg_check_modules(png REQUIRED IMPORTED_TARGET libpng) # tests
pkg_check_modules(curl REQUIRED IMPORTED_TARGET libcurl)
pkg_check_modules(pq REQUIRED IMPORTED_TARGET libpq)
pkg_check_modules(crypto REQUIRED IMPORTED_TARGET libcrypto)
pkg_check_modules(deflate REQUIRED IMPORTED_TARGET libdeflate)
pkg_check_modules(jpeg REQUIRED IMPORTED_TARGET libjpeg)
pkg_check_modules(webp REQUIRED IMPORTED_TARGET libwebp libwebpmux)
pkg_check_modules(pango REQUIRED IMPORTED_TARGET pangocairo)
pkg_check_modules(cairopdf REQUIRED IMPORTED_TARGET cairo-pdf)
pkg_check_modules(gif REQUIRED IMPORTED_TARGET libgif7)
pkg_check_modules(lcms REQUIRED IMPORTED_TARGET lcms2)

add_library(pacs_flags INTERFACE)
target_include_directories(pacs_flags INTERFACE ${CMAKE_SOURCE_DIR})
target_compile_definitions(pacs_flags INTERFACE _GNU_SOURCE _FILE_OFFSET_BITS=64
    PACS_VERSION="${PROJECT_VERSION}")
target_compile_options(pacs_flags INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror
    $<$<COMPILE_LANGUAGE:C>:-Wstrict-prototypes -Wmissing-prototypes>
    -fno-omit-frame-pointer -fstack-protector-strong)
if(PACS_SANITIZE)
    target_compile_options(pacs_flags INTERFACE -fsanitize=${PACS_SANITIZE} -fno-sanitize-recover=all)
    target_link_options(pacs_flags INTERFACE -fsanitize=${PACS_SANITIZE})
endif()
if(PACS_CRASH_POINTS)
    target_compile_definitions(pacs_flags INTERFACE PACS_CRASH_POINTS)
endif()
if(PACS_FUZZ)
    target_compile_options(pacs_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()

# pacs_migrations(HEADER PREFIX): makes migrations.c of this folder's migrations/*.sql, in the order of their numbers; HEADER
# declares its PREFIX_migrations and PREFIX_migration_count.
function(pacs_migrations header prefix)
    file(GLOB files CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/migrations/*.sql)
    list(SORT files)
    list(JOIN files "|" list)
    add_custom_command(
        OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/migrations.c
        COMMAND ${CMAKE_COMMAND} -DOUT=${CMAKE_CURRENT_BINARY_DIR}/migrations.c "-DIN=${list}" -DHEADER=${header}
                -DPREFIX=${prefix} -P ${CMAKE_SOURCE_DIR}/cmake/embed_migrations.cmake
        DEPENDS ${files} ${CMAKE_SOURCE_DIR}/cmake/embed_migrations.cmake
        VERBATIM)
endfunction()

# pacs_room(NAME SOURCES file... [LINKS target...]): a room's library. LINKS names the rooms it may call and
# the packages it wraps; a header from any other room does not link, which is how a wrong arrow shows.
function(pacs_room name)
    cmake_parse_arguments(ROOM "" "" "SOURCES;LINKS" ${ARGN})
    add_library(${name} STATIC ${ROOM_SOURCES})
    target_link_libraries(${name} PUBLIC pacs_flags Threads::Threads ${ROOM_LINKS})
endfunction()
