/*
 * C-STORE files to an archive over a few associations, as fast as it answers.
 *
 *     dicom_send PORT CALLED_AET ASSOCIATIONS < list of Part 10 files, one a line
 *
 * Each association is a thread that sends one object, waits for its answer and sends the next, as modalities and
 * DCMTK's storescu do; files are dealt out one after the other to whichever association is free. Data sets leave by
 * sendfile as they stand in the file (as storescu -R would propose them), in PDUs as long as the archive allows, so
 * that this side's share of the processor is small and the archive is what is measured. Prints one line of JSON:
 * seconds from the first connect to the last answer, how many answers were success, and the slowest answer.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define MAX_FILES 100000
#define MAX_ASSOCIATIONS 256
#define MAX_CONTEXTS 64 /* pairs of SOP class and transfer syntax among the files; numbered 1, 3, 5... */
#define MAX_PDU (1u << 20)
#define UID_SIZE 65
#define PUT_MAX 32768   /* an A-ASSOCIATE-RQ of so many contexts */
#define META_BYTES 4096 /* the meta header of a file has to fit */

typedef struct Object {
    char *path;
    char sop_class_uid[UID_SIZE];
    char sop_instance_uid[UID_SIZE];
    uint8_t context_id;
    off_t data_set_offset;
    off_t size;
} Object;

typedef struct Context {
    char sop_class_uid[UID_SIZE];
    char transfer_syntax_uid[UID_SIZE];
} Context;

/** Bytes being put together; what is put here is known to fit. */
typedef struct Bytes {
    uint8_t at[PUT_MAX];
    size_t size;
} Bytes;

static Object objects[MAX_FILES];
static size_t object_count;
static Context contexts[MAX_CONTEXTS];
static size_t context_count;
static atomic_size_t next_object;
static atomic_size_t stored;
static uint16_t port;
static const char *called_aet;

static double now_s(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void die(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "dicom_send: ");
    vfprintf(stderr, format, arguments);
    fprintf(stderr, "\n");
    va_end(arguments);
    exit(1);
}

/* ---- Files ---- */

static uint32_t little16(const uint8_t *at)
{
    return at[0] | (uint32_t)at[1] << 8;
}

static uint32_t little32(const uint8_t *at)
{
    return little16(at) | little16(at + 2) << 16;
}

static void take_uid(char uid[UID_SIZE], const uint8_t *bytes, size_t size)
{
    if (size >= UID_SIZE)
        die("a UID of %zu characters", size);
    memcpy(uid, bytes, size);
    uid[size] = '\0';
}

/** The meta header: explicit VR little endian, its own length in front (PS3.10 7.1). */
static void read_meta(const uint8_t *bytes, size_t size, Object *object, char transfer_syntax_uid[UID_SIZE])
{
    size_t at = 132;
    if (size < 144 || memcmp(bytes + 128, "DICM", 4) != 0)
        die("%s is no Part 10 file", object->path);
    const size_t end = at + 12 + little32(bytes + 140);
    if (end > size)
        die("the meta header of %s is too long", object->path);
    while (at + 8 <= end) {
        const uint32_t element = little16(bytes + at + 2);
        const bool is_long = memcmp(bytes + at + 4, "OB", 2) == 0 || memcmp(bytes + at + 4, "UN", 2) == 0;
        const size_t value = at + (is_long ? 12 : 8);
        const size_t length = is_long ? little32(bytes + at + 8) : little16(bytes + at + 6);
        if (value > end || length > end - value)
            die("the meta header of %s is broken", object->path);
        if (element == 0x0002)
            take_uid(object->sop_class_uid, bytes + value, length);
        else if (element == 0x0003)
            take_uid(object->sop_instance_uid, bytes + value, length);
        else if (element == 0x0010)
            take_uid(transfer_syntax_uid, bytes + value, length);
        at = value + length;
    }
    object->data_set_offset = (off_t)end;
}

static uint8_t context_for(const char *sop_class_uid, const char *transfer_syntax_uid)
{
    size_t i = 0;
    while (i < context_count && (strcmp(contexts[i].sop_class_uid, sop_class_uid) != 0 ||
                                 strcmp(contexts[i].transfer_syntax_uid, transfer_syntax_uid) != 0))
        i++;
    if (i == MAX_CONTEXTS)
        die("more than %d pairs of SOP class and transfer syntax", MAX_CONTEXTS);
    if (i == context_count) {
        strcpy(contexts[i].sop_class_uid, sop_class_uid);
        strcpy(contexts[i].transfer_syntax_uid, transfer_syntax_uid);
        context_count++;
    }
    return (uint8_t)(2 * i + 1);
}

static void look_at(Object *object)
{
    uint8_t bytes[META_BYTES];
    char transfer_syntax_uid[UID_SIZE] = "";
    struct stat status;
    int file = open(object->path, O_RDONLY | O_CLOEXEC);
    ssize_t got = file < 0 ? -1 : read(file, bytes, sizeof bytes);
    if (got < 0 || fstat(file, &status) < 0)
        die("%s: %s", object->path, strerror(errno));
    close(file);
    read_meta(bytes, (size_t)got, object, transfer_syntax_uid);
    object->size = status.st_size;
    object->context_id = context_for(object->sop_class_uid, transfer_syntax_uid);
}

static void read_list(void)
{
    char line[4096];
    while (object_count < MAX_FILES && fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\n")] = '\0';
        Object *object = &objects[object_count++];
        object->path = strdup(line);
        if (!object->path)
            die("no memory");
        look_at(object);
    }
}

/* ---- Bytes: PDUs are big endian (PS3.8 9.3), commands implicit little endian (PS3.7 6.3.1) ---- */

static void put(Bytes *bytes, const void *what, size_t size)
{
    if (size > sizeof bytes->at - bytes->size)
        die("a PDU of ours is too long");
    memcpy(bytes->at + bytes->size, what, size);
    bytes->size += size;
}

static void put_big(Bytes *bytes, uint32_t number, size_t size)
{
    const uint32_t ordered = htonl(number);
    put(bytes, (const uint8_t *)&ordered + (4 - size), size);
}

static void put_little(Bytes *bytes, uint32_t number, size_t size)
{
    const uint8_t ordered[4] = {(uint8_t)number, (uint8_t)(number >> 8), (uint8_t)(number >> 16),
                                (uint8_t)(number >> 24)};
    put(bytes, ordered, size);
}

/** Type, a reserved byte, and a length that end_item() fills in; returns where that stands. */
static size_t begin_item(Bytes *bytes, uint8_t type)
{
    put_big(bytes, (uint32_t)type << 24, 4);
    return bytes->size - 2;
}

static void end_item(Bytes *bytes, size_t length_at)
{
    const size_t length = bytes->size - length_at - 2;
    bytes->at[length_at] = (uint8_t)(length >> 8);
    bytes->at[length_at + 1] = (uint8_t)length;
}

static void put_item(Bytes *bytes, uint8_t type, const char *text)
{
    size_t at = begin_item(bytes, type);
    put(bytes, text, strlen(text));
    end_item(bytes, at);
}

static void put_aet(Bytes *bytes, const char *aet)
{
    char padded[17];
    snprintf(padded, sizeof padded, "%-16s", aet);
    put(bytes, padded, 16);
}

/* ---- Associations ---- */

typedef struct Association {
    int fd;
    uint32_t max_pdu; /* that the archive takes */
    uint16_t message_id;
    double slowest_s;
} Association;

static void send_all(int fd, const void *bytes, size_t size, int flags)
{
    if (send(fd, bytes, size, flags | MSG_NOSIGNAL) != (ssize_t)size)
        die("send: %s", strerror(errno));
}

static void receive(int fd, void *bytes, size_t size)
{
    if (recv(fd, bytes, size, MSG_WAITALL) != (ssize_t)size)
        die("the archive closed the connection");
}

/** A whole PDU's body; how long it is. */
static size_t receive_pdu(int fd, uint8_t type, uint8_t *body, size_t max)
{
    uint8_t head[6];
    receive(fd, head, sizeof head);
    uint32_t length;
    memcpy(&length, head + 2, sizeof length);
    length = ntohl(length);
    if (head[0] != type || length > max)
        die("the archive sent PDU %u of %u bytes, %u was expected", head[0], length, type);
    receive(fd, body, length);
    return length;
}

static void put_contexts(Bytes *bytes)
{
    for (size_t i = 0; i < context_count; i++) {
        size_t at = begin_item(bytes, 0x20);
        put_big(bytes, (uint32_t)(2 * i + 1) << 24, 4);
        put_item(bytes, 0x30, contexts[i].sop_class_uid);
        put_item(bytes, 0x40, contexts[i].transfer_syntax_uid);
        end_item(bytes, at);
    }
}

static void put_user_information(Bytes *bytes)
{
    size_t at = begin_item(bytes, 0x50);
    put_big(bytes, 0x51000004, 4);
    put_big(bytes, 16384, 4); /* the longest PDU we take; answers are short */
    put_item(bytes, 0x52, "2.25.128731049824750238478201337042861027");
    end_item(bytes, at);
}

/** What became of the contexts we proposed, and the longest PDU that the archive takes (PS3.8 9.3.3). */
static void read_acceptance(Association *association, const uint8_t *body, size_t size)
{
    for (size_t at = 68; at + 4 <= size;) {
        const size_t length = (size_t)body[at + 2] << 8 | body[at + 3];
        if (length > size - at - 4)
            die("the archive's acceptance is broken");
        if (body[at] == 0x21 && length >= 4 && body[at + 6] != 0)
            die("the archive does not take %s in %s", contexts[body[at + 4] / 2].sop_class_uid,
                contexts[body[at + 4] / 2].transfer_syntax_uid);
        if (body[at] == 0x50 && length >= 8 && body[at + 4] == 0x51) {
            memcpy(&association->max_pdu, body + at + 8, 4);
            association->max_pdu = ntohl(association->max_pdu);
        }
        at += 4 + length;
    }
    if (association->max_pdu == 0 || association->max_pdu > MAX_PDU)
        association->max_pdu = MAX_PDU;
}

static void associate(Association *association)
{
    uint8_t answer[65536];
    Bytes bytes = {.size = 6}; /* the PDU's own head comes last */
    put_big(&bytes, 0x00010000, 4);
    put_aet(&bytes, called_aet);
    put_aet(&bytes, "DICOM_SEND");
    memset(bytes.at + bytes.size, 0, 32);
    bytes.size += 32;
    put_item(&bytes, 0x10, "1.2.840.10008.3.1.1.1");
    put_contexts(&bytes);
    put_user_information(&bytes);
    const uint32_t length = htonl((uint32_t)bytes.size - 6);
    bytes.at[0] = 1;
    memcpy(bytes.at + 2, &length, sizeof length);
    send_all(association->fd, bytes.at, bytes.size, 0);
    read_acceptance(association, answer, receive_pdu(association->fd, 2, answer, sizeof answer));
}

static void put_element(Bytes *bytes, uint16_t element, const void *value, size_t size)
{
    put_little(bytes, 0x0000, 2);
    put_little(bytes, element, 2);
    put_little(bytes, (uint32_t)(size + size % 2), 4);
    put(bytes, value, size);
    if (size % 2)
        put_little(bytes, 0, 1);
}

static void put_us(Bytes *bytes, uint16_t element, uint16_t number)
{
    const uint8_t value[2] = {(uint8_t)number, (uint8_t)(number >> 8)};
    put_element(bytes, element, value, sizeof value);
}

/** Head of a P-DATA-TF with one fragment of `size` bytes. */
static void put_fragment(Bytes *bytes, uint8_t context_id, uint8_t control, size_t size)
{
    put_big(bytes, 0x0400, 2);
    put_big(bytes, (uint32_t)size + 6, 4);
    put_big(bytes, (uint32_t)size + 2, 4);
    put_big(bytes, context_id, 1);
    put_big(bytes, control, 1);
}

static void send_command(Association *association, const Object *object)
{
    Bytes command, pdu;
    command.size = pdu.size = 0;
    put_element(&command, 0x0002, object->sop_class_uid, strlen(object->sop_class_uid));
    put_us(&command, 0x0100, 0x0001); /* C-STORE-RQ */
    put_us(&command, 0x0110, ++association->message_id);
    put_us(&command, 0x0700, 0);      /* medium priority */
    put_us(&command, 0x0800, 0x0001); /* a data set follows */
    put_element(&command, 0x1000, object->sop_instance_uid, strlen(object->sop_instance_uid));

    put_fragment(&pdu, object->context_id, 0x03, command.size + 12);
    put_little(&pdu, 0x00000000, 4);
    put_little(&pdu, 4, 4);
    put_little(&pdu, (uint32_t)command.size, 4);
    put(&pdu, command.at, command.size);
    send_all(association->fd, pdu.at, pdu.size, MSG_MORE);
}

static void send_data_set(Association *association, const Object *object)
{
    int file = open(object->path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        die("%s: %s", object->path, strerror(errno));
    for (off_t at = object->data_set_offset; at < object->size;) {
        const size_t most = association->max_pdu - 6;
        const size_t size = object->size - at > (off_t)most ? most : (size_t)(object->size - at);
        const off_t end = at + (off_t)size;
        Bytes head;
        head.size = 0; /* the rest need not be zeroed */
        put_fragment(&head, object->context_id, end == object->size ? 0x02 : 0x00, size);
        send_all(association->fd, head.at, head.size, MSG_MORE);
        while (at < end) {
            if (sendfile(association->fd, file, &at, (size_t)(end - at)) <= 0)
                die("sendfile: %s", strerror(errno));
        }
    }
    close(file);
}

/** True if the answer's Status (0000,0900) is success. */
static bool read_answer(Association *association)
{
    uint8_t body[16384];
    const size_t size = receive_pdu(association->fd, 4, body, sizeof body);
    for (size_t at = 6; at + 8 <= size;) {
        const uint32_t length = little32(body + at + 4);
        if (length > size - at - 8)
            break;
        if (little32(body + at) == 0x09000000 && length == 2)
            return little16(body + at + 8) == 0x0000;
        at += 8 + length;
    }
    die("the archive's answer has no status");
    return false;
}

static void connect_loopback(Association *association)
{
    int on = 1;
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    association->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (association->fd < 0 || setsockopt(association->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) < 0 ||
        connect(association->fd, (struct sockaddr *)&address, sizeof address) < 0)
        die("connect: %s", strerror(errno));
}

static void release(Association *association)
{
    static const uint8_t request[10] = {5, 0, 0, 0, 0, 4};
    uint8_t answer[4];
    send_all(association->fd, request, sizeof request, 0);
    (void)receive_pdu(association->fd, 6, answer, sizeof answer);
    close(association->fd);
}

static void *run(void *argument)
{
    Association *association = argument;
    connect_loopback(association);
    associate(association);
    for (size_t index; (index = atomic_fetch_add(&next_object, 1)) < object_count;) {
        const double begin = now_s();
        send_command(association, &objects[index]);
        send_data_set(association, &objects[index]);
        if (read_answer(association))
            atomic_fetch_add(&stored, 1);
        const double took = now_s() - begin;
        association->slowest_s = took > association->slowest_s ? took : association->slowest_s;
    }
    release(association);
    return NULL;
}

int main(int argc, char **argv)
{
    static Association associations[MAX_ASSOCIATIONS];
    pthread_t threads[MAX_ASSOCIATIONS];
    const size_t count = argc == 4 ? strtoul(argv[3], NULL, 10) : 0;
    if (count < 1 || count > MAX_ASSOCIATIONS) {
        fprintf(stderr, "usage: dicom_send PORT CALLED_AET ASSOCIATIONS < paths\n");
        return 2;
    }
    port = (uint16_t)strtoul(argv[1], NULL, 10);
    called_aet = argv[2];
    read_list();
    const double begin = now_s();
    for (size_t i = 0; i < count; i++) {
        if (pthread_create(&threads[i], NULL, run, &associations[i]) != 0)
            die("no thread");
    }
    double slowest_s = 0;
    for (size_t i = 0; i < count; i++) {
        pthread_join(threads[i], NULL);
        slowest_s = associations[i].slowest_s > slowest_s ? associations[i].slowest_s : slowest_s;
    }
    printf("{\"seconds\": %.6f, \"stored\": %zu, \"slowest_s\": %.6f}\n", now_s() - begin,
           atomic_load(&stored), slowest_s);
    return 0;
}
