#include "dicomweb/document.h"

#include <ctype.h>
#include <string.h>

#include "pacs/util/json_read.h"
#include "pacs/util/limits.h"

#define MEDIA_TYPE_MAX 127 /* RFC 6838 4.2, twice 63 and a slash */

/** The first value of an attribute, from behind its tag on; empty if it has none. Passes over the attribute. */
static PacsStatus first_value(PacsJsonReader *reader, PacsSlice *ret_value, PacsError *err)
{
    PacsJsonToken token;
    PacsSlice text = {0};

    PacsStatus status = pacs_json_next(reader, &token, &text, err); /* the attribute's object */
    for (;;) {
        if (status == PACS_OK)
            status = pacs_json_next(reader, &token, &text, err);
        if (status != PACS_OK || token != PACS_JSON_KEY)
            return status;
        if (!pacs_slice_equal(text, "Value")) {
            status = pacs_json_skip(reader, err);
            continue;
        }
        PacsJsonReader within = *reader;
        status = pacs_json_next(&within, &token, &text, err);
        if (status == PACS_OK)
            status = pacs_json_next(&within, &token, &text, err);
        if (status == PACS_OK && (token == PACS_JSON_STRING || token == PACS_JSON_NUMBER))
            *ret_value = text;
        if (status == PACS_OK)
            status = pacs_json_skip(reader, err);
    }
}

/** type "/" subtype of RFC 6838 characters, without parameters: it becomes a header. */
static bool is_media_type(PacsSlice text)
{
    size_t slashes = 0;

    if (text.size < 3 || text.size > MEDIA_TYPE_MAX || text.text[0] == '/' || text.text[text.size - 1] == '/')
        return false;
    for (size_t i = 0; i < text.size; i++) {
        slashes += text.text[i] == '/';
        if (!isalnum((unsigned char)text.text[i]) &&
            (text.text[i] == '\0' || !strchr("/!#$&-^_.+", text.text[i])))
            return false;
    }
    return slashes == 1;
}

static PacsStatus read_document(const PacsBuffer *json, PacsArena *arena, DicomwebDocument *document,
                                PacsError *err)
{
    PacsJsonReader reader = pacs_json_reader(pacs_buffer_text(json), json->size);
    PacsJsonToken token;
    PacsSlice tag, value;

    PacsStatus status = pacs_json_next(&reader, &token, &tag, err);
    while (status == PACS_OK) {
        status = pacs_json_next(&reader, &token, &tag, err);
        if (status != PACS_OK || token != PACS_JSON_KEY)
            return status;
        const bool is_type = pacs_slice_equal(tag, "00420012");
        const bool is_size = pacs_slice_equal(tag, "00420015");
        value = (PacsSlice){"", 0};
        status = is_type || is_size ? first_value(&reader, &value, err) : pacs_json_skip(&reader, err);
        value = pacs_slice_trim(value);
        if (is_type && is_media_type(value))
            document->media_type = pacs_arena_strndup(arena, value.text, value.size);
        if (is_size && pacs_parse_u64(value, UINT32_MAX, &document->size_bytes, NULL) != PACS_OK)
            document->size_bytes = 0;
    }
    return status;
}

PacsStatus dicomweb_document_find(PacsIndex *index, const PacsUidPath *path, PacsArena *arena,
                                  DicomwebDocument *ret_document, PacsError *err)
{
    PACS_AUTO_BUFFER PacsBuffer json = PACS_BUFFER(PACS_MAX_INSTANCE_JSON);
    PacsStoredObject *object = NULL;
    PacsInstanceBlobs blobs = {0};
    DicomwebDocument document = {0};

    PacsStatus status = pacs_index_find_object_at(index, path, PACS_BLOB_JSON, arena, &object, &blobs, err);
    if (status == PACS_OK)
        status = pacs_retrieve_unpack_json(&blobs, &json, err);
    if (status == PACS_OK)
        status = read_document(&json, arena, &document, err);
    if (status == PACS_OK)
        *ret_document = document;
    return status;
}
