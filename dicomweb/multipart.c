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

const char *dicomweb_multipart_head(PacsArena *arena, const char *boundary, bool is_first,
                                    const char *content_type, const char *location)
{
    return pacs_arena_printf(arena, "%s--%s\r\nContent-Type: %s\r\n%s%s%s\r\n", is_first ? "" : "\r\n",
                             boundary, content_type, location ? "Content-Location: " : "",
                             location ? location : "", location ? "\r\n" : "");
}

const char *dicomweb_multipart_tail(PacsArena *arena, const char *boundary)
{
    return pacs_arena_printf(arena, "\r\n--%s--\r\n", boundary);
}

void dicomweb_multipart_part(DicomwebMultipart *parts, const char *content_type, const char *location)
{
    add(parts,
        dicomweb_multipart_head(parts->arena, parts->boundary, !parts->has_parts, content_type, location));
    parts->has_parts = true;
}

void dicomweb_multipart_end(DicomwebMultipart *parts)
{
    add(parts, parts->has_parts ? dicomweb_multipart_tail(parts->arena, parts->boundary)
                                : pacs_arena_printf(parts->arena, "--%s--\r\n", parts->boundary));
}
