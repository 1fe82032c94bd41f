/* Members of rooms: some publish, all listen, and every delivery is checked.
 *
 * A publisher has at most --window messages that not all members of its room have yet; it sends
 * the next one when the oldest has reached everybody, itself included. Each member must get each
 * message of each publisher of its room once, whole and in the order sent, and every member the
 * same order (`seq` without a hole); anything else ends the run as failed. Frames that are no messages (an ack, a head) are passed over; an `error`
 * frame or a close ends the run.
 *
 * Talk with the runner: "warm" after the warm-up, then one JSON line about the measured part.
 * At both moments nothing is in flight, so the server's CPU between them belongs to exactly the
 * deliveries counted.
 */
#define _GNU_SOURCE
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "member.h"
#include "run.h"

enum { FRAME_BYTES = 372, FRAME_HEAD_BYTES = 8, MAX_WINDOW = 64, EVENTS = 512 };

#define BEFORE "{\"data\":{\"message\":\""
#define AFTER "\"}}"
#define STAMP "%08u-%016llu-" /* the publisher's index and the count of its messages */

enum {
    STAMP_BYTES = 26,
    TEXT_BYTES = FRAME_BYTES - FRAME_HEAD_BYTES,
    MESSAGE_BYTES = TEXT_BYTES - (sizeof BEFORE - 1) - (sizeof AFTER - 1),
    FILL_BYTES = MESSAGE_BYTES - STAMP_BYTES,
};

static const double QUIET_S = 0.1; /* how long a duplicate of the last message is waited for */

struct publisher {
    struct member *member;
    unsigned long long sent, done;
    unsigned missing[MAX_WINDOW]; /* by count % MAX_WINDOW: members that do not have it yet */
    bool waiting;                 /* is in `ready` */
};

static unsigned rooms, members_per_room, publishers_per_room, window;
static struct member *members;
static struct publisher *publishers, **ready;
static unsigned long long *expected; /* [member][publisher of its room]: the next count */
static unsigned long long *last_seq; /* [member]; 0: nothing has come yet */
static size_t ready_count;
static unsigned long long deliveries, messages, in_flight;
static char fill[FILL_BYTES];

static void make_ready(struct publisher *publisher)
{
    if (publisher->waiting)
        return;
    publisher->waiting = true;
    ready[ready_count++] = publisher;
}

static bool has(const unsigned char *text, size_t bytes, const char *part)
{
    return memmem(text, bytes, part, strlen(part)) != NULL;
}

static void delivered(struct member *member, unsigned index, unsigned long long count)
{
    unsigned in_room = index % members_per_room;
    if (index / members_per_room != member->room || in_room >= publishers_per_room)
        fail("member %u got a message of %u, who does not publish in its room",
             member->index, index);
    unsigned long long *next = &expected[(size_t)member->index * publishers_per_room + in_room];
    if (count < *next)
        fail("member %u got message %llu of %u twice or late", member->index, count, index);
    if (count > *next)
        fail("member %u got message %llu of %u, but %llu is next", member->index, count, index,
             *next);
    struct publisher *publisher =
        &publishers[(size_t)member->room * publishers_per_room + in_room];
    if (count >= publisher->sent)
        fail("member %u got message %llu of %u, which was not sent", member->index, count, index);
    ++*next;
    ++deliveries;
    /* All get a publisher's messages in order, so they are done in order too. */
    if (--publisher->missing[count % MAX_WINDOW] == 0) {
        ++publisher->done;
        ++messages;
        --in_flight;
        make_ready(publisher);
    }
}

/* The number after `key`; 0 when there is none. */
static unsigned long long number_after(const unsigned char *text, size_t bytes, const char *key)
{
    const unsigned char *found = memmem(text, bytes, key, strlen(key));
    return found == NULL ? 0 : strtoull((const char *)found + strlen(key), NULL, 10);
}

static void in_order(struct member *member, unsigned long long seq)
{
    unsigned long long *last = &last_seq[member->index];
    if (seq == 0 || (*last != 0 && seq != *last + 1))
        fail("member %u got seq %llu, but %llu is next", member->index, seq, *last + 1);
    *last = seq;
}

static void heard(struct member *member, const unsigned char *text, size_t bytes)
{
    if (!has(text, bytes, "\"type\":\"message\"")) {
        if (has(text, bytes, "\"type\":\"error\""))
            fail("member %u got an error: %.*s", member->index, (int)bytes, (const char *)text);
        return;
    }
    const char *key = "\"message\":\"";
    const unsigned char *message = memmem(text, bytes, key, strlen(key));
    if (message == NULL)
        fail("member %u got a message without its text", member->index);
    message += strlen(key);
    const char *stamp = (const char *)message, *fills = stamp + STAMP_BYTES;
    char *end;
    unsigned long index;
    unsigned long long count;
    if ((size_t)(text + bytes - message) < MESSAGE_BYTES + sizeof AFTER - 1
        || (index = strtoul(stamp, &end, 10), end != stamp + 8 || *end != '-')
        || (count = strtoull(stamp + 9, &end, 10), end != fills - 1 || *end != '-')
        || memcmp(fills, fill, FILL_BYTES) != 0 || fills[FILL_BYTES] != '"')
        fail("member %u got a message that is not as it was sent", member->index);
    delivered(member, (unsigned)index, count);
    in_order(member, number_after(text, bytes, "\"seq\":"));
}

static size_t next_frame(struct publisher *publisher, unsigned char *frame)
{
    char text[TEXT_BYTES + 1];
    unsigned long long count = publisher->sent++;
    int length = snprintf(text, sizeof text, BEFORE STAMP "%.*s" AFTER, publisher->member->index,
                          count, (int)FILL_BYTES, fill);
    if (length != TEXT_BYTES)
        fail("a text of %d bytes instead of %d", length, (int)TEXT_BYTES);
    publisher->missing[count % MAX_WINDOW] = members_per_room;
    ++in_flight;
    return masked_frame(frame, 1, text, TEXT_BYTES);
}

/* Each publisher sends what its window allows in one write. */
static void publish(void)
{
    static unsigned char frames[MAX_WINDOW * FRAME_BYTES];
    for (size_t i = 0; i < ready_count; i++) {
        struct publisher *publisher = ready[i];
        size_t bytes = 0;
        while (publisher->sent - publisher->done < window)
            bytes += next_frame(publisher, frames + bytes);
        publisher->waiting = false;
        send_all(publisher->member->socket, frames, bytes);
    }
    ready_count = 0;
}

static void listen_for(int epoll, int wait_ms)
{
    struct epoll_event events[EVENTS];
    int count = epoll_wait(epoll, events, EVENTS, wait_ms);
    for (int i = 0; i < count; i++)
        read_member(events[i].data.ptr, heard);
}

/* Publish for `seconds`, then wait until every message has reached every member. */
static void traffic(int epoll, double seconds, double stall_s)
{
    double deadline = now_s() + seconds, progress_at = now_s();
    unsigned long long before = deliveries;
    ready_count = 0;
    for (size_t i = 0; i < (size_t)rooms * publishers_per_room; i++) {
        publishers[i].waiting = false;
        make_ready(&publishers[i]);
    }
    publish();
    while (in_flight > 0) {
        listen_for(epoll, 100);
        double now = now_s();
        if (deliveries != before) {
            before = deliveries;
            progress_at = now;
        } else if (now - progress_at > stall_s) {
            fail("%llu messages have not reached everybody, and nothing has come for %g s",
                 in_flight, stall_s);
        }
        if (now < deadline)
            publish();
    }
}

static void nothing_more(int epoll)
{
    for (double until = now_s() + QUIET_S; now_s() < until;)
        listen_for(epoll, 10);
}

static void *zeroed(size_t count, size_t size)
{
    void *memory = calloc(count, size);
    if (memory == NULL)
        fail("out of memory");
    return memory;
}

int main(int argc, char **argv)
{
    unsigned port = (unsigned)number_option(argc, argv, "--port", 1);
    rooms = (unsigned)number_option(argc, argv, "--rooms", 1);
    members_per_room = (unsigned)number_option(argc, argv, "--members", 1);
    publishers_per_room = (unsigned)number_option(argc, argv, "--publishers", 1);
    window = (unsigned)number_option(argc, argv, "--window", 1);
    double warm_up_s = number_option(argc, argv, "--warm-up-s", 0);
    double seconds = number_option(argc, argv, "--seconds", 0);
    double stall_s = number_option(argc, argv, "--stall-s", 0.1);
    if (publishers_per_room > members_per_room || window > MAX_WINDOW)
        fail("more publishers than members, or a window over %d", (int)MAX_WINDOW);

    size_t count = (size_t)rooms * members_per_room;
    size_t publishing = (size_t)rooms * publishers_per_room;
    allow_sockets(count);
    members = zeroed(count, sizeof *members);
    publishers = zeroed(publishing, sizeof *publishers);
    ready = zeroed(publishing, sizeof *ready);
    expected = zeroed(count * publishers_per_room, sizeof *expected);
    last_seq = zeroed(count, sizeof *last_seq);
    for (size_t i = 0; i < FILL_BYTES; i++)
        fill[i] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"[i * 29 % 64];

    int epoll = epoll_create1(0);
    for (unsigned i = 0; i < count; i++) {
        unsigned room = i / members_per_room, in_room = i % members_per_room;
        if (in_room < publishers_per_room)
            publishers[room * publishers_per_room + in_room].member = &members[i];
        open_member(&members[i], port, i, room, heard);
        watch(epoll, members[i].socket, &members[i]);
    }

    traffic(epoll, warm_up_s, stall_s);
    nothing_more(epoll);
    hand_over("warm");
    deliveries = messages = 0;
    double started = now_s();
    traffic(epoll, seconds, stall_s);
    double took_s = now_s() - started;
    nothing_more(epoll);
    printf("{\"messages\": %llu, \"deliveries\": %llu, \"seconds\": %.6f}\n", messages,
           deliveries, took_s);
    return 0;
}
