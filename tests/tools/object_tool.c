/* object_tool FILE SYNTAX: a stored object on stdout, written anew in another native transfer syntax. */

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "transcode/object.h"

static PacsStatus write_out(PacsSource *source, PacsError *err)
{
    static char bytes[1 << 16];
    size_t size = 0;

    do {
        const PacsStatus status = pacs_source_read(source, bytes, sizeof bytes, &size, err);
        if (status != PACS_OK)
            return status;
        (void)fwrite(bytes, 1, size, stdout);
    } while (size > 0);
    return PACS_OK;
}

static PacsStatus run(const char *path, const char *uid, PacsError *err)
{
    const TranscodeObjectForm form = {.transfer_syntax_uid = uid,
                                      .sop_class_uid = "1.2.840.10008.5.1.4.1.1.7",
                                      .sop_instance_uid = "2.25.1"};
    PACS_AUTO(PacsSource) source = NULL;
    PacsSource *stored = NULL;
    struct stat info;
    const int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0 || fstat(fd, &info) != 0)
        return pacs_fail(err, PACS_NOT_FOUND, "cannot open '%s'", path);
    PacsStatus status = pacs_source_fd(fd, 0, (uint64_t)info.st_size, &stored, err);
    if (status == PACS_OK)
        status = transcode_object(&form, NULL, stored, &source, err);
    return status == PACS_OK ? write_out(source, err) : status;
}

int main(int argc, char **argv)
{
    PacsError err = {0};

    if (argc != 3) {
        (void)fprintf(stderr, "object_tool FILE SYNTAX\n");
        return 2;
    }
    if (run(argv[1], argv[2], &err) == PACS_OK)
        return 0;
    (void)fprintf(stderr, "%s\n", err.text);
    return 1;
}
