#pragma once

#include <stdint.h>

/**
 * Every maximum that an outsider can push against, together, with the reason beside each.
 * Sizes in bytes unless the name says otherwise. A growable buffer is born with one of these.
 */
/* A table, one row a limit. */
/* clang-format off */

/* DICOM data sets */
#define PACS_MAX_SEQUENCE_DEPTH 64            /* real files stay below 10; DCMTK's recursion dies at thousands */
#define PACS_MAX_META_HEADER (1u << 20)       /* in front of a deflated data set; real ones are below 1 kB */
#define PACS_MAX_TEXT_VALUE (1u << 20)        /* one text value held in memory; UT/LT notes stay below 100 kB */
#define PACS_MAX_INSTANCE_JSON (64u << 20)    /* DICOM JSON of one instance; 10,000-frame functional groups need 20 MB */
#define PACS_MAX_METADATA_TEXT (512u << 20)   /* the same with its BulkDataURIs made whole: a million of 220 bytes more */
#define PACS_IMAGE_CACHE (16u << 20)          /* where frames stand, of images asked for a moment ago: 16,000 of one frame */
#define PACS_IMAGE_CACHE_ENTRY (64u << 10)    /* tables of frames up to here: copied for each request */
#define PACS_METADATA_CACHE (32u << 20)       /* answers of ready-made metadata kept in memory: 500 series of 500 slices */
#define PACS_MAX_FRAME_TABLE (64u << 20)      /* fragment positions of one object: several million fragments */
#define PACS_MAX_FRAGMENTS (1u << 22)         /* count, of one object: frames of 1 kB at the 4 GiB of an item length */
#define PACS_MAX_BULK_TABLE (64u << 20)       /* paths and positions of all BulkDataURIs of one object */
#define PACS_MAX_CHARSETS 64                  /* data sets of one object that name other characters than the set around them; real ones: 2 */
#define PACS_MAX_CHARSET_NAMES 256            /* text of one Specific Character Set: 16 terms of 16 */
#define PACS_MAX_BULK_VALUES (1u << 20)       /* count of BulkDataURI positions of one object */
#define PACS_MAX_INFLATED (16ull << 30)       /* a deflated data set, inflated: a whole-slide object */
#define PACS_MAX_INFLATE_RATIO 1100u          /* deflate cannot exceed 1,032:1; more is a lie about what was read */
#define PACS_MAX_MAIN_SEQUENCE (32u << 10)    /* one indexed sequence as DICOM JSON: a request has 1 kB; longer ones are not kept */
#define PACS_MAX_MAIN_TAG_VALUE 4096          /* one indexed value: a list of 60 UIDs, longer ones are cut at a value */

/* DIMSE (PS3.8, PS3.7) */
#define PACS_MAX_ASSOCIATE_PDU (1u << 20)     /* A-ASSOCIATE-RQ: 128 contexts with 40 syntaxes are 400 kB */
#define PACS_MAX_COMMAND_SET (64u << 10)      /* a DIMSE command; real ones are below 1 kB */
#define PACS_MAX_USER_ITEM (64u << 10)        /* a user information sub-item: its length field has 16 bits */
#define PACS_DIMSE_READ_BUFFER (256u << 10)   /* per association: two PDUs of the size we ask for */
#define PACS_DIMSE_REFUSALS 16                /* associations over the maximum that get a proper rejection at once; more are hung up on */

/* HTTP */
#define PACS_MAX_HTTP_HEADER (40u << 10)      /* request line and all headers: QIDO lists of 800 UIDs */
#define PACS_MAX_HTTP_QUERY_PARAMETERS 256    /* count; each costs MHD 56 bytes beside its text */
#define PACS_MAX_HTTP_COLLECTED_BODY (16u << 20) /* JSON bodies read whole: tools/find with long lists */
#define PACS_HTTP_BODY_CHUNK (256u << 10)     /* what a streamed body hands to a worker at a time: one block (pacs/util/blocks.h) */
#define PACS_MAX_HTTP_STREAMED_BODY (64ull << 30) /* one object of the largest scanners, with room; the store has its own */
#define PACS_MAX_HTTP_HELD_BODIES (512u << 20)    /* parts of all request bodies in memory together: then 503, smaller chunks */
#define PACS_MAX_HTTP_IGNORED_BODY (1u << 20) /* read and dropped so that a refused client hears why; above: closed */
#define PACS_MAX_HTTP_INFLATE_RATIO 200u      /* of a gzip request body above 16 MiB: images reach 20, bombs 1,032 */
#define PACS_MAX_HTTP_REQUEST_ARENA (256u << 20) /* strings, rows and JSON of one answer: lists of a million ids */
#define PACS_MAX_HTTP_REPLY_HEADERS (16u << 10)  /* of one reply */
#define PACS_HTTP_CONNECTION_MEMORY (80u << 10) /* MHD's, of a connection that has asked something: all of the three above. It zeroes it after
                                                   each request, so that twice as much would cost a quarter of the rate (measured) */
#define PACS_MAX_HTTP_CONNECTIONS 12000       /* count */
#define PACS_MAX_BULK_PARTS (1u << 16)        /* count, of one answer of bulk data: some 500 bytes of the arena each */
#define PACS_MAX_CAPABILITIES (256u << 10)     /* the description of all routes: 20 kB, and a root of 1 kB */
#define PACS_MAX_FRAME_LIST 4096              /* count, of one request: some 300 bytes of the arena each */
#define PACS_HTTP_CROWD 1024                  /* connections: above, an idle one is kept for a few seconds only, and one that has asked not at all */
#define PACS_MAX_HTTP_WAITING 1024            /* handlers waiting for a worker: beyond, 503 is kinder than a minute's wait */
#define PACS_MAX_HTTP_HELD_ANSWERS (256u << 20) /* answers read whole and not sent yet, together: beyond, they are streamed */
#define PACS_HTTP_READ_WHOLE (2u << 20)       /* files up to here leave in one write with their header (measured: beats sendfile) */
#define PACS_HTTP_MAPPED_MIN (64u << 10)      /* bytes of a file from which mapping is cheaper than reading */
#define PACS_HTTP_MAPPED_BYTES (1ull << 30)   /* of mapped bodies kept for the next request: page cache, which the kernel may take back */
#define PACS_HTTP_MAPPED_COUNT 4096           /* of them; each is three areas of the 65,530 a process may have, as is each being sent */
#define PACS_HTTP_MAPPED_CHECK_MS 1000        /* as long pages used a moment ago are taken to be in memory still: looking costs 10 us */
#define PACS_HTTP_MAPPED_IDLE_MS 30000        /* nobody asked: it goes, so that a deleted object's bytes leave the disk */
#define PACS_MAX_MULTIPART_HEADER (16u << 10) /* of one part: four lines and some URIs */
#define PACS_MAX_MULTIPART_HEADERS 64         /* lines of it */
#define PACS_MAX_MULTIPART_PREAMBLE (64u << 10) /* in front of the first boundary: a wrong boundary is told before 10 GB have come */

/* DICOMweb */
#define PACS_MAX_STOW_INSTANCES 100000        /* parts of one store request, 270 bytes each until it is answered; big studies have 20,000 */
#define PACS_MAX_STOW_METADATA (32u << 20)    /* one data set as JSON or XML, and as written: functional groups of 10,000 frames need 20 MB */
#define PACS_MAX_XML_TOKEN (1u << 20)         /* one tag or comment of XML metadata, which its parser holds; text comes in pieces */
#define PACS_MAX_STOW_HELD (512u << 20)       /* what all store requests together keep in memory: then 503 */
#define PACS_MAX_STOW_TABLES (128u << 20)     /* what waits for bulk data: 700 bytes for each instance */
#define PACS_MAX_STOW_ANSWER (128u << 20)     /* their outcomes as JSON or XML: 600 bytes each */

/* Configuration */
#define PACS_MAX_CONFIG_FILE (16u << 20)
#define PACS_MAX_CONFIG_DEPTH 64

/* Metrics */
#define PACS_MAX_METRIC_SERIES 200            /* label sets of one family; then "other": peers choose some of the values */
#define PACS_MAX_METRIC_LABEL 128             /* a label's value; longer ones are cut */

/* Index */
#define PACS_MAX_INDEXED_TAGS (1u << 20)      /* main tags of one level together: 40 tags of 4 kB and many extra ones */
#define PACS_MAX_REPORT_PREDECESSORS 64       /* documents that one takes the place of: an amendment names the one before it */
#define PACS_MAX_EVENT_DATA (64u << 10)       /* JSON of one event: PLATFORM contract 2.2, brokers take 1 MB */
#define PACS_MAX_EVENT_HEADERS (1u << 20)     /* of one record, kept with it: brokers take 1 MB in all */
#define PACS_MAX_WORKER_ARENA (64u << 20)     /* one attempt of a worker: an event, what it read of the archive, rows */
#define PACS_MAX_INDEX_ADD_ARENA (8u << 20)   /* what indexing one instance works out: tags of four levels, search texts */
#define PACS_MAX_INDEX_DELETE_ARENA (64u << 20) /* rows to delete: a patient with a million series */
#define PACS_MAX_INDEX_PAGE_ARENA (1u << 30)   /* a page of a list: 16 series of a million instances each */
#define PACS_MAX_UID_MATCHES 64               /* patients who share one UID: more is a broken sender, the first ones are served */
#define PACS_MAX_INDEX_BATCH 128              /* writes that share one commit: keeps the first of them below 20 ms */

/* Events from outside */
#define PACS_MAX_CLOUD_EVENT (1u << 20)       /* the value of one record, or its structured form: what brokers take unless told otherwise */
#define PACS_MAX_CLOUD_EVENT_HEADERS 256      /* count; ours have 20, tracing and gateways add some */
#define PACS_MAX_CLOUD_EVENT_ATTRIBUTE 4096   /* one attribute's text: a URL with a token is the longest */

/* Relay */
#define PACS_MAX_RELAY_ROWS 16384             /* events in hand, each on its way or waiting for it: a second at full speed */
#define PACS_MAX_RELAY_WINDOW (32u << 20)     /* their memory: of 2 kB each; librdkafka has as much again */
#define PACS_MAX_RELAY_READ (16u << 20)       /* one read of the outbox: a thousand of them, or 200 of the largest */

/* Events told over HTTP */
#define PACS_MAX_EVENT_LISTENERS 1000         /* count; each holds a connection, and one piece of text while it has not taken it */
#define PACS_EVENT_PIECE (32u << 10)          /* text given to a listener at once: twenty events, and whole ones */
#define PACS_EVENT_PAGE 64                    /* events read at once */
#define PACS_EVENT_PAGE_ARENA (8u << 20)      /* they have 64 kB each at most */

/* Reports as pages */
#define PACS_MAX_REPORT_ARENA (256u << 20)    /* attributes and texts of one structured report: three times its JSON */
#define PACS_MAX_REPORT_PAGE (64u << 20)      /* its page: CAD reports with 10,000 findings have 10 MB */

/* Messages of others (workers/loop/mapping.h) */
#define PACS_MAX_MAPPED_MESSAGE (4u << 20)    /* one message, which becomes a tree of some 20 times its size */

/* Reports of the platform (workers/imaging-report) */
#define PACS_MAX_REPORT_EVENT (4u << 20)      /* data of one inbound event: brokers take 1 MB by default, 4 where they are told to */
#define PACS_MAX_REPORT_TEXT (512u << 10)     /* one section; a long report has 20 kB */
#define PACS_MAX_REPORT_IMAGES 64             /* count, of one report: people mark ten */
#define PACS_MAX_REPORT_URL 4096              /* where a PDF is had: signed URLs have 2 kB */
#define PACS_MAX_REPORT_PRINT (64u << 20)     /* texts put together for its pages: a few lines for each of 10,000 pages */
#define PACS_MAX_REPORT_ANSWER (64u << 20)    /* the archive's, to a search or for metadata: 50,000 instances of a series */
#define PACS_MAX_REPORT_PICTURE (16u << 20)   /* one key image as JPEG: 4096 by 4096 pixels have 8 MB */
#define PACS_MAX_REPORT_PICTURES (48u << 20)  /* those of one report together */
#define PACS_MAX_REPORT_PDF (64u << 20)       /* one PDF, made or fetched; with a dozen pictures 3 MB */

/* Searches */
#define PACS_MAX_SEARCH_TERMS 64              /* count; an answer's own attributes are some 40 */
#define PACS_MAX_SEARCH_VALUES 10000          /* count, of all terms together: a list of UIDs fills an HTTP header at 1,000 */
#define PACS_MAX_SEARCH_VALUE 1024            /* one value or pattern: names have 5 x 3 x 64 characters at most */
#define PACS_MAX_SEARCH_ROWS 10000            /* of one page: 30 MB of an answer */
#define PACS_MAX_SEARCH_WORK (1u << 22)       /* of one page: 4 million studies passed over, 260,000 resources read: some seconds */
#define PACS_MAX_SEARCH_JSON 2000             /* resources of one page matched by their DICOM JSON: some 100 ms */
#define PACS_MAX_QIDO_ROWS 50000              /* of one answer, also where no limit is asked: 50 MB of JSON; clients page */
#define PACS_MAX_QIDO_OFFSET 1000000u         /* skipped rows are read too; cursors go further */

/* Transcoding */
#define PACS_MAX_FRAME_BYTES (512u << 20)     /* one frame, native: 16,000 by 10,000 pixels of colour; tomosynthesis has 30 MB */
#define PACS_MAX_PICTURE_SIDE (1u << 20)      /* columns or rows of a picture: 65,535 of DICOM, oblong pixels made square */
#define PACS_MAX_SHUTTER_VERTICES 65536       /* count; drawn by hand they have ten, a row is cut with each */
#define PACS_MAX_GRAPHIC_POINTS (1u << 20)    /* count, of all lines drawn on one picture; a presentation state has hundreds */
#define PACS_MAX_DRAWN_TEXT 4096              /* one text on a picture: what is longer fills it anyway */
#define PACS_MAX_TRANSCODED (512u << 20)      /* one frame or picture, made: a native frame is the largest */
#define PACS_MAX_TRANSCODE_FILES (1u << 20)   /* count, kept on disk: some 100 bytes of memory each; then the oldest go */
#define PACS_MAX_TRANSCODE_HELD (1u << 20)    /* made, and kept in memory too: pictures and most frames; larger ones are read from files */
#define PACS_MAX_TRANSCODE_UNWRITTEN (64u << 20) /* made, and on its way to the disk: a second or two of pictures; more is not written */
#define PACS_MAX_TRANSCODE_SCRATCH (16u << 20) /* kept by each worker from frame to frame: an X-ray of 3000 by 2500 has 15 MB */
#define PACS_MAX_PICTURE_ATTRIBUTES (128u << 20) /* of one frame: tables are 128 kB, a mammogram's overlay 3 MB; 1 million private elements */
#define PACS_MAX_VIEWPORT 8192u               /* pixels of a side that may be asked for: twice a large screen; 200 MB of colour */
#define PACS_MAX_WAVEFORM_SAMPLES (4u << 20)  /* count, drawn on one picture: ten seconds of 12 channels at 35 kHz */
#define PACS_MAX_WAVEFORM_GROUPS 16u          /* count, looked at; PS3.3 has up to 4 for most, 16 for hemodynamics */
#define PACS_MAX_ANIMATION_FRAMES 500u        /* count, of a GIF: 20 seconds; of longer cines every n-th */
#define PACS_MAX_GRAPHICS 4096u               /* count, of one presentation state; hand-drawn ones have tens */
#define PACS_MAX_GRAPHIC_POINTS (1u << 20)    /* coordinates of all of them together */
#define PACS_MAX_OVERLAY (32u << 20)          /* one plane: 16,000 by 16,000 pixels */
#define PACS_MAX_ICC_PROFILE (8u << 20)       /* scanners' are 1 to 3 MB */
#define PACS_MAX_ICC_TABLE (64u << 20)        /* one table of a profile in memory: 8 MB of a file as floats are 32 */
#define PACS_MAX_JPEG_2000_TILES 4096u        /* of one frame: 64 by 64; OpenJPEG keeps 6 kB for each before it has read one */
#define PACS_MAX_JPEG_2000_BLOCKS (1u << 20)  /* code-blocks and precincts of one frame: 40,000 for the largest in blocks of 64 by 64 */

/* Store */
#define PACS_MAX_STORE_LISTING (64u << 20)    /* names of one folder, 8 bytes each: 8 million folders of 4,096 objects */
/* clang-format on */
