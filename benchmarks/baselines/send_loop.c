/* The limit: a WebSocket relay on epoll that does the least a relay can do.
 *
 * For each frame: unmask, check its shape, encode the delivery once, and one `send` for each member
 * of the room. Nothing is stored, nobody is asked who a token belongs to, and only the shape that
 * the load sends is understood (no fragments, no escapes in the text): everything else ends the
 * connection.
 *
 * `--port 0` lets the kernel choose; the line `ready <port>` says which. `--fault drop`,
 * `duplicate` or `swap` makes one wrong delivery to one member, for the test that the load
 * generator sees it.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { FIN_TEXT = 0x81, FIN_CLOSE = 0x88, MASKED = 0x80 };
enum { READ_BYTES = 64 * 1024, MAX_FRAME_BYTES = 64 * 1024 + 8, MAX_NAME_BYTES = 64 };
enum { EVENTS = 256, BACKLOG = 4096, FAULT_AT = 50 };

struct connection {
    int socket;
    struct room *room; /* NULL before the upgrade */
    size_t place;      /* in its room's members */
    char name[MAX_NAME_BYTES + 1];
    unsigned char *in; /* the start of a frame or request whose end has not arrived */
    size_t in_bytes;
    unsigned char *out; /* what the socket did not take */
    size_t out_bytes;
};

struct room {
    char name[MAX_NAME_BYTES + 1];
    struct connection **members;
    size_t count, capacity;
    uint64_t seq;
    struct room *next;
};

static int epoll;
static struct room *rooms[1024];
static enum fault { NONE, DROP, DUPLICATE, SWAP } fault;
static uint64_t id_high, id_low;

static _Noreturn void give_up(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, strerror(errno));
    exit(1);
}

static void *grown(void *memory, size_t bytes)
{
    memory = realloc(memory, bytes);
    if (memory == NULL)
        give_up("memory");
    return memory;
}

/* SHA-1 (FIPS 180-4) of up to 119 bytes: two blocks, enough for a key and its GUID. */
static uint32_t rotated(uint32_t word, int bits)
{
    return word << bits | word >> (32 - bits);
}

static void sha1(const char *text, size_t bytes, unsigned char digest[20])
{
    unsigned char padded[128] = {0};
    size_t blocks = bytes < 56 ? 1 : 2;
    memcpy(padded, text, bytes);
    padded[bytes] = 0x80;
    padded[blocks * 64 - 2] = (unsigned char)(bytes * 8 >> 8);
    padded[blocks * 64 - 1] = (unsigned char)(bytes * 8);
    uint32_t h[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
    for (size_t block = 0; block < blocks; block++) {
        uint32_t w[80];
        for (int t = 0; t < 16; t++) {
            const unsigned char *p = padded + block * 64 + t * 4;
            w[t] = (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
        }
        for (int t = 16; t < 80; t++)
            w[t] = rotated(w[t - 3] ^ w[t - 8] ^ w[t - 14] ^ w[t - 16], 1);
        uint32_t a = h[0], b = h[1], c = h[2], d = h[3], e = h[4];
        for (int t = 0; t < 80; t++) {
            uint32_t f, k;
            if (t < 20)
                f = (b & c) | (~b & d), k = 0x5a827999;
            else if (t < 40)
                f = b ^ c ^ d, k = 0x6ed9eba1;
            else if (t < 60)
                f = (b & c) | (b & d) | (c & d), k = 0x8f1bbcdc;
            else
                f = b ^ c ^ d, k = 0xca62c1d6;
            uint32_t next = rotated(a, 5) + f + e + k + w[t];
            e = d, d = c, c = rotated(b, 30), b = a, a = next;
        }
        h[0] += a, h[1] += b, h[2] += c, h[3] += d, h[4] += e;
    }
    for (int i = 0; i < 20; i++)
        digest[i] = (unsigned char)(h[i / 4] >> (24 - i % 4 * 8));
}

/* The 28 characters that answer a Sec-WebSocket-Key (RFC 6455, section 4.2.2). */
static void accept_key(const char *key, char accept[29])
{
    static const char digits[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char text[64];
    unsigned char digest[21] = {0};
    int bytes = snprintf(text, sizeof text, "%.24s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", key);
    sha1(text, (size_t)bytes, digest);
    for (int i = 0; i < 7; i++) {
        const unsigned char *p = digest + i * 3;
        uint32_t three = (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
        for (int j = 0; j < 4; j++)
            accept[i * 4 + j] = digits[three >> (18 - j * 6) & 63];
    }
    accept[27] = '=';
    accept[28] = '\0';
}

static void wait_for(struct connection *connection, uint32_t what)
{
    struct epoll_event event = {.events = what, .data.ptr = connection};
    epoll_ctl(epoll, EPOLL_CTL_MOD, connection->socket, &event);
}

/* One `send`; what the socket does not take waits for EPOLLOUT. */
static void put(struct connection *connection, const void *bytes, size_t count)
{
    size_t sent = 0;
    if (connection->out_bytes == 0) {
        ssize_t taken = send(connection->socket, bytes, count, MSG_NOSIGNAL);
        sent = taken > 0 ? (size_t)taken : 0;
        if (sent == count || (taken < 0 && errno != EAGAIN))
            return; /* a broken connection is noticed when it is read */
        wait_for(connection, EPOLLIN | EPOLLOUT);
    }
    connection->out = grown(connection->out, connection->out_bytes + count - sent);
    memcpy(connection->out + connection->out_bytes, (const char *)bytes + sent, count - sent);
    connection->out_bytes += count - sent;
}

static void put_rest(struct connection *connection)
{
    ssize_t taken =
        send(connection->socket, connection->out, connection->out_bytes, MSG_NOSIGNAL);
    if (taken <= 0)
        return;
    connection->out_bytes -= (size_t)taken;
    memmove(connection->out, connection->out + taken, connection->out_bytes);
    if (connection->out_bytes == 0)
        wait_for(connection, EPOLLIN);
}

static struct room *room_named(const char *name)
{
    size_t hash = 5381;
    for (const char *c = name; *c; c++)
        hash = hash * 33 + (unsigned char)*c;
    struct room **slot = &rooms[hash % (sizeof rooms / sizeof *rooms)];
    for (struct room *room = *slot; room != NULL; room = room->next)
        if (strcmp(room->name, name) == 0)
            return room;
    struct room *room = memset(grown(NULL, sizeof *room), 0, sizeof *room);
    snprintf(room->name, sizeof room->name, "%s", name);
    room->next = *slot;
    return *slot = room;
}

static void join(struct connection *connection, const char *name)
{
    struct room *room = room_named(name);
    if (room->count == room->capacity) {
        room->capacity = room->capacity ? room->capacity * 2 : 4;
        room->members = grown(room->members, room->capacity * sizeof(struct connection *));
    }
    connection->place = room->count;
    room->members[room->count++] = connection;
    connection->room = room;
}

static void leave(struct connection *connection)
{
    struct room *room = connection->room;
    if (room != NULL) {
        struct connection *last = room->members[--room->count];
        room->members[connection->place] = last;
        last->place = connection->place;
    }
    close(connection->socket);
    free(connection->in);
    free(connection->out);
    free(connection);
}

/* Deliver to one member, wrongly once when a fault was asked for. */
static void deliver(struct connection *member, const void *frame, size_t bytes)
{
    static unsigned long deliveries;
    static char kept[MAX_FRAME_BYTES];
    static size_t kept_bytes;
    static struct connection *kept_for;
    if (fault == NONE) {
        put(member, frame, bytes);
        return;
    }
    bool wrong = ++deliveries == FAULT_AT;
    if (wrong && fault == SWAP) {
        memcpy(kept, frame, bytes);
        kept_bytes = bytes;
        kept_for = member;
        return;
    }
    if (!(wrong && fault == DROP))
        put(member, frame, bytes);
    if (wrong && fault == DUPLICATE)
        put(member, frame, bytes);
    if (kept_for == member) {
        put(member, kept, kept_bytes);
        kept_for = NULL;
    }
}

static size_t with_head(unsigned char *frame, const char *text, size_t bytes)
{
    size_t head = 2;
    frame[0] = FIN_TEXT;
    if (bytes < 126) {
        frame[1] = (unsigned char)bytes;
    } else {
        frame[1] = 126;
        frame[2] = (unsigned char)(bytes >> 8);
        frame[3] = (unsigned char)bytes;
        head = 4;
    }
    memcpy(frame + head, text, bytes);
    return head + bytes;
}

/* Send `{"data":{"message":"…"}}` on to the whole room; false when it has another shape. */
static bool relay(struct connection *sender, const unsigned char *text, size_t bytes)
{
    static const char before[] = "{\"data\":{\"message\":\"", after[] = "\"}}";
    const size_t before_bytes = sizeof before - 1, after_bytes = sizeof after - 1;
    if (bytes < before_bytes + after_bytes || bytes > MAX_FRAME_BYTES / 2
        || memcmp(text, before, before_bytes) != 0
        || memcmp(text + bytes - after_bytes, after, after_bytes) != 0)
        return false;
    const unsigned char *message = text + before_bytes;
    size_t message_bytes = bytes - before_bytes - after_bytes;
    for (size_t i = 0; i < message_bytes; i++)
        if (message[i] < 0x20 || message[i] > 0x7e || message[i] == '"' || message[i] == '\\')
            return false;

    struct room *room = sender->room;
    static time_t second;
    static char at[32];
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (now.tv_sec != second) {
        struct tm utc;
        second = now.tv_sec;
        gmtime_r(&second, &utc);
        strftime(at, sizeof at, "%Y-%m-%dT%H:%M:%S", &utc);
    }
    static char out[MAX_FRAME_BYTES];
    static unsigned char frame[MAX_FRAME_BYTES];
    int length = snprintf(out, sizeof out,
                          "{\"type\":\"message\",\"id\":\"%016llx%016llx\",\"seq\":%llu,"
                          "\"room\":\"%s\",\"sender\":\"%s\",\"sent_at\":\"%s.%03ldZ\","
                          "\"data\":{\"message\":\"%.*s\"}}",
                          (unsigned long long)id_high, (unsigned long long)id_low++,
                          (unsigned long long)++room->seq, room->name, sender->name, at,
                          now.tv_nsec / 1000000, (int)message_bytes, (const char *)message);
    size_t frame_bytes = with_head(frame, out, (size_t)length);
    for (size_t i = 0; i < room->count; i++)
        deliver(room->members[i], frame, frame_bytes);
    return true;
}

/* Copy what follows `before` in the request, up to one of `stops`; false when it is not there. */
static bool part(const char *request, const char *before, const char *stops, char *name)
{
    const char *start = strcasestr(request, before);
    if (start == NULL)
        return false;
    start += strlen(before);
    size_t bytes = strcspn(start, stops);
    if (bytes == 0 || bytes > MAX_NAME_BYTES)
        return false;
    memcpy(name, start, bytes);
    name[bytes] = '\0';
    return true;
}

/* Answer the upgrade request at the start of `data`: its size, 0 for more, -1 to hang up. */
static ssize_t upgrade(struct connection *connection, unsigned char *data, size_t bytes)
{
    unsigned char *end = memmem(data, bytes, "\r\n\r\n", 4);
    if (end == NULL)
        return bytes > 8192 ? -1 : 0;
    char room[MAX_NAME_BYTES + 1], key[MAX_NAME_BYTES + 1], accept[29], answer[256];
    end[2] = '\0';
    const char *request = (char *)data;
    if (!part(request, "GET /ws/", " ?", room)
        || !part(request, "\r\nAuthorization: Bearer ", "\r", connection->name)
        || !part(request, "\r\nSec-WebSocket-Key: ", "\r", key))
        return -1;
    accept_key(key, accept);
    int length = snprintf(answer, sizeof answer,
                          "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                          "Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n",
                          accept);
    put(connection, answer, (size_t)length);
    static const char welcome[] = "{\"type\":\"welcome\"}";
    unsigned char frame[64];
    put(connection, frame, with_head(frame, welcome, sizeof welcome - 1));
    join(connection, room);
    return end + 4 - data;
}

/* Handle the frame at the start of `data`: its size, 0 for more, -1 to hang up. */
static ssize_t one_frame(struct connection *connection, unsigned char *data, size_t bytes)
{
    if (bytes < 2)
        return 0;
    if (data[0] != FIN_TEXT || !(data[1] & MASKED))
        return -1;
    size_t length = data[1] & 127, head = 2;
    if (length == 127)
        return -1;
    if (length == 126) {
        if (bytes < 4)
            return 0;
        length = (size_t)(data[2] << 8 | data[3]);
        head = 4;
    }
    if (bytes < head + 4 + length)
        return 0;
    const unsigned char *mask = data + head;
    unsigned char *text = data + head + 4;
    for (size_t i = 0; i < length; i++)
        text[i] ^= mask[i & 3];
    return relay(connection, text, length) ? (ssize_t)(head + 4 + length) : -1;
}

/* Read once and handle what is whole; false when the connection is over. */
static bool hear(struct connection *connection)
{
    static unsigned char arrived[MAX_FRAME_BYTES + READ_BYTES];
    memcpy(arrived, connection->in, connection->in_bytes);
    ssize_t got = recv(connection->socket, arrived + connection->in_bytes, READ_BYTES, 0);
    if (got <= 0)
        return got < 0 && (errno == EAGAIN || errno == EINTR);
    size_t bytes = connection->in_bytes + (size_t)got, at = 0;
    for (;;) {
        ssize_t done = connection->room == NULL
                           ? upgrade(connection, arrived + at, bytes - at)
                           : one_frame(connection, arrived + at, bytes - at);
        if (done < 0)
            return false;
        if (done == 0)
            break;
        at += (size_t)done;
    }
    if (bytes - at > connection->in_bytes)
        connection->in = grown(connection->in, bytes - at);
    memcpy(connection->in, arrived + at, bytes - at);
    connection->in_bytes = bytes - at;
    return true;
}

static void welcome_newcomers(int listener)
{
    int one = 1;
    for (;;) {
        int socket = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
        if (socket < 0)
            return;
        setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        struct connection *connection = grown(NULL, sizeof *connection);
        *connection = (struct connection){.socket = socket, .in = grown(NULL, 1)};
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
        epoll_ctl(epoll, EPOLL_CTL_ADD, socket, &event);
    }
}

static int listen_on(unsigned short port)
{
    int one = 1, listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    struct sockaddr_in here = {
        .sin_family = AF_INET,
        .sin_port = htons(port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    socklen_t size = sizeof here;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(listener, (struct sockaddr *)&here, size) != 0 || listen(listener, BACKLOG) != 0)
        give_up("listen");
    getsockname(listener, (struct sockaddr *)&here, &size);
    printf("ready %u\n", ntohs(here.sin_port));
    fflush(stdout);
    return listener;
}

static enum fault fault_named(const char *name)
{
    if (strcmp(name, "drop") == 0)
        return DROP;
    if (strcmp(name, "duplicate") == 0)
        return DUPLICATE;
    if (strcmp(name, "swap") == 0)
        return SWAP;
    fprintf(stderr, "--fault is drop, duplicate or swap\n");
    exit(2);
}

int main(int argc, char **argv)
{
    unsigned short port = 0;
    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--port") == 0)
            port = (unsigned short)atoi(argv[i + 1]);
        if (strcmp(argv[i], "--fault") == 0)
            fault = fault_named(argv[i + 1]);
    }
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    if (getrandom(&id_high, sizeof id_high, 0) != sizeof id_high)
        give_up("random");
    epoll = epoll_create1(0);
    int listener = listen_on(port);
    struct epoll_event listening = {.events = EPOLLIN, .data.ptr = NULL};
    epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &listening);
    for (;;) {
        struct epoll_event events[EVENTS];
        int count = epoll_wait(epoll, events, EVENTS, -1);
        for (int i = 0; i < count; i++) {
            struct connection *connection = events[i].data.ptr;
            if (connection == NULL) {
                welcome_newcomers(listener);
                continue;
            }
            if (events[i].events & EPOLLOUT)
                put_rest(connection);
            if (events[i].events & ~(uint32_t)EPOLLOUT && !hear(connection))
                leave(connection);
        }
    }
}
