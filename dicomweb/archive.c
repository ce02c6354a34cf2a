#include "dicomweb/archive.h"

#include <libdeflate.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dicomweb/media_types.h"
#include "pacs/dicom/uid.h"

#define READ_SIZE (256u << 10)
#define NEEDS_ZIP64(number) ((number) >= UINT32_MAX)
#define VERSION 20       /* folders */
#define VERSION_ZIP64 45 /* sizes of 64 bits */
#define UTF8_NAMES (1u << 11)
#define DATE ((0u << 9) | (1u << 5) | 1u) /* 1980-01-01 */
#define LOCAL_SIZE 30u
#define CENTRAL_SIZE 46u
#define LOCAL_EXTRA 20u /* of ZIP64: tag, length, two sizes */
#define END_SIZE 22
#define END_ZIP64_SIZE (56 + 20) /* record and locator */

typedef struct Archive Archive;

typedef struct Entry {
    Archive *archive;
    const PacsListedObject *object;
    const char *name;
    uint64_t offset; /* of its local header */
    uint32_t crc32;
    bool has_crc32;
} Entry;

struct Archive {
    PacsRetrieve *retrieve;
    PacsHttpRequest *request;
    Entry *entries;
    size_t count;
    uint64_t directory_offset;
    uint64_t directory_size;
    PacsHttpOpener header_opener, object_opener, directory_opener;
};

/* ---- Numbers, little end first ---- */

typedef struct Writer {
    uint8_t *at;
} Writer;

static void put(Writer *out, uint64_t number, size_t size)
{
    for (; size > 0; size--, number >>= 8)
        *out->at++ = (uint8_t)number;
}

static void put_text(Writer *out, const char *text)
{
    size_t size = strlen(text);

    memcpy(out->at, text, size);
    out->at += size;
}

static uint32_t narrow(uint64_t number)
{
    return NEEDS_ZIP64(number) ? UINT32_MAX : (uint32_t)number;
}

/* ---- Sizes, known before a byte is read ---- */

static bool is_large(const Entry *entry)
{
    return NEEDS_ZIP64(entry->object->size_bytes);
}

static size_t local_size(const Entry *entry)
{
    return LOCAL_SIZE + strlen(entry->name) + (is_large(entry) ? LOCAL_EXTRA : 0);
}

/** Of the ZIP64 field in the directory: only what does not fit stands in it. */
static size_t central_extra(const Entry *entry)
{
    const size_t numbers = (is_large(entry) ? 2u : 0u) + (NEEDS_ZIP64(entry->offset) ? 1u : 0u);

    return numbers > 0 ? 4 + 8 * numbers : 0;
}

static size_t central_size(const Entry *entry)
{
    return CENTRAL_SIZE + strlen(entry->name) + central_extra(entry);
}

static bool needs_zip64_end(const Archive *archive)
{
    return archive->count >= UINT16_MAX || NEEDS_ZIP64(archive->directory_offset) ||
           NEEDS_ZIP64(archive->directory_size);
}

/* ---- Checksums ---- */

static PacsStatus add_bytes(PacsRetrievedBytes *from, uint64_t offset, uint8_t *buffer, size_t size,
                            size_t *ret_size, PacsError *err)
{
    if (from->source)
        return pacs_source_read(from->source, buffer, size, ret_size, err);
    const ssize_t count = pread(from->fd, buffer, size, (off_t)offset);
    if (count < 0)
        return pacs_fail(err, PACS_UNAVAILABLE, "cannot read a stored object");
    *ret_size = (size_t)count;
    return PACS_OK;
}

static PacsStatus sum_bytes(const Entry *entry, PacsRetrievedBytes *from, uint32_t *ret_crc32, PacsError *err)
{
    PACS_AUTO_FREE uint8_t *buffer = malloc(READ_SIZE);
    uint32_t crc32 = libdeflate_crc32(0, NULL, 0);

    if (!buffer)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for an archive");
    for (uint64_t done = 0; done < entry->object->size_bytes;) {
        const uint64_t left = entry->object->size_bytes - done;
        size_t count = 0;
        if (pacs_http_cancelled(entry->archive->request))
            return pacs_fail(err, PACS_CANCELLED, "the client has gone");
        const PacsStatus status = add_bytes(from, done, buffer, left < READ_SIZE ? (size_t)left : READ_SIZE,
                                            &count, err);
        if (status != PACS_OK)
            return status;
        if (count == 0)
            return pacs_fail(err, PACS_CORRUPT, "a stored object is shorter than it was");
        crc32 = libdeflate_crc32(crc32, buffer, count);
        done += count;
    }
    *ret_crc32 = crc32;
    return PACS_OK;
}

static PacsStatus find_crc32(Entry *entry, PacsError *err)
{
    PacsRetrievedBytes bytes;

    if (entry->has_crc32)
        return PACS_OK;
    PacsStatus status = pacs_retrieve_open(entry->archive->retrieve, &entry->object->key, 0,
                                           entry->object->size_bytes, &bytes, err);
    if (status != PACS_OK)
        return status;
    status = sum_bytes(entry, &bytes, &entry->crc32, err);
    entry->has_crc32 = status == PACS_OK;
    pacs_source_free(bytes.source);
    if (bytes.fd >= 0)
        (void)close(bytes.fd); /* only read from */
    return status;
}

/* ---- Records ---- */

/** What local header and directory have in common, from the version on. */
static void put_description(Writer *out, const Entry *entry, bool is_zip64)
{
    put(out, is_zip64 ? VERSION_ZIP64 : VERSION, 2);
    put(out, UTF8_NAMES, 2);
    put(out, 0, 2); /* stored */
    put(out, 0, 2); /* midnight */
    put(out, DATE, 2);
    put(out, entry->crc32, 4);
    put(out, narrow(entry->object->size_bytes), 4);
    put(out, narrow(entry->object->size_bytes), 4);
    put(out, strlen(entry->name), 2);
}

static void put_local(Writer *out, const Entry *entry)
{
    put(out, 0x04034b50, 4);
    put_description(out, entry, is_large(entry));
    put(out, is_large(entry) ? LOCAL_EXTRA : 0, 2);
    put_text(out, entry->name);
    if (!is_large(entry))
        return;
    put(out, 1, 2); /* ZIP64 */
    put(out, LOCAL_EXTRA - 4, 2);
    put(out, entry->object->size_bytes, 8);
    put(out, entry->object->size_bytes, 8);
}

static void put_central(Writer *out, const Entry *entry)
{
    const size_t extra = central_extra(entry);

    put(out, 0x02014b50, 4);
    put(out, extra > 0 ? VERSION_ZIP64 : VERSION, 2); /* made by */
    put_description(out, entry, extra > 0);
    put(out, extra, 2);
    put(out, 0, 2 + 2 + 2 + 4); /* comment, disk, attributes */
    put(out, narrow(entry->offset), 4);
    put_text(out, entry->name);
    if (extra == 0)
        return;
    put(out, 1, 2);
    put(out, extra - 4, 2);
    if (is_large(entry)) {
        put(out, entry->object->size_bytes, 8);
        put(out, entry->object->size_bytes, 8);
    }
    if (NEEDS_ZIP64(entry->offset))
        put(out, entry->offset, 8);
}

static void put_zip64_end(Writer *out, const Archive *archive)
{
    put(out, 0x06064b50, 4);
    put(out, 56 - 12, 8); /* the record's size behind this field */
    put(out, VERSION_ZIP64, 2);
    put(out, VERSION_ZIP64, 2);
    put(out, 0, 4 + 4); /* disks */
    put(out, archive->count, 8);
    put(out, archive->count, 8);
    put(out, archive->directory_size, 8);
    put(out, archive->directory_offset, 8);

    put(out, 0x07064b50, 4); /* locator */
    put(out, 0, 4);
    put(out, archive->directory_offset + archive->directory_size, 8);
    put(out, 1, 4);
}

static void put_end(Writer *out, const Archive *archive)
{
    const uint64_t count = archive->count < UINT16_MAX ? archive->count : UINT16_MAX;

    if (needs_zip64_end(archive))
        put_zip64_end(out, archive);
    put(out, 0x06054b50, 4);
    put(out, 0, 2 + 2); /* disks */
    put(out, count, 2);
    put(out, count, 2);
    put(out, narrow(archive->directory_size), 4);
    put(out, narrow(archive->directory_offset), 4);
    put(out, 0, 2); /* comment */
}

/* ---- Openers ---- */

static PacsStatus open_memory(const uint8_t *bytes, uint64_t offset, uint64_t size,
                              PacsHttpOpened *ret_opened, PacsError *err)
{
    PacsSource *source = NULL;

    const PacsStatus status = pacs_source_memory(bytes + offset, (size_t)size, &source, err);
    if (status == PACS_OK)
        *ret_opened = (PacsHttpOpened){.fd = -1, .source = source};
    return status;
}

static PacsStatus open_header(void *context, const void *item, uint64_t offset, uint64_t size,
                              PacsHttpOpened *ret_opened, PacsError *err)
{
    Archive *archive = context;
    Entry *entry = (Entry *)item; /* ours: the checksum is noted in it */

    PacsStatus status = find_crc32(entry, err);
    uint8_t *bytes = status == PACS_OK
                         ? pacs_arena_alloc(pacs_http_arena(archive->request), local_size(entry))
                         : NULL;
    if (!bytes)
        return status != PACS_OK ? status : pacs_fail(err, PACS_NO_MEMORY, "no memory for an archive");
    put_local(&(Writer){bytes}, entry);
    return open_memory(bytes, offset, size, ret_opened, err);
}

static PacsStatus open_object(void *context, const void *item, uint64_t offset, uint64_t size,
                              PacsHttpOpened *ret_opened, PacsError *err)
{
    const Entry *entry = item;
    PacsRetrievedBytes bytes;

    (void)context;
    const PacsStatus status = pacs_retrieve_open(entry->archive->retrieve, &entry->object->key, offset, size,
                                                 &bytes, err);
    if (status == PACS_OK)
        *ret_opened = (PacsHttpOpened){.fd = bytes.fd, .offset = offset, .source = bytes.source};
    return status;
}

/** After the last object every checksum is known; a range that begins behind some of them has them made here. */
static PacsStatus open_directory(void *context, const void *item, uint64_t offset, uint64_t size,
                                 PacsHttpOpened *ret_opened, PacsError *err)
{
    Archive *archive = context;
    PacsStatus status = PACS_OK;

    (void)item;
    for (size_t i = 0; status == PACS_OK && i < archive->count; i++)
        status = find_crc32(&archive->entries[i], err);
    if (status != PACS_OK)
        return status;
    uint8_t *bytes = pacs_arena_alloc(pacs_http_arena(archive->request), (size_t)archive->directory_size);
    if (!bytes)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for an archive");
    Writer out = {bytes};
    for (size_t i = 0; i < archive->count; i++)
        put_central(&out, &archive->entries[i]);
    return open_memory(bytes, offset, size, ret_opened, err);
}

/* ---- Putting together ---- */

/** UIDs are the names. Where patients share them, each has a folder; what is no proper UID ("..") is named by number. */
static const char *name_entry(const Archive *archive, const char *study_uid, size_t index)
{
    PacsArena *arena = pacs_http_arena(archive->request);
    const PacsListedObject *object = archive->entries[index].object;
    const bool is_proper = pacs_uid_valid(pacs_slice(study_uid)) &&
                           pacs_uid_valid(pacs_slice(object->series_uid)) &&
                           pacs_uid_valid(pacs_slice(object->sop_instance_uid));

    if (!is_proper)
        return pacs_arena_printf(arena, "objects/%zu.dcm", index + 1);
    if (object->patient_index > 0)
        return pacs_arena_printf(arena, "%s-%u/%s/%s.dcm", study_uid, object->patient_index + 1,
                                 object->series_uid, object->sop_instance_uid);
    return pacs_arena_printf(arena, "%s/%s/%s.dcm", study_uid, object->series_uid, object->sop_instance_uid);
}

static bool add_entry(Archive *archive, const char *study_uid, size_t index, const PacsListedObject *object,
                      uint64_t *offset)
{
    Entry *entry = &archive->entries[index];

    *entry = (Entry){.archive = archive, .object = object, .offset = *offset};
    entry->name = name_entry(archive, study_uid, index);
    if (!entry->name)
        return false;
    *offset += local_size(entry) + object->size_bytes; /* files on disks: the sum stays far below 2^64 */
    archive->directory_size += central_size(entry);
    return true;
}

static Archive *new_archive(PacsRetrieve *retrieve, const char *study_uid, const PacsListedObject *objects,
                            size_t count, PacsHttpRequest *request)
{
    PacsArena *arena = pacs_http_arena(request);
    Archive *archive = pacs_arena_alloc(arena, sizeof *archive);
    Entry *entries = pacs_arena_array(arena, count, sizeof *entries);
    uint64_t offset = 0;

    if (!archive || !entries)
        return NULL;
    *archive = (Archive){.retrieve = retrieve, .request = request, .entries = entries, .count = count};
    archive->header_opener = (PacsHttpOpener){.open = open_header, .context = archive};
    archive->object_opener = (PacsHttpOpener){
        .open = open_object, .context = archive, .is_quick = pacs_retrieve_opens_files(retrieve)};
    archive->directory_opener = (PacsHttpOpener){.open = open_directory, .context = archive};
    for (size_t i = 0; i < count; i++)
        if (!add_entry(archive, study_uid, i, &objects[i], &offset))
            return NULL;
    archive->directory_offset = offset;
    return archive;
}

static void add_pieces(const Archive *archive, PacsHttpReply *reply)
{
    const size_t end_size = END_SIZE + (needs_zip64_end(archive) ? END_ZIP64_SIZE : 0);
    uint8_t *end = pacs_arena_alloc(pacs_http_arena(archive->request), end_size);

    for (size_t i = 0; i < archive->count; i++) {
        const Entry *entry = &archive->entries[i];
        pacs_http_reply_piece_opened(reply, &archive->header_opener, entry, local_size(entry));
        pacs_http_reply_piece_opened(reply, &archive->object_opener, entry, entry->object->size_bytes);
    }
    pacs_http_reply_piece_opened(reply, &archive->directory_opener, archive, archive->directory_size);
    if (end)
        put_end(&(Writer){end}, archive);
    pacs_http_reply_piece_bytes(reply, end, end_size); /* NULL fails the reply */
}

void dicomweb_reply_archive(PacsRetrieve *retrieve, const char *study_uid, const PacsListedObject *objects,
                            size_t count, PacsHttpRequest *request, PacsHttpReply *reply)
{
    const Archive *archive = new_archive(retrieve, study_uid, objects, count, request);

    pacs_http_reply_pieces(reply, DICOMWEB_TYPE_ZIP);
    if (archive)
        add_pieces(archive, reply);
    else
        pacs_http_reply_piece_bytes(reply, NULL, 1); /* no memory: fails the reply */
}
