#include <libdeflate.h>

#include "pacs/index/index.h"

PacsStatus pacs_index_unpack_json(const PacsInstanceBlobs *blobs, PacsBuffer *out, PacsError *err)
{
    PacsStatus status = pacs_buffer_reserve(out, blobs->json_size, err);
    if (status != PACS_OK)
        return status;
    struct libdeflate_decompressor *decompressor = libdeflate_alloc_decompressor();
    if (!decompressor)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory to inflate metadata");

    size_t written = 0;
    enum libdeflate_result result = libdeflate_deflate_decompress(
        decompressor, blobs->json_deflate, blobs->json_deflate_size, out->bytes + out->size, blobs->json_size,
        &written);
    libdeflate_free_decompressor(decompressor);
    if (result != LIBDEFLATE_SUCCESS || written != blobs->json_size ||
        libdeflate_crc32(0, out->bytes + out->size, written) != blobs->json_crc32)
        return pacs_fail(err, PACS_CORRUPT, "the stored metadata do not match their checksum");
    out->size += written;
    out->bytes[out->size] = '\0';
    return PACS_OK;
}
