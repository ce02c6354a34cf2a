foreach(name tag vr dictionary uid identity charset)
    pacs_test(${CMAKE_CURRENT_SOURCE_DIR}/unit dicom/${name}_test LINKS pacs_dicom)
endforeach()
