#include "pacs/dicom/uid.h"

#include <string.h>

static const PacsUidEntry transfer_syntaxes[] = {
#define TRANSFER_SYNTAXES
#include "pacs/dicom/uid_table.inc"
#undef TRANSFER_SYNTAXES
};

static const PacsUidEntry others[] = {
#define OTHERS
#include "pacs/dicom/uid_table.inc"
#undef OTHERS
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

bool pacs_uid_acceptable(PacsSlice uid)
{
    if (uid.size == 0 || uid.size > PACS_UID_MAX)
        return false;
    for (size_t i = 0; i < uid.size; i++) {
        if (uid.text[i] != '.' && (uid.text[i] < '0' || uid.text[i] > '9'))
            return false;
    }
    return true;
}

bool pacs_uid_valid(PacsSlice uid)
{
    if (!pacs_uid_acceptable(uid))
        return false;
    PacsSlice rest = uid;
    PacsSlice part;
    while (pacs_slice_split(&rest, '.', &part)) {
        if (part.size == 0 || (part.size > 1 && part.text[0] == '0'))
            return false;
    }
    return uid.text[uid.size - 1] != '.';
}

PacsSlice pacs_uid_trim(PacsSlice value)
{
    while (value.size && (value.text[value.size - 1] == '\0' || value.text[value.size - 1] == ' '))
        value.size--;
    while (value.size && value.text[0] == ' ') {
        value.text++;
        value.size--;
    }
    return value;
}

/* Less than, equal to or greater than 0 as the slice sorts before, with or after the text. */
static int compare(PacsSlice uid, const char *with)
{
    size_t size = strlen(with);
    int order = memcmp(uid.text, with, uid.size < size ? uid.size : size);
    return order ? order : (uid.size > size) - (uid.size < size);
}

static const PacsUidEntry *find(const PacsUidEntry *entries, size_t count, PacsSlice uid)
{
    if (uid.size == 0)
        return NULL;
    size_t low = 0;
    size_t high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = compare(uid, entries[middle].uid);
        if (order == 0)
            return &entries[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

const PacsUidEntry *pacs_uid_find_transfer_syntax(PacsSlice uid)
{
    return find(transfer_syntaxes, COUNT(transfer_syntaxes), uid);
}

const PacsUidEntry *pacs_uid_find(PacsSlice uid)
{
    const PacsUidEntry *entry = pacs_uid_find_transfer_syntax(uid);
    return entry ? entry : find(others, COUNT(others), uid);
}

bool pacs_uid_is_storage(PacsSlice uid)
{
    const PacsUidEntry *entry = find(others, COUNT(others), uid);
    return entry && (entry->flags & PACS_UID_STORAGE);
}

const PacsUidEntry *pacs_uid_transfer_syntaxes(size_t *ret_count)
{
    *ret_count = COUNT(transfer_syntaxes);
    return transfer_syntaxes;
}

const PacsUidEntry *pacs_uid_others(size_t *ret_count)
{
    *ret_count = COUNT(others);
    return others;
}
