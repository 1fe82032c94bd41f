/* Members of rooms on NATS JetStream: the traffic of fanout.c over NATS' own protocol.
 *
 * One stream keeps all rooms, a subject each. A message is published with a subject to reply to,
 * where JetStream acknowledges it once it is stored. Members subscribe to what the stream
 * republishes after it has stored: a subscription to the subject itself would get messages before
 * they are stored. Every connection is one member, as on a relay.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "run.h"
#include "traffic.h"

#define CONNECT \
    "CONNECT {\"verbose\":false,\"pedantic\":false,\"headers\":true,\"no_responders\":true," \
    "\"lang\":\"c\",\"version\":\"0\"}\r\n"
#define MAKE_STREAM \
    "{\"name\":\"rooms\",\"subjects\":[\"room.*\"],\"storage\":\"file\",\"num_replicas\":1," \
    "\"retention\":\"limits\",\"discard\":\"old\",\"max_consumers\":-1,\"max_msgs\":-1," \
    "\"max_bytes\":-1,\"republish\":{\"src\":\"room.*\",\"dest\":\"live.{{wildcard(1)}}\"}}"

enum { ROOM_SID = 1, ACK_SID = 2, EVENTS = 512 };
enum { MAX_LINE_BYTES = 4096, READ_BYTES = 256 * 1024, PATIENCE_S = 9 };

struct client {
    int socket;
    unsigned index;
    unsigned pongs;
    char *answer; /* the last that came at its ack subject, for who waits for it */
    char held[READ_BYTES / 16]; /* the start of what has not arrived whole */
    size_t held_bytes;
};

static struct client *clients;
static int epoll;
static bool running; /* acks are of messages from now on */

static unsigned long long number_after(const char *text, size_t bytes, const char *key)
{
    const char *found = memmem(text, bytes, key, strlen(key));
    return found == NULL ? 0 : strtoull(found + strlen(key), NULL, 10);
}

static void payload(struct client *client, unsigned sid, const char *head, size_t head_bytes,
                    const char *body, size_t body_bytes)
{
    if (sid == ROOM_SID) {
        delivered(client->index, body, body_bytes,
                  number_after(head, head_bytes, "\r\nNats-Sequence: "),
                  number_after(head, head_bytes, "\r\nNats-Last-Sequence: "));
        return;
    }
    unsigned long long seq = number_after(body, body_bytes, "\"seq\":");
    if (!running) {
        client->answer = strndup(body, body_bytes);
    } else if (seq == 0 || memmem(body, body_bytes, "\"error\"", 7) != NULL) {
        fail("member %u got no ack but %.*s", client->index, (int)body_bytes, body);
    } else {
        acked(client->index, seq);
    }
}

/* `MSG subject sid [reply] bytes`, or `HMSG subject sid [reply] head-bytes bytes`. */
static size_t message(struct client *client, const char *line, const char *data, size_t bytes)
{
    char words[6][256];
    int count = sscanf(line, "%255s %255s %255s %255s %255s %255s", words[0], words[1], words[2],
                       words[3], words[4], words[5]);
    bool with_head = line[0] == 'H';
    if (count < (with_head ? 5 : 4))
        fail("member %u got the line %.60s", client->index, line);
    size_t total = strtoul(words[count - 1], NULL, 10);
    size_t head = with_head ? strtoul(words[count - 2], NULL, 10) : 0;
    if (head > total)
        fail("member %u got the line %.60s", client->index, line);
    if (bytes < total + 2)
        return 0;
    payload(client, (unsigned)strtoul(words[2], NULL, 10), data, head, data + head, total - head);
    return total + 2;
}

/* Handle the whole protocol messages at the start of `data`; return how many bytes they were. */
static size_t lines(struct client *client, const char *data, size_t bytes)
{
    size_t at = 0;
    for (;;) {
        const char *end = memmem(data + at, bytes - at, "\r\n", 2);
        if (end == NULL)
            return at;
        char line[MAX_LINE_BYTES];
        size_t length = (size_t)(end - data) - at, used = length + 2;
        if (length >= sizeof line)
            fail("member %u got a line of %zu bytes", client->index, length);
        memcpy(line, data + at, length);
        line[length] = '\0';
        if (strncmp(line, "MSG ", 4) == 0 || strncmp(line, "HMSG ", 5) == 0) {
            size_t body = message(client, line, end + 2, bytes - at - used);
            if (body == 0)
                return at;
            used += body;
        } else if (strcmp(line, "PING") == 0) {
            send_all(client->socket, "PONG\r\n", 6);
        } else if (strcmp(line, "PONG") == 0) {
            ++client->pongs;
        } else if (strncmp(line, "INFO ", 5) != 0) {
            fail("member %u got the line %.60s", client->index, line);
        }
        at += used;
    }
}

static void read_client(struct client *client)
{
    static char arrived[READ_BYTES + sizeof clients->held];
    memcpy(arrived, client->held, client->held_bytes);
    ssize_t got = recv(client->socket, arrived + client->held_bytes, READ_BYTES, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got <= 0)
        fail("member %u lost its connection", client->index);
    size_t bytes = client->held_bytes + (size_t)got;
    size_t done = lines(client, arrived, bytes);
    if (bytes - done > sizeof client->held)
        fail("member %u got more than one message can be", client->index);
    client->held_bytes = bytes - done;
    memcpy(client->held, arrived + done, client->held_bytes);
}

static void open_client(struct client *client, unsigned port, unsigned index)
{
    client->socket = connect_to(port);
    client->index = index;
    char text[1024];
    int length = snprintf(text, sizeof text, CONNECT "SUB live.%u %d\r\n", room_of(index),
                          (int)ROOM_SID);
    if (publishes(index))
        length += snprintf(text + length, sizeof text - (size_t)length, "SUB ack.%u %d\r\n",
                           index, (int)ACK_SID);
    length += snprintf(text + length, sizeof text - (size_t)length, "PING\r\n");
    send_all(client->socket, text, (size_t)length);
    for (double asked_at = now_s(); client->pongs == 0;) {
        read_client(client);
        if (now_s() - asked_at > PATIENCE_S)
            fail("member %u was not answered within %d s", index, (int)PATIENCE_S);
    }
}

/* Member 0 publishes, so it hears what comes at its ack subject. */
static void make_stream(void)
{
    struct client *client = &clients[0];
    char text[1024];
    int length = snprintf(text, sizeof text, "PUB $JS.API.STREAM.CREATE.rooms ack.0 %zu\r\n%s\r\n",
                          sizeof MAKE_STREAM - 1, MAKE_STREAM);
    send_all(client->socket, text, (size_t)length);
    for (double asked_at = now_s(); client->answer == NULL;) {
        read_client(client);
        if (now_s() - asked_at > PATIENCE_S)
            fail("no stream was made within %d s", (int)PATIENCE_S);
    }
    if (strstr(client->answer, "\"error\"") != NULL || strstr(client->answer, "\"config\"") == NULL)
        fail("no stream was made: %s", client->answer);
}

static void send_messages(unsigned member, const char *messages, unsigned count)
{
    static char text[MAX_WINDOW * (MESSAGE_BYTES + 64)];
    size_t bytes = 0;
    for (; count > 0; --count, messages += MESSAGE_BYTES)
        bytes += (size_t)snprintf(text + bytes, sizeof text - bytes,
                                  "PUB room.%u ack.%u %d\r\n%.*s\r\n", room_of(member), member,
                                  (int)MESSAGE_BYTES, (int)MESSAGE_BYTES, messages);
    send_all(clients[member].socket, text, bytes);
}

static void listen_for(int wait_ms)
{
    struct epoll_event events[EVENTS];
    int count = epoll_wait(epoll, events, EVENTS, wait_ms);
    for (int i = 0; i < count; i++)
        read_client(events[i].data.ptr);
}

int main(int argc, char **argv)
{
    unsigned port = (unsigned)number_option(argc, argv, "--port", 1);
    unsigned count = plan_traffic(argc, argv);
    clients = calloc(count, sizeof *clients);
    if (clients == NULL)
        fail("out of memory");
    epoll = epoll_create1(0);
    for (unsigned i = 0; i < count; i++) {
        open_client(&clients[i], port, i);
        if (i == 0)
            make_stream();
        watch(epoll, clients[i].socket, &clients[i]);
    }
    running = true;
    const struct transport nats = {.send = send_messages, .listen = listen_for};
    run_traffic(argc, argv, &nats);
    return 0;
}
