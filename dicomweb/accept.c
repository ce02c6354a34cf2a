#include "dicomweb/accept.h"

#include <string.h>
#include <strings.h>

#include "pacs/util/limits.h"

#define WHOLE_QUALITY 1000u
#define OFFERS_AT_ONCE 64
#define LISTED_MAX 192 /* characters of the offers in a refusal, whose text is short */

/* ---- Reading ---- */

/** One media range. Slices point into the client's text. */
typedef struct Range {
    PacsSlice type; /* "image/jpeg", "image/" and a star; of the parts where is_multipart, "" if not said */
    PacsSlice transfer_syntax; /* "" if not said, or a star */
    bool is_multipart;
    unsigned quality; /* thousandths */
} Range;

/** As pacs_slice_split(), but a separator within quotes is text. */
static bool split_unquoted(PacsSlice *rest, char separator, PacsSlice *ret_part)
{
    bool is_quoted = false;
    size_t end = 0;

    if (!rest->text)
        return false;
    for (; end < rest->size && (is_quoted || rest->text[end] != separator); end++) {
        if (rest->text[end] == '"')
            is_quoted = !is_quoted;
        else if (is_quoted && rest->text[end] == '\\' && end + 1 < rest->size)
            end++;
    }
    *ret_part = (PacsSlice){rest->text, end};
    *rest = end < rest->size ? (PacsSlice){rest->text + end + 1, rest->size - end - 1} : (PacsSlice){0};
    return true;
}

static PacsSlice unquote(PacsSlice value)
{
    value = pacs_slice_trim(value);
    if (value.size > 0 && value.text[0] == '"')
        value = (PacsSlice){value.text + 1, value.size - 1};
    if (value.size > 0 && value.text[value.size - 1] == '"')
        value.size--;
    return pacs_slice_trim(value);
}

/* "0.5", "1", ".2" (Java's), "0,5" is two ranges. What is no quality is no wish. */
static unsigned read_quality(PacsSlice text)
{
    unsigned whole = 0;
    unsigned unit = WHOLE_QUALITY;
    size_t i = 0;

    for (; i < text.size && text.text[i] >= '0' && text.text[i] <= '9'; i++)
        whole = text.text[i] == '0' && whole == 0 ? 0 : WHOLE_QUALITY;
    if (i < text.size && text.text[i] == '.' && text.size > 1)
        for (i++; i < text.size && text.text[i] >= '0' && text.text[i] <= '9'; i++) {
            unit /= 10;
            whole += unit * (unsigned)(text.text[i] - '0');
        }
    if (i < text.size || text.size == 0 || whole > WHOLE_QUALITY)
        return WHOLE_QUALITY;
    return whole;
}

static void read_parameter(PacsSlice parameter, Range *range)
{
    PacsSlice name = {0};

    if (!split_unquoted(&parameter, '=', &name) || !parameter.text)
        return;
    name = pacs_slice_trim(name);
    PacsSlice value = unquote(parameter);
    if (pacs_slice_equal_case(name, "q"))
        range->quality = read_quality(value);
    else if (pacs_slice_equal_case(name, "transfer-syntax"))
        range->transfer_syntax = value;
    else if (range->is_multipart && pacs_slice_equal_case(name, "type"))
        range->type = value;
}

/* type="image/jp2; transfer-syntax=1.2.840.10008.1.2.4.90": the way Orthanc writes it. */
static void open_type(Range *range)
{
    PacsSlice rest = range->type;
    PacsSlice part = {0};

    (void)split_unquoted(&rest, ';', &part); /* a type without parameters is its own first part */
    range->type = pacs_slice_trim(part);
    while (split_unquoted(&rest, ';', &part)) {
        bool is_multipart = range->is_multipart;
        range->is_multipart = false; /* a type within a type is none */
        read_parameter(part, range);
        range->is_multipart = is_multipart;
    }
}

/** False if it is no media range at all. */
static bool read_range(PacsSlice text, Range *range)
{
    PacsSlice type = {0};
    PacsSlice parameter;

    *range = (Range){.quality = WHOLE_QUALITY};
    (void)split_unquoted(&text, ';', &type); /* there is always a first part */
    type = unquote(type);
    if (pacs_slice_equal(type, "*")) /* Java's URLConnection */
        type = PACS_SLICE("*/*");
    if (type.size == 0 || !memchr(type.text, '/', type.size))
        return false;
    range->is_multipart = pacs_slice_equal_case(type, "multipart/related") ||
                          pacs_slice_equal_case(type, "multipart/*");
    if (!range->is_multipart)
        range->type = type;
    while (split_unquoted(&text, ';', &parameter))
        read_parameter(parameter, range);
    if (range->is_multipart && range->type.size > 0)
        open_type(range);
    return true;
}

static bool next_range(PacsSlice *rest, Range *range)
{
    PacsSlice text;

    while (split_unquoted(rest, ',', &text))
        if (read_range(text, range))
            return true;
    return false;
}

/* ---- Choosing ---- */

typedef enum Fit {
    FITS_NOT,
    FITS_ANY,    /* any type */
    FITS_FAMILY, /* image/ and a star, multipart/related of anything */
    FITS_TYPE,
    FITS_SYNTAX, /* the transfer syntax is named too */
} Fit;

static bool is_star(PacsSlice type)
{
    return pacs_slice_equal(type, "*/*");
}

static Fit fit_type(PacsSlice type, const char *media_type)
{
    size_t family = (size_t)(strchr(media_type, '/') - media_type) + 1; /* with its slash */

    if (is_star(type))
        return FITS_ANY;
    if (type.size == family + 1 && type.text[family] == '*' &&
        strncasecmp(type.text, media_type, family) == 0)
        return FITS_FAMILY;
    return dicomweb_media_type_means(type, media_type) ? FITS_TYPE : FITS_NOT;
}

static Fit fit_packaging(const Range *range, const DicomwebOffer *offer)
{
    if (!range->is_multipart && is_star(range->type))
        return FITS_ANY;
    if (range->is_multipart != offer->is_multipart)
        return FITS_NOT;
    if (range->is_multipart && (range->type.size == 0 || is_star(range->type)))
        return FITS_FAMILY;
    return fit_type(range->type, offer->media_type);
}

static bool is_default_syntax(const DicomwebOffer *offer)
{
    const char *usual = dicomweb_default_transfer_syntax(pacs_slice(offer->media_type));

    return usual && strcmp(usual, offer->transfer_syntax_uid) == 0;
}

static Fit fit(const Range *range, const DicomwebOffer *offer)
{
    Fit packaging = fit_packaging(range, offer);

    if (packaging == FITS_NOT || !offer->transfer_syntax_uid)
        return packaging;
    if (pacs_slice_equal(range->transfer_syntax, offer->transfer_syntax_uid))
        return packaging == FITS_TYPE ? FITS_SYNTAX : packaging;
    if (offer->must_be_named)
        return FITS_NOT;
    if (pacs_slice_equal(range->transfer_syntax, "*"))
        return packaging;
    return range->transfer_syntax.size == 0 && (is_default_syntax(offer) || offer->is_default) ? packaging
                                                                                               : FITS_NOT;
}

/** The same, finer: where any transfer syntax will do, the stored one fits better. */
static unsigned fineness(const Range *range, const DicomwebOffer *offer)
{
    const Fit found = fit(range, offer);

    if (found == FITS_NOT)
        return 0;
    return 2 * (unsigned)found + (offer->is_stored && pacs_slice_equal(range->transfer_syntax, "*"));
}

/** How much a client wants an offer. */
typedef struct Wish {
    unsigned
        fineness; /* of the range that fits most closely, which speaks for the offer (RFC 9110 12.5.1); 0: none */
    unsigned quality;
} Wish;

static void add_range(Wish *wish, const Range *range, const DicomwebOffer *offer)
{
    const unsigned found = fineness(range, offer);

    if (found > wish->fineness || (found == wish->fineness && range->quality > wish->quality))
        wish->quality = range->quality;
    if (found > wish->fineness)
        wish->fineness = found;
}

/** Quality first, then how closely it is named; 0 for not at all. */
static unsigned rank(const Wish *wish)
{
    return wish->fineness == 0 || wish->quality == 0 ? 0
                                                     : wish->quality * (2 * FITS_SYNTAX + 2) + wish->fineness;
}

const DicomwebOffer *dicomweb_accept_choose(PacsSlice accept, const DicomwebOffer *offers, size_t count)
{
    const DicomwebOffer *chosen = NULL;
    PacsSlice rest = accept;
    unsigned highest = 0;
    Range range;

    if (!next_range(&rest, &range))
        accept = PACS_SLICE("*/*");
    for (size_t done = 0; done < count; done += OFFERS_AT_ONCE) { /* the text is read once for many of them */
        const size_t left = count - done, some = left < OFFERS_AT_ONCE ? left : OFFERS_AT_ONCE;
        Wish wishes[OFFERS_AT_ONCE] = {0};
        rest = accept;
        while (next_range(&rest, &range))
            for (size_t i = 0; i < some; i++)
                add_range(&wishes[i], &range, &offers[done + i]);
        for (size_t i = 0; i < some; i++)
            if (rank(&wishes[i]) > highest) {
                highest = rank(&wishes[i]);
                chosen = &offers[done + i];
            }
    }
    return chosen;
}

/* ---- Requests ---- */

const char *dicomweb_accept_text(const PacsHttpRequest *request)
{
    PACS_AUTO_BUFFER PacsBuffer wanted = PACS_BUFFER(PACS_MAX_HTTP_HEADER);

    for (size_t i = 0; i < pacs_http_query_count(request); i++) {
        const PacsHttpPair pair = pacs_http_query_at(request, i);
        if (strcmp(pair.name, "accept") == 0 && pair.value[0])
            (void)pacs_buffer_add_format(&wanted, wanted.size > 0 ? ", %s" : "%s", pair.value);
    }
    if (wanted.failed)
        return NULL;
    if (wanted.size > 0)
        return pacs_arena_strdup(pacs_http_arena(request), pacs_buffer_text(&wanted));
    const char *header = pacs_http_header(request, "Accept");
    return header ? header : "";
}

void dicomweb_reply_not_acceptable(PacsHttpRequest *request, PacsHttpReply *reply,
                                   const DicomwebOffer *offers, size_t count)
{
    PacsArena *arena = pacs_http_arena(request);
    PACS_AUTO_BUFFER PacsBuffer list = PACS_BUFFER(LISTED_MAX);
    PacsError err = {0};

    for (size_t i = 0; i < count; i++) {
        const char *type = dicomweb_content_type(&offers[i], NULL, arena);
        if (!type || !pacs_buffer_add_format(&list, "%s%s", i > 0 ? ", " : "", type))
            break; /* the first ones say enough */
    }
    (void)pacs_fail(&err, PACS_UNSUPPORTED,
                    "none of the media types accepted is available here; there is: %s",
                    pacs_buffer_text(&list));
    pacs_http_reply_error(request, reply, 406, &err);
}

const DicomwebOffer *dicomweb_negotiate(PacsHttpRequest *request, PacsHttpReply *reply,
                                        const DicomwebOffer *offers, size_t count)
{
    const char *accept = dicomweb_accept_text(request);
    const DicomwebOffer *chosen = accept ? dicomweb_accept_choose(pacs_slice(accept), offers, count) : NULL;

    pacs_http_reply_vary(reply, "Accept");
    if (!chosen)
        dicomweb_reply_not_acceptable(request, reply, offers, count);
    return chosen;
}

const char *dicomweb_content_type(const DicomwebOffer *offer, const char *boundary, PacsArena *arena)
{
    const char *syntax = offer->transfer_syntax_uid;
    const char *before = syntax ? "; transfer-syntax=" : "";

    if (!offer->is_multipart)
        return pacs_arena_printf(arena, "%s%s%s", offer->media_type, before, syntax ? syntax : "");
    return pacs_arena_printf(arena, "multipart/related; type=\"%s\"%s%s%s%s", offer->media_type, before,
                             syntax ? syntax : "", boundary ? "; boundary=" : "", boundary ? boundary : "");
}
