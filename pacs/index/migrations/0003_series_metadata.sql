-- Ready-made metadata (pacs/index/index_series_metadata.h).

-- Instances of the series that were deleted or replaced. With instance_count it tells one state from another, and an
-- addition need not write anything for it.
ALTER TABLE series ADD COLUMN removals INTEGER NOT NULL DEFAULT 0;

-- One run of raw deflate per series: every instance of the series up to appended_to is in it. The key is never used
-- twice, because what was read of a stream may still be on its way to a client when the stream is given up.
CREATE TABLE metadata_stream (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    series INTEGER NOT NULL UNIQUE,
    root TEXT NOT NULL, -- what its BulkDataURIs begin with
    appended_to INTEGER NOT NULL,
    instance_count INTEGER NOT NULL,
    deflate_size INTEGER NOT NULL,
    text_size INTEGER NOT NULL,
    crc32 INTEGER NOT NULL -- of the text
);

-- Its bytes, cut every 16 KiB: an appended piece fills the last row up and goes on in the next.
CREATE TABLE metadata_bytes (
    stream INTEGER NOT NULL,
    number INTEGER NOT NULL, -- from 0
    bytes BLOB NOT NULL,
    PRIMARY KEY (stream, number)
) WITHOUT ROWID;

-- Streams that were given up, until their bytes are removed.
CREATE TABLE metadata_doomed (
    stream INTEGER PRIMARY KEY,
    since_ms INTEGER NOT NULL
);

-- Series to append to although nothing new came: their stream was given up, or they had more than one step takes.
CREATE TABLE metadata_pending (
    series INTEGER PRIMARY KEY
);

-- How far arrivals were looked at. What was there before streams were is pending.
CREATE TABLE metadata_mark (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    instance INTEGER NOT NULL,
    root TEXT NOT NULL -- the one that streams are to have
);
INSERT INTO metadata_mark (id, instance, root) SELECT 1, last_instance, '' FROM total;
INSERT INTO metadata_pending SELECT id FROM series;

-- Duties that one process at a time has.
CREATE TABLE lease (
    name TEXT PRIMARY KEY,
    holder TEXT NOT NULL,
    until_ms INTEGER NOT NULL
) WITHOUT ROWID;
