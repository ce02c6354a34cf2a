#include "pacs/util/config_names.h"

#include <assert.h>
#include <ctype.h>
#include <string.h>

#include "pacs/util/limits.h"
#include "pacs/util/text.h"

typedef struct Spelling {
    const char *word;
    const char *spelling;
} Spelling;

/* Words of Orthanc's keys that are not just capitalised. Adding a row is the whole change. */
static const Spelling spellings[] = {
    {"CA", "CA"},                 /* HttpsCACertificates */
    {"CMOVE", "CMove"},           /* SynchronousCMove */
    {"MB", "MB"},                 /* MaximumRequestBodySizeMB */
    {"MD5", "MD5"},               /* StoreMD5ForAttachments */
    {"MYSQL", "MySQL"},           /* section */
    {"OHIF", "OHIF"},             /* section */
    {"PN", "PN"},                 /* CaseSensitivePN */
    {"POSTGRESQL", "PostgreSQL"}, /* section */
};

/* Of section "Warnings": "W001_TagsBeingReadFromStorage" keeps its underscore. */
static bool is_warning_number(PacsSlice word)
{
    return word.size == 4 && word.text[0] == 'W' && isdigit((unsigned char)word.text[1]) &&
           isdigit((unsigned char)word.text[2]) && isdigit((unsigned char)word.text[3]);
}

static void add_word(PacsBuffer *out, PacsSlice word)
{
    for (size_t i = 0; i < sizeof spellings / sizeof spellings[0]; i++) {
        if (pacs_slice_equal_case(word, spellings[i].word)) {
            (void)pacs_buffer_add_text(out, spellings[i].spelling); /* `failed` is looked at by the caller */
            return;
        }
    }
    (void)pacs_buffer_add_char(out, (char)toupper((unsigned char)word.text[0]));
    for (size_t i = 1; i < word.size; i++)
        (void)pacs_buffer_add_char(out, (char)tolower((unsigned char)word.text[i]));
}

static bool is_word(PacsSlice word)
{
    for (size_t i = 0; i < word.size; i++)
        if (!isalnum((unsigned char)word.text[i]))
            return false;
    return word.size > 0;
}

static bool add_level(PacsBuffer *out, PacsSlice level)
{
    PacsSlice word;
    while (pacs_slice_split(&level, '_', &word)) {
        if (!is_word(word))
            return false;
        add_word(out, word);
        if (is_warning_number(word) && level.text)
            (void)pacs_buffer_add_char(out, '_');
    }
    return true;
}

/* As split, by two underscores. */
static bool split_level(PacsSlice *rest, PacsSlice *ret_level)
{
    if (!rest->text)
        return false;
    const char *end = strstr(rest->text, "__"); /* the name ends with a NUL */
    if (!end) {
        *ret_level = *rest;
        *rest = (PacsSlice){0};
        return true;
    }
    size_t size = (size_t)(end - rest->text);
    *ret_level = (PacsSlice){rest->text, size};
    *rest = (PacsSlice){end + 2, rest->size - size - 2};
    return true;
}

PacsStatus pacs_config_setting_of(const char *variable, PacsBuffer *out, PacsError *err)
{
    size_t prefix = strlen(PACS_CONFIG_PREFIX);
    assert(strncmp(variable, PACS_CONFIG_PREFIX, prefix) == 0);
    PacsSlice rest = pacs_slice(variable + prefix);
    PacsSlice level;
    for (int depth = 1; split_level(&rest, &level); depth++) {
        if (depth > PACS_MAX_CONFIG_DEPTH || !add_level(out, level))
            return pacs_fail(err, PACS_INVALID, "%s is no setting's name", variable);
        if (rest.text)
            (void)pacs_buffer_add_char(out, '.');
    }
    return pacs_buffer_check(out, err);
}
