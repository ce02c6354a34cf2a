-- Series keep their main sequences (Request Attributes) among their tags, as DICOM JSON: of those that are there, out of
-- their first instance.

UPDATE series SET tags = coalesce(
    (SELECT with_sequences(series.tags, b.json_deflate, b.json_size, b.json_crc32) FROM instance_blob b
     WHERE b.id = (SELECT min(i.id) FROM instance i WHERE i.series = series.id)), tags);
