/* The limit when messages are stored: the relay of send_loop.c with a log that is synced first.
 *
 * Every message is appended to one file and is on the disk before it is acknowledged to its
 * sender and delivered to its room. A thread of its own writes and syncs (one `write` and one
 * `fdatasync` for a group), so that all that arrives during a sync shares the next one, and the
 * next one is under way while the last is delivered. What a group has for one connection, ack and
 * deliveries, leaves in one `send`.
 *
 * The log is the deliveries as they are sent: the head of each frame says its length. Nothing reads
 * it: no index, no check of ids that come twice, no checksum.
 *
 * `--log FILE` is made anew. `--port` and `--fault` as in send_loop.c, and `--fault no-ack` or
 * `two-acks`.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "delivery.h"
#include "loop.h"

enum { MAX_ACK_BYTES = 160 };

struct stored {
    struct connection *sender;
    struct room *room;
    size_t frame_at, frame_bytes; /* in the group's frames */
    size_t ack_bytes;
    unsigned char ack[MAX_ACK_BYTES];
};

/* Messages that share one sync. */
struct group {
    unsigned char *frames;
    size_t bytes, capacity;
    struct stored *messages;
    size_t count, messages_capacity;
};

static int log_file, synced;
static struct group groups[3];
static struct group *arriving = &groups[0], *syncing = &groups[1], *spare = &groups[2];
static bool busy; /* a group is with the thread; only the loop looks at it */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t handed_over = PTHREAD_COND_INITIALIZER;
static struct group *to_sync; /* under `lock`; NULL when the thread has nothing to do */

static void *sync_groups(void *nothing)
{
    const uint64_t one = 1;
    for (;;) {
        pthread_mutex_lock(&lock);
        while (to_sync == NULL)
            pthread_cond_wait(&handed_over, &lock);
        struct group *group = to_sync;
        to_sync = NULL;
        pthread_mutex_unlock(&lock);
        for (size_t at = 0; at < group->bytes;) {
            ssize_t written = write(log_file, group->frames + at, group->bytes - at);
            if (written < 0 && errno != EINTR)
                give_up("log");
            at += written > 0 ? (size_t)written : 0;
        }
        if (fdatasync(log_file) != 0)
            give_up("sync");
        if (write(synced, &one, sizeof one) != sizeof one)
            give_up("wake");
    }
    return nothing;
}

/* Give what has arrived to the thread, unless that has a group already. */
static void start_sync(void)
{
    if (busy || arriving->count == 0)
        return;
    struct group *free_now = spare;
    spare = syncing;
    syncing = arriving;
    arriving = free_now;
    busy = true;
    pthread_mutex_lock(&lock);
    to_sync = syncing;
    pthread_cond_signal(&handed_over);
    pthread_mutex_unlock(&lock);
}

static void tell(struct group *group)
{
    for (size_t i = 0; i < group->count; i++) {
        struct stored *message = &group->messages[i];
        const unsigned char *frame = group->frames + message->frame_at;
        unsigned acks = acks_due();
        if (message->sender->room != NULL)
            while (acks-- > 0)
                gather(message->sender, message->ack, message->ack_bytes);
        for (size_t j = 0; j < message->room->count; j++)
            deliver(message->room->members[j], frame, message->frame_bytes, gather);
        let_go(message->sender);
    }
    put_gathered();
    group->count = group->bytes = 0;
}

static void group_is_synced(void)
{
    uint64_t times;
    if (read(synced, &times, sizeof times) != sizeof times)
        return;
    struct group *group = syncing;
    busy = false;
    start_sync();
    tell(group);
}

static struct stored *next_in(struct group *group, size_t frame_bytes)
{
    if (group->bytes + frame_bytes > group->capacity) {
        group->capacity = (group->bytes + frame_bytes) * 2;
        group->frames = grown(group->frames, group->capacity);
    }
    if (group->count == group->messages_capacity) {
        group->messages_capacity = group->count ? group->count * 2 : 64;
        group->messages =
            grown(group->messages, group->messages_capacity * sizeof *group->messages);
    }
    return &group->messages[group->count++];
}

static bool store(struct connection *sender, const unsigned char *text, size_t bytes)
{
    static struct delivery made;
    if (!make_delivery(sender, text, bytes, &made))
        return false;
    struct stored *message = next_in(arriving, made.frame_bytes);
    hold(sender);
    message->sender = sender;
    message->room = sender->room;
    message->frame_at = arriving->bytes;
    message->frame_bytes = made.frame_bytes;
    memcpy(arriving->frames + arriving->bytes, made.frame, made.frame_bytes);
    arriving->bytes += made.frame_bytes;
    char ack[MAX_ACK_BYTES - 4];
    int length = snprintf(ack, sizeof ack,
                          "{\"type\":\"ack\",\"id\":\"%s\",\"seq\":%llu,\"sent_at\":\"%s\"}",
                          made.id, made.seq, made.sent_at);
    message->ack_bytes = with_head(message->ack, ack, (size_t)length);
    return true;
}

int main(int argc, char **argv)
{
    const char *port = option(argc, argv, "--port"), *fault = option(argc, argv, "--fault");
    const char *log_name = option(argc, argv, "--log");
    if (log_name == NULL) {
        fprintf(stderr, "--log FILE is missing\n");
        return 2;
    }
    if (fault != NULL)
        set_fault(fault);
    log_file = open(log_name, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
    synced = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    pthread_t thread;
    if (log_file < 0 || synced < 0 || pthread_create(&thread, NULL, sync_groups, NULL) != 0)
        give_up(log_name);
    const struct server server = {
        .hear = store,
        .turned = start_sync,
        .woken = group_is_synced,
        .wake = synced,
    };
    serve((unsigned short)(port == NULL ? 0 : atoi(port)), &server);
}
