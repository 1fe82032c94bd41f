#define _GNU_SOURCE
#include "traffic.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "run.h"

#define STAMP "%08u-%016llu-" /* the publisher's index and the count of its messages */

enum { STAMP_BYTES = 26, FILL_BYTES = MESSAGE_BYTES - STAMP_BYTES };

static const double QUIET_S = 0.1; /* how long a duplicate of the last message is waited for */

struct publisher {
    unsigned member;
    unsigned long long sent, done, acked;
    struct under_way { /* by count % MAX_WINDOW */
        unsigned missing; /* members that do not have it yet, and its ack */
        double sent_at;
        unsigned long long seq; /* from its ack or its first delivery; 0: not known */
    } under_way[MAX_WINDOW];
    bool waiting; /* is in `ready` */
};

static const struct transport *transport;
static unsigned rooms, members_per_room, publishers_per_room, window, acks;
static struct publisher *publishers, **ready;
static unsigned long long *expected; /* [member][publisher of its room]: the next count */
static unsigned long long *last_seq; /* [member]; 0: nothing has come yet */
static size_t ready_count;
static unsigned long long deliveries, messages, in_flight;
static double *ack_times_s;
static size_t ack_count, ack_capacity;
static char fill[FILL_BYTES + 1];

unsigned room_of(unsigned member)
{
    return member / members_per_room;
}

bool publishes(unsigned member)
{
    return member % members_per_room < publishers_per_room;
}

static struct publisher *publisher_of(unsigned member)
{
    return &publishers[(size_t)room_of(member) * publishers_per_room + member % members_per_room];
}

static void make_ready(struct publisher *publisher)
{
    if (publisher->waiting)
        return;
    publisher->waiting = true;
    ready[ready_count++] = publisher;
}

static void one_less_missing(struct publisher *publisher, unsigned long long count)
{
    if (--publisher->under_way[count % MAX_WINDOW].missing > 0)
        return;
    /* All get a publisher's messages and acks in order, so they are done in order too. */
    ++publisher->done;
    ++messages;
    --in_flight;
    make_ready(publisher);
}

static void in_order(unsigned member, unsigned long long seq, unsigned long long previous)
{
    unsigned long long *last = &last_seq[member];
    if (seq == 0 || (*last != 0 && previous != *last))
        fail("member %u got seq %llu, but the one after %llu is next", member, seq, *last);
    *last = seq;
}

/* Every member, and the ack, must name the same seq for a message. */
static void same_seq(struct publisher *publisher, unsigned long long count,
                     unsigned long long seq)
{
    unsigned long long *known = &publisher->under_way[count % MAX_WINDOW].seq;
    if (*known != 0 && *known != seq)
        fail("message %llu of %u has seq %llu and seq %llu", count, publisher->member, *known,
             seq);
    *known = seq;
}

void delivered(unsigned member, const char *message, size_t bytes, unsigned long long seq,
               unsigned long long previous)
{
    const char *fills = message + STAMP_BYTES;
    char *end;
    unsigned index;
    unsigned long long count;
    if (bytes != MESSAGE_BYTES
        || (index = (unsigned)strtoul(message, &end, 10), end != message + 8 || *end != '-')
        || (count = strtoull(message + 9, &end, 10), end != fills - 1 || *end != '-')
        || memcmp(fills, fill, FILL_BYTES) != 0)
        fail("member %u got a message that is not as it was sent", member);
    if (room_of(index) != room_of(member) || !publishes(index))
        fail("member %u got a message of %u, who does not publish in its room", member, index);
    unsigned in_room = index % members_per_room;
    unsigned long long *next = &expected[(size_t)member * publishers_per_room + in_room];
    if (count < *next)
        fail("member %u got message %llu of %u twice or late", member, count, index);
    if (count > *next)
        fail("member %u got message %llu of %u, but %llu is next", member, count, index, *next);
    struct publisher *publisher = publisher_of(index);
    if (count >= publisher->sent)
        fail("member %u got message %llu of %u, which was not sent", member, count, index);
    in_order(member, seq, previous);
    same_seq(publisher, count, seq);
    ++*next;
    ++deliveries;
    one_less_missing(publisher, count);
}

static void note_ack_time(double seconds)
{
    if (ack_count == ack_capacity) {
        ack_capacity = ack_capacity ? ack_capacity * 2 : 4096;
        ack_times_s = realloc(ack_times_s, ack_capacity * sizeof *ack_times_s);
        if (ack_times_s == NULL)
            fail("out of memory");
    }
    ack_times_s[ack_count++] = seconds;
}

void acked(unsigned member, unsigned long long seq)
{
    if (!acks)
        return;
    struct publisher *publisher = publisher_of(member);
    unsigned long long count = publisher->acked;
    if (!publishes(member) || count == publisher->sent)
        fail("member %u got an ack twice, or of nothing", member);
    same_seq(publisher, count, seq);
    note_ack_time(now_s() - publisher->under_way[count % MAX_WINDOW].sent_at);
    ++publisher->acked;
    one_less_missing(publisher, count);
}

static void next_message(struct publisher *publisher, char *message)
{
    unsigned long long count = publisher->sent++;
    char text[MESSAGE_BYTES + 1];
    int length = snprintf(text, sizeof text, STAMP "%s", publisher->member, count, fill);
    if (length != MESSAGE_BYTES)
        fail("a message of %d bytes instead of %d", length, (int)MESSAGE_BYTES);
    memcpy(message, text, MESSAGE_BYTES);
    publisher->under_way[count % MAX_WINDOW] =
        (struct under_way){.missing = members_per_room + (acks ? 1 : 0), .sent_at = now_s()};
    ++in_flight;
}

/* Each publisher sends what its window allows in one write. */
static void publish(void)
{
    static char text[MAX_WINDOW * MESSAGE_BYTES];
    for (size_t i = 0; i < ready_count; i++) {
        struct publisher *publisher = ready[i];
        unsigned count = 0;
        while (publisher->sent - publisher->done < window)
            next_message(publisher, text + MESSAGE_BYTES * count++);
        publisher->waiting = false;
        transport->send(publisher->member, text, count);
    }
    ready_count = 0;
}

/* Publish for `seconds`, then wait until every message is done. */
static void traffic(double seconds, double stall_s)
{
    double deadline = now_s() + seconds, progress_at = now_s();
    unsigned long long before = deliveries + ack_count;
    ready_count = 0;
    for (size_t i = 0; i < (size_t)rooms * publishers_per_room; i++) {
        publishers[i].waiting = false;
        make_ready(&publishers[i]);
    }
    publish();
    while (in_flight > 0) {
        transport->listen(100);
        double now = now_s();
        if (deliveries + ack_count != before) {
            before = deliveries + ack_count;
            progress_at = now;
        } else if (now - progress_at > stall_s) {
            fail("%llu messages have not reached everybody%s, and nothing has come for %g s",
                 in_flight, acks ? " or have no ack" : "", stall_s);
        }
        if (now < deadline)
            publish();
    }
}

static void nothing_more(void)
{
    for (double until = now_s() + QUIET_S; now_s() < until;)
        transport->listen(10);
}

static void *zeroed(size_t count, size_t size)
{
    void *memory = calloc(count, size);
    if (memory == NULL)
        fail("out of memory");
    return memory;
}

unsigned plan_traffic(int argc, char **argv)
{
    rooms = (unsigned)number_option(argc, argv, "--rooms", 1);
    members_per_room = (unsigned)number_option(argc, argv, "--members", 1);
    publishers_per_room = (unsigned)number_option(argc, argv, "--publishers", 1);
    window = (unsigned)number_option(argc, argv, "--window", 1);
    acks = (unsigned)number_option(argc, argv, "--acks", 0);
    if (publishers_per_room > members_per_room || window > MAX_WINDOW)
        fail("more publishers than members, or a window over %d", (int)MAX_WINDOW);
    size_t count = (size_t)rooms * members_per_room;
    size_t publishing = (size_t)rooms * publishers_per_room;
    publishers = zeroed(publishing, sizeof *publishers);
    ready = zeroed(publishing, sizeof *ready);
    expected = zeroed(count * publishers_per_room, sizeof *expected);
    last_seq = zeroed(count, sizeof *last_seq);
    for (size_t i = 0; i < publishing; i++)
        publishers[i].member = (unsigned)(i / publishers_per_room * members_per_room
                                          + i % publishers_per_room);
    for (size_t i = 0; i < FILL_BYTES; i++)
        fill[i] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"[i * 29 % 64];
    allow_sockets(count);
    return (unsigned)count;
}

static int by_size(const void *one, const void *other)
{
    double a = *(const double *)one, b = *(const double *)other;
    return (a > b) - (a < b);
}

static double ack_ms(double share)
{
    return ack_count == 0 ? 0 : ack_times_s[(size_t)((double)(ack_count - 1) * share)] * 1e3;
}

void run_traffic(int argc, char **argv, const struct transport *carrier)
{
    transport = carrier;
    double warm_up_s = number_option(argc, argv, "--warm-up-s", 0);
    double seconds = number_option(argc, argv, "--seconds", 0);
    double stall_s = number_option(argc, argv, "--stall-s", 0.1);
    traffic(warm_up_s, stall_s);
    nothing_more();
    hand_over("warm");
    deliveries = messages = ack_count = 0;
    double started = now_s();
    traffic(seconds, stall_s);
    double took_s = now_s() - started;
    nothing_more();
    if (ack_count > 0)
        qsort(ack_times_s, ack_count, sizeof *ack_times_s, by_size);
    printf("{\"messages\": %llu, \"deliveries\": %llu, \"seconds\": %.6f, "
           "\"acks\": %zu, \"ack_p50_ms\": %.4f, \"ack_p99_ms\": %.4f}\n",
           messages, deliveries, took_s, ack_count, ack_ms(0.5), ack_ms(0.99));
}
