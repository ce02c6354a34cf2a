foreach(name render_rows render_tone render_colour render_layers render_geometry render_graphics)
    pacs_test(${CMAKE_CURRENT_SOURCE_DIR}/unit transcode/${name}_test LINKS transcode m SOURCES support/rendered.c)
endforeach()
pacs_test(${CMAKE_CURRENT_SOURCE_DIR}/unit transcode/picture_test SOURCES support/picture_read.c
    LINKS transcode PkgConfig::png PkgConfig::jpeg PkgConfig::webp PkgConfig::gif)
pacs_test(${CMAKE_CURRENT_SOURCE_DIR}/unit transcode/profile_test LINKS transcode PkgConfig::lcms m)
foreach(name colour crew jpeg_blocks layout)
    pacs_test(${CMAKE_CURRENT_SOURCE_DIR}/unit transcode/${name}_test LINKS transcode m)
endforeach()
pacs_test(${CMAKE_CURRENT_SOURCE_DIR}/unit transcode/object_test LINKS transcode PkgConfig::deflate
    SOURCES support/object.c support/image.c)
foreach(name charls deflate ijg jxl openjpeg openjph rle rules turbo)
    pacs_test(${CMAKE_CURRENT_SOURCE_DIR}/unit transcode/${name}_test LINKS transcode PkgConfig::deflate PkgConfig::jpeg
        SOURCES support/frames.c)
endforeach()
pacs_test(${CMAKE_CURRENT_SOURCE_DIR}/unit transcode/service_test LINKS transcode SOURCES unit/transcode/asker.c)
pacs_test(${CMAKE_CURRENT_SOURCE_DIR}/unit transcode/jpeg2000_test LINKS transcode PkgConfig::libopenjp2 m
    SOURCES support/frames.c)
pacs_test(${CMAKE_CURRENT_SOURCE_DIR}/unit transcode/service_cache_test LINKS transcode SOURCES unit/transcode/asker.c)
pacs_test(${CMAKE_CURRENT_SOURCE_DIR}/unit transcode/service_writer_test LINKS transcode)
pacs_test(${CMAKE_CURRENT_SOURCE_DIR}/unit transcode/helpers_test LINKS transcode SOURCES unit/transcode/asker.c)
foreach(name waveform card)
    pacs_test(${CMAKE_CURRENT_SOURCE_DIR}/unit transcode/${name}_test LINKS transcode m)
endforeach()
