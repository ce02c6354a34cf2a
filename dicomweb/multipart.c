#include "dicomweb/multipart.h"

#include <string.h>

/* Text of the arena as a piece. Without memory for it the reply fails, as it does for any missing bytes. */
static void add(DicomwebMultipart *parts, const char *text)
{
    pacs_http_reply_piece_bytes(parts->reply, text, text ? strlen(text) : 1);
}

void dicomweb_multipart_begin(DicomwebMultipart *parts, PacsHttpRequest *request, PacsHttpReply *reply,
                              const DicomwebOffer *offer, const char *boundary)
{
    const char *type = dicomweb_content_type(offer, boundary, pacs_http_arena(request));

    *parts = (DicomwebMultipart){.reply = reply, .arena = pacs_http_arena(request), .boundary = boundary};
    pacs_http_reply_pieces(reply, type);
    if (!type)
        add(parts, NULL);
}

void dicomweb_multipart_part(DicomwebMultipart *parts, const char *content_type, const char *location)
{
    add(parts, pacs_arena_printf(parts->arena, "%s--%s\r\nContent-Type: %s\r\n%s%s%s\r\n",
                                 parts->has_parts ? "\r\n" : "", parts->boundary, content_type,
                                 location ? "Content-Location: " : "", location ? location : "",
                                 location ? "\r\n" : ""));
    parts->has_parts = true;
}

void dicomweb_multipart_end(DicomwebMultipart *parts)
{
    add(parts,
        pacs_arena_printf(parts->arena, "%s--%s--\r\n", parts->has_parts ? "\r\n" : "", parts->boundary));
}
