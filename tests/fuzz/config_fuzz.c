#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "pacs/util/config.h"

/**
 * The configuration: its own scanner (comments, variables), the merge, names and values of variables,
 * reading. The input is an environment, variables separated by zero bytes; the first one is the document
 * (ORTHANC_JSON).
 */

#define VARIABLES_MAX 16

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* "ORTHANC_JSON=", the input, a NUL: in one piece of memory, so that a read beyond a variable's end is seen
 * at least at the end of all. */
static char *copy_input(const uint8_t *data, size_t size)
{
    static const char prefix[] = "ORTHANC_JSON=";
    char *text = malloc(sizeof prefix + size);
    if (!text)
        abort();
    memcpy(text, prefix, sizeof prefix - 1);
    if (size > 0)
        memcpy(text + sizeof prefix - 1, data, size);
    text[sizeof prefix - 1 + size] = '\0';
    return text;
}

static void split(const char *text, const char *end, const char **ret_variables)
{
    size_t count = 0;
    while (text < end && count < VARIABLES_MAX) {
        ret_variables[count++] = text;
        text += strlen(text) + 1;
    }
    ret_variables[count] = NULL;
}

/* Whatever the type, reading answers, and a number is in its range. */
static void read_back(const PacsConfig *config, const char *key)
{
    const char *text = NULL;
    bool flag = false;
    uint64_t number = 10;
    if (pacs_config_text(config, key, &text, NULL) == PACS_OK && pacs_config_value(config, key) && !text)
        abort();
    pacs_ignore(pacs_config_bool(config, key, &flag, NULL));
    if (pacs_config_u64(config, key, 10, 100, &number, NULL) == PACS_OK && (number < 10 || number > 100))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const keys[] = {"A", "A.B", "DicomPort", "PostgreSQL.Password", "", "."};
    const char *variables[VARIABLES_MAX + 1];
    char *text = copy_input(data, size);
    split(text, text + strlen("ORTHANC_JSON=") + size, variables);

    PACS_AUTO(PacsConfig) config = NULL;
    PacsError err = {0};
    const PacsConfigInput input = {.environment = variables};
    PacsStatus status = pacs_config_load(&input, &config, &err);
    if ((status == PACS_OK) != (config != NULL) || status != err.status)
        abort();
    for (size_t i = 0; config && i < sizeof keys / sizeof keys[0]; i++)
        read_back(config, keys[i]);
    free(text);
    return 0;
}
