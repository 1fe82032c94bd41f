#define _GNU_SOURCE
#include "member.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "run.h"

enum { TEXT = 1, CLOSE = 8, PING = 9, PONG = 10, FIN = 0x80, MASKED = 0x80 };
enum { MAX_FRAME_BYTES = 1 << 20, READ_BYTES = 256 * 1024, MAX_ANSWER_BYTES = 8192 };
enum { PATIENCE_S = 9 }; /* below the ten seconds after which a read gives up */

/* The one key that all members use, and the answer RFC 6455 (section 4.2.2) demands for it. */
#define KEY "aWxvLWJlbmNobWFyay0wMQ=="
#define ACCEPT "DdSM4UyJlbodSPk3h5Hmsj9C4SA="

/* Shared by all members: only what is left over after a read is kept for each. */
static unsigned char arrived[MAX_FRAME_BYTES + READ_BYTES];

static void answer_ping(struct member *member, const unsigned char *text, size_t bytes)
{
    unsigned char frame[8 + 125];
    send_all(member->socket, frame, masked_frame(frame, PONG, text, bytes));
}

static void welcome(struct member *member, const unsigned char *text, size_t bytes)
{
    const char *type = "\"type\":\"welcome\"";
    if (memmem(text, bytes, type, strlen(type)) == NULL)
        fail("member %u was not welcomed first", member->index);
    member->welcomed = true;
}

static void one_frame(struct member *member, unsigned first, const unsigned char *text,
                      size_t bytes, on_text *heard)
{
    switch (first) {
    case FIN | TEXT:
        if (member->welcomed)
            heard(member, text, bytes);
        else
            welcome(member, text, bytes);
        return;
    case FIN | PING:
        answer_ping(member, text, bytes);
        return;
    case FIN | PONG:
        return;
    case FIN | CLOSE:
        fail("member %u was closed with %d", member->index,
             bytes < 2 ? 1005 : text[0] << 8 | text[1]);
    default:
        fail("member %u got a frame that begins with 0x%02x", member->index, first);
    }
}

/* Handle the whole frames at the start of `bytes` and return how many bytes they were. */
static size_t frames(struct member *member, const unsigned char *data, size_t bytes,
                     on_text *heard)
{
    size_t at = 0;
    while (bytes - at >= 2) {
        const unsigned char *frame = data + at;
        if (frame[1] & MASKED)
            fail("member %u got a masked frame", member->index);
        size_t length = frame[1], head = 2;
        size_t long_form = length == 126 ? 2 : length == 127 ? 8 : 0;
        if (long_form > 0) {
            if (bytes - at < 2 + long_form)
                break;
            length = 0;
            for (; head < 2 + long_form; head++)
                length = length << 8 | frame[head];
        }
        if (length > MAX_FRAME_BYTES - 16)
            fail("member %u got a frame of %zu bytes", member->index, length);
        if (bytes - at < head + length)
            break;
        one_frame(member, frame[0], frame + head, length, heard);
        at += head + length;
    }
    return at;
}

static void hold(struct member *member, const unsigned char *data, size_t bytes)
{
    if (bytes > member->held_capacity) {
        member->held_capacity = bytes;
        member->held = realloc(member->held, bytes);
        if (member->held == NULL)
            fail("out of memory");
    }
    if (bytes > 0)
        memcpy(member->held, data, bytes);
    member->held_bytes = bytes;
}

void read_member(struct member *member, on_text *heard)
{
    size_t held = member->held_bytes;
    if (held > 0)
        memcpy(arrived, member->held, held);
    ssize_t got = recv(member->socket, arrived + held, READ_BYTES, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got <= 0)
        fail("member %u lost its connection", member->index);
    size_t bytes = held + (size_t)got;
    size_t done = frames(member, arrived, bytes, heard);
    hold(member, arrived + done, bytes - done);
}

static void check_answer(const char *answer, unsigned index)
{
    if (strncmp(answer, "HTTP/1.1 101 ", 13) != 0)
        fail("member %u was answered %.40s", index, answer);
    const char *line = strcasestr(answer, "\r\nSec-WebSocket-Accept:");
    if (line == NULL)
        fail("member %u was answered without Sec-WebSocket-Accept", index);
    line += strlen("\r\nSec-WebSocket-Accept:");
    line += strspn(line, " \t");
    if (strncmp(line, ACCEPT "\r\n", strlen(ACCEPT "\r\n")) != 0)
        fail("member %u was answered with a wrong Sec-WebSocket-Accept", index);
}

void open_member(struct member *member, unsigned port, unsigned index, unsigned room,
                 on_text *heard)
{
    *member = (struct member){.socket = connect_to(port), .index = index, .room = room};
    char request[512];
    int length = snprintf(request, sizeof request,
                          "GET /ws/room-%u HTTP/1.1\r\n"
                          "Host: 127.0.0.1:%u\r\n"
                          "Authorization: Bearer load-%05u\r\n"
                          "Upgrade: websocket\r\n"
                          "Connection: Upgrade\r\n"
                          "Sec-WebSocket-Key: " KEY "\r\n"
                          "Sec-WebSocket-Version: 13\r\n\r\n",
                          room, port, index);
    send_all(member->socket, request, (size_t)length);

    char answer[MAX_ANSWER_BYTES + 1];
    size_t bytes = 0;
    char *end = NULL;
    while (end == NULL) {
        ssize_t got = recv(member->socket, answer + bytes, MAX_ANSWER_BYTES - bytes, 0);
        if (got <= 0)
            fail("member %u got no answer to its upgrade", index);
        bytes += (size_t)got;
        answer[bytes] = '\0';
        end = strstr(answer, "\r\n\r\n");
    }
    check_answer(answer, index);
    /* The welcome may have come in the same segment, or a part of it. */
    const unsigned char *rest = (unsigned char *)end + 4;
    size_t after = bytes - (size_t)(end + 4 - answer);
    size_t done = frames(member, rest, after, heard);
    hold(member, rest + done, after - done);
    double asked_at = now_s();
    while (!member->welcomed) {
        read_member(member, heard);
        if (now_s() - asked_at > PATIENCE_S)
            fail("member %u was not welcomed within %d s", index, (int)PATIENCE_S);
    }
}

size_t masked_frame(unsigned char *frame, unsigned opcode, const void *text, size_t bytes)
{
    static uint32_t mask = 0x9e3779b9;
    mask ^= mask << 13;
    mask ^= mask >> 17;
    mask ^= mask << 5;
    size_t head = 2;
    frame[0] = (unsigned char)(FIN | opcode);
    if (bytes < 126) {
        frame[1] = (unsigned char)(MASKED | bytes);
    } else {
        frame[1] = MASKED | 126;
        frame[2] = (unsigned char)(bytes >> 8);
        frame[3] = (unsigned char)bytes;
        head = 4;
    }
    memcpy(frame + head, &mask, 4);
    for (size_t i = 0; i < bytes; i++)
        frame[head + 4 + i] = ((const unsigned char *)text)[i] ^ frame[head + (i & 3)];
    return head + 4 + bytes;
}
