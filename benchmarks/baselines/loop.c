#define _GNU_SOURCE
#include "loop.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "handshake.h"

enum { FIN_TEXT = 0x81, MASKED = 0x80 };
enum { READ_BYTES = 64 * 1024, EVENTS = 256, BACKLOG = 4096 };

static const struct server *server;
static int epoll;
static struct room *rooms[1024];
static struct connection **gathered; /* those for whom something is gathered */
static size_t gathered_count, gathered_capacity;

_Noreturn void give_up(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, strerror(errno));
    exit(1);
}

void *grown(void *memory, size_t bytes)
{
    memory = realloc(memory, bytes);
    if (memory == NULL)
        give_up("memory");
    return memory;
}

const char *option(int argc, char **argv, const char *name)
{
    for (int i = 1; i + 1 < argc; i += 2)
        if (strcmp(argv[i], name) == 0)
            return argv[i + 1];
    return NULL;
}

static void wait_for(struct connection *connection, uint32_t what)
{
    struct epoll_event event = {.events = what, .data.ptr = connection};
    epoll_ctl(epoll, EPOLL_CTL_MOD, connection->socket, &event);
}

static void keep(struct connection *connection, const void *bytes, size_t count)
{
    size_t needed = connection->out_bytes + count;
    if (needed > connection->out_capacity) {
        connection->out_capacity = needed * 2;
        connection->out = grown(connection->out, connection->out_capacity);
    }
    memcpy(connection->out + connection->out_bytes, bytes, count);
    connection->out_bytes = needed;
}

static void block(struct connection *connection, bool blocked)
{
    if (connection->blocked != blocked)
        wait_for(connection, EPOLLIN | (blocked ? (uint32_t)EPOLLOUT : 0));
    connection->blocked = blocked;
}

void put(struct connection *connection, const void *bytes, size_t count)
{
    size_t sent = 0;
    if (connection->out_bytes == 0) {
        ssize_t taken = send(connection->socket, bytes, count, MSG_NOSIGNAL);
        sent = taken > 0 ? (size_t)taken : 0;
        if (sent == count || (taken < 0 && errno != EAGAIN))
            return; /* a broken connection is noticed when it is read */
        block(connection, true);
    }
    keep(connection, (const char *)bytes + sent, count - sent);
}

static void put_rest(struct connection *connection)
{
    ssize_t taken =
        send(connection->socket, connection->out, connection->out_bytes, MSG_NOSIGNAL);
    if (taken > 0) {
        connection->out_bytes -= (size_t)taken;
        if (connection->out_bytes > 0)
            memmove(connection->out, connection->out + taken, connection->out_bytes);
    } else if (taken < 0 && errno != EAGAIN) {
        connection->out_bytes = 0;
    }
    block(connection, connection->out_bytes > 0);
}

void gather(struct connection *connection, const void *bytes, size_t count)
{
    keep(connection, bytes, count);
    if (connection->gathered)
        return;
    connection->gathered = true;
    if (gathered_count == gathered_capacity) {
        gathered_capacity = gathered_capacity ? gathered_capacity * 2 : 64;
        gathered = grown(gathered, gathered_capacity * sizeof *gathered);
    }
    gathered[gathered_count++] = connection;
}

void put_gathered(void)
{
    for (size_t i = 0; i < gathered_count; i++) {
        gathered[i]->gathered = false;
        if (!gathered[i]->blocked)
            put_rest(gathered[i]);
    }
    gathered_count = 0;
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

void hold(struct connection *connection)
{
    ++connection->held;
}

void let_go(struct connection *connection)
{
    if (--connection->held > 0)
        return;
    free(connection->in);
    free(connection->out);
    free(connection);
}

static void leave(struct connection *connection)
{
    struct room *room = connection->room;
    if (room != NULL) {
        struct connection *last = room->members[--room->count];
        room->members[connection->place] = last;
        last->place = connection->place;
        connection->room = NULL;
    }
    close(connection->socket);
    let_go(connection);
}

size_t with_head(unsigned char *frame, const char *text, size_t bytes)
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
    return server->hear(connection, text, length) ? (ssize_t)(head + 4 + length) : -1;
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

static void listen_also(int socket, void *tag)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = tag};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, socket, &event) != 0)
        give_up("epoll");
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
        *connection = (struct connection){.socket = socket, .in = grown(NULL, 1), .held = 1};
        listen_also(socket, connection);
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

_Noreturn void serve(unsigned short port, const struct server *served)
{
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    server = served;
    epoll = epoll_create1(0);
    int listener = listen_on(port);
    listen_also(listener, &listener);
    if (server->wake > 0)
        listen_also(server->wake, &epoll);
    for (;;) {
        struct epoll_event events[EVENTS];
        int count = epoll_wait(epoll, events, EVENTS, -1);
        for (int i = 0; i < count; i++) {
            struct connection *connection = events[i].data.ptr;
            if (events[i].data.ptr == &listener) {
                welcome_newcomers(listener);
                continue;
            }
            if (events[i].data.ptr == &epoll) {
                server->woken();
                continue;
            }
            if (events[i].events & EPOLLOUT)
                put_rest(connection);
            if (events[i].events & ~(uint32_t)EPOLLOUT && !hear(connection))
                leave(connection);
        }
        if (server->turned != NULL)
            server->turned();
    }
}
