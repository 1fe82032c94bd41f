/* Members of rooms on a relay: some publish, all listen (traffic.h says what is checked).
 *
 * Frames that are neither messages nor acks (a head, and what is new) are passed over; an `error`
 * frame or a close ends the run.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "member.h"
#include "run.h"
#include "traffic.h"

#define BEFORE "{\"data\":{\"message\":\""
#define AFTER "\"}}"

enum { FRAME_HEAD_BYTES = 8, EVENTS = 512 };
enum { TEXT_BYTES = sizeof BEFORE - 1 + MESSAGE_BYTES + sizeof AFTER - 1 };

static struct member *members;
static int epoll;

static bool has(const unsigned char *text, size_t bytes, const char *part)
{
    return memmem(text, bytes, part, strlen(part)) != NULL;
}

/* The number after `key`; 0 when there is none. */
static unsigned long long number_after(const unsigned char *text, size_t bytes, const char *key)
{
    const unsigned char *found = memmem(text, bytes, key, strlen(key));
    return found == NULL ? 0 : strtoull((const char *)found + strlen(key), NULL, 10);
}

static void message_heard(struct member *member, const unsigned char *text, size_t bytes)
{
    const char *key = "\"message\":\"";
    const unsigned char *message = memmem(text, bytes, key, strlen(key));
    if (message == NULL)
        fail("member %u got a message without its text", member->index);
    message += strlen(key);
    const unsigned char *end = memchr(message, '"', (size_t)(text + bytes - message));
    if (end == NULL)
        fail("member %u got a message without an end", member->index);
    unsigned long long seq = number_after(text, bytes, "\"seq\":");
    delivered(member->index, (const char *)message, (size_t)(end - message), seq, seq - 1);
}

static void heard(struct member *member, const unsigned char *text, size_t bytes)
{
    if (has(text, bytes, "\"type\":\"message\""))
        message_heard(member, text, bytes);
    else if (has(text, bytes, "\"type\":\"ack\""))
        acked(member->index, number_after(text, bytes, "\"seq\":"));
    else if (has(text, bytes, "\"type\":\"error\""))
        fail("member %u got an error: %.*s", member->index, (int)bytes, (const char *)text);
}

static void send_frames(unsigned member, const char *messages, unsigned count)
{
    static unsigned char frames[MAX_WINDOW * (FRAME_HEAD_BYTES + TEXT_BYTES)];
    size_t bytes = 0;
    for (; count > 0; --count, messages += MESSAGE_BYTES) {
        char text[TEXT_BYTES + 1];
        snprintf(text, sizeof text, BEFORE "%.*s" AFTER, (int)MESSAGE_BYTES, messages);
        bytes += masked_frame(frames + bytes, 1, text, TEXT_BYTES);
    }
    send_all(members[member].socket, frames, bytes);
}

static void listen_for(int wait_ms)
{
    struct epoll_event events[EVENTS];
    int count = epoll_wait(epoll, events, EVENTS, wait_ms);
    for (int i = 0; i < count; i++)
        read_member(events[i].data.ptr, heard);
}

int main(int argc, char **argv)
{
    unsigned port = (unsigned)number_option(argc, argv, "--port", 1);
    unsigned count = plan_traffic(argc, argv);
    members = calloc(count, sizeof *members);
    if (members == NULL)
        fail("out of memory");
    epoll = epoll_create1(0);
    for (unsigned i = 0; i < count; i++) {
        open_member(&members[i], port, i, room_of(i), heard);
        watch(epoll, members[i].socket, &members[i]);
    }
    const struct transport relay = {.send = send_frames, .listen = listen_for};
    run_traffic(argc, argv, &relay);
    return 0;
}
