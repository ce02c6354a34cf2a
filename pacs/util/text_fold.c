#include "pacs/util/text.h"

/* One code point (of the basic plane) and what it becomes, in UTF-8. */
typedef struct Fold {
    uint16_t from;
    uint8_t size;
    char to[6];
} Fold;

/* Sorted by `from`. */
static const Fold folds[] = {
#include "pacs/util/text_fold.inc"
};

static const Fold *find_fold(uint32_t code_point)
{
    size_t low = 0;
    size_t high = sizeof folds / sizeof folds[0];
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (folds[middle].from < code_point)
            low = middle + 1;
        else
            high = middle;
    }
    return low < sizeof folds / sizeof folds[0] && folds[low].from == code_point ? &folds[low] : NULL;
}

/* Output that joins white space and never starts or ends with it. */
typedef struct Folding {
    PacsBuffer *out;
    bool started;
    bool space_due;
} Folding;

static void put_space(Folding *folding)
{
    folding->space_due = folding->started;
}

static void put(Folding *folding, const char *text, size_t size)
{
    if (folding->space_due)
        (void)pacs_buffer_add_char(folding->out, ' '); /* `failed` is looked at once, at the end */
    (void)pacs_buffer_add(folding->out, text, size);
    folding->started = true;
    folding->space_due = false;
}

static void put_ascii(Folding *folding, char c)
{
    if (c == ' ' || (c >= '\t' && c <= '\r')) {
        put_space(folding);
        return;
    }
    if (c >= 'A' && c <= 'Z')
        c = (char)(c + ('a' - 'A'));
    put(folding, &c, 1);
}

static void put_other(Folding *folding, const char *text, size_t size, uint32_t code_point)
{
    const Fold *fold = find_fold(code_point);
    if (!fold)
        put(folding, text, size);
    else if (fold->size == 1 && fold->to[0] == ' ')
        put_space(folding);
    else if (fold->size > 0)
        put(folding, fold->to, fold->size);
}

bool pacs_text_fold(PacsBuffer *out, const char *text, size_t size)
{
    static const char replacement[] = "\xEF\xBF\xBD"; /* U+FFFD */
    Folding folding = {.out = out};
    for (size_t at = 0; at < size;) {
        uint32_t code_point;
        size_t length = pacs_utf8_next(text + at, size - at, &code_point);
        if (length == 1)
            put_ascii(&folding, text[at]);
        else if (length > 1)
            put_other(&folding, text + at, length, code_point);
        else
            put(&folding, replacement, sizeof replacement - 1);
        at += length > 0 ? length : 1;
    }
    return !out->failed;
}
