#include "pacs/util/config_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pacs/util/config_clean.h"
#include "pacs/util/config_tree.h"
#include "pacs/util/limits.h"

#define READ_CHUNK 4096

PacsStatus pacs_config_read_file(const char *path, PacsBuffer *out, PacsError *err)
{
    PACS_AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return pacs_fail(err, errno == ENOENT ? PACS_NOT_FOUND : PACS_UNAVAILABLE, "cannot open '%s': %s",
                         path, strerror(errno));
    for (;;) {
        char chunk[READ_CHUNK]; /* the size is not asked for beforehand: it may be a pipe */
        ssize_t got = read(fd, chunk, sizeof chunk);
        if (got == 0)
            break;
        if (got > 0)
            (void)pacs_buffer_add(out, chunk, (size_t)got); /* `failed` is looked at below */
        else if (errno != EINTR)
            return pacs_fail(err, PACS_UNAVAILABLE, "cannot read '%s': %s", path, strerror(errno));
        if (out->failed)
            break;
    }
    PacsStatus status = pacs_buffer_check(out, err);
    return status == PACS_OK ? PACS_OK : pacs_fail_context(err, status, "while reading '%s': ", path);
}

static PacsStatus parse(PacsSlice text, const char *source, json_t **ret_object, PacsError *err)
{
    json_t *document = NULL;
    PacsStatus status = pacs_config_parse(text, 0, &document, err);
    if (status != PACS_OK)
        return pacs_fail_context(err, status, "%s, ", source);
    if (!json_is_object(document)) {
        json_decref(document);
        return pacs_fail(err, PACS_INVALID, "%s: a configuration is an object, in braces", source);
    }
    *ret_object = document;
    return PACS_OK;
}

PacsStatus pacs_config_merge_text(PacsConfig *config, const PacsConfigInput *input, PacsSlice text,
                                  const char *source, bool override, PacsError *err)
{
    PACS_AUTO_BUFFER PacsBuffer clean = PACS_BUFFER(PACS_MAX_CONFIG_FILE);
    uint64_t line = 0;
    PacsStatus status = pacs_config_clean(text, input->environment, &clean, &line, err);
    if (status != PACS_OK)
        return pacs_fail_context(err, status, "%s, line %llu: ", source, (unsigned long long)line);

    json_t *document = NULL;
    status = parse((PacsSlice){pacs_buffer_text(&clean), clean.size}, source, &document, err);
    if (status != PACS_OK)
        return status;
    status = pacs_config_tree_merge(config, document, source, override, err);
    json_decref(document);
    return status;
}

static PacsStatus merge_file(PacsConfig *config, const PacsConfigInput *input, const char *path,
                             bool override, PacsError *err)
{
    PACS_AUTO_BUFFER PacsBuffer text = PACS_BUFFER(PACS_MAX_CONFIG_FILE);
    PacsStatus status = pacs_config_read_file(path, &text, err);
    if (status != PACS_OK)
        return status;
    PacsSlice all = {pacs_buffer_text(&text), text.size};
    return pacs_config_merge_text(config, input, all, path, override, err);
}

/* ---- folders ---- */

void pacs_config_names_clear(PacsConfigNames *names)
{
    for (int i = 0; i < names->count; i++)
        free(names->entries[i]);
    free(names->entries);
    *names = (PacsConfigNames){0};
}

static int compare_names(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

PacsStatus pacs_config_list_folder(const char *folder, int (*wanted)(const struct dirent *entry),
                                   PacsConfigNames *ret_names, PacsError *err)
{
    PacsConfigNames names = {0};
    names.count = scandir(folder, &names.entries, wanted, compare_names);
    if (names.count < 0)
        return pacs_fail(err, errno == ENOENT ? PACS_NOT_FOUND : PACS_UNAVAILABLE, "cannot list '%s': %s",
                         folder, strerror(errno));
    *ret_names = names;
    return PACS_OK;
}

int pacs_config_is_json_file(const struct dirent *entry)
{
    const char *name = entry->d_name;
    size_t size = strlen(name);
    return name[0] != '.' && size > 5 && strcmp(name + size - 5, ".json") == 0;
}

static bool is_folder(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

static PacsStatus merge_entry(PacsConfig *config, const PacsConfigInput *input, const char *folder,
                              const char *name, bool override, PacsError *err)
{
    PACS_AUTO_BUFFER PacsBuffer path = PACS_BUFFER(PATH_MAX);
    (void)pacs_buffer_add_format(&path, "%s/%s", folder, name);
    PacsStatus status = pacs_buffer_check(&path, err);
    if (status != PACS_OK || is_folder(pacs_buffer_text(&path)))
        return status;
    return merge_file(config, input, pacs_buffer_text(&path), override, err);
}

PacsStatus pacs_config_merge_path(PacsConfig *config, const PacsConfigInput *input, const char *path,
                                  bool override, PacsError *err)
{
    if (!is_folder(path))
        return merge_file(config, input, path, override, err);

    PACS_AUTO_CONFIG_NAMES PacsConfigNames names = {0};
    PacsStatus status = pacs_config_list_folder(path, pacs_config_is_json_file, &names, err);
    for (int i = 0; status == PACS_OK && i < names.count; i++)
        status = merge_entry(config, input, path, names.entries[i]->d_name, override, err);
    return status;
}
