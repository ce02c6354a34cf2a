foreach(name tag vr dictionary uid identity charset reader scan json frame_table bulk_table bulk_uri part10 dataset_json dataset_xml dicom_json dicom_xml orthanc_tags json_item report_html)
    pacs_test(${CMAKE_CURRENT_SOURCE_DIR}/unit dicom/${name}_test LINKS pacs_dicom)
endforeach()
